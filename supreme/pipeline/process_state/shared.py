"""Tensors that cells share, and that can be changed in place: the images on a device."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from supreme.pipeline.process_state.settings import Change

if TYPE_CHECKING:
    from torch import Tensor

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

SAMPLED = 4096
"""Images whose sum is compared, spread over all: it shows changes that torch's own count of them does not."""

_tensors: list[tuple[str, weakref.ref[Any]]] = []


def share(what: str, tensor: Tensor) -> Tensor:
    """Look after this tensor from now on."""
    _tensors.append((what, weakref.ref(tensor)))
    return tensor


def state() -> list[Any]:
    """Of each tensor that lives: what it is called, itself, how often it was changed, and the sum of a sample."""
    found = [(what, reference()) for what, reference in _tensors]
    return [(what, tensor, tensor._version, _sum(tensor)) for what, tensor in found if tensor is not None]


def changes(before: list[Any]) -> Iterator[Change]:
    for what, tensor, version, total in before:
        if tensor._version != version or _sum(tensor) != total:
            yield Change(f"{what} changed in place")


def _sum(tensor: Tensor) -> int:
    return int(tensor.detach()[:: max(1, len(tensor) // SAMPLED)].long().sum())
