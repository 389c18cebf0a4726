"""The layers of a model: which they are, and which of them learn."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from torch import nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier

Module = TypeVar("Module", bound=nn.Module)

NORMALISATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


def freeze(model: Module) -> Module:
    """A copy to compare with: in evaluation mode, asking for no gradient, sharing no storage with the model."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def convolutions(component: object, model: nn.Module) -> list[nn.Conv2d]:
    """The two-dimensional convolutions of the model, in its order; refused where it has none."""
    found = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    if not found:
        raise SupremeError(
            f"{type(component).__name__} changes convolutions and this model has none: type model=resnet18, say"
        )
    return found


def last_layers(model: Classifier, count: int) -> list[nn.Module]:
    """The head and the `count - 1` layers of the body before it, in the order in which they compute.

    A layer is a child of the body with weights of its own, sequences of children taken apart: a convolution, a
    residual block, a block of a transformer. Normalisation belongs to the layer that it follows.
    """
    layers: list[nn.ModuleList] = []
    for module in _in_sequence(model.body):
        if layers and isinstance(module, NORMALISATION):
            layers[-1].append(module)
        elif any(True for _ in module.parameters()):
            layers.append(nn.ModuleList([module]))
    layers.append(nn.ModuleList([model.head]))
    if count > len(layers):
        raise SupremeError(f"the model has {len(layers)} layers, and {count} were asked for: type method.layers=1, say")
    return list(layers[-count:])


def last_weights(model: nn.Module, count: int) -> list[nn.Module]:
    """The last `count` convolutions and linear maps, and every batch normalisation after the first of them.

    All are counted that the model has, whatever block they are in, in the order in which it registers them.
    """
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    layers: list[nn.Module] = [module for module in model.modules() if isinstance(module, kinds)]
    weighty = [index for index, layer in enumerate(layers) if not isinstance(layer, nn.BatchNorm2d)]
    if count > len(weighty):
        raise SupremeError(
            f"the model has {len(weighty)} layers, and {count} were asked for: type method.layers=1, say"
        )
    return layers[weighty[-count] :]


def _in_sequence(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _in_sequence(child)
        else:
            yield child


@contextmanager
def only_learning(model: nn.Module, layers: Sequence[nn.Module], keep_statistics: bool = True) -> Iterator[None]:
    """Inside, nothing but these layers of the model learns.

    The others keep their weights, and stay in evaluation mode whatever `model.train()` says, so that their batch
    normalisation keeps its statistics too; unless told otherwise.
    """
    learning = {id(module) for layer in layers for module in layer.modules()}
    fixed = [module for module in model.modules() if id(module) not in learning]
    weights = {id(weight) for layer in layers for weight in layer.parameters()}
    frozen = [weight for weight in model.parameters() if id(weight) not in weights and weight.requires_grad]

    def hold(_module: nn.Module, _inputs: object) -> None:
        for module in fixed:
            module.training = False

    handle = model.register_forward_pre_hook(hold) if keep_statistics else None
    for weight in frozen:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        if handle:
            handle.remove()
        for weight in frozen:
            weight.requires_grad_(True)
