"""The ResNets that were made for CIFAR: three stages of 16, 32 and 64 channels, 20 to 110 layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge
from torch import nn

from supreme.core.validation import PositiveInt, bounded, require
from supreme.functional.classifier import Classifier
from supreme.functional.residual import he_initialised, padded_block, stages
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class CifarResNet:
    """He et al., Deep Residual Learning, CVPR 2016, section 4.2; https://arxiv.org/abs/1512.03385.

    Shortcuts have no weights (option A): where the shape changes they skip pixels and add channels of zeros, half of
    them before and half behind, as in https://github.com/akamaster/pytorch_resnet_cifar10.
    """

    depth: Annotated[int, Ge(8)]
    """Number of layers with weights, 6n + 2: 20, 32, 44, 56 and 110 in the paper."""
    width: PositiveInt
    """Channels of the first stage; the others double it. 16 in the paper."""

    check = trial.build

    def __post_init__(self) -> None:
        near = self.depth - (self.depth - 2) % 6
        require(self, "depth", near == self.depth, f"6n + 2 layers, as in model.depth={near} or {near + 6}")

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        blocks = [(self.depth - 2) // 6] * 3
        body = nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1, bias=False),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
            *stages(padded_block, blocks, channels_in=self.width, channels=self.width),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        he_initialised(body, "fan_in")
        return Classifier(body, nn.Linear(4 * self.width, num_classes), mean, std)
