"""Objectives that no row of these cells could answer, found before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from supreme.command_line.conf_folder import names
from supreme.core import SupremeError, registry
from supreme.core.column import Column, column_in, declared_of
from supreme.pipeline.cell import Cell
from supreme.pipeline.judged import on_validation
from supreme.store.files import digest
from supreme.sweep.objective import Objective, Term, unknown_column
from supreme.sweep.plan.compose import Problems
from supreme.sweep.plan.planned_columns import planned_columns

NATURAL = {"lower": "minimize", "higher": "maximize"}
"""What is done to a column, by the direction in which it says that better values lie."""


def check_objectives(cells: Iterable[Cell], objectives: Sequence[Objective], problems: Problems) -> None:
    """Add a sentence for each term that names no column of these cells' rows, or a gap that says nothing."""
    terms = [term for objective in objectives for term in objective.terms]
    told: dict[str, list[str]] = {}
    for cell in cells if terms else ():
        key = digest([cell.metric_keys, cell.data_path, cell.split_digest, on_validation(cell.nodes["data"])])
        if key not in told:
            columns = planned_columns(cell)
            told[key] = [why for term in terms if (why := _flaw(term, cell, columns))]
        for sentence in told[key]:
            problems.add(sentence)


def check_in_row(cell: Cell, row: Mapping[str, Any], objectives: Sequence[Objective], problems: Problems) -> None:
    """The same of a cell that has its row."""
    for term in (term for objective in objectives for term in objective.terms):
        declared = row.get("columns", {})
        columns = {name: Column.of_record(declared.get(name, {})) for name in row["metrics"]}
        if why := _flaw(term, cell, columns):
            problems.add(why)


def natural_direction(objective: Objective, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    """minimize or maximize, where all terms agree on it; empty where they do not, or do not say.

    Args:
        metrics: nodes of the metrics, by name.
    """
    directions = {
        "minimize" if term.is_gap else NATURAL.get(_direction(term.column, metrics), "") for term in objective.terms
    }
    return directions.pop() if len(directions) == 1 else ""


def _direction(column: str, metrics: Mapping[str, Mapping[str, Any]]) -> str:
    for name, node in metrics.items():
        with suppress(SupremeError):  # which the plan tells
            if found := column_in(declared_of(registry.build(node, f"metric {name}")), column):
                return found.direction
    return ""


def _flaw(term: Term, cell: Cell, columns: Mapping[str, Column] | None) -> str:
    if columns is None:
        return ""
    if term.column not in columns:
        metric = term.column.partition("/")[0]
        if metric in names("metric") and metric not in cell.metrics:
            chosen = ",".join([*cell.metrics, metric])
            return f"objective={term}: metric {metric} is not chosen; add it, as in 'metric=[{chosen}]'"
        images = cell.judging_split().sets.get(term.column.rpartition("/")[2])
        if images is not None and not len(images):
            return f"objective={term}: these data have no such images; type data.validation_fraction=0.1, say"
        return f"objective={term}: {unknown_column(term.column, columns)}"
    direction = columns[term.column].direction
    if term.is_gap and direction in NATURAL:
        return (
            f"objective={term} is not allowed: better values of {term.column} are {direction} ones, not those nearer "
            f"to the reference's; type objective={term.column}"
        )
    return ""
