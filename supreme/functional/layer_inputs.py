"""What the linear maps of a model read: the inputs of linear layers, the patches under the kernels of convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

LinearMap = nn.Conv2d | nn.Linear


def linear_maps(model: nn.Module) -> list[LinearMap]:
    """Linear layers and convolutions without groups, in the model's order."""
    layers = [layer for layer in model.modules() if isinstance(layer, LinearMap)]
    return [layer for layer in layers if getattr(layer, "groups", 1) == 1]


@contextmanager
def shown_inputs(model: nn.Module, show: Callable[[LinearMap, Tensor], None]) -> Iterator[None]:
    """Inside, `show` is called with each linear map and its input whenever the model computes."""

    def hook(layer: Any, inputs: tuple[Tensor, ...], _output: Tensor) -> None:
        show(layer, inputs[0])

    handles = [layer.register_forward_hook(hook) for layer in linear_maps(model)]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def rows_of(layer: LinearMap, x: Tensor, stride: int | tuple[int, ...] | None = None) -> Tensor:
    """What the map multiplies its weights with: N x (weights of one output).

    Args:
        stride: of the patches; None: that of the convolution.
    """
    if isinstance(layer, nn.Linear):
        return x.flatten(0, -2)
    patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, stride or layer.stride)  # type: ignore[arg-type]
    return patches.transpose(1, 2).flatten(0, 1)
