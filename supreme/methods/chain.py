"""One method after another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from supreme.core import Context, Method, Split
from supreme.core.suitability import check_split
from supreme.core.validation import require
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A chain: the second method starts from what the first one returned.

    Say which and with what values: `method=chain method@method.first=ssd method.first.alpha=5
    method@method.second=finetune`. For three, let the second be a chain itself: `method@method.second=chain`.
    By default ascent, then repair; see the two methods for their papers.

    Deviations: none of its own. What methods share for one original (`context.once`) is computed anew for the second
    one, which does not start from the original.
    Cost: that of both.
    """

    first: Any
    """A method, as its YAML describes it."""
    second: Any
    """A method, as its YAML describes it."""

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            rule = f"a method, as in method@method.{name}=finetune"
            require(self, name, isinstance(getattr(self, name), Method), rule)

    @property
    def needs(self) -> frozenset[str]:
        """What either needs."""
        return self.first.needs | self.second.needs

    @property
    def applies_to(self) -> str:
        """class, when either forgets classes only."""
        both = {getattr(method, "applies_to", "any") for method in (self.first, self.second)}
        return "class" if "class" in both else "any"

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        between = self.first(model, split, context).eval()
        own = replace(context, once=lambda _name, _settings, compute: compute())
        return self.second(between, split, own)

    def check_split(self, split: Split) -> None:
        for method in (self.first, self.second):
            check_split(method, split)

    @property
    def needs_history(self) -> bool:
        """When either does."""
        return any(getattr(method, "needs_history", False) for method in (self.first, self.second))

    def check_model(self, model: Classifier, split: Split) -> None:
        for method in (self.first, self.second):
            if hasattr(method, "check_model"):
                method.check_model(model, split)
