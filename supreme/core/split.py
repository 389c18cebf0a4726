"""The sets that a scenario makes of the data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from supreme.core.errors import SupremeError
from supreme.core.images import Augmentation, ImageData, Images
from supreme.core.pixels import IntArray, sealed

SET_NAMES = ("forget", "retain", "test", "retain_test", "forget_test", "validation")


@dataclass(frozen=True, kw_only=True)
class Split:
    """What a scenario decides: the forget and retain parts of the training data, and the test data of each.

    `forget_test` and `retain_test` are the test images of forgotten and of other classes; in a scenario that forgets
    no class, `forget_test` is empty and `retain_test` is the whole test set.

    A scenario may also poison: its sets are then views on other data than it was given (`ImageData.extended`), and it
    says in `planted` what it put in. A metric never poisons, and a method reads neither `extra` nor `planted`.
    """

    forget: Images
    retain: Images
    test: Images
    forget_test: Images
    retain_test: Images
    validation: Images
    num_classes: int
    forget_classes: tuple[int, ...] = ()
    """The classes, as the model numbers them, of a scenario that forgets classes or parts of one; else empty."""
    extra: Mapping[str, Images] = field(default_factory=dict)
    """More sets, by name, that only metrics read: test images with a trigger, say. They are not trained on."""
    planted: Mapping[str, np.ndarray] = field(default_factory=dict)
    """What the scenario put into the data, by name, for the metric that looks for it; empty without poison."""

    @classmethod
    def of_training(
        cls, data: ImageData, forget: IntArray, forget_test: IntArray, forget_classes: tuple[int, ...] = ()
    ) -> Split:
        """The split that forgets these training positions, all positions being those of the source."""
        if len(forget) == 0:
            raise SupremeError("the scenario forgets nothing: its forget set is empty")
        if len(forget) == len(data.train):
            raise SupremeError("the scenario forgets every training image: nothing is left to retain")
        return cls(
            forget=data.view(np.sort(forget)),
            retain=data.view(np.setdiff1d(data.train, forget)),
            test=data.view(data.test),
            forget_test=data.view(np.sort(forget_test)),
            retain_test=data.view(np.setdiff1d(data.test, forget_test)),
            validation=data.view(data.validation),
            num_classes=data.num_classes,
            forget_classes=forget_classes,
        )

    @property
    def data(self) -> ImageData:
        """What all sets are views on: the data that the scenario was given, or those that it made of them."""
        return self.forget.data

    @property
    def sets(self) -> dict[str, Images]:
        """Every set by its name, empty ones too."""
        return {name: getattr(self, name) for name in SET_NAMES} | dict(self.extra)

    @property
    def forget_digest(self) -> str:
        """SHA-256 of the sorted int64 source positions of the forget set; of poisoned data, the fingerprint first."""
        digest = hashlib.sha256(self.data.fingerprint.encode() if self.planted else b"")
        digest.update(np.sort(self.forget.indices).astype("<i8").tobytes())
        return digest.hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 of every set's source positions and labels, of what is forgotten, and of what was planted."""
        digest = hashlib.sha256(repr((self.num_classes, tuple(map(int, self.forget_classes)))).encode())
        for name, images in self.sets.items():
            digest.update(f"|{name}:{len(images)}|".encode())
            digest.update(images.indices.astype("<i8").tobytes() + images.targets.astype("<i8").tobytes())
        for name, array in self.planted.items():
            digest.update(f"|planted {name}:{array.dtype.str}{array.shape}|".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def to(self, device: str, augmentation: Augmentation | None = None) -> Split:
        return self.mapped(lambda images: images.to(device, augmentation))

    def with_data(self, data: ImageData) -> Split:
        """The same split on another copy of the same data (one that lives on the device, say)."""
        return self.mapped(lambda images: replace(images, data=data))

    def mapped(self, change: Callable[[Images], Images]) -> Split:
        """The split with every set changed in the same way."""
        changed = {name: change(images) for name, images in self.sets.items()}
        return replace(
            self,
            extra={name: changed[name] for name in self.extra},
            **{name: changed[name] for name in SET_NAMES},
        )


def sealed_split(split: Split) -> Split:
    """The same split, for many cells: nobody can write to what its scenario has made of the data."""
    planted = {name: sealed(array) for name, array in split.planted.items()}
    return replace(split.with_data(split.data.sealed()), planted=planted)
