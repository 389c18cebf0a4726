"""Distance of the probabilities from those of a reference that was left in training mode."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Ge
from torch import Tensor

from supreme.core import Column, Evaluation, Undefined
from supreme.core.images import Images
from supreme.core.validation import OneOf, bounded
from supreme.functional.classifier import Classifier
from supreme.metrics import arithmetic
from supreme.metrics.comparison import compared_sets


@bounded
@dataclass(frozen=True, kw_only=True)
class LegacyActivationDistance:
    """Root of the mean squared distance of the probabilities from those of the reference left in training mode.

    Or in the mode that `reference_mode` names. Only to see what SUPREME 0.1.4 printed as activation distance
    (arXiv 2606.00380): its reference stayed in training mode, so batch normalisation took the statistics of the batch,
    and the sets come sorted by class. Batches that end on a single image take it in. For models without batch
    normalisation and dropout this is `activation_distance_rms`.

    Range: [0, sqrt 2]; 0 for equal answers.
    Ideal: none, for in training mode the reference is at a distance from itself.
    Cost: a forward pass of the reference over these sets, again for each method.
    Least n: none.
    """

    batch_size: Annotated[int, Ge(2)]
    """Images in a batch, whose statistics they share."""
    reference_mode: Annotated[str, OneOf("training", "evaluation")]
    """training, as published; evaluation, as it should be."""

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "legacy_activation_distance/*": Column(direction="none"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits", "models", "images"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return tuple(f"legacy_activation_distance/{name}" for name in compared_sets(evaluation))

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        reference = copy.deepcopy(evaluation.reference.model).train(self.reference_mode == "training")
        found: dict[str, float | Undefined] = {}
        for column, name in zip(self.columns(evaluation), compared_sets(evaluation), strict=True):
            images = evaluation.images(name)
            if len(images) < 2:
                found[column] = Undefined("one image has no batch statistics")
            else:
                answers = self._answers(reference, images)
                found[column] = arithmetic.activation_distance_rms(evaluation.subject.logits(name), answers)
        return found

    def _answers(self, model: Classifier, images: Images) -> Tensor:
        """Logits, from batches in the order of the set."""
        parts = list(torch.arange(len(images)).split(self.batch_size))
        if len(parts[-1]) == 1:
            parts[-2:] = [torch.cat(parts[-2:])]
        with torch.no_grad():
            answers = [model(x).float() for part in parts for x, _ in images.subset(part).batches(len(part))]
        return torch.cat(answers).cpu()
