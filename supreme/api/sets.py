"""The sets that somebody evaluates or unlearns with, as the `Split` that methods and metrics know."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from supreme.api.given_images import GivenData, Joined
from supreme.api.reading import GivenSet, given_set
from supreme.core import Split, SupremeError
from supreme.core import twins as core_twins
from supreme.core.images import ImageData, Images

NAMES = ("forget", "retain", "test", "validation")


@dataclass(frozen=True, kw_only=True, eq=False)
class GivenSets:
    """forget and retain, and perhaps test and validation; all with images alike, or all with labels alone."""

    sets: Mapping[str, GivenSet]

    def __len__(self) -> int:
        return sum(map(len, self.sets.values()))

    @property
    def has_images(self) -> bool:
        """Whether there are images, and not labels alone."""
        return self.sets["forget"].pixels is not None

    @property
    def largest_label(self) -> int:
        return max(int(one.labels.max()) for one in self.sets.values())

    @cached_property
    def forgotten_classes(self) -> tuple[int, ...]:
        """The classes of the forget set, where the retain set has none of them; else nothing."""
        found = np.unique(self.sets["forget"].labels)
        return () if np.isin(found, self.sets["retain"].labels).any() else tuple(map(int, found))

    @cached_property
    def digests(self) -> Mapping[str, bytes]:
        """Of each set those of its images, 16 bytes each, one behind the other; nothing of labels alone."""
        pixels = {name: one.pixels for name, one in self.sets.items()}
        return {name: b"" if array is None else core_twins.pixel_digests(array) for name, array in pixels.items()}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of every image and label, by set."""
        return self._digest(self.sets)

    @cached_property
    def forget_digest(self) -> str:
        """SHA-256 of the images and labels of the forget set."""
        return self._digest(["forget"])

    def _digest(self, names: Sequence[str] | Mapping[str, Any]) -> str:
        found = hashlib.sha256()
        for name in names:
            labels = self.sets[name].labels
            found.update(f"|{name}:{len(labels)}|".encode() + labels.astype("<i8").tobytes() + self.digests[name])
        return found.hexdigest()

    def split(self, num_classes: int | None = None, forget_classes: Sequence[int] | None = None) -> Split:
        """The split, with the test images of forgotten classes as `forget_test`.

        Sets that are all views on the same `ImageData` stay that; of others the images lie one set behind the other.

        Args:
            num_classes: of the model; None: as many as the labels tell of.
            forget_classes: those that are forgotten, whole or in part; None: `forgotten_classes`.

        Raises:
            SupremeError: a label is out of range.
        """
        count = self.largest_label + 1 if num_classes is None else num_classes
        for name, one in self.sets.items():
            if (largest := int(one.labels.max())) >= count:
                raise SupremeError(
                    f"{name} has the label {largest}, and the model has {count} classes, from 0 to {count - 1}: give "
                    "class numbers as the model was trained on"
                )
        classes = self.forgotten_classes if forget_classes is None else _classes(forget_classes)
        if strange := [number for number in classes if not 0 <= number < count]:
            raise SupremeError(f"forget_classes has {strange[0]}, and the model has the classes 0 to {count - 1}")
        views = self._views(count)
        test = views["test"]
        own = np.isin(test.targets, classes)
        return Split(
            forget=views["forget"],
            retain=views["retain"],
            test=test,
            validation=views["validation"],
            forget_test=test.subset(np.flatnonzero(own)),
            retain_test=test.subset(np.flatnonzero(~own)),
            num_classes=count,
            forget_classes=classes,
        )

    def _views(self, count: int) -> dict[str, Images]:
        given = {name: one.images for name, one in self.sets.items()}
        shared = next(iter(given.values()))
        if shared is not None and all(one is not None and one.data is shared.data for one in given.values()):
            images = {name: one.to("cpu") for name, one in given.items() if one is not None}
            empty = shared.data.view([])
            return {name: images.get(name, empty) for name in NAMES}
        places, start = {}, 0
        for name in NAMES:
            size = len(self.sets[name]) if name in self.sets else 0
            places[name], start = np.arange(start, start + size), start + size
        data = self._data(count, places)
        return {name: data.view(own) for name, own in places.items()}

    def _data(self, count: int, places: Mapping[str, np.ndarray]) -> ImageData:
        present = [self.sets[name] for name in NAMES if name in self.sets]
        labels = np.concatenate([one.labels for one in present])
        parts = [one.pixels for one in present if one.pixels is not None]
        pixels: Any = Joined(parts) if parts else np.empty((len(labels), 0, 0, 0), np.float32)
        return GivenData(
            pixels=pixels,
            labels=labels,
            class_names=tuple(map(str, range(count))),
            train=np.concatenate([places["forget"], places["retain"]]),
            validation=places["validation"],
            test=places["test"],
            image_size=pixels.shape[-1],
            fingerprint=self.digest,
        )

    @cached_property
    def twins(self) -> dict[str, int] | None:
        """How many images of one set are identical to one of another, see `twins_of`; None without images."""
        if not self.has_images:
            return None
        together = b"".join(self.digests[name] for name in NAMES if name in self.sets)
        groups = core_twins.group_numbers(together)
        plain = {name: GivenSet(name=name, pixels=one.pixels, labels=one.labels) for name, one in self.sets.items()}
        return core_twins.twins_of(GivenSets(sets=plain).split(), groups)


def given_sets(*, forget: Any, retain: Any, test: Any = None, validation: Any = None) -> GivenSets:
    """What was given, read once; see `given_set` for what a set may be.

    Raises:
        SupremeError: forget or retain is missing, or a set is refused; or images of two sets are not alike.
    """
    given = {"forget": forget, "retain": retain, "test": test, "validation": validation}
    for name in ("forget", "retain"):
        if given[name] is None:
            raise SupremeError(f"{name} is missing: give {name}=(x, y), or a Dataset")
    sets = {name: given_set(name, one) for name, one in given.items() if one is not None}
    first = sets["forget"]
    for name, one in sets.items():
        if (told := _form(one)) != (wanted := _form(first)):
            raise SupremeError(f"{name} has {told} and forget {wanted}: give all sets in one form")
    return GivenSets(sets=sets)


def _classes(given: Any) -> tuple[int, ...]:
    try:
        return tuple(sorted({operator.index(number) for number in given}))
    except TypeError:
        raise SupremeError(
            f"forget_classes={given!r:.60} is not allowed: give class numbers, as in forget_classes=[3]"
        ) from None


def _form(one: GivenSet) -> str:
    if one.pixels is None:
        return "labels alone"
    return f"images of {one.pixels.dtype} {' x '.join(map(str, one.pixels.shape[1:]))}"
