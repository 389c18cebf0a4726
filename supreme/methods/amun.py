"""Unlearning by training on the nearest adversarial example of each forgotten image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn

from supreme.core import Context, Split, SupremeError
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.adversarial import input_gradients, step_in_ball
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class AMUN:
    """Adversarial Machine UNlearning: teach the model the wrong answers that it already gives next to the forget set.

    Ebrahimpour-Boroojeny, Sundaram and Chandrasekaran, "Not All Wrong is Bad: Using Adversarial Examples for
    Unlearning", ICML 2025, https://arxiv.org/abs/2503.00917, algorithm 1. For each forgotten image x the nearest x'
    that the original gets wrong is looked for by projected gradient ascent of the cross entropy in an L2 ball, whose
    radius doubles until x' is found. Then min_θ of the cross entropy on these x', under the labels that the original
    gives them, together with the retain set and the forget set under their own labels.

    Deviations: an image that no radius fools has no x' and is left out; the authors' code (Ali-E/AMUN) never ends
    there. The model is in training mode when it trains and in evaluation mode when it is attacked, as there.
    Cost: up to `steps` × (`doublings` + 1) passes, forward and backward, over the forget set, then `epochs` over twice
    the forget set and the retain set. Holds one more forget set, as float32, on the device.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    radius: PositiveFloat
    """L2 radius of the first ball, of pixels in [0, 1]."""
    doublings: Annotated[int, Ge(0), Le(60)]
    """How often at most the radius doubles."""
    steps: PositiveInt
    """Steps of the attack for each radius."""
    step_fraction: Annotated[float, Gt(0), Le(1)]
    """Length of a step, as a part of the radius."""
    with_retain: bool
    """Whether the retain set is trained on too; without, the method needs no retained image."""
    with_forget: bool
    """Whether the forgotten images themselves are trained on too, under their own labels."""
    lr: PositiveFloat
    """Learning rate of SGD at the start."""
    lr_step: PositiveInt
    """The learning rate falls to a tenth after each so many epochs."""
    momentum: Momentum
    """Of SGD."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD."""
    epochs: PositiveInt
    """Passes over what it trains on."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the images as the recipe does; never the adversarial examples."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        attacked = [self._nearest_wrong(model, x, y) for x, y in split.forget.batches(self.batch_size)]
        answers = torch.cat([answer for _, answer in attacked]).cpu()
        found = (answers != split.forget.labels).nonzero()[:, 0]
        if len(found) == 0:
            raise SupremeError(
                f"AMUN found no adversarial example of any forgotten image up to an L2 distance of "
                f"{self.radius * 2**self.doublings:g}: type method.doublings={self.doublings + 4}"
            )
        adversarial = torch.cat([x for x, _ in attacked])[found.to(context.device)]
        # The forgotten images stand in for their adversarial examples, so that one shuffle mixes everything.
        images = split.forget.subset(found).with_labels(answers[found])
        images = images.joined(split.forget) if self.with_forget else images
        images = images.joined(split.retain) if self.with_retain else images

        optimizer = make_optimizer("sgd", model, self.lr, self.momentum, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.epochs):
            set_lr(optimizer, self.lr * 0.1 ** ((epoch - 1) // self.lr_step))
            for positions, x, y in images.numbered_batches(self.batch_size, context.rng, self.augment):
                rows = (positions < len(found)).nonzero()[:, 0]
                x[rows.to(x.device)] = adversarial[positions[rows].to(x.device)]
                loss = F.cross_entropy(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _nearest_wrong(self, model: nn.Module, origin: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """For each image the first one on its way outwards that the model gets wrong, and the answer there."""
        x = answers = origin
        for doubling in range(self.doublings + 1):
            radius = self.radius * 2**doubling
            for _ in range(self.steps):
                logits, gradient = input_gradients(model, x, y)
                right = (logits.argmax(1) == y)[:, None, None, None]
                x = torch.where(right, step_in_ball(x, gradient, self.step_fraction * radius, origin, radius), x)
            with torch.no_grad():
                answers = model(x).argmax(1)
            if not (answers == y).any():
                break
        return x, answers
