"""Gradients by pixels, and steps along them."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def input_gradients(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B x C) and, for each image, the gradient of its cross entropy by its pixels (B x 3 x H x W).

    The model is in evaluation mode, so that images do not meet in a batch; its own gradients are not touched.
    """
    x = x.detach().requires_grad_(True)
    logits = model(x)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
    return logits.detach(), gradient


def step_in_ball(x: Tensor, direction: Tensor, step: float, origin: Tensor, radius: float) -> Tensor:
    """Each image moved by `step` (L2) along its direction, then back into the ball around its origin and into [0, 1].

    The step of projected gradient descent (Madry et al., 2018, https://arxiv.org/abs/1706.06083) in the L2 norm; an
    image without a direction (all zeros) stays. All tensors are B x 3 x H x W.
    """
    tiny = torch.finfo(x.dtype).tiny
    length = torch.linalg.vector_norm(direction, dim=(1, 2, 3), keepdim=True)
    moved = x + step * direction / length.clamp_min(tiny) - origin
    distance = torch.linalg.vector_norm(moved, dim=(1, 2, 3), keepdim=True)
    return (origin + moved * (radius / distance.clamp_min(tiny)).clamp(max=1)).clamp(0, 1)
