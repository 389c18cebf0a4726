"""What the checks are made of: promises, watches on what is read and drawn, comparisons."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from supreme.core import SET_NAMES, Evaluation, Split, seeds
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.process_state import OWN, listed, watching


class BrokenPromise(AssertionError):  # noqa: N818, it is what happened
    """A component does not do what it promises.

    Attributes:
        component: its class's name.
        promise: what it should do.
        detail: what it did.
    """

    def __init__(self, component: str, promise: str, detail: str) -> None:
        super().__init__(f"{component} breaks a promise: it {promise}. But {detail}")
        self.component = component
        self.promise = promise
        self.detail = detail


@dataclass(frozen=True)
class Promises:
    """`promise(what it does, whether it did, what it did instead)`."""

    component: str

    def __call__(self, promise: str, kept: bool, detail: str) -> None:
        if not kept:
            raise BrokenPromise(self.component, promise, detail)


@contextmanager
def first_call(promise: Promises, component: object, seed: int = 1) -> Iterator[None]:
    """Hold what runs inside, with every global generator seeded, to leave itself and the process as they were."""
    with watching(promise.component, component) as watch, seeds.scoped(seed):
        yield
    own = [text for text in watch.left if text.startswith(OWN)]
    promise("keeps nothing between calls", not own, f"a call changed the component itself: {listed(own)}")
    promise("leaves the process as it found it", not watch.left, f"it left {listed(watch.left)}")


@contextmanager
def undisturbed(
    promise: Promises, what: str, generators: Sequence[str] = ("random", "numpy", "torch")
) -> Iterator[None]:
    """Hold what runs inside to leave these global generators alone.

    Not for a first call: that may import a library, and some libraries draw when they are imported.
    """
    start = _generators()
    yield
    end = _generators()
    moved = [name for name in generators if end[name] != start[name]]
    promise(what, not moved, f"it drew from the global generator of {', '.join(moved)}")


def _generators() -> dict[str, str]:
    numpy = np.random.get_state(legacy=False)
    return {"random": str(random.getstate()), "numpy": str(numpy), "torch": str(torch.get_rng_state().tolist())}


_READS = frozenset({"data", "indices", "targets", "labels", "batches", "subset", "with_labels", "joined", "to"})
_SOURCE_READS = frozenset({"labels", "fine_labels", "train", "validation", "test", "view"})


@dataclass(frozen=True, kw_only=True)
class _WatchedData(ImageData):
    """The source behind a set: its pixels serve the set, and nothing else of it may be read."""

    reader: str

    def __getattribute__(self, name: str) -> Any:
        if name in _SOURCE_READS:
            _refuse(object.__getattribute__(self, "reader"), f"it read {name} of the whole source")
        return object.__getattribute__(self, name)


@dataclass(frozen=True, kw_only=True)
class _WatchedImages(Images):
    """A set that may be read, or whose length is all that may be known."""

    reader: str
    set_name: str
    readable: bool

    def __getattribute__(self, name: str) -> Any:
        if name in _READS and not object.__getattribute__(self, "readable"):
            reader, set_name = (object.__getattribute__(self, one) for one in ("reader", "set_name"))
            _refuse(reader, f"it read {name} of {set_name}, which it does not declare in `needs`")
        return object.__getattribute__(self, name)

    def __len__(self) -> int:
        return len(object.__getattribute__(self, "indices"))


def _refuse(reader: str, detail: str) -> NoReturn:
    raise BrokenPromise(reader, "reads only the sets it needs", detail)


@dataclass(frozen=True)
class _Closed(Mapping[str, Any]):
    """What the scenario left for metrics: no method may so much as count it."""

    reader: str
    name: str

    def _refused(self, *_: object) -> NoReturn:
        _refuse(self.reader, f"it read split.{self.name}, which is for metrics")

    __getitem__ = __iter__ = __len__ = _refused


def watched_split(split: Split, reader: str, needs: frozenset[str]) -> Split:
    data = split.forget.data
    source = _WatchedData(**{field.name: getattr(data, field.name) for field in fields(data)}, reader=reader)
    sets = {}
    for name in SET_NAMES:
        images = replace(getattr(split, name), data=source)
        own = {field.name: getattr(images, field.name) for field in fields(images)}
        sets[name] = _WatchedImages(**own, reader=reader, set_name=name, readable=name in needs)
    return replace(split, extra=_Closed(reader, "extra"), planted=_Closed(reader, "planted"), **sets)


@dataclass(frozen=True)
class _Watched:
    """Anything whose attributes in `closed` may not be read; predictions inside are watched too."""

    inner: Any
    reader: str
    closed: frozenset[str]

    def __getattr__(self, name: str) -> Any:
        if name in self.closed:
            raise BrokenPromise(self.reader, "reads only what it needs", f"it read {name}, which `needs` does not name")
        found = getattr(self.inner, name)
        if name in ("subject", "reference", "original"):
            return _Watched(found, self.reader, self.closed)
        return [_Watched(one, self.reader, self.closed) for one in found] if name == "untrained" else found


def watched_evaluation(evaluation: Evaluation, reader: str, needs: frozenset[str]) -> Any:
    attributes = {name: name for name in ("logits", "features", "untrained", "images")} | {"models": "model"}
    return _Watched(evaluation, reader, frozenset(name for need, name in attributes.items() if need not in needs))


def state_of(model: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def same_state(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def is_finite(tensor: Tensor) -> bool:
    return bool(tensor.isfinite().all())


def is_close(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and torch.allclose(one, other, rtol=1e-4, atol=1e-5)


def is_within(numbers: np.ndarray, end: int) -> bool:
    return len(numbers) > 0 and 0 <= int(numbers.min()) <= int(numbers.max()) < end


@torch.no_grad()
def answers_of(model: nn.Module, x: Tensor) -> Tensor:
    return model.eval()(x)


@torch.no_grad()
def features_of(model: Classifier, x: Tensor) -> Tensor:
    return model.eval().features(x)


def digests(data: ImageData) -> dict[str, bytes]:
    arrays = {name: getattr(data, name) for name in ("pixels", "labels", "fine_labels", "train", "validation", "test")}
    return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items() if array is not None}


def content(split: Split) -> list[Any]:
    sets = split.sets.values()
    return [digests(split.data), *((one.indices.tobytes(), one.targets.tobytes()) for one in sets)]


def predicted(evaluation: Evaluation) -> list[bytes]:
    return [evaluation.subject.logits(name).numpy().tobytes() for name in evaluation.sets]
