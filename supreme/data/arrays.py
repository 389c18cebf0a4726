"""Images and labels in numpy files: what another program, or a notebook, has in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from annotated_types import Ge, Gt, Lt

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, OneOf, PositiveInt, bounded
from supreme.data.array_files import FILES, NAMES, PARTS, Pairs, array_of, names_of
from supreme.data.foreign import Reading, Sets, image_data
from supreme.data.labels import AS_GIVEN, RENUMBERED
from supreme.store.decoded import contents


@bounded
@dataclass(frozen=True, kw_only=True)
class Arrays:
    """`train_images.npy` and `train_labels.npy` in one folder, with or without `test_` and `validation_`.

    Images are N x H x W, N x H x W x C or N x C x H x W, C being 1, 3 or 4, of uint8 or of floats in [0, 1]; labels are
    N whole numbers or names. `class_names.json`, a list, may name the classes. What lacks a test or a validation set
    gets one of its training images.
    """

    places: ClassVar[frozenset[str]] = frozenset({"root"})

    root: str
    """Folder that holds the files."""
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
        return contents.signature(*self.files())

    def files(self) -> tuple[Path, list[Path]]:
        root = Path(self.root).expanduser()
        found = [root / name for name in (*FILES, NAMES) if (root / name).is_file()]
        having = {path.name for path in found}
        lacking = [name for name in FILES[:2] if name not in having]
        for part in PARTS[1:]:
            both = {f"{part}_images.npy", f"{part}_labels.npy"}
            lacking += sorted(both - having) if both & having else []
        if lacking:
            raise SupremeError(
                f"{root} lacks {', '.join(lacking)}: save arrays there with numpy.save, or type data.root=... to say "
                "which folder they are in"
            )
        return root, found

    def __call__(self) -> ImageData:
        return image_data(self._sets(), self._reading())

    def decoded_into(self, folder: Path) -> ImageData:
        """The same data, their pixels in a file of this folder; what a killed call has left there is gone on with."""
        return image_data(self._sets(), self._reading(), folder)

    def _reading(self) -> Reading:
        return Reading(
            what=self.root,
            image_size=self.image_size,
            decode_size=self.decode_size,
            labels=self.labels,
            validation_fraction=self.validation_fraction,
            test_fraction=self.test_fraction,
            split_seed=self.split_seed,
        )

    def _sets(self) -> Sets:
        root, paths = self.files()
        having = {path.name for path in paths}
        train, validation, test = (_pairs(root, part) if f"{part}_images.npy" in having else None for part in PARTS)
        assert train is not None  # files() has refused
        return Sets(
            train=train,
            validation=validation,
            test=test,
            class_names=names_of(root / NAMES) if NAMES in having else None,
        )


def _pairs(root: Path, part: str) -> Pairs:
    images, labels = (array_of(root / f"{part}_{what}.npy") for what in ("images", "labels"))
    return Pairs(images, labels, where=f"{root}/{part}_*.npy")
