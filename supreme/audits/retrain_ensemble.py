"""The retrain-ensemble test: do the unlearned models, as a group, differ from as many retrained ones?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge

from supreme.audits.arithmetic import between_model_auc, model_permutation_test, z_scores
from supreme.audits.confidence import both
from supreme.core import Ensemble, Series, Undefined
from supreme.core.validation import NonNegativeInt, bounded


@bounded
@dataclass(frozen=True, kw_only=True)
class RetrainEnsemble:
    """A permutation test whose unit is the model, on the logit-scaled confidence of the forget set.

    * `retrain_ensemble/shift`: mean over forget images of |mean over unlearned - mean over retrained models|, in
      logits; 0 or more. `shift_by_chance` is its average when models change sides at random: the ideal.
    * `retrain_ensemble/p`: share of divisions of the 2N models in two whose shift is at least as large. Below .05 in 1
      of 20 audits of a perfect method. Free permutation is right here: training, unlearning and reference streams are
      hashes of different roles, so M_u of a seed, which comes from the original of that seed, shares no draw with M_r
      of that seed; given the forget set all 2N models are independent, and exchangeable if unlearning equals
      retraining. (Forget sets that follow the seed would tie pairs together.)
      `smallest_p`: the least that so many models can give; with 3 it is .10, so such an audit can never reject.
    * `retrain_ensemble/z`, `abs_z`: mean over forget images of (mean unlearned - mean retrained) / SD of the retrained,
      and of its absolute value. Ideal of z 0; of abs_z about sqrt(4 / (pi N)). Positive: still remembered; negative:
      forgotten more than by never having seen it.
    * `retrain_ensemble/auc`: mean over forget images of P(unlearned > retrained) between models, in [0, 1]; ideal .5.

    A large p is no proof of equality. A shift of .6 SD on 20 images was found at .05 in .31, .60 and .96 of simulated
    audits with 4, 5 and 10 models of each kind where images vary independently, and in .18, .34 and .60 where a quarter
    of their variance is the model's own; no shift, in .03 to .06. The null of every column is `method=retrain`. Costs
    nothing beyond the logits. Ours; that whole trainings must be replicated: https://arxiv.org/abs/2510.26714.
    """

    minimum: Annotated[int, Ge(2)]
    """The fewest models of each kind."""
    exact_up_to: NonNegativeInt
    """All divisions are tried where there are no more than this; C(2N, N) of them."""
    draws: Annotated[int, Ge(99)]
    """How many are drawn otherwise."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        names = ("shift", "shift_by_chance", "p", "smallest_p", "z", "abs_z", "auc")
        return tuple(f"retrain_ensemble/{name}" for name in names)

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]:
        unlearned, reference = both(ensemble, "forget")
        test = model_permutation_test(
            unlearned, reference, ensemble.rng, exact_up_to=self.exact_up_to, draws=self.draws
        )
        z: list[float | Undefined]
        if (reference.std(0) > 0).all():
            scores = z_scores(unlearned, reference)
            z = [float(scores.mean()), float(np.abs(scores).mean())]
        else:
            z = [Undefined("an image has the same confidence under every retrained model")] * 2
        auc = float(between_model_auc(unlearned, reference).mean())
        values = (test.statistic, test.expected, test.p, test.smallest_p, *z, auc)
        return dict(zip(self.columns(ensemble), values, strict=True))

    def series(self, ensemble: Ensemble) -> Mapping[str, Series]:
        """The between-model AUC of every forget image, in rising order, over the share of images up to it."""
        auc = np.sort(between_model_auc(*both(ensemble, "forget")))
        shares = (np.arange(len(auc)) + 0.5) / len(auc)
        return {"retrain_ensemble/auc_by_image": Series(x=shares.tolist(), y=auc.tolist())}
