"""Files of arrays: npy and npz, safetensors, and what torch.save writes. Nothing of them is run."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any

import numpy as np

from supreme.core import SupremeError


def numpy(content: bytes, path: str) -> np.ndarray | Mapping[str, np.ndarray]:
    """What an npy or an npz file holds, whichever its suffix says."""
    try:
        found = np.load(io.BytesIO(content), allow_pickle=False)
        if isinstance(found, np.ndarray):
            return found
        with found:
            return {name: _member(found, name) for name in found.files}
    except Exception as error:  # what a damaged header makes numpy raise is of many kinds
        raise _unreadable(path, "npy or npz", error) from error


def _member(file: Any, name: str) -> Any:
    """One array of an npz; its name alone where it is of Python objects, which matters only when it is asked for."""
    try:
        return file[name]
    except ValueError:
        return None


def safetensors(content: bytes, path: str) -> Mapping[str, np.ndarray]:
    from safetensors.numpy import load

    try:
        return load(content)
    except Exception as error:
        raise _unreadable(path, "safetensors", error) from error


def pt(content: bytes, path: str) -> Any:
    """What torch.save wrote, tensors as arrays; of weights and plain values alone."""
    import torch

    with ExitStack() as stack:
        stack.enter_context(torch.serialization.safe_globals(_numpy_globals()))
        try:
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        except Exception as error:
            raise _unreadable(path, "torch", error) from error
    return _plain(found)


def _numpy_globals() -> list[Any]:
    """What a numpy array or number inside a torch file names, which builds nothing but that."""
    from numpy._core import multiarray

    kinds = (type(np.dtype(code)) for code in "?bhilqBHILQefd")
    old = "numpy.core.multiarray"  # as numpy 1 calls it
    reconstruct, scalar = multiarray._reconstruct, multiarray.scalar  # type: ignore[attr-defined]
    return [
        np.ndarray,
        np.dtype,
        *kinds,
        reconstruct,
        scalar,
        (reconstruct, f"{old}._reconstruct"),
        (scalar, f"{old}.scalar"),
    ]


def _plain(value: Any) -> Any:
    import torch

    if isinstance(value, torch.Tensor):
        dense = value.detach().to_dense() if value.layout != torch.strided else value.detach()
        return (dense.float() if dense.dtype == torch.bfloat16 else dense).numpy()
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple | set | frozenset) else value


def _unreadable(path: str, kind: str, error: Exception) -> SupremeError:
    told = str(error)
    if any(words in told for words in ("Object arrays", "GLOBAL", "Unsupported global", "Unsupported class")):
        return SupremeError(
            f"{path} holds Python objects, which could run code when they are read: save the list as an array of whole "
            "numbers, with np.save(path, np.asarray(list, dtype=np.int64))"
        )
    if "allow_pickle" in told:  # how numpy greets whatever does not begin like its own files
        told = "it does not begin as one"
    first = next(iter(told.splitlines()), "")[:120]
    return SupremeError(f"{path} is no {kind} file that can be read ({first}): write it or download it again")
