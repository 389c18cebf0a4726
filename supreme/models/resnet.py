"""Deeper ImageNet ResNets for small images: a 3x3 stem without pooling, as the literature uses them on CIFAR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen
from torch import nn

from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.residual import BasicBlock, Bottleneck, stages
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class ResNet:
    """He et al., Deep Residual Learning, CVPR 2016, table 1; https://arxiv.org/abs/1512.03385.

    Deviations: the stem of the paper's CIFAR networks (3x3, stride 1, no max-pool) on its ImageNet stages; in a
    bottleneck the 3x3 convolution has the stride, as in torchvision. ResNet-18 is `model=resnet18`.
    """

    blocks: Annotated[list[PositiveInt], MinLen(1)]
    """Number of blocks of each stage: [3, 4, 6, 3] of ResNet-34 and ResNet-50."""
    bottleneck: bool
    """Blocks of three convolutions that give four times the channels, instead of two 3x3 convolutions."""
    width: PositiveInt
    """Channels of the first stage; the others double it. 64 in the paper."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        block, expansion = (Bottleneck, Bottleneck.expansion) if self.bottleneck else (BasicBlock, 1)
        body = nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1, bias=False),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
            *stages(block, self.blocks, channels_in=self.width, channels=self.width, expansion=expansion),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        features = self.width * 2 ** (len(self.blocks) - 1) * expansion
        return Classifier(body, nn.Linear(features, num_classes), mean, std)
