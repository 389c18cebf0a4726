"""Any map-style data set of torch, torchvision's or your own, by its import path."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar

from annotated_types import Ge, Gt, Lt

from supreme.core import SupremeError, seeds
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, PositiveInt, bounded
from supreme.data import files
from supreme.data.folders import why_unusable
from supreme.data.foreign import Reading, Sets, classes_of, image_data
from supreme.data.labels import AS_GIVEN, RENUMBERED
from supreme.data.torch_parts import Arguments, accepted, constructed, loaded, made
from supreme.data.torchvision_layout import PACKAGE, files_below, layout_of
from supreme.store.decoded import contents
from supreme.store.fingerprint import code_of
from supreme.store.fingerprint.modules import is_installed, library

log = logging.getLogger(__name__)


@bounded
@dataclass(frozen=True, kw_only=True)
class TorchDataset:
    """A data set that gives pairs of an image and a label, read once.

    Which images train and test is found by what the class takes: `train=True`, or a word for `split=` or the like. The
    validation set tests where there is no test set, and some training images of each class stand in for what is lacking
    then. Its code and the files below its root are what it is known by.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root", "data_dir", "download", "reads"})

    dataset: str
    """Import path of a class, or of a function, that makes a map-style data set."""
    root: str | None
    """What it is given as its root; null: data_dir where it is torchvision's, nothing where it is another's."""
    data_dir: str
    """Folder in which torchvision keeps its data sets."""
    arguments: dict[str, Any] | None
    """More arguments of every set."""
    train_arguments: dict[str, Any] | None
    """Arguments that make it the training set; null: found by its signature."""
    validation_arguments: dict[str, Any] | None
    """The same of the validation set; null: found, or some of the training images."""
    test_arguments: dict[str, Any] | None
    """The same of the test set; null: found, or some of the training images."""
    reads: list[str] | None
    """Files and folders that it reads, below root or anywhere; null: all of root, or what is torchvision's of it."""
    download: bool
    """Let the data set fetch what is missing, where it can."""
    image_size: PositiveInt | None
    """Side of the square that a model sees; null: decode_size."""
    decode_size: PositiveInt | None
    """Side of the square that is kept; null: that of the images."""
    labels: Annotated[str, OneOf(AS_GIVEN, RENUMBERED)]
    """as_given: from 0 to K - 1; renumbered: whatever numbers there are, in ascending order."""
    test_fraction: Annotated[float, Gt(0), Lt(1)]
    """Share of each class that tests, where there is no test set."""
    validation_fraction: Annotated[float, Ge(0), Lt(1)]
    """Share of each class that validates, where there is no validation set."""
    split_seed: NonNegativeInt
    """Deals the training images of each class; it is no seed of the sweep."""

    def __post_init__(self) -> None:
        self._reading()

    def signature(self) -> str:
        return f"{contents.signature(*self.files())} {self.code()}"

    def code(self) -> str:
        """What its code is known by: the version of a library, the digest of what somebody may edit."""
        top = self.dataset.partition(".")[0]
        if is_installed(top):
            return library(top)
        try:
            return code_of(self.dataset).digest
        except SupremeError:
            loaded(self.dataset)  # which says better what cannot be imported
            raise

    def files(self) -> tuple[Path, list[Path]]:
        """Has missing files fetched, if it may."""
        root, patterns = self._root(), self._patterns()
        if "." not in self.dataset or (self.root is None and patterns is None and root is not None):
            loaded(self.dataset)  # which says what is wrong with its name
            raise SupremeError(f"type data.root=... to say which folder {self.dataset} is to read")
        if root is None and not patterns:
            return Path(self.data_dir).expanduser(), []
        if patterns != () and root is not None and (why := why_unusable(root)):
            raise SupremeError(f"{why}: type data.root=... to say which folder {self.dataset} is to read")
        base = root or Path.cwd()
        found = files_below(base, patterns)
        if not found and patterns != () and self.download:
            self._sets()
            found = files_below(base, patterns)
        if not found and patterns != ():
            raise SupremeError(
                f"{base} holds nothing of {self.dataset}{_named(patterns)}: type data.download=true to let it fetch "
                "what it can, or data.root=... to say which folder it is in"
            )
        return base, found

    def __call__(self) -> ImageData:
        return self._read(None)

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        return self._read(folder)

    def _read(self, folder: Path | None) -> ImageData:
        with seeds.scoped(seeds.stream("train", 0)):  # a data set that draws gets the same draws at each reading
            return image_data(self._sets(), self._reading(), folder)

    def _reading(self) -> Reading:
        return Reading(
            what=self.dataset,
            image_size=self.image_size,
            decode_size=self.decode_size,
            labels=self.labels,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
            split_seed=self.split_seed,
        )

    def _root(self) -> Path | None:
        given = self.data_dir if self.root is None and self.dataset.startswith(f"{PACKAGE}.") else self.root
        return None if given is None else files.place(given)

    def _patterns(self) -> tuple[str, ...] | None:
        if self.reads is not None:
            return tuple(str(Path(name).expanduser()) for name in self.reads)
        return layout_of(self.dataset)

    def _sets(self) -> Sets:
        target = loaded(self.dataset)
        common = self._common(target)
        given = {"train": self.train_arguments, "validation": self.validation_arguments, "test": self.test_arguments}
        train, validation, test = (
            made(target, self.dataset, common, part)
            if arguments is None
            else constructed(target, self.dataset, {**common, **arguments})
            for part, arguments in given.items()
        )
        if test is None and validation is not None:
            log.info("%s has no test set: its validation set tests, and training images validate", self.dataset)
            test, validation = validation, None
        return Sets(train=train, validation=validation, test=test, class_names=classes_of(train))

    def _common(self, target: Any) -> Arguments:
        parameters, root = accepted(target), self._root()
        found: dict[str, Any] = {}
        if "root" in parameters and root is not None:
            found["root"] = str(root)
        if "download" in parameters:
            found["download"] = self.download
        return {**found, **(self.arguments or {})}


def _named(patterns: tuple[str, ...] | None) -> str:
    return f" (no {' or '.join(patterns)})" if patterns else ""
