"""Unlearning a class by training on noise in its name, then repairing the rest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import (
    Compat,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    bounded,
    require_class_scenario,
)
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class UNSIR:
    """Unlearning by Selective Impair and Repair: forget a class without its images, through noise that stands for it.

    Tarun, Chundawat, Mandal and Kankanhalli, "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023,
    https://arxiv.org/abs/2111.08947. Noise: for each forgotten class images N, from N(0, 1),
    that minimise −cross entropy(original(N), class) + noise_penalty · mean ‖N‖². Impair: one epoch on copies of this
    noise, labelled with the class, and on some retained images of every other class. Repair: one epoch on these
    retained images alone. N is in the units that the body of the model sees, normalised, and not a picture: it leaves
    the range of pixels, as in the paper.

    Authors' code: vikram2000b/Fast-Machine-Unlearning, a notebook. Of the noise_images that it makes, only as many come
    into the impairing epoch as an image has channels, three; and the original is in training mode while the noise is
    made, so that batch normalisation learns the noise. The published numbers come from it: `compat: reference`. With
    `compat: paper` all of the noise is used, and the noise is made in evaluation mode; SUPREME's values were found so.

    Deviations: the retained images are drawn, up to retain_per_class of each class that the model has, from the retain
    set, so that they are of every class and subclass but the forgotten one (the authors take the first ones; SUPREME's
    code confuses subclasses with classes there: it repairs with a fifth of them, and can repair with the forgotten
    one). The authors' code labels all noise as class 0. Training mode when impairing and repairing.
    Where: forgetting classes or subclasses; a random forget set has no class to make noise for.
    Cost: `noise_steps` passes, forward and backward, over the noise, then one epoch over its copies and two over the
    retained images.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})
    applies_to: ClassVar[str] = "class"

    noise_images: PositiveInt
    """Noise images of each forgotten class."""
    noise_steps: PositiveInt
    """Steps of Adam on the noise."""
    noise_lr: PositiveFloat
    """Learning rate of Adam on the noise."""
    noise_penalty: NonNegativeFloat
    """The paper's lambda, weight of the mean squared length of the noise."""
    noise_copies: PositiveInt
    """How often each noise image comes in the impairing epoch."""
    retain_per_class: PositiveInt
    """Retained images of each class at most, drawn once."""
    impair_lr: PositiveFloat
    """Learning rate of Adam when impairing."""
    impair_batch_size: PositiveInt
    """Images per impairing step."""
    repair_lr: PositiveFloat
    """Learning rate of Adam when repairing."""
    repair_batch_size: PositiveInt
    """Images per repairing step."""
    compat: Compat
    """paper, or reference as the authors' code."""
    augment: bool
    """Whether to augment the retained images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        require_class_scenario(self, split)
        retained = split.retain.subset(self._drawn(split.retain.targets, context.rng))
        shape = next(retained.batches(1))[0].shape[1:]
        used = self.noise_images if self.compat == "paper" else min(shape[0], self.noise_images)
        made = []
        for label in split.forget_classes:
            start = torch.randn(self.noise_images, *shape, generator=context.rng).to(model.mean)
            labels = torch.full((self.noise_images,), label, device=context.device)
            made.append(self._error_maximising(model, start, labels)[:used])
        noise = torch.cat(made)

        # Retained images stand in for the noise, so that one shuffle mixes everything.
        names = torch.tensor(split.forget_classes).repeat_interleave(used).repeat(self.noise_copies)
        stand_ins = split.retain.subset([0] * len(names)).with_labels(names)
        model.train()
        self._epoch(model, stand_ins.joined(retained), noise, self.impair_lr, self.impair_batch_size, context)
        self._epoch(model, retained, noise[:0], self.repair_lr, self.repair_batch_size, context)
        return model

    def _drawn(self, targets: np.ndarray, rng: torch.Generator) -> np.ndarray:
        """Positions in the retain set, up to retain_per_class of each class."""
        order = torch.randperm(len(targets), generator=rng).numpy()
        return np.concatenate([order[targets[order] == name][: self.retain_per_class] for name in np.unique(targets)])

    def _error_maximising(self, model: Classifier, start: Tensor, labels: Tensor) -> Tensor:
        """The noise as the model takes it: what normalisation turns into N."""
        model.train(self.compat == "reference")
        noise = start.clone().requires_grad_(True)
        optimizer = torch.optim.Adam([noise], lr=self.noise_lr)
        for _ in range(self.noise_steps):
            length = noise.square().sum((1, 2, 3)).mean()
            loss = -F.cross_entropy(model(model.mean + model.std * noise), labels) + self.noise_penalty * length
            (noise.grad,) = torch.autograd.grad(loss, [noise])
            optimizer.step()
        return (model.mean + model.std * noise).detach()

    def _epoch(
        self, model: Classifier, images: Images, noise: Tensor, lr: float, batch_size: int, context: Context
    ) -> None:
        """One epoch on these images, of which the first `noise_copies` times the noise are noise."""
        optimizer = make_optimizer("adam", model, lr, 0.0, 0.0)
        count = len(noise) * self.noise_copies
        for positions, x, y in images.numbered_batches(batch_size, context.rng, self.augment):
            rows = (positions < count).nonzero()[:, 0]
            x = x.to(noise)
            x[rows.to(x.device)] = noise[(positions[rows] % max(1, len(noise))).to(x.device)]
            loss = F.cross_entropy(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
