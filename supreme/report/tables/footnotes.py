"""What a table must say below it, so that nobody has to guess what its numbers are, or which are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from supreme.report.rows.code import code_notes
from supreme.report.rows.columns import TableColumn
from supreme.report.rows.environments import environment_notes
from supreme.report.rows.labels import bare_name
from supreme.report.rows.per_seed import ANCHORS, seed_list
from supreme.report.rows.tuning import tuning_notes
from supreme.report.rows.twins import twin_notes
from supreme.report.statistics.findings import findings
from supreme.report.statistics.ranking import competes

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""For each method, and each metric it has, the line of the summary."""

Columns = Mapping[str, TableColumn]
"""By metric."""


def footnotes(lines: Lines, columns: Columns, part: pd.DataFrame) -> list[str]:
    """The notes of one table of these lines, whose rows are `part`; `columns` are those that were asked for."""
    notes = [
        "mean ± SD between training seeds; below it the gap to the reference [95 % t interval], paired by training "
        "seed; accuracies in per cent, their gaps in percentage points.",
        _design(lines, part["forget_size"].unique()),
    ]
    every = list(_every(lines))
    if all(line["seeds"] < 2 for line in every):
        notes.append("One training seed gives no SD and no interval (n/a): sweep more, as in 'seed=range(5)'.")
    if any(line["wilson_low"] == line["wilson_low"] for line in every):
        notes.append(
            "In round brackets, the 95 % Wilson interval of the accuracy of one model: what so few images leave open, "
            "not what another training would."
        )
    notes += findings(lines, columns) + tuning_notes(part, columns)
    if any(map(competes, lines)) and not any(bare_name(method) == "retrain" for method in lines):
        notes.append("No noise floor: sweep method=retrain too, to see how far apart two retrained models are.")
    if "cost/seconds" in columns:
        notes.append(
            "Seconds are wall time of the method's own work (reference and original: of their training), too many "
            "where jobs shared the processor."
        )
    titles = {metric: column.title for metric, column in columns.items()}
    notes += _missing(lines, titles) + _undefined(lines, titles) + _warnings(part, titles) + _flagged(part)
    notes += twin_notes(part)
    return notes + code_notes(part) + environment_notes(part) + part.attrs.get("left_out", [])


def _design(lines: Lines, forget_sizes: Iterable[int]) -> str:
    seeds = [max((line["seeds"] for line in line_of.values()), default=0) for line_of in lines.values()]
    swept = {method: line_of for method, line_of in lines.items() if method not in ANCHORS}
    methods = list(_every(swept)) or list(_every(lines))
    parts = [
        f"I = {_count(seeds, 'training seed')}",
        f"J = {_count([line['unlearn_draws'] for line in methods], 'unlearning draw')}",
        f"K = {_count([line['evaluate_draws'] for line in methods], 'evaluation draw')}",
        f"R = {_count([line['reference_draws'] for line in methods], 'reference')} per training seed",
    ]
    draws = [line["forget_draws"] for line in methods]
    if max(draws) > 1:
        parts.append(f"{_count(draws, 'forget set')} per training seed")
    missing = sum(min((line["missing_runs"] for line in line_of.values()), default=0) for line_of in swept.values())
    told = "no method lacks a run that others have"
    if missing:
        told = f"{missing} run{'' if missing == 1 else 's'} missing, see below"
    return f"{', '.join(parts)}; {_count(forget_sizes, 'forget image')}; {told}."


def _every(lines: Lines) -> Iterable[Mapping[str, Any]]:
    return (line for line_of in lines.values() for line in line_of.values())


def _count(numbers: Iterable[int], what: str) -> str:
    low, high = min(numbers := list(numbers)), max(numbers)
    return f"{low if low == high else f'{low} to {high}'} {what}{'' if high == 1 else 's'}"


def _missing(lines: Lines, titles: Mapping[str, str]) -> list[str]:
    """Per method, what it lacks; the metrics are named where it does not lack it in all of them."""
    notes = []
    for method, line_of in lines.items():
        lacking: dict[str, list[str]] = defaultdict(list)
        valued = [metric for metric, line in line_of.items() if line["seeds"] > 0]
        for metric in valued:
            line = line_of[metric]
            if line["missing"]:
                lacking[line["missing"] + (f" ({line['reason']})" if line["reason"] else "")].append(metric)
        for what, metrics in lacking.items():
            where = "" if len(metrics) == len(valued) else f" ({', '.join(titles[metric] for metric in metrics)})"
            notes.append(f"{method}{where}: {what}.")
    return notes


def _undefined(lines: Lines, titles: Mapping[str, str]) -> list[str]:
    """Per reason, which cells have no value at all."""
    reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for method, line_of in lines.items():
        for metric, title in titles.items():
            line = line_of.get(metric)
            if line is None:
                reasons["not evaluated"][method].append(title)
            elif line["seeds"] == 0:
                reasons[line["reason"] or "no reason given"][method].append(title)
    return [
        f"n/a, {reason}: " + "; ".join(f"{method} ({', '.join(found)})" for method, found in where.items()) + "."
        for reason, where in reasons.items()
    ]


def _warnings(part: pd.DataFrame, titles: Mapping[str, str]) -> list[str]:
    """Each text once, with the columns that it is about."""
    about: dict[str, list[str]] = defaultdict(list)
    warned = part.loc[part["warning"] != "", ["warning", "metric"]].drop_duplicates()
    for text, metric in sorted(warned.itertuples(index=False, name=None)):
        about[text].append(titles[metric])
    return [f"{', '.join(found)}: {text.removesuffix('.')}." for text, found in about.items()]


def _flagged(part: pd.DataFrame) -> list[str]:
    """Per method of a block, which seeds have a note in their rows; the original is unchanged by definition."""
    noted = part.loc[(part["notes"] != "") & (part["method"] != "original"), ["method", "notes", "seed"]]
    seeds: dict[tuple[str, str], list[int]] = defaultdict(list)
    for method, note, seed in sorted(set(noted.itertuples(index=False, name=None))):
        seeds[method, note].append(seed)
    return [f"{method}: {note} in {seed_list(found)}." for (method, note), found in seeds.items()]
