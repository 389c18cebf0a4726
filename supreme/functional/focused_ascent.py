"""Where, and on which images most, SFRon climbs the loss of the forget set (Huang et al., 2024)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from supreme.core import Split
from supreme.functional.classifier import Classifier
from supreme.functional.importances import squared_gradients

SMALLEST = 1e-15
"""Keeps quotients of losses and of importances defined, as in the authors' code."""


def climbing_masks(
    model: Classifier, split: Split, forget_batch_size: int, retain_batch_size: int, threshold: float, per_sample: bool
) -> list[Tensor]:
    """For each trainable weight, 1 where its importance to the forget set is at least `threshold` times that to the
    retain set, and 0 elsewhere.

    Args:
        per_sample: squared gradients of single images, or of the batches' means.
    """
    of_forget = squared_gradients(model, split.forget, forget_batch_size, per_sample)
    of_retain = squared_gradients(model, split.retain, retain_batch_size, per_sample)
    ratios = [(of_forget[name] + SMALLEST) / (of_retain[name] + SMALLEST) for name in of_forget]
    return [(ratio >= threshold).to(ratio) for ratio in ratios]


def focused_loss(logits: Tensor, y: Tensor, focus: float) -> Tensor:
    """The cross entropy, an image counting the more the smaller its loss is; weights have mean 1. `focus` 0: alike."""
    losses = F.cross_entropy(logits, y, reduction="none")
    wanted = 1 / (losses.detach() ** focus + SMALLEST)
    return (wanted / wanted.mean() * losses).mean()
