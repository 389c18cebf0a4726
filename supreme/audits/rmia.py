"""Offline RMIA with the retrained models of the other training seeds as those that never saw the forget set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from annotated_types import Ge, Lt
from torch import Tensor

from supreme.audits.arithmetic import jackknife
from supreme.audits.confidence import with_interval
from supreme.core import Ensemble, Predictions, Split, SupremeError, Undefined
from supreme.core.suitability import filled_sets
from supreme.core.validation import PositiveFloat, bounded
from supreme.metrics import arithmetic


@bounded
@dataclass(frozen=True, kw_only=True)
class RMIA:
    """How well a strong attacker tells the forget set from unseen images, in each unlearned model.

    The true class's probability of an image, over its mean under models that never saw the image, is compared with
    that of the test images, in logarithms: a class that was hidden has probabilities of 0 in float64. Those models are
    the references of the other training seeds, never the one that is judged; they serve unlearned and retrained models
    alike, so that the latter say what is ideal. Non-members are the test images, but where classes are forgotten only
    those of these (`forget_test`).

    * `rmia/auc`: of the attack, forget set against non-members, mean over unlearned models; in [0, 1].
    * `rmia/reference_auc`: the same in the retrained models: the ideal, near .5 when random images are forgotten.
    * `rmia/excess_auc`: the difference, with a 95 % t interval over training seeds, which held the truth in 95, 95 and
      97 % of simulated cases with 5, 10 and 20 seeds; ideal 0.

    The null is `method=retrain`. Costs nothing beyond the logits. Zarifzadeh et al., ICML 2024,
    https://arxiv.org/abs/2312.03262. Deviation: the test images are population and non-members at once; as none of them
    outdoes itself, both AUCs are half a test image too high (.025 with 20 of them), and their difference is not.

    Attacker: per sample; has the outputs of retrained models of other training seeds.
    """

    minimum: Annotated[int, Ge(3)]
    """The fewest models of each kind."""
    gamma: PositiveFloat
    """How far an image must outdo a test image; > 0."""
    offline: Annotated[float, Ge(0), Lt(1)]
    """The paper's a: how far the mean over models trained with an image lies from 1; in [0, 1)."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        names = ("auc", "reference_auc", "excess_auc", "excess_auc_low", "excess_auc_high")
        return tuple(f"rmia/{name}" for name in names)

    def check_split(self, split: Split) -> None:
        for name in ("forget_test" if split.forget_classes else "test", "test"):
            if name not in filled_sets(split):
                raise SupremeError(f"there are no non-members: {name} is empty")

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]:
        unseen = "forget_test" if ensemble.forgets_class else "test"
        for name in (unseen, "test"):
            if name not in ensemble.sets:
                return dict.fromkeys(self.columns(ensemble), Undefined(f"there are no non-members: {name} is empty"))
        sets = ("forget", unseen, "test")
        references = [[_log_probability(ensemble, model, name) for name in sets] for model in ensemble.references]
        sums = [torch.stack([answers[number].exp() for answers in references]).sum(0) for number in range(len(sets))]
        aucs, reference_aucs = [], []
        for own, model in zip(references, ensemble.unlearned, strict=True):
            # Rounding may leave a mean of certain answers a last bit above 1.
            without = [
                ((total - answers.exp()) / (len(references) - 1)).clamp(0, 1)
                for total, answers in zip(sums, own, strict=True)
            ]
            aucs.append(self._auc([_log_probability(ensemble, model, name) for name in sets], without))
            reference_aucs.append(self._auc(own, without))
        excess = np.subtract(aucs, reference_aucs)
        return {
            "rmia/auc": float(np.mean(aucs)),
            "rmia/reference_auc": float(np.mean(reference_aucs)),
            **with_interval("rmia/excess_auc", jackknife(lambda chosen: float(excess[chosen].mean()), len(excess))),
        }

    def _auc(self, answers: list[Tensor], without: list[Tensor]) -> float:
        """Of one model, given ln p of the true class on forget set, non-members and test, and means of p there."""
        forget, unseen = (
            arithmetic.rmia(answers[set_], without[set_], answers[2], without[2], self.gamma, self.offline)
            for set_ in (0, 1)
        )
        return arithmetic.roc_auc(forget, unseen)


def _log_probability(ensemble: Ensemble, model: Predictions, name: str) -> Tensor:
    """ln p of the true class, float64, of each image of the set."""
    return arithmetic.log_probability(model.logits(name), ensemble.labels(name))
