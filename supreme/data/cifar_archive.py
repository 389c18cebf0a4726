"""The archives of CIFAR-10 and CIFAR-100 as their authors publish them: fetched, verified and read."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import pickle
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from supreme.core import SupremeError
from supreme.store.alone import alone

log = logging.getLogger(__name__)

LARGEST = 200_000_000
"""Bytes: more than any file of the archives has."""


class Archive(NamedTuple):
    """Which files an archive has; the class of torchvision knows its address and its MD5 sums."""

    torchvision_class: str
    folder: str
    packed: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str

    def missing(self, root: Path) -> list[str]:
        return [name for name in self.names if not os.path.isfile(root / self.folder / name)]

    @property
    def names(self) -> tuple[str, ...]:
        return (*self.train, *self.test, self.meta)


CIFAR10 = Archive(
    torchvision_class="CIFAR10",
    folder="cifar-10-batches-py",
    packed="cifar-10-python.tar.gz",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    meta="batches.meta",
)
CIFAR100 = Archive(
    torchvision_class="CIFAR100",
    folder="cifar-100-python",
    packed="cifar-100-python.tar.gz",
    train=("train",),
    test=("test",),
    meta="meta",
)


def fetch(archive: Archive, root: Path) -> None:
    """Download and unpack the archive in root, unless another process has done so by now."""
    import torchvision.datasets
    from torchvision.datasets.utils import download_and_extract_archive

    source = getattr(torchvision.datasets, archive.torchvision_class)
    root.mkdir(parents=True, exist_ok=True)
    with alone(root, archive.folder):
        if source_of(archive, root):
            return
        log.info("downloading %s to %s", source.url, root)
        try:
            download_and_extract_archive(source.url, str(root), filename=source.filename, md5=source.tgz_md5)
        except (OSError, RuntimeError) as error:
            (root / archive.packed).unlink(missing_ok=True)  # a part of it, or another file
            raise SupremeError(
                f"{source.url} cannot be downloaded ({error}): fetch it by other means and put it into {root}"
            ) from error


def source_of(archive: Archive, root: Path) -> list[Path]:
    """The files of the unpacked archive, or else the archive itself, as it was downloaded; nothing where neither is."""
    if not archive.missing(root):
        return [root / archive.folder / name for name in archive.names]
    packed = root / archive.packed
    return [packed] if os.path.isfile(packed) else []


def contents_of(archive: Archive, root: Path) -> dict[str, bytes]:
    """By name what each file of the archive holds. Nothing is unpacked: of a packed one, its members are read.

    Raises:
        SupremeError: a file cannot be read, or the archive is damaged, lacks a file or holds one that is too large.
    """
    source = source_of(archive, root)
    try:
        if source == [root / archive.packed]:
            return _members(archive, source[0])
        return {path.name: path.read_bytes() for path in source}
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        why = getattr(error, "strerror", None) or error
        raise SupremeError(
            f"{source[0]} cannot be read as a part of {archive.torchvision_class} ({why}): take it away and "
            "download it again"
        ) from error


def _members(archive: Archive, packed: Path) -> dict[str, bytes]:
    """The archive's own files, by name; whatever else is in it is passed over."""
    wanted = {f"{archive.folder}/{name}": name for name in archive.names}
    found: dict[str, bytes] = {}
    with tarfile.open(packed, "r:gz") as file:
        for member in file:
            name = wanted.get(member.name.removeprefix("./"))
            if name is None or not member.isreg():
                continue
            if member.size > LARGEST:
                raise SupremeError(f"{packed} holds {name} of {member.size:,} bytes, which no CIFAR archive does")
            content = file.extractfile(member)
            assert content is not None
            found[name] = content.read()
    if missing := [name for name in archive.names if name not in found]:
        raise SupremeError(f"{packed} lacks {', '.join(missing)}: take it away and download it again")
    return found


def verify(archive: Archive, contents: Mapping[str, bytes], root: Path) -> None:
    """Refuse files whose MD5 sums are not those of the authors' files."""
    import torchvision.datasets

    source = getattr(torchvision.datasets, archive.torchvision_class)
    sums = dict([*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])])
    for name in archive.names:
        if hashlib.md5(contents[name], usedforsecurity=False).hexdigest() != sums[name]:
            raise SupremeError(
                f"{root / archive.folder / name} is damaged or not the authors' file (its MD5 sum is not "
                f"{sums[name]}): take it away and download it again, or type data.verify_md5=false if you made it"
            )


def read(content: bytes, path: Path) -> dict[str, Any]:
    """The dictionary in one of the archive's files, which are pickles; no code in them can run.

    Args:
        path: of the file, for messages.
    """
    try:
        content_of = _ArrayUnpickler(io.BytesIO(content), encoding="latin1").load()
    except Exception as error:  # a damaged pickle can raise anything
        raise SupremeError(f"{path} cannot be read as a part of a CIFAR archive ({error})") from error
    if not isinstance(content_of, dict):
        raise SupremeError(f"{path} cannot be read as a part of a CIFAR archive (it holds no dictionary)")
    return content_of


class _ArrayUnpickler(pickle.Unpickler):
    """Makes dictionaries, lists, strings and arrays, which is all that the archives hold."""

    allowed = frozenset(
        {
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module_name: str, global_name: str) -> Any:
        if (module_name, global_name) not in self.allowed:
            raise pickle.UnpicklingError(f"it names {module_name}.{global_name}, which no CIFAR archive does")
        return super().find_class(module_name, global_name)
