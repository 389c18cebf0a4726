"""Gradient ascent on the forget set, held in place by adversarial examples and by weights that matter elsewhere."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import Compat, Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.adversarial import input_gradients
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

    Deviations: with `compat: paper` MAS is that of single images, in evaluation mode, targets are uniform over the
    other classes, and whether to end is asked after each epoch. The authors' code (csm9493/L2UL) takes MAS of batches
    in training mode, each with the gradients of those before it, which it forgets to clear; draws targets from all
    classes and puts class C/2 in place of the true one, which leaves images of that class their own label; and asks
    after each step. The published numbers come from it: `compat: reference`. Batches are shuffled here, and not there.
    The model trains in training mode, as there.
    Cost: `attack_steps` × `adversarial_per_image` passes, forward and backward, over the forget set and one by single
    images, then up to `epochs` over all adversarial examples, which are held on the device as float32, with a forget
    batch for each batch of them, and a forward pass over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    compat: Compat
    """paper, or reference as the authors' code."""
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
    """End once forget accuracy is this or less; asked after each epoch, or with compat: reference after each step."""
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
    augment: bool
    """Whether to augment the forgotten images as the recipe does; never their adversarial examples."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        reference = self.compat == "reference"
        positions, adversarial, targets = self._adversarial(model, split, context.rng)
        copies = split.forget.subset(positions).with_labels(targets)
        originals = {name: weight.detach().clone() for name, weight in model.named_parameters() if weight.requires_grad}
        if reference:
            importance = _importance(
                copy.deepcopy(model).train(), split.forget, self.forget_batch_size, cumulative=True
            )
        else:
            importance = _importance(model, split.forget, 1)
        unused = {name: 1 - _scaled(value) for name, value in importance.items()}

        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        forget = endless_batches(split.forget, self.forget_batch_size, context.rng, self.augment)
        for _ in context.epochs(self.epochs):
            for numbers, _, target in copies.numbered_batches(self.adversarial_batch_size, context.rng):
                model.train()
                forgotten, y = next(forget)
                kept = F.cross_entropy(model(adversarial[numbers.to(adversarial.device)]), target, reduction="sum")
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
                if reference and self._is_forgotten(model, split):
                    return model
            if self._is_forgotten(model, split):
                break
        return model

    def _is_forgotten(self, model: nn.Module, split: Split) -> bool:
        return accuracy(model, split.forget, self.adversarial_batch_size) <= self.stop_accuracy

    def _adversarial(self, model: nn.Module, split: Split, rng: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Positions in the forget set (M, on the CPU), adversarial examples (M x 3 x H x W) and targets (M, there)."""
        positions, examples, targets = [], [], []
        for numbers, x, y in split.forget.numbered_batches(self.forget_batch_size):
            for _ in range(self.adversarial_per_image):
                target = self._targets(y.cpu(), split.num_classes, rng)
                positions.append(numbers)
                examples.append(self._attack(model, x, target.to(y), rng))
                targets.append(target)
        return torch.cat(positions), torch.cat(examples), torch.cat(targets)

    def _targets(self, y: Tensor, num_classes: int, rng: torch.Generator) -> Tensor:
        if self.compat == "paper":
            return random_labels(y, num_classes, rng, wrong=True)
        drawn = (torch.rand(len(y), generator=rng) * num_classes).long()
        return torch.where(drawn == y, num_classes // 2, drawn)

    def _attack(self, model: nn.Module, origin: Tensor, target: Tensor, rng: torch.Generator) -> Tensor:
        """Images in the ball that the model takes for their targets, from noise that is drawn into it."""
        x = _into_ball(torch.rand(origin.shape, generator=rng).to(origin), origin, self.radius)
        for _ in range(self.attack_steps):
            _, gradient = input_gradients(model, x, target)
            length = torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).clamp_min(1e-6)
            x = _into_ball((x - self.attack_step * gradient / length).clamp(0, 1), origin, self.radius)
        return x


def _into_ball(x: Tensor, origin: Tensor, radius: float) -> Tensor:
    away = x - origin
    length = torch.linalg.vector_norm(away, dim=(1, 2, 3), keepdim=True).clamp_min(torch.finfo(x.dtype).tiny)
    return origin + away * (radius / length).clamp(max=1)


def _importance(model: nn.Module, images: Images, batch_size: int, cumulative: bool = False) -> dict[str, Tensor]:
    """Memory Aware Synapses (Aljundi et al., 2018, https://arxiv.org/abs/1711.09601): mean of |∇_θ ‖logits‖₂|.

    Cumulative: each batch counts with the sum of its gradient and all before it.
    """
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    totals = {name: torch.zeros_like(weight, requires_grad=False) for name, weight in weights.items()}
    sums = {name: torch.zeros_like(total) for name, total in totals.items()}
    for x, _ in images.batches(batch_size):
        norm = torch.linalg.vector_norm(model(x), dim=1).mean()
        gradients = torch.autograd.grad(norm, list(weights.values()), allow_unused=True, materialize_grads=True)
        for name, gradient in zip(weights, gradients, strict=True):
            sums[name] = sums[name] + gradient if cumulative else gradient
            totals[name] += sums[name].abs() * len(x) / len(images)
    return totals


def _scaled(values: Tensor) -> Tensor:
    """To [0, 1]; all zeros where all values are alike."""
    low, high = values.aminmax()
    return (values - low) / (high - low).clamp_min(torch.finfo(values.dtype).tiny)
