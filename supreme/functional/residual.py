"""Blocks of residual networks, and stages of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where the shape changes."""

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions, the last one four times as wide, and a shortcut as `BasicBlock` has it.

    The 3x3 convolution has the stride.
    """

    expansion = 4

    def __init__(self, channels_in: int, channels: int, stride: int) -> None:
        super().__init__()
        wide = channels * self.expansion
        self.conv1 = nn.Conv2d(channels_in, channels, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.conv3 = nn.Conv2d(channels, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != wide:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, wide, 1, stride=stride, bias=False), nn.BatchNorm2d(wide)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))
        return F.relu(self.bn3(self.conv3(out)) + self.shortcut(x))


class PreActivationBlock(nn.Module):
    """Normalisation and ReLU before each of two 3x3 convolutions; He et al. 2016, https://arxiv.org/abs/1603.05027.

    Where the shape changes, the shortcut is a 1x1 convolution of what the first ReLU gives.

    Args:
        dropout: part of the activations that training drops between the convolutions (Zagoruyko and Komodakis 2016).
    """

    def __init__(self, channels_in: int, channels: int, stride: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(channels_in)
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.shortcut: nn.Module | None = None
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        active = F.relu(self.bn1(x))
        out = self.conv2(self.dropout(F.relu(self.bn2(self.conv1(active)))))
        return out + (x if self.shortcut is None else self.shortcut(active))


class ZeroPadding(nn.Module):
    """Every `stride`-th pixel, with channels of zeros added: a shortcut without weights (option A of the paper)."""

    def __init__(self, stride: int, added: int) -> None:
        super().__init__()
        self.stride = stride
        self.added = added

    def forward(self, x: Tensor) -> Tensor:
        before = self.added // 2
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, self.added - before))


def padded_block(channels_in: int, channels: int, stride: int) -> BasicBlock:
    """A basic block whose shortcut has no weights."""
    block = BasicBlock(channels_in, channels, stride)
    if stride != 1 or channels_in != channels:
        block.shortcut = ZeroPadding(stride, channels - channels_in)
    return block


def stages(
    block: Callable[[int, int, int], nn.Module],
    counts: Sequence[int],
    *,
    channels_in: int,
    channels: int,
    expansion: int = 1,
) -> list[nn.Module]:
    """The blocks of all stages: each stage but the first halves the image and doubles the channels.

    Args:
        block: makes one of its channels in, its channels and its stride.
        counts: number of blocks of each stage.
        channels_in: of what the first block gets.
        channels: of the blocks of the first stage.
        expansion: how many times more of them a block gives.
    """
    made: list[nn.Module] = []
    for stage, count in enumerate(counts):
        width = channels * 2**stage
        for index in range(count):
            made.append(block(channels_in, width, 2 if stage and not index else 1))
            channels_in = width * expansion
    return made


def he_initialised(module: nn.Module, fan: str) -> None:
    """Draw the weights of its convolutions from the normal distribution of He et al. 2015, their biases being zero.

    Args:
        fan: `fan_in` keeps the variance of activations, `fan_out` that of gradients.
    """
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, mode=fan, nonlinearity="relu")  # type: ignore[arg-type]
            if part.bias is not None:
                nn.init.zeros_(part.bias)
