"""The comparison with published numbers, for people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from supreme.core import SupremeError
from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.columns import column_of, signed, unsigned
from supreme.report.rows.labels import titled
from supreme.report.tables.published_comparison import BLOCK


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
    left_out = found.attrs.get("left_out", [])
    if format == "markdown":
        return "\n".join([*(_markdown(_title(labels), part) for labels, part in blocks), *left_out])
    tables = [one for labels, part in blocks for one in (_table(_title(labels), part), *_bullets(_notes(part)), "")]
    return [*tables, *_bullets(left_out)]


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


def _bullets(notes: Sequence[str]) -> list[Table]:
    grids = []
    for note in notes:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("-", Text(note), style="dim")
        grids.append(grid)
    return grids


def _title(labels: Any) -> str:
    return "beside the published: " + " · ".join(filter(None, labels))
