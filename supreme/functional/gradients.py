"""Steps along gradients: optimisers, learning rates, and gradients read as one long vector."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def trainable(model: nn.Module) -> list[nn.Parameter]:
    return [weight for weight in model.parameters() if weight.requires_grad]


def gradients_of(loss: Tensor, weights: Sequence[Tensor]) -> list[Tensor]:
    """The gradient of a number in each of these weights; zeros where it does not depend on one."""
    return list(torch.autograd.grad(loss, list(weights), allow_unused=True, materialize_grads=True))


def dot(one: Sequence[Tensor], other: Sequence[Tensor]) -> Tensor:
    """The inner product of two lists of tensors, read as two long vectors."""
    return torch.stack([(a * b).sum() for a, b in zip(one, other, strict=True)]).sum()


def shortened(gradients: Sequence[Tensor], max_norm: float) -> list[Tensor]:
    """The same, all multiplied by one factor where their length, as one long vector, exceeds `max_norm`."""
    factor = (max_norm / dot(gradients, gradients).sqrt()).clamp(max=1)  # a length of 0 gives infinity, then 1
    return [gradient * factor for gradient in gradients]


def step_along(optimizer: torch.optim.Optimizer, weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
    """One step of the optimiser as if these were the gradients of its loss."""
    for weight, gradient in zip(weights, gradients, strict=True):
        weight.grad = gradient
    optimizer.step()


@torch.no_grad()
def add_vector(weights: Sequence[Tensor], vector: Tensor) -> None:
    """Add to each weight its part of this vector, as `torch.nn.utils.parameters_to_vector` would lay them out."""
    parts = vector.split([weight.numel() for weight in weights])
    for weight, part in zip(weights, parts, strict=True):
        weight.add_(part.view_as(weight))
