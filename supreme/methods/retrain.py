"""Training without the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Retrain:
    """Train a new model on the retain set, by the original's whole recipe: what every other method should resemble.

    It draws from this stage's stream, so it is a second retrained model, independent of the reference that methods are
    compared with: its row shows how far two retrained models are apart.

    Deviations: every weight and running statistic starts afresh (where the model is pretrained, from the pretrained
    ones, as the original did); only the six numbers that normalise pixels are those of all training data, for every
    model alike.
    Cost: the recipe's epochs over the retain set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"retain"})

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        return context.fit(context.fresh(), split.retain)
