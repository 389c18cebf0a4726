"""Handwritten digits that scikit-learn ships: nothing to download."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import metadata
from typing import Annotated

import numpy as np
from annotated_types import Ge, MultipleOf

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, PositiveInt, bounded
from supreme.data import partition
from supreme.data.finish import finish

NATIVE_SIZE = 8


@bounded
@dataclass(frozen=True, kw_only=True)
class Digits:
    """1,797 scans of handwritten digits, 8 x 8 pixels of 17 grey levels, some 180 of each of 10 classes.

    Few images train, so that a model memorises them: trained on all of them it answers as well on images that it has
    never seen, and forgetting random ones shows nothing.
    Source: Kaynak and Alpaydin, https://doi.org/10.24432/C50P49, the test part, as in scikit-learn's load_digits.
    """

    image_size: Annotated[int, Ge(NATIVE_SIZE), MultipleOf(NATIVE_SIZE)]
    """Side of an image; a multiple of 8, each scanned pixel then being repeated."""
    train_per_class: PositiveInt
    """Training images of each class."""
    validation_per_class: NonNegativeInt
    """Validation images of each class; what is left of the class tests."""
    split_seed: NonNegativeInt
    """Deals the images of each class; it is no seed of the sweep."""

    def signature(self) -> str:
        try:
            return f"scikit-learn {metadata.version('scikit-learn')}"
        except metadata.PackageNotFoundError as error:
            raise SupremeError("the digits come with scikit-learn: type pip install scikit-learn") from error

    def __call__(self) -> ImageData:
        from sklearn.datasets import load_digits

        scans, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
        gray = np.rint(scans.reshape(-1, NATIVE_SIZE, NATIVE_SIZE) * (255 / 16)).astype(np.uint8)
        repeats = self.image_size // NATIVE_SIZE
        gray = gray.repeat(repeats, axis=1).repeat(repeats, axis=2)
        class_names = [str(digit) for digit in range(10)]
        return finish(
            pixels=np.stack([gray] * 3, axis=1),
            labels=labels,
            class_names=class_names,
            partition=partition.by_count(
                labels,
                class_names,
                train=self.train_per_class,
                validation=self.validation_per_class,
                seed=self.split_seed,
            ),
            image_size=self.image_size,
        )
