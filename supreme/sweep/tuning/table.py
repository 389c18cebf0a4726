"""What a search has found, on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.table import Table

from supreme.core.console import console
from supreme.core.output import out
from supreme.report.statistics.intervals import mean_interval
from supreme.sweep.tuning.trial import DEFAULTS


def print_search(record: Mapping[str, Any]) -> None:
    """One line for each method, the best values below, and what the numbers are."""
    console().print(_table(record))
    for line in _notes(record):
        out(f"{line}\n", wrap=True)


def _table(record: Mapping[str, Any]) -> Table:
    where = " · ".join(record[group] for group in ("data", "model", "recipe", "scenario"))
    table = Table(box=box.SIMPLE_HEAD, title=where, title_justify="left", title_style="bold")
    table.add_column("method", no_wrap=True)
    for name in ("best\nobjective", "95 %\ninterval", "without\nsearch", "trials\n(failed)", "sample\npasses"):
        table.add_column(name, justify="right", no_wrap=True)
    sign = 1 if record["direction"] == "minimize" else -1
    for method, told in sorted(record["methods"].items(), key=lambda item: _rank(item[1], sign)):
        trials = told["trials"]
        best = next((one for one in trials if one["number"] == told["winner"]), None)
        failed = sum(one["objective"] is None for one in trials)
        table.add_row(
            method,
            *(("n/a", "n/a") if best is None else (f"{best['objective']:.3g}", _interval(best["per_seed"]))),
            _without(trials),
            f"{len(trials)}" + f" ({failed})" * bool(failed),
            f"{sum(one['sample_passes'] for one in trials):,}",
        )
    return table


def _rank(told: Mapping[str, Any], sign: int) -> tuple[bool, float]:
    values = [one["objective"] for one in told["trials"] if one["number"] == told["winner"]]
    return (not values, sign * values[0] if values else 0.0)


def _interval(values: list[float]) -> str:
    found = mean_interval(values)
    return "n/a" if found is None else f"{found.low:.3g} to {found.high:.3g}"


def _without(trials: list[Mapping[str, Any]]) -> str:
    first = next((one["objective"] for one in trials if one["number"] == DEFAULTS), None)
    return "n/a" if first is None else f"{first:.3g}"


def _notes(record: Mapping[str, Any]) -> Iterator[str]:
    seeds = ", ".join(map(str, record["seeds"]))
    yield (
        f"- objective: {record['objective']}; mean over training seeds {seeds}, on validation images. The best of many "
        "trials looks better than it is: report it on other training seeds."
    )
    for method, told in record["methods"].items():
        if told["winner"] is None:
            yield f"- {method}: every trial failed: {told['trials'][0]['error']}"
        elif told["winner"] == DEFAULTS:
            yield f"- {method}: no trial did better than the values without a search, which stay."
        else:
            values = next(one["values"] for one in told["trials"] if one["number"] == told["winner"])
            yield f"- {method}: {' '.join(f'{name}={value}' for name, value in values.items())}"
        failed = [one for one in told["trials"] if one["objective"] is None]
        if failed and told["winner"] is not None:
            count = f"{len(failed)} of {len(told['trials'])} trials"
            yield f"- {method}: {count} failed, the first with: {failed[0]['error']}"
