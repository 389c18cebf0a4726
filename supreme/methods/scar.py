"""Selective-distillation for class and architecture-agnostic unlearning."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Ge, Le
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.suitability import require_goal, require_two_retained_classes
from supreme.core.validation import NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
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
    nearest when the first step was taken on it + distill_weight · KL(softmax(original / temperature) ‖ model) on
    surrogate images.

    To forget whole classes, the distillation is selective: surrogates that the original takes for one of them are left
    out, and the logits of these classes are lowered to the smallest of the batch. It ends as soon as forget accuracy is
    below 1 %. Elsewhere the distance of an image counts as much as its class is still known, by the forget accuracy of
    that class, and not at all once that is below `class_floor`; it ends as soon as forget accuracy is `tolerance` below
    the original's accuracy on images that it never saw. It never ends before the third epoch.

    Authors' code: jbonato1/SCAR. It shrinks covariances twice: its gamma is gamma · (2 + gamma) here.

    Deviations: this is not the retain-free SCAR in full. Its surrogate images are of another data set, and none is
    given here. With `surrogate: retain` they are retained images without their labels, an upper bound for what a good
    surrogate can do; with `surrogate: noise`, uniform noise, nothing of the retain set is used but the means and
    covariances, which the paper takes as stored with the model. Where no class is forgotten the authors draw the
    surrogates so that the original gives every class equally often. Unseen images are the validation set (the authors
    take the test set). In the authors' code, where a class is forgotten, a place in the list of the other classes is
    taken for a label; the wrong class may then be the second nearest. It leaves out surrogates of the first of several
    forgotten classes only, multiplies the KL divergence by 1.0001, and before it goes on to the next forget batch it
    makes one forward pass more, which batch normalisation learns from.
    Stops: at the first step from the third epoch on at which forget accuracy is low enough, which validation images
    decide unless whole classes are forgotten.
    Cost: one forward pass over the retain set and the validation set, one inversion per class; per epoch, for every
    forget batch `surrogate_batches` passes over it and over as many surrogate batches (twice forward), and after each
    of these a forward pass over the forget set (of whole classes, from the third epoch on).
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    surrogate: Annotated[str, OneOf("retain", "noise")]
    """retain (retained images, without labels) or noise (uniform)."""
    power: PositiveFloat
    """The paper's delta (beta in the code): exponent of the Tukey transform; above 0, 1 for none."""
    diagonal_shrinkage: NonNegativeFloat
    """The paper's gamma_1, applied once."""
    off_diagonal_shrinkage: NonNegativeFloat
    """The paper's gamma_2, applied once."""
    forget_weight: PositiveFloat
    """The paper's lambda_1."""
    distill_weight: NonNegativeFloat
    """The paper's lambda_2."""
    temperature: PositiveFloat
    """Divides the logits of the original."""
    surrogate_batches: PositiveInt
    """Steps, each with its own surrogate batch, for every forget batch."""
    lr: PositiveFloat
    """Learning rate of Adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    class_floor: Annotated[float, Ge(0), Le(1)]
    """Forget accuracy below which a class is pushed no further, where no class is forgotten."""
    tolerance: NonNegativeFloat
    """How far below the accuracy on unseen images it ends, where no class is forgotten."""
    freeze_batchnorm: bool
    """Whether batch normalisation keeps the statistics of the original."""
    max_epochs: PositiveInt
    """Passes over the forget set at most."""
    forget_batch_size: PositiveInt
    """Images per step."""
    surrogate_batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether to augment the surrogate images as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        gone = sorted(set(split.forget.targets.tolist()) - set(split.retain.targets.tolist()))
        whole = len(gone) == len(np.unique(split.forget.targets))
        goal = forgotten_accuracy(model, split, self.surrogate_batch_size) - (0 if whole else self.tolerance)
        original = freeze(model)
        means, inverses, classes = self._classes(model, split)
        wrong = torch.zeros(len(split.forget), dtype=torch.int64, device=means.device)
        weights = torch.ones(split.num_classes, dtype=means.dtype, device=means.device)
        optimizer = make_optimizer("adam", model, self.lr, 0.0, self.weight_decay)
        model.train(not self.freeze_batchnorm)
        for epoch in context.epochs(self.max_epochs):
            for positions, x_forget, y_forget in split.forget.numbered_batches(self.forget_batch_size, context.rng):
                surrogates = split.retain.batches(self.surrogate_batch_size, context.rng, self.augment)
                for step, (x, _) in enumerate(islice(surrogates, self.surrogate_batches)):
                    if self.surrogate == "noise":
                        x = torch.rand(x.shape, generator=context.rng).to(x)
                    distances = self._distances(model.features(x_forget), means, inverses)
                    if epoch == 1 and step == 0:
                        wrong[positions] = nearest_wrong(distances.detach(), classes, y_forget)
                    distance = distances.gather(1, wrong[positions, None])[:, 0] * weights[y_forget]
                    loss = self.distill_weight * self._distillation(model, original, x, gone if whole else [])
                    optimizer.zero_grad()
                    (self.forget_weight * distance.mean() + loss).backward()
                    optimizer.step()
                    if not whole:
                        weights = self._known(model, split).to(means)
                    if epoch > 2 and accuracy(model, split.forget, self.forget_batch_size) < goal:
                        return model
        return model

    def check_split(self, split: Split) -> None:
        require_goal(self, split)
        require_two_retained_classes(self, split)

    def _distillation(self, model: Classifier, original: Classifier, x: Tensor, gone: list[int]) -> Tensor:
        with torch.no_grad():
            taught = original(x)
        kept = torch.ones(len(x), dtype=torch.bool, device=x.device)
        for label in gone:
            kept &= taught.argmax(1) != label
        student = model(x)[kept]  # all images, so that batch normalisation sees them all
        taught = taught[kept]
        if gone and len(taught):
            taught[:, gone] = taught.min()
        teacher = (taught / self.temperature).log_softmax(1)
        return F.kl_div(student.log_softmax(1), teacher, reduction="sum", log_target=True) / max(1, len(taught))

    @torch.no_grad()
    def _known(self, model: Classifier, split: Split) -> Tensor:
        """The forget accuracy of each class, 0 below class_floor."""
        was_training = model.training
        model.eval()
        pairs = [(model(x).argmax(1), y) for x, y in split.forget.batches(self.forget_batch_size)]
        model.train(was_training)
        answers, labels = (torch.cat(part) for part in zip(*pairs, strict=True))
        right = labels[answers == labels].bincount(minlength=split.num_classes)
        found = right.double() / labels.bincount(minlength=split.num_classes).clamp(min=1)
        return found.where(found >= self.class_floor, torch.zeros_like(found))

    def _classes(self, model: Classifier, split: Split) -> tuple[Tensor, Tensor, Tensor]:
        """Means (K x D) and inverse correlations (K x D x D) of classes, and which classes they are (K)."""
        features, y = features_of(model, split.retain, self.surrogate_batch_size)
        classes = y.unique()
        groups = [self._transformed(features[y == one]) for one in classes]
        means = torch.stack([group.mean(0) for group in groups])
        return means, torch.stack([torch.linalg.pinv(self._correlation(group)) for group in groups]), classes

    def _transformed(self, features: Tensor) -> Tensor:
        size = features.abs().clamp(min=SMALLEST) ** self.power
        return features.sign() * size  # 0 where the feature is 0, and there the slope is 0

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
