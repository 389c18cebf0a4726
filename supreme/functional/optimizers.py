"""Optimizers that are given their learning rate while they run."""

from __future__ import annotations

from math import cos, pi

import torch
from torch import nn


def make_optimizer(
    name: str, model: nn.Module, lr: float, momentum: float, weight_decay: float
) -> torch.optim.Optimizer:
    """adam, adamw or sgd over the model's trainable weights.

    adam and sgd add `weight_decay * weight` to the gradient; adamw takes `lr * weight_decay * weight` from the weight.
    adam and adamw have their own momentum terms (.9, .999): `momentum` is that of sgd.
    """
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    if name == "adam":
        return torch.optim.Adam(weights, lr=lr, weight_decay=weight_decay)
    if name == "adamw":
        return torch.optim.AdamW(weights, lr=lr, weight_decay=weight_decay)
    return torch.optim.SGD(weights, lr=lr, momentum=momentum, weight_decay=weight_decay)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr


def cosine(done: int, total: int) -> float:
    """From 1 at the start along half a cosine towards 0, which the last of `total` steps does not reach."""
    return 0.5 * (1 + cos(pi * done / total))
