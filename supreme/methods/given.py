"""A model that somebody else has unlearned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Context, Split
from supreme.functional import given_weights
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Given:
    """No unlearning here: the model is the one in a file, unlearned elsewhere, to be judged beside the methods here.

    It counts as unlearned from this cell's original, by its forget set; `original=/models/{seed}.pt` gives that one,
    too. What the file must hold is what `original=` takes: see conf/README.md.

    Cost: unknown, and so null in rows.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    made_elsewhere: ClassVar[bool] = True

    path: str
    """File of the weights, .safetensors or what torch.save wrote; with {seed}, one for each training seed."""
    label: str | None
    """What tables call it; null: its path."""

    def check_model(self, model: Classifier, split: Split) -> None:
        """Refuse a file that is no model of this kind, before any training."""
        given_weights.load(model, self.path, key="method.path")

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        given_weights.load(model, self.path, key="method.path")
        return model
