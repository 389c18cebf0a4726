"""What a metric or an audit may look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from supreme.core.images import Images

if TYPE_CHECKING:
    from torch import Tensor

    from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Series:
    """A curve or a bar chart of one model, for figures: a value of y for each place x."""

    x: Sequence[float] | Sequence[str]
    y: Sequence[float]
    """Finite, as many as x."""


class Predictions(Protocol):
    """What one model answers, from one pass in evaluation mode; float32 tensors on the CPU, named sets of the split."""

    def logits(self, name: str) -> Tensor: ...
    def features(self, name: str) -> Tensor: ...
    @property
    def model(self) -> Classifier: ...


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a stage took, around its pure work."""

    seconds: float
    """Wall time, the device synchronised before both readings."""
    peak_memory_bytes: int | None
    """Highest memory in use above what was there when the work began; None where it cannot be read."""
    forward_samples: int
    backward_samples: int
    shared_device: bool
    """Whether other jobs may have used the device meanwhile: then seconds are an upper bound."""


class Evaluation(Protocol):
    """What a metric may look at. `subject` is the model being judged; the other two are there to compare with.

    Where the subject is the reference itself, asking for `reference` raises SelfComparison and leaves the metric
    undefined (the same holds for `original`): nothing is compared with itself.
    """

    @property
    def subject_name(self) -> str:
        """unlearned, reference or original."""
        ...

    @property
    def subject(self) -> Predictions: ...
    @property
    def reference(self) -> Predictions: ...
    @property
    def original(self) -> Predictions: ...
    @property
    def untrained(self) -> Sequence[Predictions]:
        """Randomly initialised models of this kind, the same ones for every method."""
        ...

    @property
    def cost(self) -> Cost: ...
    @property
    def reference_cost(self) -> Cost: ...
    def labels(self, name: str) -> Tensor: ...
    def images(self, name: str) -> Images:
        """The set itself, on the device, for metrics that train or take gradients (`needs` says images)."""
        ...

    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that are not empty here, the scenario's extra ones last."""
        ...

    @property
    def forgets_class(self) -> bool: ...
    @property
    def planted(self) -> Mapping[str, np.ndarray]:
        """What the scenario put into the data, by name; empty where it poisons nothing."""
        ...

    @property
    def rng(self) -> np.random.Generator:
        """The evaluation's own stream, fresh at each call: a metric's draws never depend on another metric."""
        ...


class Ensemble(Protocol):
    """What an audit may look at: models alike in everything but their training seed, which forgot the same images.

    The unlearned and the retrained model of one number have the same training seed, and no random draw in common.
    """

    @property
    def seeds(self) -> Sequence[int]:
        """The training seeds, in rising order."""
        ...

    @property
    def unlearned(self) -> Sequence[Predictions]:
        """One model of each training seed."""
        ...

    @property
    def references(self) -> Sequence[Predictions]:
        """The retrained model of each training seed."""
        ...

    def labels(self, name: str) -> Tensor: ...
    @property
    def sets(self) -> tuple[str, ...]:
        """Names of the sets that are not empty here."""
        ...

    @property
    def forgets_class(self) -> bool: ...
    @property
    def rng(self) -> np.random.Generator:
        """A stream of the audits' own, fresh at each call."""
        ...
