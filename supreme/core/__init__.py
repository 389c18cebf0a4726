"""The nouns of the project and the protocols its components follow.

Importing this module imports no torch, so composing, planning and drawing a split stay fast.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, runtime_checkable

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from supreme.classifier import Classifier
    from supreme.images import Augmentation, ImageData, Images

IntArray = np.ndarray[Any, np.dtype[np.int64]]


class SupremeError(Exception):
    """An error whose message is one clear sentence for the user: what was given, what is allowed, what to type."""


class SelfComparison(Exception):  # noqa: N818  (no error: it says that a value has no meaning)
    """A metric asked to compare a model with itself; its value is undefined there."""


class Undefined(str):
    """The reason why a metric has no value here; stored beside a null, never as NaN."""


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


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch of a training came to."""

    loss: float
    """Mean over the images as they were trained on: augmented, in training mode, between steps. May be not finite."""
    accuracy: float
    """The same way, so neither is that of the model after the epoch."""
    lr: float
    """Of its last step."""
    seconds: float


class Fit(Protocol):
    def __call__(
        self,
        model: Classifier,
        images: Images,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        constant_schedule: bool = False,
        augment: bool = True,
    ) -> Classifier: ...


class History(Protocol):
    """How the original came about. What is read here counts as stored during training: it costs a method no time."""

    @property
    def epochs(self) -> int:
        """Of the original's training."""
        ...

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        """The state dict after so many epochs, on the device; 0: as it was initialised."""
        ...

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        """For every parameter, the sum of what the training steps added whose batch held one of these images."""
        ...


class Once(Protocol):
    def __call__(
        self, name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]
    ) -> dict[str, Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """Where and with what a method runs; never what it computes."""

    device: str
    rng: torch.Generator
    """This stage's own stream, on the CPU: the same draws on every device."""
    fresh: Callable[[], Classifier]
    """A newly initialised model of this kind, on the device; each call draws other weights from the stream."""
    untrained: Callable[[], Classifier]
    """The same, but random in all its weights even where models of this kind start from pretrained ones."""
    fit: Fit
    """The one training loop, with the original's recipe but for what is given; trains in place, returns the model."""
    once: Once
    """What `compute` returns, kept in the store for every method, scenario and seed that asks for the same original.

    It may depend on the original, all training data, the name and the settings, and on nothing else. Its cost counts
    for each method that asks, found or computed.
    """
    history: History
    progress: Callable[[int, int, str], None] = lambda done, total, what: None
    """Tell how far the work is, for people who watch."""

    def epochs(self, count: int, what: str = "epoch") -> Iterator[int]:
        """1, 2, ..., count, reporting each."""
        for epoch in range(1, count + 1):
            self.progress(epoch - 1, count, what)
            yield epoch
        self.progress(count, count, what)


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
    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        """What is forgotten of these data, or of those that it makes of them when it poisons."""
        ...


@runtime_checkable
class Method(Protocol):
    needs: ClassVar[frozenset[str]]
    """Which sets of the split it reads: some of forget, retain, validation."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module: ...


@runtime_checkable
class Metric(Protocol):
    """A metric may also have

    * `series(evaluation) -> Mapping[str, Series]`: what figures show beside its columns;
    * `warnings(evaluation) -> Mapping[str, str]`: for a column, why to doubt it here, in words that depend on the sets
      and not on the method, so that a table says it once: fewer than 100 images in forget.
    """

    needs: ClassVar[frozenset[str]]
    """Which of logits, features, models, untrained, images it asks the evaluation for."""

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        """The names of its columns here."""
        ...

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]: ...


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


@runtime_checkable
class Audit(Protocol):
    """A metric over many models. May also have `series(ensemble) -> Mapping[str, Series]`, as metrics may."""

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
