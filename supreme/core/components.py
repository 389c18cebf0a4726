"""The protocols that components follow: one for each group of the config."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

import numpy as np

from supreme.core.context import Context
from supreme.core.errors import SupremeError, Undefined
from supreme.core.evaluation import Ensemble, Evaluation
from supreme.core.images import ImageData
from supreme.core.split import Split

if TYPE_CHECKING:
    from torch import nn

    from supreme.functional.classifier import Classifier

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def version_of(component: object) -> int:
    """Version of what a scenario or a metric means; 1 where it declares none.

    It is raised when the same config on the same models comes to mean something else: another set is forgotten, or a
    column has another definition. Rows hold it, and results of two versions never stand in one table. Code that is
    only written otherwise keeps it.

    Raises:
        SupremeError: it is no whole number from 1.
    """
    version = getattr(type(component), "version", 1)
    if type(version) is not int or version < 1:
        raise SupremeError(
            f"{type(component).__name__}.version={version!r} is not allowed: declare a whole number from 1, as in "
            "`version: ClassVar[int] = 2`"
        )
    return version


@runtime_checkable
class Data(Protocol):
    def signature(self) -> str:
        """What identifies the source as it lies there now, found cheaply.

        Raises SupremeError, saying what to download and where to put it, when the source is missing.
        """
        ...

    def __call__(self) -> ImageData: ...


@runtime_checkable
class Model(Protocol):
    """A model may also have `check`, with the arguments of the call: it raises SupremeError where the call could not
    succeed, or its classifier could take no such images. The plan asks it before anything runs; see `models/trial.py`.
    """

    def __call__(
        self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]
    ) -> Classifier: ...


@runtime_checkable
class Scenario(Protocol):
    """A scenario may also have `version: ClassVar[int]`; see `version_of`."""

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        """What is forgotten of these data, or of those that it makes of them when it poisons."""
        ...


@runtime_checkable
class Method(Protocol):
    """A method may also have, for the plan of a sweep, which then refuses before any training what could not work,

    * `applies_to: ClassVar[str] = "class"`: it forgets nothing but classes;
    * `check_split(split)`: raises SupremeError where the call would fail; see `supreme.core.suitability`;
    * `check_model(model, split)`: the same of the model, whose tensors have shapes and no values;
    * `needs_history: ClassVar[bool] = True`: it reads `context.history`.
    """

    needs: ClassVar[frozenset[str]]
    """Which sets of the split it reads: some of forget, retain, validation."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module: ...


@runtime_checkable
class Metric(Protocol):
    """A metric may also have

    * `declared_columns: ClassVar[Mapping[str, Column]]`: title, unit, direction and format of its columns, by name, and
      which of them tables show unless told otherwise;
    * `check_split(split)`: raises SupremeError where no column would have a value; see `supreme.core.suitability`;
    * `series(evaluation) -> Mapping[str, Series]`: what figures show beside its columns;
    * `warnings(evaluation) -> Mapping[str, str]`: for a column, why to doubt it here, in words that depend on the sets
      and not on the method, so that a table says it once: fewer than 100 images in forget;
    * `version: ClassVar[int]`; see `version_of`.
    """

    needs: ClassVar[frozenset[str]]
    """Which of logits, features, models, untrained, images it asks the evaluation for."""

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The names of its columns here."""
        ...

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]: ...


@runtime_checkable
class Audit(Protocol):
    """A metric over many models. May also have `series(ensemble)` and `check_split(split)`, as metrics may."""

    minimum: int
    """The fewest models of each kind: with fewer it is not called, and its columns are undefined."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        """The names of its columns here; looks at no model."""
        ...

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]: ...


@dataclass(frozen=True, kw_only=True)
class Run:
    """What a tracker is told of one model: how it was trained, what it is worth, and where it comes from."""

    id: str
    """16 hexadecimal digits: of an unlearned model the cell's, else the first of its key in the store."""
    stage: str
    """original, reference or unlearned."""
    name: str
    """What people call it."""
    config: Mapping[str, str | int | float | bool | None]
    """Every value of the resolved config, seeds, keys and the rest of the provenance, under dotted names."""
    curve: Sequence[Mapping[str, float | None]]
    """Of each epoch: epoch, counted from 1, and what `Epoch` says. Empty where nothing was trained by epochs."""
    columns: Mapping[str, float]
    """Metric columns; those of the other two models begin with reference/ and original/."""

    def steps(self) -> Iterator[tuple[int, dict[str, float]]]:
        """Of each epoch its number, and what is known of it as train/loss and so on."""
        for point in self.curve:
            values = {f"train/{name}": value for name, value in point.items() if name != "epoch" and value is not None}
            yield int(point["epoch"] or 0), values


@runtime_checkable
class Tracker(Protocol):
    def __call__(self, run: Run, folder: Path) -> None:
        """Log the run, in place of what an earlier call has left of it; files go to this folder.

        One call at a time on a machine, in a process where nothing else runs. What it raises costs no cell.
        """
        ...
