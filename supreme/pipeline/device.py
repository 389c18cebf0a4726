"""What the stages need of the machine: determinism, precision, placing data, measuring work."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import Tensor, nn

from supreme.core import Cost, SupremeError
from supreme.core.images import ImageData
from supreme.pipeline.process_state.shared import share

log = logging.getLogger(__name__)

DATA_SHARE_OF_DEVICE = 0.5
"""Images move to the device when they take no more than this share of its free memory."""


def configure(device: str, precision: str, deterministic: bool, threads: int) -> None:
    """Set torch's global switches for one stage; everything that changes bits is set here and nowhere else."""
    torch.set_num_threads(threads)
    # The same switch as use_deterministic_algorithms, which would import the compiler: a second for every process.
    torch.set_deterministic_debug_mode("error" if deterministic else "default")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # costs time, changes no result here
    torch.backends.cudnn.benchmark = device == "cuda" and not deterministic
    tf32 = precision in ("tf32", "bf16")
    torch.backends.cuda.matmul.allow_tf32 = tf32
    torch.backends.cudnn.allow_tf32 = tf32


def refuse_missing(device: str) -> None:
    """Say in one sentence that the device is not there, before torch says it in many."""
    if device == "cuda" and not torch.cuda.is_available():
        visible = os.environ.get("CUDA_VISIBLE_DEVICES", "")
        raise SupremeError(f"torch finds no CUDA device here (CUDA_VISIBLE_DEVICES={visible}); type devices=auto")


def autocast(device: str, precision: str) -> torch.autocast:
    """The precision of a whole stage. Weights are cast at every use: a cached cast would outlive an optimiser step."""
    return torch.autocast(device, torch.bfloat16, enabled=precision == "bf16", cache_enabled=False)


def on_device(data: ImageData, device: str) -> ImageData:
    """Copy the pixels to the device if they fit there; else return the data as they are."""
    if device == "cpu" or isinstance(data.pixels, Tensor):
        return data
    if device == "cuda" and data.pixels.nbytes > DATA_SHARE_OF_DEVICE * torch.cuda.mem_get_info()[0]:
        log.info("the images take %.1f GB and stay memory-mapped on the host", data.pixels.nbytes / 1e9)
        return data
    pixels = torch.from_numpy(np.array(data.pixels)).to(device)
    return replace(data, pixels=share("the images on the device", pixels))


def synchronise(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()
    elif device == "mps":
        torch.mps.synchronize()


@dataclass
class Passes:
    """How many samples went forward and backward through the bodies of classifiers."""

    forward: int = 0
    backward: int = 0


@contextmanager
def count_passes() -> Iterator[Passes]:
    """Count every sample that goes through a Classifier's body, and those whose features receive a gradient."""
    passes = Passes()

    def count_backward(samples: int) -> None:
        passes.backward += samples

    def count(module: nn.Module, _inputs: object, features: Tensor) -> None:
        if not getattr(module, "is_classifier_body", False):
            return
        plain, differentiated = _unwrapped(features)
        samples = plain.numel() // max(1, features.shape[-1])
        passes.forward += samples
        if differentiated:  # torch.func.grad: hooks do not always fire there, but every forward has its backward
            passes.backward += samples
        elif plain.requires_grad:
            plain.register_hook(lambda _gradient: count_backward(samples))

    handle = nn.modules.module.register_module_forward_hook(count)
    try:
        yield passes
    finally:
        handle.remove()


def _unwrapped(tensor: Tensor) -> tuple[Tensor, bool]:
    """The tensor inside torch.func's wrappers, which holds every sample, and whether one of them differentiates."""
    functorch = torch._C._functorch  # type: ignore[attr-defined]
    differentiated = False
    while functorch.is_functorch_wrapped_tensor(tensor):
        differentiated |= functorch.is_gradtrackingtensor(tensor)
        tensor = functorch.get_unwrapped(tensor)
    return tensor, differentiated


class Measured:
    """`with Measured(device, shared) as work: ...; work.cost`: wall time, memory and passes of what ran inside."""

    cost: Cost

    def __init__(self, device: str, shared: bool) -> None:
        self.device = device
        self.shared = shared
        self._extra: list[Cost] = []
        self._peaks: list[int | None] = []

    def __enter__(self) -> Measured:
        self._memory = _reset_peak(self.device)
        synchronise(self.device)
        self._stack = contextlib.ExitStack()
        self._passes = self._stack.enter_context(count_passes())
        self._start = time.perf_counter()
        return self

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What runs inside is not part of the work."""
        synchronise(self.device)
        began, before = time.perf_counter(), replace(self._passes)
        self._note_peak()
        try:
            yield
        finally:
            _reset_peak(self.device)
            synchronise(self.device)
            self._start += time.perf_counter() - began
            self._passes.forward, self._passes.backward = before.forward, before.backward

    def add(self, cost: Cost) -> None:
        """Count something that was measured by itself, perhaps by another process."""
        self._extra.append(cost)

    def __exit__(self, *failure: object) -> None:
        self._stack.close()  # first: a device that failed makes the next line raise
        synchronise(self.device)
        seconds = time.perf_counter() - self._start
        self._note_peak()
        peaks = [*self._peaks, *(cost.peak_memory_bytes for cost in self._extra)]
        self.cost = Cost(
            seconds=seconds + sum(cost.seconds for cost in self._extra),
            peak_memory_bytes=None if None in peaks else max(peak for peak in peaks if peak is not None),
            forward_samples=self._passes.forward + sum(cost.forward_samples for cost in self._extra),
            backward_samples=self._passes.backward + sum(cost.backward_samples for cost in self._extra),
            shared_device=self.shared or any(cost.shared_device for cost in self._extra),
        )

    def _note_peak(self) -> None:
        peak = _peak(self.device)
        self._peaks.append(None if peak is None or self._memory is None else max(0, peak - self._memory))


def _reset_peak(device: str) -> int | None:
    """Start a new peak; returns the bytes in use now, or None where no peak can be read."""
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    if device == "cpu" and sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # glibc has it
            # What earlier work freed goes back to the system: taken again from the allocator, it would not be seen.
            ctypes.CDLL(None).malloc_trim(0)
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # Linux: resets this process's high-water mark
            return psutil.Process().memory_info().rss
    return None


def _peak(device: str) -> int | None:
    if device == "cuda":
        return torch.cuda.max_memory_allocated()
    if device == "cpu":
        with contextlib.suppress(OSError, StopIteration):
            lines = Path("/proc/self/status").read_text().splitlines()
            return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
    return None
