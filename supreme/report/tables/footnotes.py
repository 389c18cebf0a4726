"""What a table must say below it, so that nobody has to guess what its numbers are, or which are not there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from supreme.report.rows.code import code_notes
from supreme.report.rows.columns import TableColumn
from supreme.report.rows.environments import environment_notes
from supreme.report.rows.given import given_notes
from supreme.report.rows.labels import bare_name, titled
from supreme.report.rows.per_seed import ANCHORS, seed_list
from supreme.report.rows.spread import spread_words
from supreme.report.rows.tuning import scale_notes, tuning_notes
from supreme.report.rows.twins import twin_notes
from supreme.report.statistics.claims import NO_CLAIMS, Claims
from supreme.report.statistics.findings import findings
from supreme.report.statistics.ranking import competes
from supreme.report.tables.failed import Failed
from supreme.report.tables.headline import Headline
from supreme.report.tables.hints import Hints, hints_of
from supreme.report.tables.legend import legend
from supreme.report.tables.notes import Notes
from supreme.report.tables.slow import slow_notes

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""For each method, and each metric it has, the line of the summary."""

Columns = Mapping[str, TableColumn]
"""By metric."""


def footnotes(
    lines: Lines,
    columns: Columns,
    part: pd.DataFrame,
    failed: Sequence[Failed] = (),
    hidden: Sequence[str] = (),
    headlines: Mapping[str, Headline] | None = None,
    claims: Claims = NO_CLAIMS,
) -> Notes:
    """The notes of one table of these lines, whose rows are `part`; `columns` are those that were asked for.

    Args:
        failed: the methods of the block of which runs failed.
        hidden: metrics of its rows that the table does not show.
        headlines: of its methods, where they have a verdict.
        claims: what is to be said of these verdicts.
    """
    titles = {metric: column.title for metric, column in columns.items()}
    broken = {titled(one.method, one.variant) for one in failed if not one.done}
    hints = hints_of(part.attrs)
    there = {method: line_of for method, line_of in lines.items() if method not in broken}
    known, anchors = _undefined(there, titles)
    every = list(_every(lines))
    first = [_runs(there, columns, part["forget_size"].unique(), failed, spread_words(part).sets)]
    first += [*legend(there, columns, headlines or {}), *claims.margins]
    if every and all(line["seeds"] < 2 for line in every):
        first.append(f"One training seed gives no SD and no interval (n/a): {hints.seeds}.")
    invalid = [*(f"{one.note}." for one in failed), *_missing(there, titles, failed), *known, *_flagged(part)]
    invalid += [*claims.out_of_reach, *claims.doubts, *twin_notes(part), *given_notes(part)]
    invalid += (
        tuning_notes(part, columns) + scale_notes(part) + slow_notes(there) + code_notes(part) + environment_notes(part)
    )
    invalid += part.attrs.get("left_out", [])
    rest = [_design(there), *claims.rest]
    if any(line["wilson_low"] == line["wilson_low"] for line in every):
        rest.append(
            "In round brackets (--wide), the 95 % Wilson interval of the accuracy of one model: what so few images "
            "leave open, not what another training would."
        )
    rest += findings(there, columns, spread_words(part).train)
    if any(map(competes, there)) and not any(bare_name(method) == "retrain" for method in there):
        rest.append(f"No noise floor: {hints.floor}.")
    if "cost/seconds" in columns:
        rest.append(
            "Seconds are wall time of the method's own work (reference and original: of their training), too many "
            "where jobs shared the processor."
        )
    rest += anchors + _warnings(part, titles)
    return Notes(first=first, invalid=invalid, hidden=_hidden(hidden, hints), rest=rest)


def only_failures(failed: Sequence[Failed]) -> Notes:
    """The notes of a block of which there is no row."""
    return Notes(first=["No cell has a row."], invalid=[f"{one.note}." for one in failed])


def _hidden(metrics: Sequence[str], hints: Hints) -> list[str]:
    """How many columns the table leaves out, of which metrics, and how to see them."""
    if not metrics:
        return []
    families = list(dict.fromkeys(metric.partition("/")[0] for metric in metrics))
    return [
        f"{len(metrics)} column{'s are' if len(metrics) > 1 else ' is'} not shown ({', '.join(families)}): "
        f"{hints.columns.format(families[0])}."
    ]


def _runs(lines: Lines, columns: Columns, forget_sizes: Iterable[int], failed: Sequence[Failed], sets: str) -> str:
    """What a cell of the table is, of how many seeds and images, and whether a run is missing."""
    seeds = [max((line["seeds"] for line in line_of.values()), default=0) for line_of in lines.values()]
    per_cent = "; accuracies in per cent" if any(column.format.endswith("%") for column in columns.values()) else ""
    broken = sum(one.count for one in failed)
    swept = [line_of for method, line_of in lines.items() if method not in ANCHORS]
    missing = sum(min((line["missing_runs"] for line in line_of.values()), default=0) for line_of in swept)
    missing -= sum(one.count for one in failed if one.done)  # these have failed
    told = [
        f"{count} run{'' if count == 1 else 's'} {what}, see below"
        for count, what in ((broken, "failed"), (missing, "missing"))
        if count > 0
    ]
    return (
        f"mean ± SD of {_count(seeds, 'training seed')}, {sets}{per_cent}; {_count(forget_sizes, 'forget image')}; "
        f"{'; '.join(told) or 'no method lacks a run that others have'}."
    )


def _design(lines: Lines) -> str:
    """How many draws there are of each stream."""
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
    return f"{', '.join(parts)}."


def _every(lines: Lines) -> Iterable[Mapping[str, Any]]:
    return (line for line_of in lines.values() for line in line_of.values())


def _count(numbers: Iterable[int], what: str) -> str:
    low, high = min(numbers := list(numbers)), max(numbers)
    return f"{low if low == high else f'{low} to {high}'} {what}{'' if high == 1 else 's'}"


def _missing(lines: Lines, titles: Mapping[str, str], failed: Sequence[Failed]) -> list[str]:
    """Per method, what it lacks and has not failed; the metrics are named where it does not lack it in all of them."""
    notes, known = [], {titled(one.method, one.variant): f"{seed_list(one.seeds)} missing" for one in failed}
    for method, line_of in lines.items():
        lacking: dict[str, list[str]] = defaultdict(list)
        valued = [metric for metric, line in line_of.items() if line["seeds"] > 0]
        for metric in valued:
            line = line_of[metric]
            if line["missing"] and line["missing"] != known.get(method):
                lacking[line["missing"] + (f" ({line['reason']})" if line["reason"] else "")].append(metric)
        for what, metrics in lacking.items():
            where = "" if len(metrics) == len(valued) else f" ({', '.join(titles[metric] for metric in metrics)})"
            notes.append(f"{method}{where}: {what}.")
    return notes


def _undefined(lines: Lines, titles: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Per reason, which cells have no value at all: the sentences that tell of methods, and those of anchors alone."""
    reasons: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for method, line_of in lines.items():
        for metric, title in titles.items():
            line = line_of.get(metric)
            if line is None:
                reasons["not evaluated"][method].append(title)
            elif line["seeds"] == 0:
                reasons[line["reason"] or "no reason given"][method].append(title)
    of_methods, of_anchors = list[str](), list[str]()
    for reason, where in reasons.items():
        told = "; ".join(f"{method} ({', '.join(found)})" for method, found in where.items())
        (of_anchors if where.keys() <= {*ANCHORS} else of_methods).append(f"n/a, {reason}: {told}.")
    return of_methods, of_anchors


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
