"""VGG with batch normalisation for small images: its convolutions, and one linear layer in place of three."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from annotated_types import MinLen
from torch import nn

from supreme.core import SupremeError
from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.residual import he_initialised
from supreme.models import trial


@bounded
@dataclass(frozen=True, kw_only=True)
class VGG:
    """Simonyan and Zisserman, ICLR 2015, table 1; https://arxiv.org/abs/1409.1556.

    Deviations: batch normalisation; no pooling after the last stage, whose mean over the image one linear layer reads,
    as in https://github.com/OPTML-Group/Unlearn-Saliency (Classification/models/VGG_LTH.py). Convolutions have biases.
    """

    convolutions: Annotated[list[PositiveInt], MinLen(1)]
    """Number of 3x3 convolutions of each stage: [2, 2, 3, 3, 3] of VGG-16 (configuration D)."""
    width: PositiveInt
    """Channels of the first stage; the others double it, up to eight times. 64 in the paper."""

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        stages = len(self.convolutions)
        if image_size < 2 ** (stages - 1):
            raise SupremeError(
                f"{stages} stages halve a side of {image_size} to nothing; take images of {2 ** (stages - 1)} or more, "
                f"or at most {image_size.bit_length()} stages, as in model.convolutions=[2,2,3]"
            )
        layers: list[nn.Module] = []
        channels = 3
        for stage, count in enumerate(self.convolutions):
            layers += [nn.MaxPool2d(2)] if stage else []
            for _ in range(count):
                width = self.width * min(2**stage, 8)
                layers += [nn.Conv2d(channels, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU()]
                channels = width
        body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        he_initialised(body, "fan_out")
        head = nn.Linear(channels, num_classes)
        nn.init.normal_(head.weight, 0, 0.01)
        nn.init.zeros_(head.bias)
        return Classifier(body, head, mean, std)
