"""Forget people, or other groups under another label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
from annotated_types import Gt, Lt

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import PositiveInt, bounded
from supreme.scenarios import amounts, targets


@bounded
@dataclass(frozen=True, kw_only=True)
class Group:
    """Every training image of one person, or of several, whatever the labels: a right to be forgotten for people.

    The model learns another label than who is shown, an age or an expression, so all classes stay. Named people are
    the same ones for all seeds; else `fraction` or `count` draws them, and more people contain fewer.

    `forget_test` holds the test images of the forgotten people and `retain_test` those of the others. It is empty where
    nobody is in both the training and the test set, as in MUFAC (Choi and Na 2023, https://arxiv.org/abs/2311.02240).
    """

    target: Any
    """Name or number of the group, or a list of them (null: they are drawn)."""
    fraction: Annotated[float, Gt(0), Lt(1)] | None
    """Share of the groups that have training images, above 0 and below 1; the number is rounded up."""
    count: PositiveInt | None
    """Number of groups; null: one, where there is no target and no fraction either."""

    def __post_init__(self) -> None:
        if self.target is not None:
            targets.check(self.target)
        given = [name for name in ("target", "fraction", "count") if getattr(self, name) is not None]
        if len(given) > 1:
            told = " with ".join(f"{name}={getattr(self, name)}" for name in given)
            raise SupremeError(f"{told} is not allowed: give one of the three and set the others to null")

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        if data.groups is None:
            raise SupremeError(
                "these data do not say who is shown: choose data with groups, as data=celeba, or data=image_folder "
                "data.table=... with a column group; where people are the classes, type scenario=full_class"
            )
        forgotten = np.isin(data.groups, self._chosen(data, np.unique(data.groups[data.train]), rng))
        return Split.of_training(
            data, forget=data.train[forgotten[data.train]], forget_test=data.test[forgotten[data.test]]
        )

    def _chosen(self, data: ImageData, training: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The numbers of the groups to forget; those that have training images are given."""
        if self.target is not None:
            chosen = np.array(targets.numbers(self.target, data.group_names, "group"))
            if len(absent := np.setdiff1d(chosen, training)):
                names = ", ".join(data.group_names[number] for number in absent[:3])
                raise SupremeError(f"there is nothing to forget of {names}: no training image shows them")
            return chosen
        count = 1 if self.count is None and self.fraction is None else self.count
        size = amounts.number(self.fraction, count, len(training))
        if size >= len(training):
            raise SupremeError(
                f"forgetting {size} of {len(training)} groups that train leaves nobody to retain: forget fewer"
            )
        return rng.permutation(training)[:size]
