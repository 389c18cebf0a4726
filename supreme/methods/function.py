"""A method that is a plain function, named in a YAML or given to `supreme.sweep`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import nn

from supreme.core import Context, Split, SupremeError
from supreme.core.functions import function_of
from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class FunctionMethod:
    """`_target_: my_lab.forget` in a method's YAML becomes one of these; see `registry.as_component`.

    The function is called with the model, the split and the context by position, with all else that its YAML says by
    name, and returns the model.
    """

    function: dict[str, Any]
    """`_target_` and the values that it is called with."""

    def __post_init__(self) -> None:
        function_of(self.function, "method", ("model", "split", "context"))

    @property
    def needs(self) -> frozenset[str]:
        """The forget and the retain set, unless the function says otherwise: `forget.needs = {"forget"}`."""
        function = function_of(self.function, "method", ("model", "split", "context"))
        return frozenset(getattr(function.func, "needs", ("forget", "retain")))  # type: ignore[attr-defined]

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        returned = function_of(self.function, "method", ("model", "split", "context"))(model, split, context)
        if returned is None:
            raise SupremeError(f"{self.function['_target_']} returns nothing: let it end with return model")
        return returned
