"""Forgetting by a trained mask over the directions of the forget set's features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Lt
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.feature_directions import linear_head, main_directions, project_features


@bounded
@dataclass(frozen=True, kw_only=True)
class ESCT:
    """Erasing Space Concept with Training (ESC-T): learn which parts of the features' directions the head may see.

    Lee, Park, Jeon, Hwang and Park, "ESC: Erasing Space Concept for Knowledge Deletion", CVPR 2025,
    https://arxiv.org/abs/2504.02199, and the authors' code (KU-VGI/ESC): U are the left singular vectors of the forget
    set's features and M, of the same shape, is a mask that starts at 1. With the features projected by
    (U∘M)(U∘M)ᵀ, M ascends the cross entropy of those images of each forget batch that are still answered rightly, and
    is kept in [0, 1]; after an epoch in which none is, it stops. What is at most `threshold` then becomes 0, the rest
    1, and the projection is folded into the head's weights.

    Deviations: where the forget set has fewer images than features, the directions that it does not span stay (the
    authors' code fails there). In their code the first step has the projection (U∘M)ᵀ(U∘M), by a transposed buffer.
    It also leaves the network in training mode until the end of the first epoch, so that features depend on the batch
    and batch normalisation follows the forget set: `compat: reference`. Whether the published numbers were made so is
    not known. Theirs projects the features and keeps the head; the answers are the same,
    but whoever reads the features here finds those of the original.
    Cost: one forward pass over the forget set and a decomposition of its features, then up to `epochs` over the forget
    set with a second forward pass each, backward through the head only.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    lr: PositiveFloat
    """Step size of the mask."""
    epochs: PositiveInt
    """Passes over the forget set, at most."""
    batch_size: PositiveInt
    """Images per step."""
    threshold: Annotated[float, Gt(0), Lt(1)]
    """What the trained mask has to exceed for a part of a direction to stay."""
    augment: bool
    """Whether features, steps and the stopping test use augmented images."""
    compat: Compat
    """paper: features in evaluation mode; reference: in training mode up to the end of the first epoch."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        directions = main_directions(model, split.forget, self.batch_size, self.augment, self.compat, context)
        unspanned = torch.eye(len(directions)).to(directions) - directions @ directions.T

        def projection(mask: Tensor) -> Tensor:
            parts = directions * mask
            return parts @ parts.T + unspanned

        def answers(x: Tensor, mask: Tensor) -> Tensor:
            with torch.no_grad():
                features = model.features(x)
            return model.head(features @ projection(mask))

        mask = torch.ones_like(directions)
        model.train(self.compat == "reference")
        for _ in context.epochs(self.epochs):
            for x, y in split.forget.batches(self.batch_size, context.rng, self.augment):
                mask.requires_grad_(True)
                logits = answers(x, mask)
                known = logits.argmax(1) == y
                if known.any():
                    (gradient,) = torch.autograd.grad(F.cross_entropy(logits[known], y[known]), mask)
                    mask = (mask.detach() + self.lr * gradient).clamp(0, 1)
            mask = mask.detach()
            model.eval()
            batches = split.forget.batches(self.batch_size, context.rng, self.augment)
            if not any((answers(x, mask).argmax(1) == y).any() for x, y in batches):
                break
        project_features(model, projection((mask > self.threshold).to(mask)))
        return model

    def check_model(self, model: Classifier, split: Split) -> None:
        linear_head(self, model)
