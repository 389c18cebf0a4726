"""The metrics of one replicate: of each unlearned model, and of the reference and the original beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supreme.api.metrics import Asked
from supreme.api.not_given import GivenEvaluation, NotGiven, measured
from supreme.api.sets import GivenSets
from supreme.core import SelfComparison, Series, Split, SupremeError, Undefined
from supreme.core.evaluation import Evaluation
from supreme.pipeline.evaluation import StoredPredictions
from supreme.pipeline.rows import measure

Measured = Mapping[str, Any]
"""`values`, `reasons`, `series` and `warnings`, as a row has them."""

ByMetric = Mapping[str, Measured]


@dataclass(frozen=True, kw_only=True)
class Replicate:
    """What is evaluated together: models of one training seed."""

    number: int
    """Of its sets, among those of the call."""
    seed: int
    """Training seed."""
    draw: int
    """Of the method, inside its training seed."""
    split: Split
    sets: GivenSets
    methods: Mapping[str, StoredPredictions]
    anchors: Mapping[str, StoredPredictions]
    """Those of reference and original that there are."""
    untrained: Sequence[StoredPredictions]

    def evaluation(self, role: str, subject: StoredPredictions) -> GivenEvaluation:
        """Args:
        role: unlearned, reference or original.
        """
        return GivenEvaluation(
            subject_name=role,
            split=self.split,
            subject=subject,
            all={**self.anchors, **({role: subject} if role == "unlearned" else {})},
            costs={},
            load_untrained=self._untrained,
            stream=(self.seed, 0),
            has_images=self.sets.has_images,
        )

    def _untrained(self) -> Sequence[StoredPredictions]:
        if not self.untrained:
            raise NotGiven("untrained", "untrained models")
        return self.untrained


@dataclass(frozen=True)
class Lenient:
    """A metric whose columns are undefined where they need what nobody gave."""

    name: str
    metric: Any

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return self.metric.columns(evaluation)

    def __call__(self, evaluation: GivenEvaluation) -> Mapping[str, float | Undefined]:
        try:
            found = measured(self.metric, evaluation)
        except (SelfComparison, SupremeError):
            raise
        except Exception as error:  # somebody's own metric may raise anything
            first = (str(error).splitlines() or [""])[0]
            raise SupremeError(f"metric {self.name} failed ({type(error).__name__}: {first})") from error
        if not isinstance(found, Mapping) or not all(isinstance(column, str) for column in found):
            raise SupremeError(f"metric {self.name} returned a {type(found).__name__}, and not {{column: number}}")
        return found

    def series(self, evaluation: GivenEvaluation) -> Mapping[str, Series]:
        return self.metric.series(evaluation) if hasattr(self.metric, "series") else {}

    def warnings(self, evaluation: GivenEvaluation) -> Mapping[str, str]:
        try:
            return self.metric.warnings(evaluation) if hasattr(self.metric, "warnings") else {}
        except SelfComparison:
            return {}


def measured_of(asked: Sequence[Asked], replicate: Replicate, role: str, subject: StoredPredictions) -> ByMetric:
    """Of each metric, by name, its values, reasons, series and warnings.

    Args:
        role: unlearned, reference or original.
    """
    evaluation = replicate.evaluation(role, subject)
    found: dict[str, Measured] = {}
    for one in asked:
        metric = Lenient(one.name, one.metric)
        measured = measure({one.name: metric}, evaluation)
        doubts = metric.warnings(evaluation) if role == "unlearned" else {}
        known = {column: told for column, told in doubts.items() if measured["values"].get(column) is not None}
        found[one.name] = {**measured, "warnings": known}
    return found


def together(asked: Sequence[Asked], measured: ByMetric, gone: Collection[str]) -> Measured:
    """What these metrics have measured, as a row has it.

    Args:
        gone: columns that no row has.

    Raises:
        SupremeError: two of them give one column.
    """
    found: dict[str, dict[str, Any]] = {part: {} for part in ("values", "reasons", "series", "warnings")}
    for one in asked:
        if twice := found["values"].keys() & measured[one.name]["values"].keys():
            raise SupremeError(f"two metrics give the column {min(twice)}: choose one of them")
        for part, own in found.items():
            own.update({name: told for name, told in measured[one.name][part].items() if name not in gone})
    return found


def nothing_of(role: str, columns: Iterable[str]) -> Measured:
    """What a row has of the reference or the original where it was not given."""
    columns = list(columns)
    reasons = dict.fromkeys(columns, str(NotGiven(role)))
    return {"values": dict.fromkeys(columns), "reasons": reasons, "series": {}, "warnings": {}}
