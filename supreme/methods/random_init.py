"""A model that has learnt nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class RandomInit:
    """Random weights: forgets everything, the forget set and all the rest.

    An anchor: a metric of forgetting that likes this model does not ask what the model is still good for.

    Deviations: none; all weights are random, also where models of this kind start from pretrained ones.
    Cost: none.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        return context.untrained()
