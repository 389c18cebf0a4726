"""A shallow residual network that learns CIFAR-10 in a minute: two residual blocks between max-pooled convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class ResNet9:
    """Page, How to Train Your ResNet, 2018: the network with which it ends; https://github.com/davidcpage/cifar10-fast.

    Deviations: the head has a bias, and logits are not scaled by 1/8: `head.weight` is what the features meet, as in
    every model here.
    """

    width: PositiveInt
    """Channels of the first convolution; the next ones have twice, four and eight times as many. 64 in the source."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        if image_size < 8:
            raise SupremeError(
                f"it halves the image three times, and a side of {image_size} is too small: take 8 or more"
            )
        width = self.width
        body = nn.Sequential(
            _convolution(3, width),
            _convolution(width, 2 * width),
            nn.MaxPool2d(2),
            Residual(2 * width),
            _convolution(2 * width, 4 * width),
            nn.MaxPool2d(2),
            _convolution(4 * width, 8 * width),
            nn.MaxPool2d(2),
            Residual(8 * width),
            nn.AdaptiveMaxPool2d(1),
            nn.Flatten(),
        )
        return Classifier(body, nn.Linear(8 * width, num_classes), mean, std)


class Residual(nn.Module):
    """Two convolutions, added to what they get."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(_convolution(channels, channels), _convolution(channels, channels))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.convolutions(x)


def _convolution(channels_in: int, channels: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, 3, padding=1, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
    )
