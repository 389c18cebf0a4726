"""U-LiRA: the likelihood-ratio attack that knows how unlearned and retrained models answer each image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from supreme.audits.arithmetic import FloatArray, held_out_log_ratios
from supreme.audits.confidence import both
from supreme.core import Ensemble, Series, Undefined
from supreme.core.validation import PositiveFloat, bounded
from supreme.metrics.arithmetic import tpr_at_fpr


@bounded
@dataclass(frozen=True, kw_only=True)
class ULiRA:
    """How well an attacker with shadow models tells an unlearned model from a retrained one, image by image.

    For each forget image, Gaussians of the logit-scaled confidence are fitted to the unlearned and to the retrained
    models, and judge a model that they have not seen. The shadow models are those of the other training seeds: every
    pair (unlearned and retrained model of one seed) is held out in turn, so one pool of originals and references
    serves every method.

    * `u_lira/accuracy`: share of (model, image) that a likelihood ratio above 1 names right; in [0, 1]; ideal .5.
    * `u_lira/p`: share of `draws` random divisions of all models in two, and the true one, with an accuracy as high.
      Valid for any N (`retrain_ensemble` says why models may change sides), which a t interval over the held-out pairs
      is not: they share their Gaussians, and in simulation it held the truth in 82 to 88 % of cases instead of 95.
    * `u_lira/auc`: share of (pair, image) whose unlearned model has the larger ratio, both judged by the same
      Gaussians: the AUC averaged over images; in [0, 1]; ideal .5.
    * `u_lira/tpr_at_<fpr>`: share of (unlearned model, image) above the threshold that this rate of (retrained model,
      image) exceeds, all pooled; in [0, 1]; ideal: the rate itself.

    Few models make the attacker weak, never strong: with pairs held out both ratios have one distribution under the
    null whatever N is, so accuracy and AUC stay at .50 (simulated for N = 5, 10, 20 and 64, with SDs of .05, .04, .02
    and .02 for 20 images that share a quarter of their variance), and tpr_at_0.01 near it (.017, .013, .011, .009). A
    shift of one SD, an accuracy of .69 for an attacker who knows the Gaussians, reads .62, .66, .68 and .69.

    The null is `method=retrain`. Cost: N unlearnings; N originals and references, once for all methods. Hayes et al.,
    SaTML 2025, https://arxiv.org/abs/2403.01218. Deviation: all models forget the same images, and the shadow models
    are a leave-one-pair-out pool, not a second one.

    Attacker: per sample; has the outputs of unlearned and retrained models of other training seeds.
    """

    minimum: Annotated[int, Ge(3)]
    """The fewest models of each kind."""
    fpr: Annotated[float, Gt(0), Lt(1)]
    """The false-positive rate at which the true-positive rate is read."""
    std_floor: PositiveFloat
    """The least standard deviation of a Gaussian, in logits: a few models may agree by chance."""
    draws: Annotated[int, Ge(99)]
    """Divisions of the models drawn for p."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        return tuple(f"u_lira/{name}" for name in ("accuracy", "p", "auc", f"tpr_at_{self.fpr:g}"))

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]:
        pair = both(ensemble, "forget")
        unlearned, reference = held_out_log_ratios(*pair, std_floor=self.std_floor)
        accuracy = float(_right(unlearned, reference).mean())
        auc = float(((unlearned > reference) + (unlearned == reference) / 2).mean())
        tpr = tpr_at_fpr(unlearned.ravel(), reference.ravel(), self.fpr)
        values = (accuracy, self._p(*pair, accuracy, ensemble.rng), auc, tpr)
        return dict(zip(self.columns(ensemble), values, strict=True))

    def series(self, ensemble: Ensemble) -> Mapping[str, Series]:
        """The accuracy on every forget image, in rising order, over the share of images up to it."""
        ratios = held_out_log_ratios(*both(ensemble, "forget"), std_floor=self.std_floor)
        accuracy = np.sort(_right(*ratios).mean(0))
        shares = (np.arange(len(accuracy)) + 0.5) / len(accuracy)
        return {"u_lira/accuracy_by_image": Series(x=shares.tolist(), y=accuracy.tolist())}

    def _p(self, unlearned: FloatArray, reference: FloatArray, accuracy: float, rng: np.random.Generator) -> float:
        pooled, as_high = np.concatenate([unlearned, reference]), 1
        for _ in range(self.draws):
            sides = np.split(pooled[rng.permutation(len(pooled))], 2)
            found = float(_right(*held_out_log_ratios(*sides, std_floor=self.std_floor)).mean())
            as_high += found >= accuracy - 1e-9
        return as_high / (1 + self.draws)


def _right(unlearned: FloatArray, reference: FloatArray) -> FloatArray:
    """Share of each pair and image that the sign of the log ratio names right; a ratio of 1 is half right."""
    return (2 + np.sign(unlearned) - np.sign(reference)) / 4
