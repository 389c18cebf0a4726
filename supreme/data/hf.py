"""Data sets of Hugging Face: saved to disk, in Parquet files, or fetched from the hub."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, PositiveInt, bounded
from supreme.data import files
from supreme.data.folders import why_unusable
from supreme.data.foreign import Reading, Sets, image_data
from supreme.data.hf_files import Table, split_of, tables_below
from supreme.data.labels import AS_GIVEN, RENUMBERED
from supreme.store.decoded import contents

log = logging.getLogger(__name__)

CONVERTED = "refs/convert/parquet"
"""Where the hub keeps the Parquet files that it makes of every public data set."""


@bounded
@dataclass(frozen=True, kw_only=True)
class HuggingFace:
    """A data set with a column of images and one of labels.

    The splits train, validation and test are known by the names of files or folders. The validation split tests where
    there is no test split; some training images of each class stand in for what is lacking then.
    """

    places: ClassVar[frozenset[str]] = frozenset({"path", "data_dir", "download"})

    path: str
    """Folder that `save_to_disk` wrote or that holds Parquet files; or, with download, a name on the hub."""
    data_dir: str
    """Folder in which what is fetched is kept, below hf."""
    download: bool
    """Fetch a name that is no folder from the hub."""
    image_column: str | None
    """null: the one that the table says holds images, or is called image or img."""
    label_column: str | None
    """null: the one that the table says holds classes, or is called label."""
    image_size: PositiveInt | None
    """Side of the square that a model sees; null: decode_size."""
    decode_size: PositiveInt | None
    """Side of the square that is kept; null: that of the images."""
    labels: Annotated[str, OneOf(AS_GIVEN, RENUMBERED)]
    """as_given: from 0 to K - 1; renumbered: whatever numbers there are, in ascending order."""
    test_fraction: Annotated[float, Gt(0), Lt(1)]
    """Share of each class that tests, where there is no test split."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of each class that validates, where there is no validation split."""
    split_seed: NonNegativeInt
    """Deals the training images of each class; it is no seed of the sweep."""

    def __post_init__(self) -> None:
        if not self.path:
            raise SupremeError("path is empty: type data.path=..., a folder, or a name on the hub")
        self._reading()

    def signature(self) -> str:
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        """Fetches them first, if they are not there and it may."""
        given = files.place(self.path)
        if why := why_unusable(given):
            beside = (
                f"={given.parent}"
                if given.suffix in (".parquet", ".arrow")
                else "=..., the folder that holds its files"
            )
            raise SupremeError(f"{why}: type data.path{beside}")
        fetched = Path(self.data_dir).expanduser() / "hf" / self.path.replace("/", "--")
        root = given if given.is_dir() or not fetched.is_dir() else fetched
        is_name = re.fullmatch(r"[\w.-]+(/[\w.-]+)?", self.path) is not None
        if not root.is_dir() and self.download and is_name:
            _fetch(self.path, fetched)
            root = fetched
        if not root.is_dir():
            hint = " or, if it is a name on the hub, data.download=true" if is_name else ""
            raise SupremeError(f"there is no folder {given}: type data.path=... to say where it is{hint}")
        if found := tables_below(root):
            return root, found
        raise SupremeError(
            f"{root} holds no .parquet or .arrow files: name one that save_to_disk wrote or that has Parquet files; "
            "photographs in class folders are read by data=image_folder"
        )

    def __call__(self) -> ImageData:
        return image_data(self._sets(), self._reading())

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        return image_data(self._sets(), self._reading(), folder)

    def _reading(self) -> Reading:
        return Reading(
            what=self.path,
            image_size=self.image_size,
            decode_size=self.decode_size,
            labels=self.labels,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
            split_seed=self.split_seed,
        )

    def _sets(self) -> Sets:
        _require_pyarrow()
        root, paths = self.files()
        by_split: dict[str | None, list[Path]] = {}
        for path in paths:
            by_split.setdefault(split_of(path, root), []).append(path)
        _refuse_several(root, by_split)
        training = by_split.get("train") or (by_split.get(None) if by_split.keys() == {None} else None)
        if not training:
            raise SupremeError(f"{root} has no split train: it has {', '.join(path.name for path in paths[:3])}")
        train, validation, test = (
            Table(some, self.image_column, self.label_column) if some else None
            for some in (training, by_split.get("validation"), by_split.get("test"))
        )
        if test is None and validation is not None:
            log.info("%s has no test split: its validation split tests, and training images validate", self.path)
            test, validation = validation, None
        assert train is not None
        return Sets(train=train, validation=validation, test=test, class_names=train.class_names)


def _refuse_several(root: Path, by_split: dict[str | None, list[Path]]) -> None:
    """Of a data set with several configurations one must be chosen."""
    names = [path.relative_to(root).parts for path in by_split.get("train", ())]
    above = {parts[0] for parts in names if len(parts) > 2}
    if len(above) > 1:
        raise SupremeError(f"{root} holds {len(above)} data sets: type data.path={root}/{min(above)}, say")


def _require_pyarrow() -> None:
    try:
        import pyarrow  # noqa: F401
    except ImportError as error:
        raise SupremeError("data=hf reads with pyarrow: type pip install 'supreme-sweeper[hf]'") from error


def _fetch(name: str, folder: Path) -> None:
    """Have the hub's Parquet files in this folder, complete or not at all."""
    from huggingface_hub import snapshot_download

    partial = folder.with_name(f".{folder.name}")
    try:
        snapshot_download(name, repo_type="dataset", revision=CONVERTED, local_dir=partial, allow_patterns="*.parquet")
        partial.rename(folder)
    except Exception as error:  # of the network, the hub or the disk
        line = " ".join(str(error).split())
        raise SupremeError(
            f"{name} cannot be fetched from the hub ({type(error).__name__}: {line[:200]}): check the name and the "
            f"network, or put its Parquet files in {folder}"
        ) from error
