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
