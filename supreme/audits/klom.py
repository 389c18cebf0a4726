"""KL divergence of margins: is an image's confidence, over models, distributed as after retraining?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Lt

from supreme.audits.confidence import both
from supreme.core import Ensemble, Undefined
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from supreme.metrics import arithmetic


@bounded
@dataclass(frozen=True, kw_only=True)
class KLoM:
    """KL(unlearned || retrained) of histograms, over models, of the logit-scaled confidence of each image; in nats.

    `klom/<set>` is the mean over the images of the set, `klom/<set>_p95` the 95th percentile; 0 or more. The ideal
    is not 0 but the value of `method=retrain`: two sets of retrained models give about .35 with 100 models of each
    kind, .84 with 50 and 2.97 with 20. So compare equal numbers of models only; 100 are the fewest to publish.

    Costs nothing beyond the logits. Georgiev et al. 2024, https://arxiv.org/abs/2410.23232. Deviation: the largest
    value of both kinds counts in the last bin; the released code drops it.
    """

    minimum: Annotated[int, Ge(2)]
    """The fewest models of each kind."""
    bins: PositiveInt
    """Of equal width over the range of both kinds."""
    clip: PositiveFloat
    """Confidences are cut to plus or minus this."""
    floor: Annotated[float, Gt(0), Lt(1)]
    """The least probability of a bin of the retrained models."""

    def columns(self, ensemble: Ensemble) -> tuple[str, ...]:
        sets = [name for name in ("forget", "retain", "test") if name in ensemble.sets]
        return tuple(f"klom/{name}{end}" for name in sets for end in ("", "_p95"))

    def __call__(self, ensemble: Ensemble) -> Mapping[str, float | Undefined]:
        values: list[float] = []
        for name in [column.partition("/")[2] for column in self.columns(ensemble)[::2]]:
            divergences = arithmetic.klom(*both(ensemble, name), bins=self.bins, clip=self.clip, floor=self.floor)
            values += [float(divergences.mean()), float(divergences.quantile(0.95))]
        return dict(zip(self.columns(ensemble), values, strict=True))
