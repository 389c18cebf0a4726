"""What the dampening methods share: importances of the forget set and of all training data, and what they lead to."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.functional.importances import cross_entropies, importances
from supreme.functional.per_sample_gradients import Loss, PowerName


class Importance(NamedTuple):
    """A way to tell how much a weight matters: the mean of a power of the gradient of a loss."""

    name: str
    """Under which what all training data give is kept; one name, one loss and power."""
    loss: Loss
    power: PowerName


def squared_norms(logits: Tensor, labels: Tensor) -> Tensor:
    """‖f(x)‖² of each sample: B x C -> B. The labels play no part."""
    return logits.square().sum(1)


SQUARED_GRADIENTS = Importance("squared_gradients", cross_entropies, "square")
OUTPUT_SENSITIVITY = Importance("output_sensitivity", squared_norms, "absolute")

ROUNDING = 1 + 1e-5
"""What an alpha that somebody chose is multiplied by: I_forget = alpha · I_all, but for rounding, selects nothing.

A weight that matters to forget images alone has I_forget = |all| / |forget| · I_all, the very alpha of 10 for a tenth.
"""


def of_forget_and_all(
    kind: Importance, compat: str, batch_size: int, model: Classifier, split: Split, context: Context
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The importances for the forget set and for all training data, the latter computed once for an original."""
    settings = {"per_sample": True} if compat == "paper" else {"per_sample": False, "batch_size": batch_size}
    everything = split.forget.joined(split.retain)
    everything = everything.subset(np.argsort(everything.indices))
    of_all = context.once(kind.name, settings, lambda: of_images(kind, compat, batch_size, model, everything))
    return of_images(kind, compat, batch_size, model, split.forget), of_all


def of_images(kind: Importance, compat: str, batch_size: int, model: Classifier, images: Images) -> dict[str, Tensor]:
    """With compat "reference" the gradient of a batch's mean loss is raised, not those of single images."""
    return importances(model, images, batch_size, kind.loss, kind.power, per_sample=compat == "paper")


@torch.no_grad()
def dampen(
    model: Classifier, of_forget: dict[str, Tensor], of_all: dict[str, Tensor], alpha: float, dampening: float
) -> None:
    """Multiply each weight with I_forget > alpha · I_all by min(dampening · I_all / I_forget, 1), in place."""
    for name, weight in model.named_parameters():
        if weight.requires_grad:
            selected = of_forget[name] > alpha * of_all[name]
            factor = (dampening * of_all[name] / of_forget[name]).clamp(max=1)
            weight.mul_(torch.where(selected, factor, 1.0))
