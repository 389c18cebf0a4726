"""Making forgotten images unlike retained ones."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import ClassVar

import torch
import torch.nn.functional as F

from supreme.core import Context, Split
from supreme.core.validation import Momentum, NonNegativeFloat, PositiveFloat, PositiveInt, bounded, require
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import cosine, make_optimizer, set_lr


@bounded
@dataclass(frozen=True, kw_only=True)
class FCS:
    """Forget-Contrast-Strengthen: answer forgotten images evenly, push them away from retained ones, then repair.

    The first of the NeurIPS 2023 challenge: Triantafillou et al., "Are We Making Progress in Unlearning? Findings from
    the First NeurIPS Unlearning Competition", arXiv 2024, https://arxiv.org/abs/2406.09073; compared by Cadet et al.,
    "Deep Unlearn: Benchmarking Machine Unlearning for Image Classification", EuroS&P 2025,
    https://arxiv.org/abs/2410.01276. One pass over the forget set minimises KL(uniform ‖ p). Then in every epoch (a)
    batches of the forget and of the retain set are paired, to the end of the shorter set: with z their logits, the
    step minimises the mean over all pairs of -log softmax over retained images of z_forget · z_retain / T, without a
    gradient through z_retain, which makes a forgotten image equally like (or unlike) all retained ones; (b) one pass
    over the retain set minimises the cross entropy. All by SGD, the model in training mode; the learning rate of (a)
    falls along a cosine from step to step.

    Code: the port in xcadet/deepunlearn, munl/unlearning/kgltop1.py; the winner's notebook, which is public on Kaggle,
    could not be obtained (looked for on 2026-11-29). His write-up agrees in the losses, T, the epochs, the batch size
    and the cosine. No deviation from the port is known.
    Applies to: all models.
    Cost: one pass and `epochs` over the forget set, and up to twice `epochs` over the retain set, half of them forward
    only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    epochs: PositiveInt
    """How often it contrasts and repairs."""
    temperature: PositiveFloat
    """T, divides the similarities."""
    uniform_lr: PositiveFloat
    """Learning rate of the first pass."""
    contrast_lr: PositiveFloat
    """Learning rate of the first contrasting step."""
    contrast_lr_end: NonNegativeFloat
    """What it falls towards; from 0 to contrast_lr."""
    retain_lr: PositiveFloat
    """Learning rate on the retain set, constant."""
    momentum: Momentum
    """Of SGD, everywhere."""
    weight_decay: NonNegativeFloat
    """L2 term of SGD on the retain set."""
    forget_batch_size: PositiveInt
    """Forgotten images per step."""
    retain_batch_size: PositiveInt
    """Retained images per step."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        rule = f"a number from 0 to contrast_lr={self.contrast_lr}, as in method.contrast_lr_end=1e-6"
        require(self, "contrast_lr_end", self.contrast_lr_end <= self.contrast_lr, rule)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.train()
        optimizer = make_optimizer("sgd", model, self.uniform_lr, self.momentum, 0.0)
        for x, _ in split.forget.batches(self.forget_batch_size, context.rng, self.augment):
            loss = -F.log_softmax(model(x), dim=1).mean()  # KL(uniform ‖ p) plus a constant
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        contrasting = make_optimizer("sgd", model, self.contrast_lr, self.momentum, 0.0)
        repairing = make_optimizer("sgd", model, self.retain_lr, self.momentum, self.weight_decay)
        steps, step = self.epochs * ceil(len(split.forget) / self.forget_batch_size), 0
        for _ in context.epochs(self.epochs):
            forgotten = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            retained = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            for (x, _), (other, _) in zip(forgotten, retained, strict=False):
                above_end = (self.contrast_lr - self.contrast_lr_end) * cosine(step, steps)
                set_lr(contrasting, self.contrast_lr_end + above_end)
                answer = model(x)
                with torch.no_grad():
                    anchors = model(other)
                loss = -F.log_softmax(answer @ anchors.T / self.temperature, dim=1).mean()
                contrasting.zero_grad()
                loss.backward()
                contrasting.step()
                step += 1
            for x, y in split.retain.batches(self.retain_batch_size, context.rng, self.augment):
                loss = F.cross_entropy(model(x), y)
                repairing.zero_grad()
                loss.backward()
                repairing.step()
        return model
