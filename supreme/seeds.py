"""Named random streams.

A stream is a role and some numbers, hashed. Streams are never derived by adding, so no two roles and no two
seeds can collide, and drawing from one leaves every other as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from operator import index
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

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
    """Seed torch's global generators for what runs inside (initialisers, dropout), then put them back as they were.

    Only a generator of Apple's GPUs stays seeded; CUDA's are put back unless CUDA started inside.
    """
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
