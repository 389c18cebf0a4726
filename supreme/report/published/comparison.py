"""Ours beside what others published: `supreme report --against published`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from supreme.report.rows.columns import is_config_of
from supreme.report.rows.labels import without
from supreme.report.rows.per_seed import per_seed
from supreme.report.statistics import mean_interval, summary_gap_interval
from supreme.report.statistics.targets import by_target, value_in

FOLDER = Path(__file__).parents[1] / "published"
BLOCK = ("data", "model", "recipe", "scenario", "setting", "protocol")
LINE = (*BLOCK, "method", "variant", "metric", "quantity")
COLUMNS = (
    *(*LINE, "targets", "targets_published", "mean", "low", "high", "seeds", "published", "published_spread"),
    *("published_spread_kind", "published_seeds", "difference", "difference_low", "difference_high"),
    *("difference_by", "published_as", "source", "note"),
)


def published() -> pd.DataFrame:
    """Every published number that is stored here, in our names and units: `metric` is the column that measures the
    same under protocol=supreme_paper, `metric_fixed` the one that does under protocol=fixed; "" where there is none.
    `metric_values` are those that it must have to be the same: `entropy_solver=sklearn`.

    `quantity` is value, or gap: unlearned minus reference. `spread` is between `seeds` training seeds, over which
    `mean` goes; where several `targets` are named, each seed's value is their mean.
    """
    numbers = {"mean": float, "spread": float, "seeds": int}
    parts = [
        pd.read_csv(path, dtype=str, keep_default_na=False).astype(numbers) for path in sorted(FOLDER.glob("*.csv"))
    ]
    return pd.concat(parts, ignore_index=True)


def against(frame: pd.DataFrame, theirs: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """One line for each published number beside which rows of `load` can stand, with the columns `COLUMNS`.

    Ours is the mean over training seeds of the mean over targets, of the seeds that have every target there is, with
    its t interval. The difference is ours minus theirs, with Welch's interval from their sd and number of seeds where
    their spread is an sd (the trainings are independent, whatever the seeds are called), and else with ours moved by
    their mean; `difference_by` says which. Data, model, scenario and method are matched by name.

    `attrs["left_out"]` says in sentences which columns have other values than the published ones were computed with.
    """
    lines = per_seed(frame)
    values: Any = frame[[*BLOCK[:-1], "metric", "metric_values"]].drop_duplicates()
    lines = lines.merge(values, how="left", on=[*BLOCK[:-1], "metric"])
    told: Any = frame[[*BLOCK, "scenario_values"]]
    lines = lines.merge(told.drop_duplicates(list(BLOCK[:-1])), how="left", on=list(BLOCK[:-1]))
    for name in ("target", "fraction"):
        lines[name] = [value_in(name, one) for one in lines["scenario_values"]]
    lines["setting"] = [without("protocol=", without("scenario.", setting)) for setting in lines["setting"]]
    alike = [(one, _alike(one, lines)) for one in theirs.to_dict("records")]
    found = pd.DataFrame(
        [line for one, part in alike for line in _lines(one, part.loc[_as_published(one, part)], level)],
        columns=list(COLUMNS),
    )
    told = [_other_values(one, part.loc[~_as_published(one, part)]) for one, part in alike]
    found.attrs["left_out"] = list(dict.fromkeys(filter(None, told)))
    return found


def _alike(one: Mapping[Any, Any], lines: pd.DataFrame) -> pd.DataFrame:
    """The lines of the data, model, scenario and method of a published number, and of the column that stands for it."""
    chosen = lines
    for name in ("data", "model", "scenario", "method"):
        chosen = chosen.loc[chosen[name] == one[name]]
    if one["targets"]:
        chosen = chosen.loc[chosen["target"].isin(one["targets"].split())]
    else:
        chosen = chosen.loc[chosen["fraction"] == one["fraction"]]
    wanted = {"supreme_paper": one["metric"]}
    return chosen.loc[
        [
            bool(name := wanted.get(protocol, one["metric_fixed"])) and is_config_of(metric, name)
            for protocol, metric in zip(chosen["protocol"], chosen["metric"], strict=True)
        ]
    ]


def _as_published(one: Mapping[Any, Any], lines: pd.DataFrame) -> np.ndarray:
    """Of each line, whether its metric has the values with which the published number was computed."""
    wanted = {*filter(None, one["metric_values"].split(", "))}
    return np.array([wanted <= {*values.split(", ")} for values in lines["metric_values"]], dtype=bool)


def _other_values(one: Mapping[Any, Any], lines: pd.DataFrame) -> str:
    """One sentence on the column of these lines, which was computed otherwise; "" where there are none."""
    if lines.empty:
        return ""
    values = one["metric_values"]
    typed = " ".join(f"metric.{one['metric'].partition('/')[0]}.{value}" for value in values.split(", "))
    return f"{one['metric']} is not compared where it was computed without {values}, as the published is: type {typed}."


def _lines(one: Mapping[Any, Any], lines: pd.DataFrame, level: float) -> Iterator[dict[str, Any]]:
    groups: Any = lines.groupby(list(LINE[:-1]))
    for labels, part in groups:
        table = by_target(part, one["quantity"])
        if len(table):
            told = _compared(table.mean(axis=1).to_numpy(), one, level)
            targets = ", ".join(map(str, table.columns)) if one["targets"] else ""
            yield (
                dict(zip(LINE, (*labels, one["quantity"]), strict=True))
                | told
                | {
                    "targets": targets,
                    "targets_published": one["targets"].replace(" ", ", "),
                    "published_as": one["column"],
                    "source": one["source"],
                    "note": one["note"],
                }
            )


def _compared(ours: np.ndarray, one: Mapping[Any, Any], level: float) -> dict[str, Any]:
    mean, count = float(one["mean"]), int(one["seeds"])
    own = mean_interval(ours, level)
    ends = (own.low, own.high) if own else (math.nan, math.nan)
    told: dict[str, Any] = {"difference_low": ends[0] - mean, "difference_high": ends[1] - mean}
    by = "interval of ours only" if own else "one seed has no interval"
    if one["spread_kind"] == "sd" and (welch := summary_gap_interval(ours, mean, float(one["spread"]), count, level)):
        told, by = {"difference_low": welch.low, "difference_high": welch.high}, "Welch, from their sd"
    return told | {
        "mean": float(ours.mean()),
        "low": ends[0],
        "high": ends[1],
        "seeds": len(ours),
        "published": mean,
        "published_spread": float(one["spread"]),
        "published_spread_kind": one["spread_kind"],
        "published_seeds": count,
        "difference": float(ours.mean()) - mean,
        "difference_by": by,
    }


def nothing_matches(frame: pd.DataFrame, theirs: pd.DataFrame) -> str:
    """One sentence: what was looked for, and what there is."""
    scenarios: Any = theirs.groupby(["data", "model", "scenario", "targets", "fraction"])
    looked = "; ".join(
        f"{data} with {model}, {scenario} ({f'targets {targets}' if targets else f'fraction={fraction}'}): "
        + ", ".join(dict.fromkeys(part["method"]))
        for (data, model, scenario, targets, fraction), part in scenarios
    )
    there = "; ".join(
        " · ".join(labels) for labels in frame[["data", "model", "scenario", "method"]].drop_duplicates().to_numpy()[:8]
    )
    return f"No row stands beside a published number, which there are of {looked}; these rows are of {there}."
