"""`objective=`: the number that a run returns to a sweeper that searches, such as Hydra's for Optuna, Ax, Nevergrad."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from supreme.command_line.conf_folder import near_names, other_names
from supreme.core import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

GAP = "gap/"
DIRECTIONS = ("minimize", "maximize")
ADVICE = (
    "give a column of the row, as in objective=accuracy/forget; its distance to the retrained model's, as in "
    "objective=gap/accuracy/forget; or a sum, as in objective=gap/accuracy/forget+gap/accuracy/validation"
)


@dataclass(frozen=True, kw_only=True)
class Term:
    """A column of a row, or how far it is from the reference's."""

    column: str
    is_gap: bool

    def __str__(self) -> str:
        return f"{GAP * self.is_gap}{self.column}"

    def value(self, row: Mapping[str, Any]) -> float:
        """The value in this row; of a gap |unlearned - reference|.

        Raises:
            SupremeError: the row has no such column, or no value in it; the message says why.
        """
        own = self._read(row, "metrics")
        return abs(own - self._read(row, "reference")) if self.is_gap else own

    def _read(self, row: Mapping[str, Any], model: str) -> float:
        values = row[model]
        if self.column not in values:
            raise SupremeError(f"objective={self}: {unknown_column(self.column, values)}")
        value = values[self.column]
        if value is None:
            of_reference = " of the reference" if model == "reference" else ""
            why = row["reasons"][model].get(self.column, "no reason is given")
            raise SupremeError(f"objective={self} has no value here: {self.column}{of_reference} is n/a ({why})")
        return float(value)


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A sum of terms, to be minimized or maximized."""

    terms: tuple[Term, ...]
    direction: str = ""
    """minimize, maximize, or empty where none is stated."""

    def __str__(self) -> str:
        return "+".join(map(str, self.terms))

    def value(self, row: Mapping[str, Any]) -> float:
        """The sum of the terms in this row; raises SupremeError as `Term.value` does."""
        return sum(term.value(row) for term in self.terms)


def objectives_in(given: object) -> tuple[Objective, ...]:
    """The objectives that a config's `objective` names: none, one, or one for each entry of a list.

    Raises:
        SupremeError: it is written otherwise.
    """
    if given is None:
        return ()
    listed = given if isinstance(given, list) else [given]
    if not listed:
        raise SupremeError(f"objective=[] names nothing: {ADVICE}")
    return tuple(map(_objective, listed))


def returned(objectives: Sequence[Objective], row: Mapping[str, Any]) -> Any:
    """What a run returns: a float; a list of several; without an objective the row itself."""
    values = [objective.value(row) for objective in objectives]
    return row if not values else values[0] if len(values) == 1 else values


def unknown_column(name: str, there: Iterable[str]) -> str:
    """The sentence on a column that a row has not, with those that were probably meant."""
    there = list(there)
    if near := near_columns(name, there):
        return f"there is no column {name} in the row; did you mean {' or '.join(near)}?"
    metrics = sorted({column.partition("/")[0] for column in there})
    return f"there is no column {name} in the row, whose metrics are {', '.join(metrics)}: {ADVICE}"


def near_columns(name: str, there: Sequence[str]) -> list[str]:
    """Up to three of these columns, also where the words of the name stand the other way round, as in test_accuracy."""
    words = re.split(r"[^A-Za-z0-9]+", name)
    metric = other_names("metric").get(name.lower(), name)
    of_metric = [column for column in there if column.startswith(f"{metric}/")]
    turned = near_names("/".join(reversed(words)), there) if len(words) > 1 else []
    ends = [column for column in there if column.partition("/")[2] == name]
    exact = [column for column in turned if sorted(re.split(r"[^A-Za-z0-9]+", column)) == sorted(words)]
    return list(dict.fromkeys(exact or ends or [*of_metric, *near_names(name, there), *turned]))[:3]


def _objective(given: object) -> Objective:
    if not isinstance(given, str) or not given.strip():
        raise SupremeError(f"objective={given} is not allowed: {ADVICE}")
    head, colon, rest = given.partition(":")
    if colon and head not in DIRECTIONS:
        raise SupremeError(
            f"objective={given}: {head!r} is no direction; type minimize:{rest} or maximize:{rest}, or leave it out"
        )
    return Objective(
        terms=tuple(_term(given, part.strip()) for part in (rest or head).split("+")), direction=head if colon else ""
    )


def _term(given: str, part: str) -> Term:
    column = part.removeprefix(GAP)
    if not column or column == GAP.rstrip("/") or re.search(r"\s", column) or column.startswith("-"):
        raise SupremeError(f"objective={given} is not allowed: {ADVICE}")
    return Term(column=column, is_gap=part.startswith(GAP))
