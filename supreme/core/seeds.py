"""Named random streams.

A stream is a role and some numbers, hashed. Streams are never derived by adding, so no two roles and no two
seeds can collide, and drawing from one leaves every other as it was.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from operator import index
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    import torch

Result = TypeVar("Result")

ROLES = ("train", "forget", "reference", "unlearn", "evaluate", "untrained", "audit")


def stream(role: str, *numbers: int) -> int:
    """The 63-bit seed of this role and these numbers."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}: one of {', '.join(ROLES)}")
    digest = hashlib.sha256(json.dumps([role, *map(index, numbers)]).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def branch(seed: int, purpose: str) -> int:
    """A seed of its own for one purpose of a stream, so that weights, batches and dropout never share draws."""
    return int.from_bytes(hashlib.sha256(f"{index(seed)}/{purpose}".encode()).digest()[:8], "big") >> 1


def numpy_generator(role: str, *numbers: int) -> np.random.Generator:
    return np.random.default_rng(stream(role, *numbers))


def torch_generator(role: str, *numbers: int) -> torch.Generator:
    """A generator on the CPU, so that every device sees the same draws."""
    import torch

    return torch.Generator().manual_seed(stream(role, *numbers))


@contextmanager
def scoped(seed: int) -> Iterator[None]:
    """Seed every global generator for what runs inside (initialisers, dropout), then put them back as they were.

    Only a generator of Apple's GPUs stays seeded; CUDA's are put back unless CUDA started inside.
    """
    import torch  # noqa: F401

    with scoped_where_loaded(seed):
        yield


@contextmanager
def scoped_where_loaded(seed: int) -> Iterator[None]:
    """The same, but torch's generators only where torch is imported already."""
    python, generator = random.getstate(), np.random.get_bit_generator()  # type: ignore[attr-defined]
    numpy = generator.state
    random.seed(seed)
    np.random.seed(seed % 2**32)
    try:
        with _scoped_torch(seed) if "torch" in sys.modules else nullcontext():
            yield
    finally:
        random.setstate(python)
        np.random.set_bit_generator(generator)  # type: ignore[attr-defined]
        generator.state = numpy


def called(seed: int, function: Callable[[], Result]) -> Result:
    """What the function returns with every global generator seeded, whether or not torch is imported already."""
    loaded = "torch" in sys.modules
    with scoped_where_loaded(seed):
        result = function()
    if loaded or "torch" not in sys.modules:
        return result
    with scoped_where_loaded(seed):  # the first time torch's generators were as its import leaves them: anyhow
        return function()


@contextmanager
def _scoped_torch(seed: int) -> Iterator[None]:
    import torch

    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    with torch.random.fork_rng(devices):
        # What torch.manual_seed does for the devices that there are. For each that there could be, it would keep the
        # seed and a stack trace, for ever where that device never starts.
        torch.default_generator.manual_seed(seed)
        if torch.cuda.is_initialized() or torch.cuda.is_available():
            torch.cuda.manual_seed_all(seed)
        if torch.backends.mps.is_available():
            torch.mps.manual_seed(seed)
        yield
