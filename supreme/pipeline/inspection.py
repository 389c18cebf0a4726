"""What a row holds for people to look at: which classes are confused, and the forgotten images that changed most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor

from supreme.core import Metric, Series
from supreme.pipeline.evaluation import CellEvaluation

CONFUSION, PROBABILITY, LABEL = "confusion/test", "samples/probability", "samples/label"

MOST_IMAGES = 24
"""Of each of the two kinds: those that the method changed most, and those that retraining changes most."""


def with_inspected(
    series: Mapping[str, Mapping[str, Any]],
    evaluations: Mapping[str, CellEvaluation],
    metrics: Mapping[str, Metric],
    samples: bool,
) -> dict[str, dict[str, Any]]:
    """The series of a row with what `inspected` adds; nothing is added where no metric needs logits.

    Args:
        series: by part of the row: metrics (those of the unlearned model), reference, original.
    """
    told = {part: dict(own) for part, own in series.items()}
    if any("logits" in metric.needs for metric in metrics.values()):
        for stage, added in inspected(evaluations, samples).items():
            part = "metrics" if stage == "unlearned" else stage
            told[part] |= {name: asdict(one) for name, one in added.items()}
    return told


def inspected(evaluations: Mapping[str, CellEvaluation], samples: bool) -> dict[str, dict[str, Series]]:
    """Of each model, by stage, what figures show of its answers beside what metrics say of them.

    * `confusion/test`: for each pair "true predicted" of class numbers that occurs, the number of test images.
    * `samples/probability`: for some forgotten images, by their position in the source, the probability of the label
      that the original learned; `samples/label`, of the unlearned model only, that label.

    Args:
        samples: whether single images may be pointed at; False: no `samples/...`.
    """
    found: dict[str, dict[str, Series]] = {stage: {} for stage in evaluations}
    for stage, evaluation in evaluations.items():
        if "test" in evaluation.sets:
            found[stage][CONFUSION] = confusion(evaluation.subject.logits("test"), evaluation.labels("test"))
    if samples:
        own = evaluations["unlearned"]
        labels = own.labels("forget")
        probabilities = {stage: true_probability(own.all[stage].logits("forget"), labels) for stage in found}
        chosen = most_changed(**probabilities)
        positions = own.split.forget.indices[chosen].tolist()
        for stage, values in probabilities.items():
            found[stage][PROBABILITY] = Series(x=positions, y=[round(float(value), 4) for value in values[chosen]])
        found["unlearned"][LABEL] = Series(x=positions, y=labels.numpy()[chosen].tolist())
    return found


def confusion(logits: Tensor, labels: Tensor) -> Series:
    """For each pair of true and predicted class that occurs, in order, the number of images.

    Args:
        logits: N x C; of equal ones the first counts.
        labels: int64, N.
    """
    classes = logits.shape[1]
    pairs, counts = np.unique((labels * classes + logits.argmax(1)).numpy(), return_counts=True)
    return Series(x=[f"{pair // classes} {pair % classes}" for pair in pairs.tolist()], y=counts.tolist())


def true_probability(logits: Tensor, labels: Tensor) -> np.ndarray:
    """The probability of each image's label: float64, N values in [0, 1]."""
    return torch.softmax(logits.double(), 1).gather(1, labels[:, None])[:, 0].numpy()


def most_changed(*, unlearned: np.ndarray, reference: np.ndarray, original: np.ndarray) -> np.ndarray:
    """Places of the images whose probability changed most from the original to either model, the unlearned one's first.

    A method that ruins a model changes every image by about 1. Of changes that are equal to two decimals, that image
    comes first which retraining changes more: so methods point at the same images where they tell none apart.
    """
    own, retrained = np.abs(unlearned - original), np.abs(reference - original)
    by_method = np.lexsort((-retrained, -np.round(own, 2)))[:MOST_IMAGES]
    by_retraining = np.argsort(-retrained, kind="stable")[:MOST_IMAGES]
    return np.array(list(dict.fromkeys([*by_method.tolist(), *by_retraining.tolist()])), dtype=np.int64)
