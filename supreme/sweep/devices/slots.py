"""Which device slots this machine has: the places where one job at a time may run.

Importing and calling this starts no CUDA: a device is pinned by the environment of the process that will work there.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from supreme.core import SupremeError
from supreme.sweep.devices.asked import asked_devices

SHARED = "SUPREME_DEVICE_SHARED"
"""The variable that says whether other jobs run on the same device meanwhile: 0 or 1."""
MOST_JOBS = 8
"""On one GPU, where their number is found by itself: each has its own CUDA context, and they share its cores."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The place of one job on one device."""

    name: str
    """As people see it: cpu:0, cuda:1, or cuda:1/0 where a device takes several jobs."""
    device: str
    """cuda, mps or cpu: what a job in this slot passes to torch."""
    environment: dict[str, str]
    """What a process must find in its environment before it starts, to work in this slot and in no other.

    Besides the variables of the libraries: SUPREME_DEVICE and `SHARED` tell a job where it is.
    """
    shared: bool
    """Whether this sweep may run other jobs on the same device meanwhile."""
    locks: tuple[str, ...]
    """Names of what no two sweeps of this machine may hold at once: of a job's share of a GPU, or of its CPU cores."""
    uuid: str = ""
    """Of a GPU, as NVML knows it; empty where it knows none."""
    grows: bool = False
    """Whether the device takes another job as soon as there is memory for it; see `pool`."""


def find_slots(
    devices: str | Sequence[int | str], jobs_per_device: int | str, threads: int, cores: int | None = None
) -> list[Slot]:
    """The slots of these devices, those of different devices first, so that few jobs spread over many devices.

    Args:
        devices: see `supreme.sweep.devices.asked`.
        jobs_per_device: of a GPU; auto: as many as its memory and the machine's cores allow, `MOST_JOBS` at most. The
            CPU takes as many jobs as cores and threads allow.
        threads: of one job. A fixed number, so no result depends on how many jobs run.
        cores: how many CPU cores to use; None: those that affinity and control groups leave to this process.

    Raises:
        SupremeError: a value is not allowed, or a device does not exist.
    """
    if jobs_per_device != "auto" and (isinstance(jobs_per_device, str) or jobs_per_device < 1):
        raise SupremeError(f"jobs_per_device={jobs_per_device} is not allowed: give 1 or more, or auto")
    if threads < 1:
        raise SupremeError(f"threads={threads} is not allowed: give 1 or more")
    kind, uuids = asked_devices(devices)
    match kind:
        case "cpu":
            return _cpu_slots(threads, cores)
        case "mps":
            return _gpu_slots("mps", {"": "mps"}, 1 if jobs_per_device == "auto" else int(jobs_per_device), threads)
        case _ if jobs_per_device == "auto":
            count = len(_own_cores()) if cores is None else cores
            most = max(1, min(MOST_JOBS, count // (threads * len(uuids))))
            return _gpu_slots("cuda", uuids, most, threads, grows=True)
        case _:
            return _gpu_slots("cuda", uuids, int(jobs_per_device), threads)


def _gpu_slots(device: str, uuids: dict[str, str], jobs: int, threads: int, grows: bool = False) -> list[Slot]:
    """One slot per job of each device, given as the entry that pins it and the UUID that any sweep knows it by."""
    return [
        Slot(
            name=f"{device}:{entry or 0}" + (f"/{job}" if jobs > 1 else ""),
            device=device,
            environment=environment(device, entry, threads, shared=jobs > 1),
            shared=jobs > 1,
            locks=(re.sub(r"[^\w.-]", "_", f"{device}-{uuid}-{job}" if uuid != device else f"{uuid}-{job}"),),
            uuid=uuid if uuid.startswith(("GPU-", "MIG-")) else "",
            grows=grows,
        )
        for job in range(jobs)
        for entry, uuid in uuids.items()
    ]


def _cpu_slots(threads: int, cores: int | None) -> list[Slot]:
    numbers = list(range(cores)) if cores is not None else _own_cores()
    count = len(numbers) // threads
    if count == 0:
        raise SupremeError(
            f"threads={threads} is not allowed: there are {len(numbers)} CPU cores; type threads={len(numbers)} or less"
        )
    return [
        Slot(
            name=f"cpu:{index}",
            device="cpu",
            environment=environment("cpu", "", threads, shared=count > 1),
            shared=count > 1,
            locks=tuple(f"cpu-{number}" for number in numbers[index * threads : (index + 1) * threads]),
        )
        for index in range(count)
    ]


def _own_cores() -> list[int]:
    """Numbers of the cores this process may use, no more of them than its control group pays for."""
    from loky import cpu_count

    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return sorted(allowed)[: cpu_count()]


def environment(device: str, entry: str, threads: int, *, shared: bool) -> dict[str, str]:
    """What a process must find in its environment to work on this device; `entry` is for CUDA_VISIBLE_DEVICES."""
    limits = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
    return {
        **dict.fromkeys(limits, str(threads)),
        "CUDA_DEVICE_ORDER": "PCI_BUS_ID",  # the order of NVML and nvidia-smi
        "CUDA_VISIBLE_DEVICES": entry,
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # deterministic matrix products
        "PYTHONHASHSEED": "0",
        "SUPREME_DEVICE": device,
        SHARED: str(int(shared)),
    }
