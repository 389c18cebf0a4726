"""Gradient ascent on the forget set, held in place by adversarial examples and by weights that matter elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.adversarial import input_gradients, step_in_ball
from supreme.functional.batches import endless_batches
from supreme.functional.classifier import Classifier
from supreme.functional.labels import random_labels
from supreme.functional.optimizers import make_optimizer
from supreme.functional.scores import accuracy


@bounded
@dataclass(frozen=True, kw_only=True)
class AdvNegGrad:
    """Adversarial negative gradient (L2UL): unlearn images one by one without any retained image.

    Cha, Cho, Hwang, Lee, Moon and Lee, "Learning to Unlearn: Instance-wise Unlearning for Pre-trained Classifiers",
    AAAI 2024, https://arxiv.org/abs/2301.11578. Each forgotten image gets some adversarial examples: images within an
    L2 ball around it, pushed by projected gradient descent towards a random other class. min_θ of
    (−Σ cross entropy of the forgotten + Σ cross entropy of the adversarial, under their targets) / (both counts)
    + importance_weight / 2 · Σ Ω (θ − θ_original)², where Ω = 1 − MAS and MAS, scaled to [0, 1] within each tensor, is
    the mean over the forget set of |∇_θ ‖logits‖₂|: weights that the forget set does not use stay. It ends when forget
    accuracy is down to `stop_accuracy`. (No relation to the "advanced NegGrad" of some benchmarks, which is NegGrad+.)

    Deviations: the importance is exact for every image and taken in evaluation mode (the authors' code averages
    gradients over batches first, in training mode); whether to end is asked after each epoch, not after each step;
    targets are uniform over the other classes (a slip in the authors' code makes some of them the true class).
    The model trains in training mode, as there.
    Cost: `attack_steps` × `adversarial_per_image` passes, forward and backward, over the forget set and one by single
    images, then up to `epochs` over all adversarial examples, which are held on the device as float32, with a forget
    batch for each batch of them, and a forward pass over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    adversarial_per_image: PositiveInt
    """Adversarial examples of each forgotten image."""
    radius: PositiveFloat
    """L2 radius of the attack's ball, of pixels in [0, 1]."""
    attack_step: PositiveFloat
    """L2 length of each step of the attack."""
    attack_steps: PositiveInt
    """How many steps."""
    importance_weight: NonNegativeFloat
    """Weight of the penalty on weights that matter elsewhere; 0 or more (0: adversarial examples only)."""
    stop_accuracy: Annotated[float, Ge(0), Le(1)]
    """End after the first epoch at whose end forget accuracy is this or less."""
    lr: PositiveFloat
    """Learning rate of SGD."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Most passes over the adversarial examples."""
    forget_batch_size: PositiveInt
    """Forgotten images per step."""
    adversarial_batch_size: PositiveInt
    """Adversarial examples per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        copies = split.forget.subset(torch.arange(len(split.forget)).repeat(self.adversarial_per_image))
        targets = random_labels(copies.labels, split.num_classes, context.rng, wrong=True)
        copies = copies.with_labels(targets)
        batches = copies.batches(self.adversarial_batch_size)
        adversarial = torch.cat([self._attack(model, x, target, context.rng) for x, target in batches])
        originals = {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}
        unused = {name: 1 - _scaled(value) for name, value in _importance(model, split.forget).items()}

        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        forget = endless_batches(split.forget, self.forget_batch_size, context.rng)
        for _ in context.epochs(self.epochs):
            model.train()
            for positions, x, target in copies.numbered_batches(self.adversarial_batch_size, context.rng):
                forgotten, y = next(forget)
                kept = F.cross_entropy(model(adversarial[positions.to(x.device)]), target, reduction="sum")
                lost = F.cross_entropy(model(forgotten), y, reduction="sum")
                loss = (kept - lost) / (len(target) + len(y))
                if self.importance_weight:
                    moved = [
                        (unused[name] * (weight - originals[name]).square()).sum()
                        for name, weight in model.named_parameters()
                        if name in unused
                    ]
                    loss = loss + self.importance_weight / 2 * torch.stack(moved).sum()
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            if accuracy(model, split.forget, self.adversarial_batch_size) <= self.stop_accuracy:
                break
        return model

    def _attack(self, model: nn.Module, origin: Tensor, target: Tensor, rng: torch.Generator) -> Tensor:
        """Images in the ball that the model takes for their targets, from a random start inside."""
        start = torch.randn(origin.shape, generator=rng).to(origin.device)
        length = self.radius * torch.rand(len(origin), generator=rng).to(origin.device)
        start = start / torch.linalg.vector_norm(start, dim=(1, 2, 3), keepdim=True)
        x = (origin + length[:, None, None, None] * start).clamp(0, 1)
        for _ in range(self.attack_steps):
            _, gradient = input_gradients(model, x, target)
            x = step_in_ball(x, -gradient, self.attack_step, origin, self.radius)
        return x


def _importance(model: nn.Module, images: Images) -> dict[str, Tensor]:
    """Memory Aware Synapses (Aljundi et al., 2018, https://arxiv.org/abs/1711.09601): mean of |∇_θ ‖logits‖₂|."""
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    totals = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in weights.items()}
    for x, _ in images.batches(1):
        norm = torch.linalg.vector_norm(model(x))
        gradients = torch.autograd.grad(norm, list(weights.values()), allow_unused=True, materialize_grads=True)
        for name, gradient in zip(weights, gradients, strict=True):
            totals[name] += gradient.abs() / len(images)
    return totals


def _scaled(values: Tensor) -> Tensor:
    """To [0, 1]; all zeros where all values are alike."""
    low, high = values.aminmax()
    return (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
