"""What the checks are made of: promises, watches on what is read and drawn, comparisons."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np
import torch
from torch import Tensor, nn

from supreme.core import Evaluation, Split, seeds
from supreme.core.images import OF_EACH, ImageData
from supreme.functional.classifier import Classifier
from supreme.pipeline.process_state import OWN, listed, watching
from supreme.pipeline.watched_split import watched_split as watched_split_of


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


def watched_split(split: Split, reader: str, needs: frozenset[str]) -> Split:
    """The split as a sweep hands it over; a read that is not declared breaks a promise."""

    def refuse(read: str, why: str) -> NoReturn:
        raise BrokenPromise(reader, "reads only the sets it needs", f"it read {read}, {why}")

    return watched_split_of(split, needs, refuse)


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
    arrays = {name: getattr(data, name) for name in ("pixels", "labels", *OF_EACH, "train", "validation", "test")}
    return {name: np.ascontiguousarray(array).tobytes() for name, array in arrays.items() if array is not None}


def content(split: Split) -> list[Any]:
    sets = split.sets.values()
    return [digests(split.data), *((one.indices.tobytes(), one.targets.tobytes()) for one in sets)]


def predicted(evaluation: Evaluation) -> list[bytes]:
    return [evaluation.subject.logits(name).numpy().tobytes() for name in evaluation.sets]
