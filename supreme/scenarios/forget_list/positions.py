"""From what a list says to the positions, in the source, of training images; refused where it says anything else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import NoReturn

import numpy as np

from supreme.core import IntArray, SupremeError
from supreme.core.images import ImageData
from supreme.scenarios.forget_list import names
from supreme.scenarios.forget_list.chosen import Values
from supreme.scenarios.forget_list.names import share, some


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Finds what a list says in these data."""

    data: ImageData
    file: str
    positions_in: str
    """train or source: what positions are counted in."""
    first: int
    """The number of the first image."""

    def refuse(self, told: str) -> NoReturn:
        raise SupremeError(f"{self.file} {told}")

    @cached_property
    def numbered(self) -> IntArray:
        """Of each number from 0 the position in the source."""
        if self.positions_in == "source":
            return np.arange(len(self.data.labels))
        return np.arange(self.data.official_train) if self.data.official_train else np.sort(self.data.train)

    @property
    def where(self) -> str:
        """What the numbers are counted in, in words."""
        if self.positions_in == "source":
            return "the source"
        return "the official training set" if self.data.official_train else "the training set"

    def of_values(self, values: Values) -> IntArray:
        """The training images that positions, a truth for each image, or names of files stand for."""
        if len(values) == 0:
            self.refuse("lists no image")
        if values.dtype.kind == "U":
            found = names.positions(values.tolist(), self.data.file_names, self.refuse)
            return self._training(found, by_name=True)
        if values.dtype.kind == "b":
            return self._training(self.numbered[np.flatnonzero(self._one_for_each(values, "true or false"))])
        whole = self._whole(values)
        is_mask = len(whole) > 2 and bool(np.isin(whole, (0, 1)).all())  # else some of them would be there twice
        if is_mask:
            return self._training(self.numbered[np.flatnonzero(self._one_for_each(whole, "1 or 0"))])
        return self._training(self._of_positions(whole))

    def extreme(self, values: Values, count: int, *, highest: bool) -> IntArray:
        """The training images with the highest or lowest scores; of equal scores, the first ones."""
        if values.dtype.kind not in "if":
            self.refuse("holds no scores: a number for each training image is expected")
        scores = self._one_for_each(values, "score").astype(np.float64)
        if not np.isfinite(scores).all():
            self.refuse(f"has {int((~np.isfinite(scores)).sum())} scores that are no finite numbers")
        if count >= len(scores):
            self.refuse(f"has {len(scores)} scores, and the {count} most extreme leave nothing to retain: take fewer")
        order = np.argsort(-scores if highest else scores, kind="stable")
        return self._training(self.numbered[np.sort(order[:count])])

    def _one_for_each(self, values: Values, what: str) -> Values:
        if len(values) != len(self.numbered):
            ours = len(self.data.train)
            train_here = f" ({ours:,} of them train here)" if ours != len(self.numbered) else ""
            advice = ""
            if len(values) == len(self.data.labels) and self.positions_in == "train":
                advice = ": it fits the whole source, so type scenario.positions_in=source"
            self.refuse(
                f"has {len(values):,} values, one {what} for each image, and {self.where} has "
                f"{len(self.numbered):,} images{train_here}{advice}"
            )
        return values

    def _whole(self, values: Values) -> IntArray:
        if values.dtype.kind == "f":
            if not (near := np.isfinite(values)).all():
                self.refuse(f"lists values that are no numbers ({share(values[~near], values)}): positions are whole")
            if len(broken := values[values != np.rint(values)]):
                advice = "positions are whole; if these are scores, type scenario.highest=..., how many to forget"
                self.refuse(f"lists numbers that are not whole ({share(broken, values)}): {some(broken)}; {advice}")
        return values.astype(np.int64) if np.abs(values, dtype=np.float64).max() < 2**62 else values

    def _of_positions(self, numbers: IntArray) -> IntArray:
        last = self.first + len(self.numbered) - 1
        if len(out := numbers[(numbers < self.first) | (numbers > last)]):
            advice = ""
            if self.first == 0 and numbers.min() >= 1 and numbers.max() == last + 1:
                advice = "; if it counts from 1, type scenario.first=1"
            elif self.positions_in == "train" and numbers.min() >= 0 and numbers.max() < len(self.data.labels):
                advice = "; if it counts all images of the source, type scenario.positions_in=source"
            self.refuse(
                f"lists positions that {self.where} does not have, which are {self.first} to {last} "
                f"({share(out, numbers)}): {some(out)}{advice}"
            )
        return self.numbered[numbers - self.first]

    def _training(self, chosen: IntArray, *, by_name: bool = False) -> IntArray:
        """These positions of the source, sorted, if each trains and none is there twice."""
        found, times = np.unique(chosen, return_counts=True)
        if len(twice := found[times > 1]):
            self.refuse(f"lists images more than once ({share(twice, chosen)}): {self._told(twice, by_name)}")
        if len(found) == 0:
            self.refuse("marks no image to forget")
        for name, others, advice in (
            ("test images", self.data.test, "only training images can be forgotten"),
            (
                "validation images of these data",
                self.data.validation,
                "type data.validation_fraction=0 or data.validation_per_class=0, whichever the data have, so that all "
                "of them train",
            ),
            (
                "images that do not train here",
                np.setdiff1d(np.arange(len(self.data.labels)), self.data.train),
                "let the data train on all of the official training set (data.train_per_class=null, say)",
            ),
        ):
            if len(held := np.setdiff1d(np.intersect1d(found, others), self.data.train)):
                self.refuse(f"lists {name} ({share(held, found)}): {self._told(held, by_name)}; {advice}")
        return found

    def _told(self, positions: IntArray, by_name: bool) -> str:
        """The first of these positions of the source, as the list has them."""
        if by_name and self.data.file_names is not None:
            return some([os.fsdecode(name) for name in self.data.file_names[positions].tolist()])
        return some((np.searchsorted(self.numbered, positions) + self.first).tolist())
