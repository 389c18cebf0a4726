"""The all-convolutional network: convolutions with stride in place of pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen
from torch import nn

from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.models import trial

STRIDED = (2, 5)
"""The convolutions that halve the image, counted from 0."""


@bounded
@dataclass(frozen=True, kw_only=True)
class AllCNN:
    """Springenberg et al., Striving for Simplicity, ICLR 2015 workshop, All-CNN-C; https://arxiv.org/abs/1412.6806.

    Deviations, as in https://github.com/AdityaGolatkar/SelectiveForgetting and the unlearning literature after it:
    batch normalisation and no dropout; the third convolution has 192 channels (96 in the paper:
    model.channels=[96,96,96,192,192,192,192,192]); the classes are read from the mean over the image, by a linear layer
    that answers as the paper's last 1x1 convolution before its mean would.
    """

    channels: Annotated[list[PositiveInt], MinLen(2)]
    """Channels of each convolution: 3x3, the third and the sixth with stride 2, the last one 1x1."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        layers: list[nn.Module] = []
        before = 3
        for index, channels in enumerate(self.channels):
            size = 1 if index == len(self.channels) - 1 else 3
            stride = 2 if index in STRIDED else 1
            layers += [
                nn.Conv2d(before, channels, size, stride=stride, padding=size // 2, bias=False),
                nn.BatchNorm2d(channels),
                nn.ReLU(),
            ]
            before = channels
        body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Classifier(body, nn.Linear(before, num_classes), mean, std)
