"""Ours beside what others published: `supreme report --against published`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from supreme.core.column import column_in
from supreme.report.catalogue.metrics import BETTER, our_columns
from supreme.report.published.gaps import average_lines, gap_between, population_sd, sample_sd
from supreme.report.published.left_out import Parts, as_published, left_out, missing, parts_of
from supreme.report.published.numbers import REFERENCE, Number
from supreme.report.published.recipes import by_config, differences
from supreme.report.rows.labels import bare_name, without
from supreme.report.rows.load import frame_of
from supreme.report.rows.per_seed import per_seed
from supreme.report.rows.reading import Row
from supreme.report.statistics import mean_interval, summary_gap_interval
from supreme.report.statistics.targets import by_target, value_in

BLOCK = ("data", "model", "recipe", "scenario", "setting", "protocol", "published_recipe")
LINE = (*BLOCK, "forget_set", "method", "variant", "metric", "quantity")
COLUMNS = (
    *(*LINE, "preset", "targets", "targets_published", "mean", "low", "high", "sd", "sd_population", "seeds"),
    *("published", "published_spread", "published_spread_kind", "published_seeds"),
    *("difference", "difference_low", "difference_high", "difference_by"),
    *("gap_of_means", "published_gap_of_means", "ideal", "published_as", "source", "status", "note"),
)
_LABELS = BLOCK[:-2]


def against(rows: Sequence[Row], numbers: Sequence[Number], frame: pd.DataFrame | None = None) -> pd.DataFrame:
    """One line for each published number beside which rows can stand, with the columns `COLUMNS`.

    A row stands beside the numbers of a recipe where its config is of it: see recipes.yaml. Ours is the mean over
    training seeds of the mean over targets, of the seeds that have every target there is, with its 95 % t interval, its
    sample SD and its population SD (over n, not n - 1). The difference is ours minus theirs, with Welch's interval from
    their SD and number of seeds where their spread is an SD (the trainings are independent, whatever the seeds are
    called), and else with ours moved by their mean; `difference_by` says which.

    `gap_of_means` is |mean of the method - mean of the reference|, ours and theirs. The lines whose quantity is
    average_gap_of_means have its average over the columns that both have.

    `attrs["left_out"]` says in sentences what was left out, and why.

    Args:
        rows: of an output directory.
        frame: what `load` gives of them, or a part of it.
    """
    frame = frame_of(rows) if frame is None else frame
    there = {*frame["cell"]}
    rows = [row for row in rows if row.cell in there]
    tables: dict[tuple[str, ...], list[Number]] = {}
    for number in numbers:
        tables.setdefault(number.table, []).append(number)
    found, told, configs = list[dict[str, Any]](), left_out(rows, numbers), by_config(rows)
    for table in tables.values():
        cells = [row.cell for alike in configs if not differences(alike[0], table[0]) for row in alike]
        if cells:
            lines: Any = _lines_of(frame.loc[frame["cell"].isin(cells)])
            bare = lines["metric"].map(bare_name)
            parts: Any = dict(list(lines.groupby(["method", "protocol", bare], sort=False)))
            beside = [line for one in table for line in _beside(one, table, parts)]
            found += [*beside, *average_lines(beside, LINE)]
            told += missing(table, parts)
    result = pd.DataFrame(found, columns=list(COLUMNS))
    result.attrs["left_out"] = list(dict.fromkeys(told))
    return result


def _lines_of(frame: pd.DataFrame) -> pd.DataFrame:
    """`per_seed` with the protocol, the preset, the target, and the values of the metric; targets are in one block."""
    lines = per_seed(frame)
    for more, keys in (
        (["metric_values"], [*_LABELS, "metric"]),
        (["preset"], [*_LABELS, "method", "variant"]),
        (["protocol", "scenario_values"], list(_LABELS)),
    ):
        told: Any = frame[[*keys, *more]].astype("str")
        lines = lines.merge(told.drop_duplicates(keys), how="left", on=keys)
    lines["preset"] = lines["preset"].fillna("")
    lines["target"] = [value_in("target", one) for one in lines["scenario_values"]]
    lines["setting"] = [without("protocol=", without("scenario.", setting)) for setting in lines["setting"]]
    return lines


def _beside(one: Number, table: Sequence[Number], parts: Parts) -> Iterator[dict[str, Any]]:
    """The lines of one number, one for each block and variant of its method."""
    for whole in parts_of(one, parts, one.method):
        own: Any = whole.loc[[as_published(one, values) for values in whole["metric_values"]]]
        for labels, part in own.groupby([*BLOCK[:-1], "method", "variant", "metric"], sort=False):
            values = by_target(part, one.quantity)
            if len(values):
                block, rest = labels[: len(BLOCK) - 1], labels[len(BLOCK) - 1 :]
                keys = (*block, one.recipe, one.forget_set, *rest, one.quantity)
                yield (
                    dict(zip(LINE, keys, strict=True))
                    | _compared(values.mean(axis=1).to_numpy(), one)
                    | {
                        "preset": part["preset"].iloc[0],
                        "targets": ", ".join(map(str, values.columns)) if one.targets else "",
                        "targets_published": one.targets.replace(" ", ", "),
                        "gap_of_means": _gap(part),
                        "published_gap_of_means": gap_between(one, table),
                        "ideal": _ideal(one),
                        "published_as": one.column,
                        "source": one.source,
                        "status": one.status,
                        "note": one.note,
                    }
                )


def _gap(part: pd.DataFrame) -> float:
    """The gap of means of these lines; NaN where they have none to the reference."""
    if set(part["contrast"]) != {REFERENCE}:
        return math.nan
    gaps = by_target(part, "gap")
    return abs(float(gaps.to_numpy().mean())) if len(gaps) else math.nan


def _ideal(one: Number) -> str:
    column = column_in(our_columns(), one.metric)
    return BETTER[column.direction] if column and one.method != REFERENCE and one.quantity == "value" else ""


def _compared(ours: Any, one: Number) -> dict[str, Any]:
    own = mean_interval(ours)
    ends = (own.low, own.high) if own else (math.nan, math.nan)
    told: dict[str, Any] = {"difference_low": ends[0] - one.mean, "difference_high": ends[1] - one.mean}
    by = "interval of ours only" if own else "one seed has no interval"
    sd = sample_sd(one)
    if sd is not None and one.seeds and (welch := summary_gap_interval(ours, one.mean, sd, one.seeds)):
        told = {"difference_low": welch.low, "difference_high": welch.high}
        by = "Welch, from their sd" + " over n, made one over n - 1" * (one.spread_kind == "population sd")
    return told | {
        "mean": float(ours.mean()),
        "low": ends[0],
        "high": ends[1],
        "sd": float(ours.std(ddof=1)) if len(ours) > 1 else math.nan,
        "sd_population": population_sd(ours),
        "seeds": len(ours),
        "published": one.mean,
        "published_spread": math.nan if one.spread is None else one.spread,
        "published_spread_kind": one.spread_kind,
        "published_seeds": one.seeds,
        "difference": float(ours.mean()) - one.mean,
        "difference_by": by,
    }
