"""Decoded data on disk: made once, then memory-mapped by every process of the machine.

Below the cache's directory, one folder per source and way of reading it: `images.npy` (uint8, N x 3 x S x S), the
small integer arrays, and `meta.json`, written last. The folder appears under its name by one rename, complete.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import logging
import os
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from omegaconf import DictConfig, OmegaConf

from supreme.core import Data, SupremeError
from supreme.core.canonical import Damaged, digest, digest_of_parsed, open_regular, read_bytes, read_json
from supreme.core.content import content_digest
from supreme.core.images import OF_EACH, ImageData
from supreme.store.alone import alone
from supreme.store.decoded import contents, touched, twins
from supreme.store.files import write_json

log = logging.getLogger(__name__)

PIXELS, JOURNAL = "images.npy", "parts.jsonl"
SCHEMA = 2
"""Raise it when what a folder holds, or how a source is decoded, changes."""
SILENCE_SECONDS = 600.0
"""What another machine has not written to for so long, it decodes no more."""
_ARRAYS = ("labels", "train", "validation", "test", *OF_EACH)


@runtime_checkable
class InParts(Protocol):
    """A source that can go on with what a killed process has decoded."""

    def decoded_into(self, folder: Path) -> ImageData:
        """What calling the source gives, its pixels being the file `images.npy` of this folder, memory-mapped."""
        ...


@runtime_checkable
class OfFiles(Protocol):
    """A source that is made of files, which are known by their names and contents."""

    places: ClassVar[frozenset[str]]
    """Its fields that say where they lie, or what to tell who has none: no part of what is decoded."""

    def files(self) -> tuple[Path, Sequence[Path]]:
        """The folder that names are counted from, and every file."""
        ...


@runtime_checkable
class OfCode(Protocol):
    """A source of files that foreign code reads: another edition of that code may read them otherwise."""

    def code(self) -> str:
        """What the code is known by."""
        ...


class DamagedCacheError(SupremeError):
    """A cache folder that is incomplete, or is not what was written."""


def prepare(component: Data, node: Mapping[str, Any], directory: Path) -> Path:
    """The folder that holds this source decoded; decodes it now if no process has done so yet.

    Args:
        component: the source.
        node: the config it was built from; with the source's signature it is the folder's identity.
        directory: where the caches of all sources are.
    """
    signature = _signature(component, directory)
    settings: Any = OmegaConf.to_container(node, resolve=True) if isinstance(node, DictConfig) else dict(node)
    if isinstance(component, OfFiles):  # known by their content, wherever they lie
        settings = {name: value for name, value in settings.items() if name not in component.places}
    identity = json.dumps([SCHEMA, settings, signature], sort_keys=True)
    key = hashlib.sha256(identity.encode()).hexdigest()[:32]
    path = directory / key
    if _is_intact(path):
        return path
    directory.mkdir(parents=True, exist_ok=True)
    with alone(directory, key):
        if _is_intact(path):  # another process made it while this one waited
            return path
        _set_aside(path)
        in_parts = isinstance(component, InParts)
        partial, keep = _begin(directory, key, in_parts), False
        try:
            _write(component.decoded_into(partial) if in_parts else component(), partial)
            if _signature(component, directory) != signature:
                raise SupremeError("the data changed while they were being read: run the same command again")
            _publish(partial, path)
        except OSError as error:
            keep = in_parts
            if error.errno in (errno.ENOENT, errno.ESTALE):
                raise SupremeError(
                    f"{directory} was deleted or moved away while data were decoded: give the same command again, "
                    "which begins again"
                ) from error
            raise SupremeError(
                f"the decoded data cannot be written to {directory} ({error.strerror}): free some space, or make it "
                "writable, and give the same command again"
            ) from error
        except KeyboardInterrupt:
            keep = in_parts
            raise
        finally:
            if not keep:
                shutil.rmtree(partial, ignore_errors=True)
    return path


def open(path: Path) -> ImageData:  # noqa: A001  (always called as cache.open)
    """The data in this folder, the pixels memory-mapped; nobody can write to it.

    The small arrays are compared with their SHA-256 each time; the pixels when their file was touched since it was last
    compared (see `supreme.store.decoded.touched`), and by `supreme store verify`.

    Raises:
        DamagedCacheError: the folder is missing, incomplete, or not what was written.
    """
    meta = _meta(path)
    try:
        arrays = {name: _array(path / f"{name}.npy", stated) for name, stated in meta["arrays"].items()}
        data = ImageData(
            pixels=_pixels(path / PIXELS, meta["pixels"]),
            class_names=tuple(meta["class_names"]),
            fine_names=tuple(meta["fine_names"]),
            group_names=tuple(meta.get("group_names", ())),  # which versions before groups did not write
            official_train=meta.get("official_train", 0),
            image_size=meta["image_size"],
            mean=tuple(meta["mean"]),
            std=tuple(meta["std"]),
            fingerprint=meta["fingerprint"],
            **arrays,
        )
        state = touched.state_of(path / PIXELS)
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise DamagedCacheError(f"{path} is damaged ({error}): run the same command again") from error
    if not touched.is_as_compared(path, state):
        refuse_other_content(path, data)
        touched.compared(path, state)
    return data.sealed()


def refuse_other_content(path: Path, data: ImageData) -> None:
    """Read every pixel; raises DamagedCacheError where it is not what was written."""
    if content_digest(data) != data.fingerprint:
        raise DamagedCacheError(f"{path} is damaged (its content is not what was written): run the same command again")


def fingerprint(path: Path) -> str:
    """The fingerprint of the data in this folder, without opening them."""
    return _meta(path)["fingerprint"]


def _meta(path: Path) -> dict[str, Any]:
    try:
        meta = read_json(path / "meta.json")
        if meta["schema"] == SCHEMA:
            if meta.pop("sha256") != digest_of_parsed(meta):
                raise Damaged("meta.json does not fit its SHA-256")
            return meta
    except (OSError, Damaged, KeyError, TypeError, AttributeError) as error:
        raise DamagedCacheError(f"{path} holds no decoded data ({error}): run the same command again") from error
    raise DamagedCacheError(f"{path} was written by another version of this program: run the same command again")


def _array(path: Path, stated: str) -> np.ndarray:
    """A small array, if its file is what was written."""
    content = read_bytes(path)
    if hashlib.sha256(content).hexdigest() != stated:
        raise Damaged(f"{path.name} does not fit its SHA-256")
    return np.load(io.BytesIO(content), allow_pickle=False)


def _pixels(path: Path, stated: Mapping[str, Any]) -> np.ndarray:
    """The pixels, memory-mapped, if their file has the size and the header that were written."""
    with os.fdopen(open_regular(path), "rb") as file:
        header, size = file.read(stated["header_bytes"]), os.fstat(file.fileno()).st_size
    if size != stated["bytes"] or hashlib.sha256(header).hexdigest() != stated["header_sha256"]:
        raise Damaged(f"{path.name} does not have the size or the header that were written")
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _signature(component: Data, directory: Path) -> str:
    if not isinstance(component, OfFiles):
        return component.signature()
    root, paths = component.files()
    signature = contents.signature(root, paths, directory)
    return f"{signature} {component.code()}" if isinstance(component, OfCode) else signature


def _is_intact(path: Path) -> bool:
    try:
        open(path)
    except DamagedCacheError:
        return False
    return True


def _begin(directory: Path, key: str, in_parts: bool) -> Path:
    """The folder to decode into, perhaps with what a killed process has left; the lock is ours.

    It has this machine's name, because a machine that does not see our lock may be at work in one of its own.
    """
    ours = directory / f".{key}-{socket.gethostname()}"
    for leftover in directory.glob(f".{key}-*"):
        if not in_parts:
            shutil.rmtree(leftover)
        elif not ours.exists() and time.time() - _last_written(leftover) > SILENCE_SECONDS:
            leftover.rename(ours)
    ours.mkdir(exist_ok=True)
    return ours


def _last_written(folder: Path) -> float:
    return max(path.stat().st_mtime for path in (folder, *folder.iterdir()))


def _set_aside(path: Path) -> None:
    if path.exists():
        aside = path.with_name(f"{path.name}.damaged-{time.time_ns()}")
        path.rename(aside)
        log.warning("the decoded data in %s were damaged: kept as %s, decoding again", path, aside.name)


def _write(data: ImageData, folder: Path) -> None:
    if not data.fingerprint:
        raise SupremeError("the data have no fingerprint: a source must make them with supreme.data.finish.finish")
    arrays = {"images": data.pixels} | {name: getattr(data, name) for name in _ARRAYS}
    if isinstance(data.pixels, np.memmap) and Path(str(data.pixels.filename)) == (folder / PIXELS).resolve():
        del arrays["images"]  # a source that decodes in parts has written it
        (folder / JOURNAL).unlink()
    for name, array in arrays.items():
        if array is not None:
            with (folder / f"{name}.npy").open("wb") as file:
                np.save(file, np.asarray(array))
                _sync(file)
    meta = {
        "schema": SCHEMA,
        "fingerprint": data.fingerprint,
        "class_names": data.class_names,
        "fine_names": data.fine_names,
        "group_names": data.group_names,
        "official_train": data.official_train,
        "image_size": data.image_size,
        "mean": data.mean,
        "std": data.std,
        "arrays": {name: _sha256(folder / f"{name}.npy") for name in _ARRAYS if (folder / f"{name}.npy").exists()},
        "pixels": _facts(folder / PIXELS),
    }
    twins.keep(folder, data)
    touched.compared(folder, touched.state_of(folder / PIXELS))
    write_json(folder / "meta.json", {**meta, "sha256": digest(meta)})


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _facts(path: Path) -> dict[str, Any]:
    """What the file of the pixels is known by without reading them."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        np.lib.format.read_array_header_1_0(file)
        length = file.tell()
        file.seek(0)
        header = hashlib.sha256(file.read(length)).hexdigest()
    return {"bytes": path.stat().st_size, "header_bytes": length, "header_sha256": header}


def _sync(file: Any) -> None:
    file.flush()
    os.fsync(file.fileno())


def _publish(temporary: Path, path: Path) -> None:
    try:
        temporary.rename(path)
    except OSError:
        if not _is_intact(path):  # else a process on a host that was thought dead, or thought us so, was faster
            raise
