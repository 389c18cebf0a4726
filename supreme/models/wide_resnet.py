"""Wide residual networks: fewer layers than a CIFAR ResNet, and ten times its channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from annotated_types import Ge, Lt
from torch import nn

from supreme.core.validation import PositiveInt, bounded, require
from supreme.functional.classifier import Classifier
from supreme.functional.residual import PreActivationBlock, he_initialised, stages
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class WideResNet:
    """Zagoruyko and Komodakis, Wide Residual Networks, BMVC 2016; https://arxiv.org/abs/1605.07146."""

    depth: Annotated[int, Ge(10)]
    """Number of convolutions, 6n + 4: 28 of WRN-28-10."""
    widening: PositiveInt
    """Channels of the first stage over 16: 10 of WRN-28-10."""
    dropout: Annotated[float, Ge(0), Lt(1)]
    """Part of the activations that training drops inside each block: 0, or 0.3 in the paper."""

    check = trial.build

    def __post_init__(self) -> None:
        near = self.depth - (self.depth - 4) % 6
        require(self, "depth", near == self.depth, f"6n + 4 layers, as in model.depth={near} or {near + 6}")

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        width, blocks = 16 * self.widening, [(self.depth - 4) // 6] * 3
        body = nn.Sequential(
            nn.Conv2d(3, 16, 3, padding=1, bias=False),
            *stages(partial(PreActivationBlock, dropout=self.dropout), blocks, channels_in=16, channels=width),
            nn.BatchNorm2d(4 * width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        he_initialised(body, "fan_out")
        return Classifier(body, nn.Linear(4 * width, num_classes), mean, std)
