"""What a search makes small or large: the declared endpoints' distance to the reference, or an `objective=`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Protocol

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.core.errors import COMPARED_WITH_ITSELF
from supreme.sweep.objective import Objective, Term

Row = Mapping[str, Any]

UTILITY_OF_ALL, UTILITY_OF_RETAINED, OF_FORGOTTEN_CLASSES = (
    "accuracy/test",
    "accuracy/retain_test",
    "accuracy/forget_test",
)


class Goal(Protocol):
    """A number for each training seed, whose mean is the objective of a trial."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of a row that is read."""
        ...

    @property
    def direction(self) -> str:
        """minimize or maximize."""
        ...

    def per_seed(self, rows: Sequence[Row]) -> list[float]:
        """Of each of these rows of one trial its number; raises SupremeError where one has none."""
        ...

    def __str__(self) -> str: ...


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What `objective=` says."""

    objective: Objective
    direction: str

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(term.column for term in self.objective.terms))

    def per_seed(self, rows: Sequence[Row]) -> list[float]:
        return [self.objective.value(row) for row in rows]

    def __str__(self) -> str:
        return f"{self.direction}: {self.objective}"


@dataclass(frozen=True, kw_only=True)
class Distance:
    """The mean over endpoints of |unlearned - reference|, each in units of its margin: 1 lies at the margins.

    The unit of an endpoint that is `relative` is `most_left` times what the untouched original has there, on average
    over the training seeds of the search. A column that is a distance to the reference itself, as js_divergence/forget,
    is taken as it is.
    """

    endpoints: Endpoints
    direction: str = "minimize"

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.endpoints.margins)

    def per_seed(self, rows: Sequence[Row]) -> list[float]:
        parts = []
        for column, margin in self.endpoints.margins.items():
            unit = margin
            if unit is None:
                unit = self.endpoints.most_left * fmean(_distance(row, "original", column) for row in rows)
            if not unit > 0:
                raise SupremeError(
                    f"the original is no further from the reference than 0 on {column}, which is no unit to measure "
                    f"by: type report.margins.{column}=null"
                )
            parts.append([_distance(row, "metrics", column) / unit for row in rows])
        return [fmean(values) for values in zip(*parts, strict=True)]

    def __str__(self) -> str:
        told = (f"{name} {'relative' if margin is None else margin}" for name, margin in self.endpoints.margins.items())
        return f"minimize: mean distance to the reference in units of the margins ({', '.join(told)})"


def distance_of(declared: Mapping[str, Any], columns: Sequence[str]) -> Distance:
    """The distance on the endpoints that a cell declares, of those that its row will have.

    Args:
        declared: `Cell.declared`.
        columns: of the row, or empty where they are not known.

    Raises:
        SupremeError: none is declared.
    """
    endpoints = Endpoints.of(**declared) if declared else Endpoints({})
    unfit = UTILITY_OF_ALL if OF_FORGOTTEN_CLASSES in columns else UTILITY_OF_RETAINED
    margins = {name: margin for name, margin in endpoints.margins.items() if name != unfit}
    if lacking := [name for name in margins if columns and name not in columns]:
        raise SupremeError(
            f"report.margins declares {lacking[0]}, which no metric of this search gives: type "
            f"report.margins.{lacking[0]}=null, or add its metric"
        )
    if not margins:
        raise SupremeError(
            "report.margins declares no endpoint, so there is nothing to be near to: declare some, as in "
            "report.margins.accuracy/forget=0.02, or type objective=gap/accuracy/forget"
        )
    return Distance(endpoints=Endpoints(margins, endpoints.most_left))


def reads_reference(goal: Goal, rows: Sequence[Row]) -> bool:
    """Whether the numbers depend on the retrained model, as the rows tell: a metric may compare with it by itself."""
    if isinstance(goal, Distance) or any(term.is_gap for term in _terms(goal)):
        return True
    itself = COMPARED_WITH_ITSELF.format("reference")
    return any(row["reasons"]["reference"].get(column) == itself for row in rows for column in goal.columns)


def _terms(goal: Goal) -> tuple[Term, ...]:
    return goal.objective.terms if isinstance(goal, Asked) else ()


def _distance(row: Row, model: str, column: str) -> float:
    if row["reasons"]["reference"].get(column) == COMPARED_WITH_ITSELF.format("reference"):
        return abs(Term(column=column, is_gap=False).value({**row, "metrics": row[model]}))
    return Term(column=column, is_gap=True).value({**row, "metrics": row[model]})
