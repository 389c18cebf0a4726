"""Unlearning by a step along the influence of the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils import parameters_to_vector

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Compat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import add_vector, gradients_of, trainable


@bounded
@dataclass(frozen=True, kw_only=True)
class Influence:
    """Influence unlearning: the step that influence functions predict for leaving the forget set out of training.

    Koh and Liang, ICML 2017, https://arxiv.org/abs/1703.04730; Izzo et al., AISTATS 2021,
    https://arxiv.org/abs/2002.10077; as in Jia et al., "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023,
    https://arxiv.org/abs/2304.04934, with the inverse Hessian of WoodFisher (Singh and Alistarh, NeurIPS 2020,
    https://arxiv.org/abs/2004.14340). With N = n_f + n_r images and g the gradient of the summed loss,
    v = g_forget / N - n_f / (N n_r) · g_retain, and the weights move by alpha · k, where k begins as v, o as the
    gradient of a first retained image, and each of M - 1 further ones with gradient g gives
    k ← k - (k·g) / (M + o·g) · o and o ← o - (o·g) / (M + o·g) · o.

    Evaluation mode throughout. That recursion is the published one: it keeps one vector o where WoodFisher needs the
    inverse times each new gradient, so that k is no more than roughly the inverse Hessian times v.
    Deviations: with `compat: paper` M is how many retained images are used. The authors' code
    (OPTML-Group/Unlearn-Saliency and Unlearn-Sparse) takes the first M + 2 of the retain set, here drawn at random, and
    divides by M however many there are; the published numbers come from it: `compat: reference`.
    Cost: a forward and a backward pass over all training data and over `samples` single images.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper, or reference as the authors' code."""
    alpha: PositiveFloat
    """How far to go, the step that is predicted being 1."""
    samples: PositiveInt
    """M, retained images drawn for the recursion; all, where there are fewer."""
    batch_size: PositiveInt
    """Images per pass for v; a matter of memory only."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = trainable(model.eval())
        forgotten, retained = len(split.forget), len(split.retain)
        everything = forgotten + retained
        k = _gradient(model, weights, split.forget, self.batch_size) / everything
        k -= _gradient(model, weights, split.retain, self.batch_size) * forgotten / (everything * retained)

        is_paper = self.compat == "paper"
        count = min(self.samples if is_paper else self.samples + 2, retained)
        drawn = split.retain.subset(torch.randperm(retained, generator=context.rng)[:count])
        o = torch.zeros_like(k)
        for step, (x, y) in enumerate(drawn.batches(1)):
            gradient = parameters_to_vector(gradients_of(F.cross_entropy(model(x), y), weights))
            if step == 0:
                o = gradient
            else:
                divisor = (count if is_paper else self.samples) + o @ gradient
                k = k - (k @ gradient) / divisor * o
                o = o - (o @ gradient) / divisor * o
        add_vector(weights, self.alpha * k)
        return model


def _gradient(model: Classifier, weights: list[torch.nn.Parameter], images: Images, batch_size: int) -> Tensor:
    """Of the summed cross entropy, as one vector."""
    total = torch.zeros_like(parameters_to_vector(weights), requires_grad=False)
    for x, y in images.batches(batch_size):
        loss = F.cross_entropy(model(x), y, reduction="sum")
        total += parameters_to_vector(gradients_of(loss, weights))
    return total
