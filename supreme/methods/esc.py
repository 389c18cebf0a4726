"""Forgetting by taking the main directions of the forget set's features away from the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Gt, Lt

from supreme.core import Context, Split
from supreme.core.validation import Compat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.feature_directions import linear_head, main_directions, project_features


@bounded
@dataclass(frozen=True, kw_only=True)
class ESC:
    """Erasing Space Concept: hide from the head the main directions of the forget set's features.

    Lee, Park, Jeon, Hwang and Park, "ESC: Erasing Space Concept for Knowledge Deletion", CVPR 2025,
    https://arxiv.org/abs/2504.02199, and the authors' code (KU-VGI/ESC): of the features of the forget set, D numbers
    each, the left singular vectors u_1, u_2, ... without the first k, which are `percent` of all, project every image's
    features. The projection is folded into the head: W becomes W (I - Σ_i≤k u_i u_iᵀ). Nothing is trained.

    Deviations: at least one direction is taken (the authors' code: none where `percent` of D is below 1), and where
    the forget set has fewer images than features, the directions that it does not span stay (theirs: they go, too).
    The authors' code leaves the network in training mode while it computes the features, so that they depend on the
    batch and batch normalisation follows the forget set: `compat: reference`. Whether the published numbers were made
    so is not known. Theirs projects the features and keeps the head; the answers are the same,
    but whoever reads the features here finds those of the original.
    Cost: one forward pass over the forget set and a decomposition of its features.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    percent: Annotated[float, Gt(0), Lt(100)]
    """The paper's p: which part of the directions is taken away, in percent of the number of features."""
    batch_size: PositiveInt
    """Images per pass; changes the result with compat: reference only."""
    augment: bool
    """Whether the features are those of augmented images."""
    compat: Compat
    """paper: features in evaluation mode; reference: in training mode, as in the authors' code."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        directions = main_directions(model, split.forget, self.batch_size, self.augment, self.compat, context)
        gone = directions[:, : max(1, int(len(directions) * self.percent / 100))]
        project_features(model, torch.eye(len(gone)).to(gone) - gone @ gone.T)
        return model

    def check_model(self, model: Classifier, split: Split) -> None:
        linear_head(self, model)
