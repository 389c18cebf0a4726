"""A metric that is a plain function, named in a YAML or given to `supreme.sweep`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from supreme.core import SelfComparison, SupremeError, Undefined
from supreme.core.evaluation import Evaluation
from supreme.core.functions import function_of


@dataclass(frozen=True, kw_only=True)
class FunctionMetric:
    """`_target_: my_lab.max_prob` in a metric's YAML becomes one of these; see `registry.as_component`.

    The function is called with the evaluation by position, with all else that its YAML says by name, and returns
    numbers by column, or one number, whose column has the function's name.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    function: dict[str, Any]
    """`_target_` and the values that it is called with."""

    def __post_init__(self) -> None:
        function_of(self.function, "metric", ("evaluation",))

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        """Those of its values; where it has none, as it would compare a model with itself, one of its own name."""
        try:
            return tuple(self(evaluation))
        except SelfComparison:
            return (self._name,)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        found = function_of(self.function, "metric", ("evaluation",))(evaluation)
        if isinstance(found, Mapping):
            return found
        if isinstance(found, Undefined):
            return {self._name: found}
        try:
            return {self._name: float(found)}
        except (TypeError, ValueError):
            raise SupremeError(
                f"{self.function['_target_']} returns a {type(found).__name__}: let it return a number, or a dict such "
                f'as {{"{self._name}/forget": 0.5}}'
            ) from None

    @property
    def _name(self) -> str:
        return str(self.function["_target_"]).rpartition(".")[2]
