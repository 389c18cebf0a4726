"""Methods that misbehave, one way each; real sweeps run them.

Where they mark or look is given as a pattern, such as marks/*: a value that names a file or folder is known by what is
in it, so a method that changes it is another one after that.
"""

from __future__ import annotations

import glob
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from safetensors.torch import load_file
from torch import nn

from supreme.core import Context, Evaluation, Split, SupremeError, Undefined, seeds
from supreme.functional.classifier import Classifier


def _mark(pattern: str) -> None:
    """Leave a file that tells which process was here, and when."""
    Path(pattern.replace("*", f"{os.getpid()}-{time.time_ns()}")).touch()


OBEYED = (
    "\x1b]8;;http://x\x1b\\here\x1b]8;;\x1b\\ \x1b]52;c;aGk=\x07 \x1b[2J \x9b2J [red]tag[/red] \u202egnp.exe \u00b1"
)
"""What a terminal would obey, and markup."""


@dataclass(frozen=True, kw_only=True)
class Broken:
    """Does what `how` says."""

    needs: ClassVar[frozenset[str]] = frozenset()

    how: str

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        match self.how:
            case "raises":
                raise RuntimeError("this method does not work")
            case "floods":
                print("flood \u00b1" * 500_000)
                raise RuntimeError(f"{OBEYED} {'flood ' * 1_000_000}")
            case "not_finite":
                with torch.no_grad():
                    next(model.parameters()).fill_(float("nan"))
            case "other_architecture":
                return nn.Linear(2, 2)
            case "returns_nothing":
                return None  # type: ignore[return-value]
            case "reads_test" | "reads_test_in_secret":
                try:
                    context.fit(model, split.test, epochs=1)
                except SupremeError:
                    if self.how == "reads_test":
                        raise
            case "unchanged":
                pass
        return model


@dataclass(frozen=True, kw_only=True)
class ReturnsReference:
    """Takes the reference's weights from the store of the sweep."""

    needs: ClassVar[frozenset[str]] = frozenset()

    found: str

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        (weights,) = glob.glob(self.found)
        model.load_state_dict(load_file(weights))
        return model


@dataclass(frozen=True, kw_only=True)
class Slow:
    """Tells that it has begun, then takes its time over a change that depends on its stream."""

    needs: ClassVar[frozenset[str]] = frozenset()

    marks: str
    seconds: float

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        _mark(self.marks)
        time.sleep(self.seconds)
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.01 * torch.randn(weight.shape, generator=context.rng)
        return model


@dataclass(frozen=True, kw_only=True)
class FailsForSeed:
    """Raises for one training seed until the mark exists, and does nothing otherwise."""

    needs: ClassVar[frozenset[str]] = frozenset()

    seed: int
    mark: str

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        own = seeds.branch(seeds.stream("unlearn", self.seed, 0), "method")
        if context.rng.initial_seed() == own and not glob.glob(self.mark):
            raise RuntimeError("not with this seed")
        return model


@dataclass(frozen=True, kw_only=True)
class Shares:
    """Needs something that takes its time and that others need too, then changes the model by a stream of its own."""

    needs: ClassVar[frozenset[str]] = frozenset()

    marks: str
    seconds: float
    strength: float

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        def compute() -> dict[str, torch.Tensor]:
            _mark(self.marks)
            time.sleep(self.seconds)
            return {"shared": torch.full((1,), 0.5)}

        before = torch.rand((), generator=context.rng)
        shared = context.once("shared", {}, compute)["shared"]
        with torch.no_grad():
            for weight in model.parameters():
                weight += self.strength * shared * (before + torch.randn(weight.shape, generator=context.rng))
        return model


@dataclass(frozen=True, kw_only=True)
class Counted:
    """A metric that leaves a mark each time it measures the unlearned model."""

    needs: ClassVar[frozenset[str]] = frozenset()

    marks: str

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return ("counted/one",)

    def __call__(self, evaluation: Evaluation) -> dict[str, float | Undefined]:
        if evaluation.subject_name == "unlearned":
            _mark(self.marks)
        return {"counted/one": 1.0}


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Tells its epochs, which take their time until somebody is in a hurry, and does nothing."""

    needs: ClassVar[frozenset[str]] = frozenset()

    epochs: int
    seconds: float
    hurry: str

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        for _ in context.epochs(self.epochs):
            if not glob.glob(self.hurry):
                time.sleep(self.seconds)
        return model
