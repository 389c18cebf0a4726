"""One artefact: a folder of files that cannot execute code, and a manifest that states the SHA-256 of each."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from supreme.core import SupremeError
from supreme.core.canonical import (
    DIGEST,
    NOT_REGULAR,
    Damaged,
    digest,
    digest_of_parsed,
    open_regular,
    parse,
    plain,
    read_bytes,
    read_json,
)
from supreme.store.files import sync_folder
from supreme.store.provenance import differences, versions

if TYPE_CHECKING:
    from torch import Tensor

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

SCHEMA = 2
"""Version of the layout. An artefact of another version is none: it is computed again when its key is asked for."""

ARRAY = r"\w[\w.-]*"
"""What an array may be called."""

WEIGHTS, RECORD, MANIFEST = "weights.safetensors", "record.json", "manifest.json"


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a stage has computed, to be kept."""

    tensors: Mapping[str, Tensor] = field(default_factory=dict)
    """Weights and buffers, on any device."""
    arrays: Mapping[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    """What is read in parts later (predictions): each becomes a file that is memory-mapped."""
    record: Mapping[str, Any] = field(default_factory=dict)
    """Numbers and provenance, as JSON can say them."""


@dataclass(frozen=True)
class Artefact:
    """What is kept, read when asked for."""

    path: Path
    record: dict[str, Any]

    def tensors(self) -> dict[str, Tensor]:
        """The tensors on the CPU, bit for bit; changing them does not change the artefact."""
        from safetensors.torch import load_file

        return load_file(self.path / WEIGHTS) if (self.path / WEIGHTS).exists() else {}

    def has_tensors_of(self, other: Artefact) -> bool:
        """Whether both hold the same tensors, under the same names; reads no further than to the first difference."""
        import torch
        from safetensors import safe_open

        paths = self.path / WEIGHTS, other.path / WEIGHTS
        if not all(path.exists() for path in paths):
            return not any(path.exists() for path in paths)
        one, two = (safe_open(path, "pt") for path in paths)
        with one, two:
            names = one.keys()
            return set(names) == set(two.keys()) and all(
                torch.equal(one.get_tensor(name), two.get_tensor(name)) for name in names
            )

    def array(self, name: str) -> np.ndarray[Any, Any]:
        """One array, memory-mapped, read-only."""
        return np.load(self.path / f"{name}.npy", mmap_mode="r", allow_pickle=False)


def write(folder: Path, stage: str, key: str, contents: Contents) -> Artefact:
    """Write an artefact into a new folder and sync it, the manifest last."""
    folder.mkdir()
    record = plain(contents.record, "the record")
    files = {RECORD: _write_file(folder / RECORD, partial(_put_json, record))}
    if contents.tensors:
        files[WEIGHTS] = _write_file(folder / WEIGHTS, partial(_put_tensors, contents.tensors))
    for name, array in contents.arrays.items():
        if not re.fullmatch(ARRAY, name):
            raise ValueError(f"an array cannot be named {name!r}: use letters, digits, _, - and .")
        files[f"{name}.npy"] = _write_file(folder / f"{name}.npy", partial(_put_array, array))
    manifest = {"schema": SCHEMA, "stage": stage, "key": key, "files": files, "versions": versions()}
    _write_file(folder / MANIFEST, partial(_put_json, {**manifest, DIGEST: digest(manifest)}))
    sync_folder(folder)
    return Artefact(folder, record)


def read(folder: Path) -> Artefact:
    """The artefact of a folder in which `flaw` finds none."""
    return Artefact(folder, read_json(folder / RECORD))


def stated_schema(manifest: Path) -> int:
    """The version of the layout that a manifest states; 0 of one that does not say."""
    try:
        found = read_json(manifest)["schema"]
    except (OSError, Damaged, KeyError, TypeError):
        return 0
    return found if type(found) is int else 0


def flaw(folder: Path, stage: str, key: str, *, thorough: bool) -> str | None:
    """What is wrong with an artefact, or None: by the sizes of its files or, when thorough, by their contents.

    Raises:
        SupremeError: this user may not read it.
    """
    try:
        manifest = parse(read_bytes(folder / MANIFEST, os.O_NOFOLLOW))
        if (manifest["schema"], manifest["stage"], manifest["key"]) != (SCHEMA, stage, key):
            return "its manifest is that of another artefact, or of another version"
        if manifest.pop(DIGEST) != digest_of_parsed(manifest):
            return "its manifest is not what was written"
        files: Mapping[str, Mapping[str, Any]] = manifest["files"]
        if odd := [name for name in files if not _is_ours(name)]:
            return f"its manifest names {odd[0]!r}, which no artefact holds"
        if RECORD not in files or {name for name in os.listdir(folder) if _is_ours(name)} - files.keys():
            return "its manifest is incomplete"
        for name, stated in files.items():
            size, content = _stated(folder / name, thorough)
            if size != stated["bytes"]:
                return f"{name} does not have the size that the manifest states"
            if thorough and content != stated["sha256"]:
                return f"{name} does not have the content that the manifest states"
    except (FileNotFoundError, NotADirectoryError) as error:
        return f"{Path(error.filename).name} is missing"
    except PermissionError as error:
        raise SupremeError(f"{error.filename} cannot be read ({error.strerror}): make it readable") from error
    except OSError as error:
        return f"{Path(error.filename or MANIFEST).name} cannot be read ({error.strerror})"
    except (Damaged, KeyError, TypeError, AttributeError):
        return "its manifest is unreadable"
    return None


def made_by_others(folder: Path) -> tuple[str, ...]:
    """What other versions than the ones here made the artefact, in which `flaw` finds none: "torch 2.11.0"."""
    return differences(read_json(folder / MANIFEST)["versions"])


def size(contents: Contents) -> int:
    """About how many bytes of the disk the contents need."""
    tensors_and_arrays = (*contents.tensors.values(), *contents.arrays.values())
    return sum(part.nbytes for part in tensors_and_arrays) + len(json.dumps(plain(contents.record)))


def _is_ours(name: str) -> bool:
    """Whether `write` may give a file this name; the manifest itself is no part of what it states."""
    return name in (RECORD, WEIGHTS) or re.fullmatch(rf"{ARRAY}\.npy", name) is not None


def _stated(path: Path, thorough: bool) -> tuple[int, str]:
    """The size of a file of an artefact and, when thorough, its digest; an OSError of what is no regular file."""
    if not thorough:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
        return status.st_size, ""
    with os.fdopen(open_regular(path, os.O_NOFOLLOW), "rb") as file:
        return os.fstat(file.fileno()).st_size, hashlib.file_digest(file, "sha256").hexdigest()


class _HashedFile:
    """Something to write to that knows the size and SHA-256 of all it was given."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._bytes = 0

    def write(self, data: bytes) -> int:
        self._hash.update(data)
        self._bytes += len(data)
        return self._file.write(data)

    def stated(self) -> dict[str, Any]:
        return {"bytes": self._bytes, "sha256": self._hash.hexdigest()}


def _write_file(path: Path, put: Callable[[_HashedFile], object]) -> dict[str, Any]:
    """Write and sync a new file; return its size and digest."""
    with open(path, "xb") as file:
        hashed = _HashedFile(file)
        put(hashed)
        file.flush()
        os.fsync(file.fileno())
    return hashed.stated()


def _put_json(value: Any, file: _HashedFile) -> None:
    file.write(json.dumps(value, allow_nan=False).encode())


def _put_array(array: np.ndarray[Any, Any], file: _HashedFile) -> None:
    np.save(file, array, allow_pickle=False)


def _put_tensors(tensors: Mapping[str, Tensor], file: _HashedFile) -> None:
    """Each tensor as its own contiguous copy, since the format has no strides and no shared memory."""
    import torch
    from safetensors.torch import save

    copies = {
        name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
        for name, tensor in tensors.items()
    }
    file.write(save(copies))
