"""Unlearning by distance to the centroids of classes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.suitability import require_goal, require_two_retained_classes
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.labels import nearest_wrong
from supreme.functional.optimizers import make_optimizer
from supreme.functional.scores import accuracy, features_of, forgotten_accuracy


@bounded
@dataclass(frozen=True, kw_only=True)
class DUCK:
    """Distance-based Unlearning via Centroid Kinematics: push forgotten images to the nearest wrong class.

    Cotogni, Bonato, Sabetta, Pelosin and Nicolosi, "DUCK: Distance-based Unlearning via Centroid Kinematics", 2023,
    https://arxiv.org/abs/2312.02052. c_k is the mean feature (what the head reads) of the retained images of class k at
    the original. Every forgotten image is given, once, the wrong class whose centroid is nearest by cosine distance.
    A step minimises forget_weight · mean cosine distance of a forget batch to those centroids + retain_weight · cross
    entropy of a retain batch at `temperature`; `retain_batches` steps are taken for one forget batch. It ends after the
    first epoch whose forget accuracy is below 1 % where whole classes are forgotten, elsewhere below the original's
    accuracy on images that it never saw.

    Deviations: those unseen images are the validation set (the authors take the test set). The nearest class is found
    before the first step, image by image; the authors find it during the first epoch and then reuse it by the place in
    the batch order. The centroids are those of the whole retain set, not of its first ten batches; no decay of the
    learning rate. Training mode.
    Stops: after the first epoch whose forget accuracy is low enough, which validation images decide unless whole
    classes are forgotten.
    Cost: one forward pass over both sets and the validation set; per epoch, for every forget batch `retain_batches`
    passes over it and over as many retain batches, and a forward pass over the forget set.
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
    """Learning rate of Adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    max_epochs: PositiveInt
    """Passes over the forget set at most."""
    forget_batch_size: PositiveInt
    """Images per step."""
    retain_batch_size: PositiveInt
    """Images per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        goal = forgotten_accuracy(model, split, self.retain_batch_size)
        targets = self._targets(model, split)
        optimizer = make_optimizer("adam", model, self.lr, 0.0, self.weight_decay)
        model.train()
        for _ in context.epochs(self.max_epochs):
            for positions, x_forget, _ in split.forget.numbered_batches(self.forget_batch_size, context.rng):
                target = targets[positions.to(targets.device)]
                retained = split.retain.batches(self.retain_batch_size, context.rng)
                for x, y in islice(retained, self.retain_batches):
                    distance = 1 - F.cosine_similarity(model.features(x_forget), target).mean()
                    loss = self.retain_weight * F.cross_entropy(model(x) / self.temperature, y)
                    optimizer.zero_grad()
                    (self.forget_weight * distance + loss).backward()
                    optimizer.step()
            if accuracy(model, split.forget, self.forget_batch_size) < goal:
                break
        return model

    def check_split(self, split: Split) -> None:
        require_goal(self, split)
        require_two_retained_classes(self, split)

    def _targets(self, model: Classifier, split: Split) -> Tensor:
        """For each forgotten image the centroid to move to; N x D."""
        features, y = features_of(model, split.retain, self.retain_batch_size)
        classes = y.unique()
        centroids = torch.stack([features[y == one].mean(0) for one in classes])
        forgotten, labels = features_of(model, split.forget, self.forget_batch_size)
        distances = 1 - F.cosine_similarity(forgotten[:, None], centroids[None], dim=2)
        return centroids[nearest_wrong(distances, classes, labels)]
