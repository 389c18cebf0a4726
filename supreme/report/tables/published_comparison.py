"""Ours beside what others published: `supreme report --against published`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from supreme.core import SupremeError
from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.columns import column_of, is_config_of, signed, unsigned
from supreme.report.rows.labels import titled, without
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
    """
    lines = per_seed(frame)
    told: Any = frame[[*BLOCK, "scenario_values"]]
    lines = lines.merge(told.drop_duplicates(list(BLOCK[:-1])), how="left", on=list(BLOCK[:-1]))
    for name in ("target", "fraction"):
        lines[name] = [value_in(name, one) for one in lines["scenario_values"]]
    lines["setting"] = [without("protocol=", without("scenario.", setting)) for setting in lines["setting"]]
    found = [line for one in theirs.to_dict("records") for line in _lines(one, lines, level)]
    return pd.DataFrame(found, columns=list(COLUMNS))


def _lines(one: Mapping[Any, Any], lines: pd.DataFrame, level: float) -> Iterator[dict[str, Any]]:
    chosen = lines
    for name in ("data", "model", "scenario", "method"):
        chosen = chosen.loc[chosen[name] == one[name]]
    if one["targets"]:
        chosen = chosen.loc[chosen["target"].isin(one["targets"].split())]
    else:
        chosen = chosen.loc[chosen["fraction"] == one["fraction"]]
    for labels, part in chosen.groupby(list(LINE[:-1])):
        metric = labels[-1]
        wanted = one["metric"] if labels[LINE.index("protocol")] == "supreme_paper" else one["metric_fixed"]
        if not wanted or not is_config_of(metric, wanted):
            continue
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


def render_against(found: pd.DataFrame, format: str) -> list[Any] | str:  # noqa: A002
    """The lines of `against` for people: rich tables, Markdown, or CSV.

    Raises:
        SupremeError: the format is none of these.
    """
    if format == "csv":
        return found.to_csv(index=False, lineterminator="\n")
    if format not in ("terminal", "markdown"):
        raise SupremeError(f"--against says nothing to --format {format}: give terminal, markdown or csv")
    blocks = [(labels, part) for labels, part in found.groupby(list(BLOCK), sort=False)]
    if format == "markdown":
        return "\n".join(_markdown(_title(labels), part) for labels, part in blocks)
    return [one for labels, part in blocks for one in (_table(_title(labels), part), *_bullets(part), "")]


_HEAD = ("method", "published as", "ours is", "ours", "published", "difference")


def _cells(line: Mapping[Any, Any]) -> Sequence[str]:
    declared = column_of(line["metric"], our_columns()).format
    form = ".2%" if "accuracy/" in line["metric"] else declared.replace(".4f", ".3f")
    first = signed if line["quantity"] == "gap" else unsigned
    ours = f"{first(line['mean'], form)} {_interval(line['low'], line['high'], form)}, {line['seeds']} seeds"
    spread = unsigned(line["published_spread"], form) if line["published_spread"] == line["published_spread"] else "?"
    theirs = f"{first(line['published'], form)} ± {spread}, {line['published_seeds']} seeds"
    ends = _interval(line["difference_low"], line["difference_high"], form)
    metric = f"gap of {line['metric']}" if line["quantity"] == "gap" else line["metric"]
    what = f"{metric} %" if "%" in form else metric
    return (
        titled(line["method"], line["variant"]),
        line["published_as"],
        what,
        ours,
        theirs,
        f"{signed(line['difference'], form)} {ends}",
    )


def _interval(low: float, high: float, form: str) -> str:
    return "[n/a]" if math.isnan(low) else f"[{signed(low, form)}, {signed(high, form)}]"


def _notes(part: pd.DataFrame) -> list[str]:
    """What has to be said of these lines, so that nobody takes them for more than they are."""
    notes = [
        "ours: mean over training seeds [95 % t interval]; published: mean ± "
        f"{' or '.join(sorted(set(part['published_spread_kind'])))} between seeds, as printed; difference: ours "
        f"minus published [95 % interval: {'; '.join(sorted(set(part['difference_by'])))}]. "
        "Accuracies in per cent, their differences in percentage points.",
        "Data, model, scenario and method are matched by name: nothing here tells whether the photographs are, too.",
    ]
    first = part.iloc[0]
    if first["targets_published"]:
        ours = f"ours {first['targets']}; published {first['targets_published']}"
        notes.append(f"Each seed's value is the mean over targets: {ours}.")
    if first["protocol"] != "supreme_paper":
        notes.append(
            "The published test images are the training images, so their accuracies stand beside ours on training "
            "images, of which this protocol has fewer; what has no like here is left out. "
            "protocol=supreme_paper has more to compare."
        )
    for note, lines in part.loc[part["note"] != ""].groupby("note", sort=False):
        notes.append(f"{', '.join(dict.fromkeys(lines['published_as']))}: {note}.")
    return [*notes, f"Source: {'; '.join(dict.fromkeys(part['source']))}."]


def _markdown(title: str, part: pd.DataFrame) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    lines = [line(_cells(one)) for one in part.to_dict("records")]
    rule = line([":--", ":--", ":--", "--:", "--:", "--:"])
    notes = [f"- {note}" for note in _notes(part)]
    return "\n".join([f"## {title}", "", line(_HEAD), rule, *lines, "", *notes, ""])


def _table(title: str, part: pd.DataFrame) -> Table:
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD)
    for number, name in enumerate(_HEAD):
        table.add_column(name, justify="right" if number > 2 else "left", overflow="fold")
    for one in part.to_dict("records"):
        table.add_row(*map(Text, _cells(one)))
    return table


def _bullets(part: pd.DataFrame) -> list[Table]:
    grids = []
    for note in _notes(part):
        grid = Table.grid(padding=(0, 1))
        grid.add_row("-", Text(note), style="dim")
        grids.append(grid)
    return grids


def _title(labels: Any) -> str:
    return "beside the published: " + " · ".join(filter(None, labels))
