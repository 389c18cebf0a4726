"""How much a loss depends on each weight: means of powers of gradients."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.core.images import Images
from supreme.functional.gradients import gradients_of
from supreme.functional.per_sample_gradients import POWERS, Loss, PowerName, layers_with_formula, sum_of_powers


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Of each sample, in nats: B x C and B -> B."""
    return F.cross_entropy(logits, labels, reduction="none")


def squared_gradients(model: nn.Module, images: Images, batch_size: int, per_sample: bool = True) -> dict[str, Tensor]:
    """The mean of the squared gradient of cross entropy: `importances` of the commonest kind.

    Per sample, this is the diagonal of the empirical Fisher information.
    """
    return importances(model, images, batch_size, cross_entropies, "square", per_sample)


def importances(
    model: nn.Module, images: Images, batch_size: int, loss: Loss, power: PowerName, per_sample: bool = True
) -> dict[str, Tensor]:
    """How much the loss of these images depends on each weight: the mean of the squared or absolute gradient.

    Per sample, it is the same for every batch size but for rounding. Otherwise the gradient of a batch's mean loss is
    raised and the batches averaged, as the authors of Selective Synaptic Dampening do: for samples whose gradients
    differ, that shrinks as batches grow.

    Args:
        model: left in evaluation mode; its weights and their gradients are not touched.
        images: taken in their order, without augmentation.
        batch_size: a matter of memory only, where `per_sample`.
        loss: (logits B x C, labels B) -> a value for each sample, B.
        power: square or absolute.

    Returns:
        For every trainable parameter, by name, a tensor of its shape.
    """
    if len(images) == 0:
        raise SupremeError("importances need at least one image, and the set is empty")
    model.eval()
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    totals = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in weights.items()}
    layers, count = None, 0
    for x, y in images.batches(batch_size):
        if per_sample:
            layers = layers_with_formula(model, x, y) if layers is None else layers
            raised = sum_of_powers(model, layers, x, y, loss, power)
        else:
            gradients = gradients_of(loss(model(x), y).mean(), list(weights.values()))
            raised = {name: POWERS[power](gradient) for name, gradient in zip(weights, gradients, strict=True)}
        for name, value in raised.items():
            totals[name] += value
        count += len(y) if per_sample else 1
    return {name: total / count for name, total in totals.items()}
