"""Components of one's own, in a file that the processes of a sweep can import."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn


class TinyNet(nn.Module):
    """A network as people write them."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3, padding=1)
        self.last = nn.Linear(4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(torch.relu(self.convolution(x)).mean((2, 3)))


@dataclass(frozen=True, kw_only=True)
class Shrink:
    """Multiply every weight."""

    needs: ClassVar[frozenset[str]] = frozenset()

    factor: float
    """By how much."""

    def __call__(self, model: Any, split: Any, context: Any) -> Any:
        with torch.no_grad():
            for weight in model.parameters():
                weight *= self.factor
        return model


@dataclass(frozen=True, kw_only=True)
class Boom:
    """Fails."""

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, model: Any, split: Any, context: Any) -> Any:
        raise RuntimeError("boom")


def shrunk(model: Any, split: Any, context: Any, factor: float = 1.0) -> Any:
    """The same as a plain function."""
    with torch.no_grad():
        for weight in model.parameters():
            weight *= factor
    return model


def nothing(model: Any, split: Any, context: Any) -> None:
    """Forgets to return the model."""


def confidence(evaluation: Any, name: str = "forget") -> dict[str, float]:
    """A metric that is a plain function."""
    return {f"confidence/{name}": float(evaluation.subject.logits(name).softmax(1).max(1).values.mean())}


def same_answers(evaluation: Any) -> float:
    """A metric of one number, which compares with the reference."""
    pair = evaluation.subject.logits("test"), evaluation.reference.logits("test")
    return float((pair[0].argmax(1) == pair[1].argmax(1)).float().mean())
