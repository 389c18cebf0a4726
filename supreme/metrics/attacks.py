"""Attacks that several metrics use."""

from __future__ import annotations

import torch
from torch import Tensor

from supreme.core import Evaluation, Predictions, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.comparison import unseen_set


def confidence(evaluation: Evaluation, model: Predictions, name: str) -> Tensor:
    """The logit-scaled confidence of this model on each image of the set."""
    return arithmetic.logit_confidence(model.logits(name), evaluation.labels(name))


def log_probability(evaluation: Evaluation, model: Predictions, name: str) -> Tensor:
    """ln p_y of this model on each image of the set: minus its loss."""
    return torch.nn.functional.logsigmoid(confidence(evaluation, model, name))


def confidence_auc(evaluation: Evaluation, model: Predictions) -> float | Undefined:
    """AUC of the logit-scaled confidence, forget set against unseen images."""
    unseen = unseen_set(evaluation)
    if unseen not in evaluation.sets:
        return Undefined(f"there are no non-members: {unseen} is empty")
    return arithmetic.roc_auc(*(confidence(evaluation, model, name) for name in ("forget", unseen)))


def loss_attack(evaluation: Evaluation) -> float | Undefined:
    """Cross-validated accuracy of a logistic regression on the loss: forget images against as many unseen ones."""
    unseen = unseen_set(evaluation)
    if unseen not in evaluation.sets:
        return Undefined(f"there are no non-members: {unseen} is empty")
    losses = [-log_probability(evaluation, evaluation.subject, name) for name in ("forget", unseen)]
    count = min(map(len, losses))
    if count < 10:
        return Undefined(f"10 images in forget and in {unseen} are needed")
    if not all(values.isfinite().all() for values in losses):
        return Undefined("a loss is infinite: a true class is masked")
    rng = evaluation.rng
    chosen = [values[torch.from_numpy(rng.permutation(len(values))[:count])] for values in losses]
    return arithmetic.cross_validated_attack(chosen[0], chosen[1], rng)
