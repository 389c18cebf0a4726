"""A small convolutional network with batch normalisation, for quick work and tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen
from torch import nn

from supreme.core import SupremeError
from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class SmallCNN:
    """Stages of 3x3 convolution, batch normalisation, ReLU and 2x2 max-pooling, then the mean over the image.

    It is large enough to memorise some hundred images and has the batch normalisation that trips careless methods.
    """

    widths: Annotated[list[PositiveInt], MinLen(1)]
    """Channels of each stage; each but the last halves the side of the image."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        if image_size < 2 ** (len(self.widths) - 1):
            raise SupremeError(
                f"model small_cnn: {len(self.widths)} stages halve a side of {image_size} to nothing; "
                f"give at most {image_size.bit_length()} widths"
            )
        layers: list[nn.Module] = []
        channels = 3
        for stage, width in enumerate(self.widths):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            if stage < len(self.widths) - 1:
                layers.append(nn.MaxPool2d(2))
            channels = width
        body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Classifier(body, nn.Linear(channels, num_classes), mean, std)
