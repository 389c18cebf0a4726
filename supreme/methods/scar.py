"""Selective-distillation for class and architecture-agnostic unlearning."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.suitability import require_goal, require_two_retained_classes
from supreme.core.validation import NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.distillation import distillation_loss
from supreme.functional.labels import nearest_wrong
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer
from supreme.functional.scores import accuracy, features_of, forgotten_accuracy

SMALLEST = 1e-6
"""Keeps the slope of a root finite at a feature of 0."""


@bounded
@dataclass(frozen=True, kw_only=True)
class SCAR:
    """Selective-distillation for Class and Architecture-agnostic unleaRning: leave the class, imitate the original.

    Bonato, Cotogni and Sabetta, "Is Retain Set All You Need in Machine Unlearning? Restoring Performance of Unlearned
    Models with Out-Of-Distribution Images", ECCV 2024, https://arxiv.org/abs/2404.12922. Features (what the head reads)
    are transformed by sign(φ)|φ|^power (Tukey) and brought to length 1. Class k has the mean and the covariance of the
    transformed features of its retained images; to the covariance are added diagonal_shrinkage · its mean variance on
    the diagonal and off_diagonal_shrinkage · its mean covariance elsewhere, then it is made a correlation matrix, S_k.
    A step minimises forget_weight · mean Mahalanobis distance dᵀ S_k⁻¹ d of a forget batch to the wrong class that was
    nearest at the original + distill_weight · KL(original ‖ model) on surrogate images. It ends as DUCK does: after the
    first epoch whose forget accuracy is below 1 % where whole classes are forgotten, elsewhere below the original's
    accuracy on images that it never saw.

    Deviations: this is not the retain-free SCAR in full. Its surrogate images are of another data set, and none is
    given here. With `surrogate: retain` they are retained images without their labels, an upper bound for what a good
    surrogate can do; with `surrogate: noise`, uniform noise, nothing of the retain set is used but the means and
    covariances, which the paper takes as stored with the model. Unseen images are the validation set (the authors take
    the test set). The covariance is shrunk once, as in the paper (their code shrinks it twice where no class is
    forgotten). Evaluation mode throughout, as noise would spoil the statistics of batch normalisation.
    Stops: after the first epoch whose forget accuracy is low enough, which validation images decide unless whole
    classes are forgotten.
    Cost: one forward pass over both sets and the validation set, one inversion per class; per epoch, for every
    forget batch `surrogate_batches` passes over it and over as many surrogate batches (twice forward), and a
    forward pass over the forget set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    surrogate: Annotated[str, OneOf("retain", "noise")]
    """retain (retained images, without labels) or noise (uniform)."""
    power: PositiveFloat
    """The paper's delta (beta in the code): exponent of the Tukey transform; above 0, 1 for none."""
    diagonal_shrinkage: NonNegativeFloat
    """The paper's gamma_1."""
    off_diagonal_shrinkage: NonNegativeFloat
    """The paper's gamma_2."""
    forget_weight: PositiveFloat
    """The paper's lambda_1."""
    distill_weight: NonNegativeFloat
    """The paper's lambda_2."""
    temperature: PositiveFloat
    """Of the distillation."""
    surrogate_batches: PositiveInt
    """Steps, each with its own surrogate batch, for every forget batch."""
    lr: PositiveFloat
    """Learning rate of Adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    max_epochs: PositiveInt
    """Passes over the forget set at most."""
    forget_batch_size: PositiveInt
    """Images per step."""
    surrogate_batch_size: PositiveInt
    """Images per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        goal = forgotten_accuracy(model, split, self.surrogate_batch_size)
        original = freeze(model)
        means, inverses, wrong = self._classes(model, split)
        optimizer = make_optimizer("adam", model, self.lr, 0.0, self.weight_decay)
        for _ in context.epochs(self.max_epochs):
            for positions, x_forget, _ in split.forget.numbered_batches(self.forget_batch_size, context.rng):
                target = wrong[positions.to(wrong.device)]
                surrogates = split.retain.batches(self.surrogate_batch_size, context.rng)
                for x, _ in islice(surrogates, self.surrogate_batches):
                    if self.surrogate == "noise":
                        x = torch.rand(x.shape, generator=context.rng).to(x)
                    with torch.no_grad():
                        taught = original(x)
                    distances = self._distances(model.features(x_forget), means, inverses)
                    distance = distances.gather(1, target[:, None]).mean()
                    loss = self.distill_weight * distillation_loss(model(x), taught, self.temperature)
                    optimizer.zero_grad()
                    (self.forget_weight * distance + loss).backward()
                    optimizer.step()
            if accuracy(model, split.forget, self.forget_batch_size) < goal:
                break
        return model

    def check_split(self, split: Split) -> None:
        require_goal(self, split)
        require_two_retained_classes(self, split)

    def _classes(self, model: Classifier, split: Split) -> tuple[Tensor, Tensor, Tensor]:
        """Means (K x D) and inverse correlations (K x D x D) of classes, and for each forgotten image the wrong one."""
        features, y = features_of(model, split.retain, self.surrogate_batch_size)
        classes = y.unique()
        groups = [self._transformed(features[y == one]) for one in classes]
        means = torch.stack([group.mean(0) for group in groups])
        inverses = torch.stack([torch.linalg.pinv(self._correlation(group)) for group in groups])
        forgotten, labels = features_of(model, split.forget, self.forget_batch_size)
        distances = self._distances(forgotten, means, inverses)
        return means, inverses, nearest_wrong(distances, classes, labels)

    def _transformed(self, features: Tensor) -> Tensor:
        return features.sign() * (features.abs() + SMALLEST) ** self.power

    def _correlation(self, group: Tensor) -> Tensor:
        centred = group - group.mean(0)
        covariance = centred.T @ centred / max(1, len(group) - 1)
        diagonal = torch.eye(len(covariance), dtype=torch.bool, device=covariance.device)
        off_diagonal = covariance[~diagonal & (covariance != 0)]
        shift = torch.where(
            diagonal,
            self.diagonal_shrinkage * covariance.diagonal().mean(),
            self.off_diagonal_shrinkage * off_diagonal.sum() / max(1, len(off_diagonal)),
        )
        shrunk = covariance + shift
        scale = shrunk.diagonal().clamp(min=SMALLEST**2).sqrt()
        return shrunk / (scale[:, None] * scale)

    def _distances(self, features: Tensor, means: Tensor, inverses: Tensor) -> Tensor:
        """Squared Mahalanobis distances of B x D features to every class: B x K."""
        offset = F.normalize(self._transformed(features), dim=1)[:, None] - F.normalize(means, dim=1)
        return torch.einsum("bkd,kde,bke->bk", offset, inverses, offset)
