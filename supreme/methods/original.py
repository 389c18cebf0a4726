"""No unlearning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Original:
    """No unlearning: the model as it was trained, the lower end of every comparison.

    Cost: none.
    """

    needs: ClassVar[frozenset[str]] = frozenset()

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        return model
