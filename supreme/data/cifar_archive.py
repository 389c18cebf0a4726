"""The archives of CIFAR-10 and CIFAR-100 as their authors publish them: fetched, verified and read."""

from __future__ import annotations

import io
import logging
import pickle
from pathlib import Path
from typing import Any, NamedTuple

from supreme.core import SupremeError
from supreme.store.alone import alone

log = logging.getLogger(__name__)


class Archive(NamedTuple):
    """Which files an archive has; the class of torchvision knows its address and its MD5 sums."""

    torchvision_class: str
    folder: str
    packed: str
    train: tuple[str, ...]
    test: tuple[str, ...]
    meta: str

    def missing(self, root: Path) -> list[str]:
        return [name for name in self.names if not (root / self.folder / name).is_file()]

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
        if not archive.missing(root):
            return
        log.info("downloading %s to %s", source.url, root)
        try:
            download_and_extract_archive(source.url, str(root), filename=source.filename, md5=source.tgz_md5)
        except (OSError, RuntimeError) as error:
            raise SupremeError(
                f"{source.url} cannot be downloaded ({error}): fetch it by other means and unpack it in {root}"
            ) from error


def verify(archive: Archive, root: Path) -> None:
    """Refuse files whose MD5 sums are not those of the authors' files."""
    import torchvision.datasets
    from torchvision.datasets.utils import check_integrity

    source = getattr(torchvision.datasets, archive.torchvision_class)
    sums = dict([*source.train_list, *source.test_list, (source.meta["filename"], source.meta["md5"])])
    for name in archive.names:
        path = root / archive.folder / name
        if not check_integrity(str(path), sums[name]):
            raise SupremeError(
                f"{path} is damaged or not the authors' file (its MD5 sum is not {sums[name]}): take the folder away "
                "and download it again, or type data.verify_md5=false if you made it"
            )


def read(path: Path) -> dict[str, Any]:
    """The dictionary in one of the archive's files, which are pickles; no code in them can run."""
    try:
        content = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except Exception as error:  # a damaged pickle can raise anything
        raise SupremeError(f"{path} cannot be read as a part of a CIFAR archive ({error})") from error
    if not isinstance(content, dict):
        raise SupremeError(f"{path} cannot be read as a part of a CIFAR archive (it holds no dictionary)")
    return content


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
