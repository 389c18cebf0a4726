"""ResNet-18 for small images: a 3x3 stem without pooling, as the unlearning literature uses it on CIFAR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import nn

from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.residual import BasicBlock


@bounded
@dataclass(frozen=True, kw_only=True)
class ResNet18:
    """He et al., Deep Residual Learning, CVPR 2016; https://arxiv.org/abs/1512.03385. 11.17 million weights.

    Deviations: the stem of the paper's CIFAR networks (3x3, stride 1, no max-pool) on its ImageNet stages.
    """

    width: PositiveInt
    """Channels of the first stage; the others double it. 64 in the paper."""

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        widths = [self.width * 2**stage for stage in range(4)]
        blocks: list[nn.Module] = []
        channels = self.width
        for stage, width in enumerate(widths):
            blocks += [BasicBlock(channels, width, stride=2 if stage else 1), BasicBlock(width, width, stride=1)]
            channels = width
        body = nn.Sequential(
            nn.Conv2d(3, self.width, 3, padding=1, bias=False),
            nn.BatchNorm2d(self.width),
            nn.ReLU(),
            *blocks,
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        return Classifier(body, nn.Linear(channels, num_classes), mean, std)
