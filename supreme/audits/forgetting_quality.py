"""Forgetting quality of the NeurIPS 2023 machine-unlearning challenge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from supreme.audits.confidence import both
from supreme.core import Ensemble, Undefined
from supreme.core.validation import bounded
from supreme.metrics import arithmetic


@bounded
@dataclass(frozen=True, kw_only=True)
class ForgettingQuality:
    """How little the best threshold on the confidence of one image tells unlearned from retrained models.

    * `forgetting_quality/quality`: F, the mean over forget images of 2^-floor(2 epsilon), epsilon being what the best
      attack refutes, 0 where it is more than N models can resolve; in [0, 1]. The ideal is not 1 but the value of
      `method=retrain`: simulated, .32 with 20, 64 or 512 models of each kind.
    * `forgetting_quality/score`: F times the ratios of retain and of test accuracy to the retrained models'; 0 or more.

    At most an epsilon of ln(N - 1) can be seen, 4.1 with 64 models; the challenge took 512. It took one original, too;
    here every unlearned model comes from its own. Costs nothing beyond the logits. Triantafillou et al. 2024,
    https://arxiv.org/abs/2406.09073.

    Attacker: per sample; knows how unlearned and retrained models answer, and takes the best threshold for each image.
    """

    minimum: Annotated[int, Ge(3)]
    """The fewest models of each kind."""
    delta: Annotated[float, Ge(0), Lt(1)]
    """Of (epsilon, delta)-unlearning."""
    intervals: bool
    """Whether all intervals attack beside single thresholds; they overfit, and retraining gets .08 with 64 models."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        return "forgetting_quality/quality", "forgetting_quality/score"

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]:
        per_image = arithmetic.forgetting_quality(*both(ensemble, "forget"), self.delta, self.intervals)
        quality = float(per_image.mean())
        return dict(zip(self.columns(ensemble), (quality, _score(ensemble, quality)), strict=True))


def _score(ensemble: Ensemble, quality: float) -> float | Undefined:
    accuracies = []
    for name in ("retain", "test"):
        if name not in ensemble.sets:
            return Undefined(f"there is no accuracy: {name} is empty")
        labels = ensemble.labels(name)
        accuracies += [
            float(np.mean([arithmetic.accuracy(model.logits(name), labels) for model in models]))
            for models in (ensemble.unlearned, ensemble.references)
        ]
    if 0 in accuracies[1::2]:
        return Undefined("the retrained models' accuracy is 0: there is no ratio to it")
    return arithmetic.forgetting_score(quality, *accuracies)
