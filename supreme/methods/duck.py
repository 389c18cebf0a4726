"""Unlearning by distance to the centroids of classes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from math import ceil
from typing import ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.suitability import require_goal, require_two_retained_classes
from supreme.core.validation import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.labels import nearest_wrong
from supreme.functional.optimizers import cosine, make_optimizer, set_lr
from supreme.functional.scores import accuracy, features_of, forgotten_accuracy

RESTORE_LR = 1e-4
RESTORE_BATCHES = 20


@bounded
@dataclass(frozen=True, kw_only=True)
class DUCK:
    """Distance-based Unlearning via Centroid Kinematics: push forgotten images to the nearest wrong class.

    Cotogni, Bonato, Sabetta, Pelosin and Nicolosi, "DUCK: Distance-based Unlearning via Centroid Kinematics", 2023,
    https://arxiv.org/abs/2312.02052. c_k is the mean feature (what the head reads) of the retained images of class k at
    the original. A step minimises forget_weight · mean cosine distance of a forget batch to the nearest wrong centroids
    + retain_weight · cross entropy of a retain batch at `temperature`; `retain_batches` steps are taken for one forget
    batch. The nearest wrong centroid of an image is found anew at each step of the first epoch, and is then kept. This
    ends after the first epoch whose forget accuracy is below 1 % where whole classes are forgotten, elsewhere below the
    original's accuracy on images that it never saw.

    The authors' code (OcraM17/DUCK) then takes `restore_epochs` more, in which the cross entropy of a retain batch has
    weight 1 and the distance a tenth of forget_weight; the learning rate falls from 1e-4 along a cosine. Each forget
    batch meets 20 retain batches; where whole classes are forgotten, the first forget batch meets all of them.

    Deviations: unseen images are the validation set (the authors take the test set), and centroids those of the whole
    retain set, not of its first 50 batches. In the authors' code all images of the second and later forget batches get
    the centroids of images of the first one from the second epoch on, as a list is read at the wrong place; where a
    class is forgotten, a place in the list of the other classes is taken for a label, so that the centroid may be the
    second nearest; and where none is, the last, incomplete batches of both sets are left out. Before it goes on to the
    next forget batch it makes one forward pass more, which batch normalisation learns from. Training mode.
    Stops: after the first epoch whose forget accuracy is low enough, which validation images decide unless whole
    classes are forgotten.
    Cost: one forward pass over the retain set and the validation set; per epoch, for every forget batch
    `retain_batches` passes over it and over as many retain batches, and a forward pass over the forget set; then
    `restore_epochs` times, for every forget batch 20 passes over it and over as many retain batches.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    forget_weight: PositiveFloat
    """The paper's lambda_1."""
    retain_weight: NonNegativeFloat
    """The paper's lambda_2."""
    temperature: PositiveFloat
    """Divides the logits of retained images."""
    retain_batches: PositiveInt
    """Steps, each with its own retain batch, for every forget batch."""
    lr: PositiveFloat
    """Learning rate of Adam in the first epochs."""
    decay_epochs: list[PositiveInt]
    """After each of these epochs the learning rate is halved."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    max_epochs: PositiveInt
    """Passes over the forget set at most."""
    forget_batch_size: PositiveInt
    """Images per step."""
    retain_batch_size: PositiveInt
    """Images per step."""
    restore_epochs: NonNegativeInt
    """Passes over the forget set afterwards, to restore what is retained."""
    restore_batch_size: PositiveInt
    """Retained images per step then; an incomplete batch is left out."""
    augment: bool
    """Whether to augment the images that it trains on as the recipe does."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        goal = forgotten_accuracy(model, split, self.retain_batch_size)
        centroids, classes = self._centroids(model, split)
        nearest = torch.zeros(len(split.forget), dtype=torch.int64, device=centroids.device)
        optimizer = make_optimizer("adam", model, self.lr, 0.0, self.weight_decay)
        model.train()
        for epoch in context.epochs(self.max_epochs):
            set_lr(optimizer, self.lr * 0.5 ** sum(epoch > decay for decay in self.decay_epochs))
            for positions, x_forget, y_forget in self._forget_batches(split, context):
                retained = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
                for x, y in islice(retained, self.retain_batches):
                    distances = self._distances(model.features(x_forget), centroids)
                    if epoch == 1:
                        nearest[positions] = nearest_wrong(distances.detach(), classes, y_forget)
                    distance = distances.gather(1, nearest[positions, None]).mean()
                    loss = self.retain_weight * F.cross_entropy(model(x) / self.temperature, y)
                    optimizer.zero_grad()
                    (self.forget_weight * distance + loss).backward()
                    optimizer.step()
            if accuracy(model, split.forget, self.forget_batch_size) < goal:
                break
        self._restore(model, split, context, centroids, classes, nearest)
        return model

    def check_split(self, split: Split) -> None:
        require_goal(self, split)
        require_two_retained_classes(self, split)

    def _restore(
        self, model: Classifier, split: Split, context: Context, centroids: Tensor, classes: Tensor, nearest: Tensor
    ) -> None:
        """The second phase of the authors' code."""
        whole = not np.isin(split.forget.targets, split.retain.targets).any()
        total = self.restore_epochs * RESTORE_BATCHES * ceil(len(split.forget) / self.forget_batch_size)
        complete = len(split.retain) // self.restore_batch_size
        optimizer, done = make_optimizer("adam", model, RESTORE_LR, 0.0, self.weight_decay), 0
        for _ in range(self.restore_epochs):
            for positions, x_forget, y_forget in islice(self._forget_batches(split, context), 1 if whole else None):
                retained = split.retain.batches(self.restore_batch_size, context.rng, self.augment)
                count = complete if whole else min(complete, RESTORE_BATCHES)
                for step, (x, y) in enumerate(islice(retained, count)):
                    set_lr(optimizer, RESTORE_LR * cosine(done, total))
                    features = model.features(torch.cat([x_forget, x]))
                    distances = self._distances(features[: len(x_forget)], centroids)
                    target = nearest[positions]
                    if step == 0:
                        target = nearest_wrong(distances.detach(), classes, y_forget)
                    distance = distances.gather(1, target[:, None]).mean()
                    loss = F.cross_entropy(model.head(features[len(x_forget) :]) / self.temperature, y)
                    optimizer.zero_grad()
                    (self.forget_weight / 10 * distance + loss).backward()
                    optimizer.step()
                    done += 1

    def _forget_batches(self, split: Split, context: Context) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        return split.forget.numbered_batches(self.forget_batch_size, context.rng, self.augment)

    def _centroids(self, model: Classifier, split: Split) -> tuple[Tensor, Tensor]:
        """K x D, and of which K classes."""
        features, y = features_of(model, split.retain, self.retain_batch_size)
        classes = y.unique()
        return torch.stack([features[y == one].mean(0) for one in classes]), classes

    def _distances(self, features: Tensor, centroids: Tensor) -> Tensor:
        return 1 - F.cosine_similarity(features[:, None], centroids[None], dim=2)
