"""The statistic of the likelihood-ratio audits: one number of each model and image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from supreme.audits.arithmetic import FloatArray
from supreme.core import Ensemble, Predictions, Undefined
from supreme.metrics.arithmetic import logit_confidence

LIMIT = 1e5
"""Confidences are cut to plus or minus this, so that a class whose logit is minus infinity has one too; far beyond the
-1e4 of `mask_class`, for images of a class that is hidden by a finite logit still differ from each other."""


def confidences(ensemble: Ensemble, models: Sequence[Predictions], name: str) -> FloatArray:
    """ln(p_y / (1 - p_y)) of every image of a set under every model: models x images."""
    labels = ensemble.labels(name)
    rows = [logit_confidence(model.logits(name), labels).clamp(-LIMIT, LIMIT).cpu().numpy() for model in models]
    return np.stack(rows)


def both(ensemble: Ensemble, name: str) -> tuple[FloatArray, FloatArray]:
    """The confidences under the unlearned and under the retrained models."""
    return confidences(ensemble, ensemble.unlearned, name), confidences(ensemble, ensemble.references, name)


def with_interval(column: str, ends: tuple[float, float, float]) -> dict[str, float | Undefined]:
    """The columns of a value and of the ends of its 95 % interval."""
    value, low, high = ends
    return {column: value, f"{column}_low": low, f"{column}_high": high}
