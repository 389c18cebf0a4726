"""A ResNet whose blocks normalise and activate before each convolution, with the 3x3 stem for small images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen
from torch import nn

from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.residual import PreActivationBlock, stages
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class PreActResNet:
    """He et al., Identity Mappings in Deep Residual Networks, ECCV 2016; https://arxiv.org/abs/1603.05027.

    As in the paper, normalisation and ReLU follow the last block; some code leaves them out (11,171,146 weights).
    Deviations: the paper's blocks on the four ImageNet stages of ResNet-18, behind a 3x3 stem, as the literature on
    CIFAR has it.
    """

    blocks: Annotated[list[PositiveInt], MinLen(1)]
    """Number of blocks of each stage: [2, 2, 2, 2] of PreActResNet-18."""
    width: PositiveInt
    """Channels of the first stage; the others double it. 64 in ResNet-18."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        features = self.width * 2 ** (len(self.blocks) - 1)
        body = nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1, bias=False),
            *stages(PreActivationBlock, self.blocks, channels_in=self.width, channels=self.width),
            nn.BatchNorm2d(features),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        return Classifier(body, nn.Linear(features, num_classes), mean, std)
