"""Networks for images of one channel, where images have three that are alike."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn


class Grey(nn.Module):
    """A network for one channel, which reads the first of three that are alike."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        return self.network(x[:, :1])


def takes_one_channel(network: nn.Module, side: int) -> bool:
    """Whether its first layer reads one channel: a convolution, or a linear layer of side x side inputs."""
    first = next((part for part in network.modules() if isinstance(part, nn.Conv2d | nn.Linear)), None)
    return (
        first.in_channels == 1 if isinstance(first, nn.Conv2d) else first is not None and first.in_features == side**2
    )


def are_grey(mean: Sequence[float], std: Sequence[float]) -> bool:
    """Whether images with these means and deviations of their three channels are grey: all are equal."""
    return len({*mean}) == 1 and len({*std}) == 1
