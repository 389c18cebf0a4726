"""The comparison with published numbers, for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from supreme.core import Column, SupremeError
from supreme.core.column import column_in
from supreme.report.catalogue.methods import markdown_lines
from supreme.report.catalogue.metrics import our_columns
from supreme.report.published.comparison import BLOCK
from supreme.report.published.gaps import AVERAGE
from supreme.report.published.notes import POPULATION, notes_of
from supreme.report.rows.columns import signed, unsigned
from supreme.report.rows.labels import bare_name, titled

_HEAD = ("method", "ours", "published", "difference")


def render_against(found: pd.DataFrame, format: str) -> list[Any] | str:  # noqa: A002
    """The lines of `against` for people: rich tables, Markdown, or CSV.

    Raises:
        SupremeError: the format is none of these.
    """
    if format == "csv":
        return found.to_csv(index=False, lineterminator="\n")
    if format not in ("terminal", "markdown"):
        raise SupremeError(f"--against says nothing to --format {format}: give terminal, markdown or csv")
    drawn: list[Any] = []
    shown = found.assign(fraction=found["forget_set"].where(found["forget_set"].str.startswith("fraction="), ""))
    blocks: Any = shown.groupby([*BLOCK, "fraction"], sort=False)
    for labels, part in blocks:
        tables = [*_values(part), *_gaps(part)]
        *own, recipe, fraction = labels
        title = f"beside the published {recipe}: {' · '.join(filter(None, [*own, fraction]))}"
        if format == "markdown":
            told = ["\n".join([f"### {name}", "", _markdown(lines), ""]) for name, lines in tables]
            drawn.append("\n".join([f"## {title}", "", *told, *(f"- {note}" for note in notes_of(part)), ""]))
        else:
            drawn += [Text(title, style="bold"), *(_table(name, lines) for name, lines in tables)]
            drawn += [*_bullets(notes_of(part)), ""]
    left_out = found.attrs.get("left_out", [])
    if format == "markdown":
        return "\n".join([*drawn, *(f"- {note}" for note in left_out), *[""] * bool(left_out)])
    return [*drawn, *_bullets(left_out)]


_Lines = list[tuple[str, ...]]
"""Of a table, its head and then its lines; a cell's parts stand below one another where there is little room."""


def _values(part: pd.DataFrame) -> list[tuple[str, _Lines]]:
    """A table for each published column, with its title."""
    values = part.loc[part["quantity"] != AVERAGE]
    tables = []
    for (heading, metric, quantity), own in values.groupby(["published_as", "metric", "quantity"], sort=False):
        form, named = _form(metric), len(set(part["forget_set"])) > 1
        what = f"gap of {metric}" if quantity == "gap" else metric
        ideal = next(filter(None, own["ideal"]), "")
        told = [
            f"{heading} is {what}",
            *["in %"] * ("%" in form),
            *[f"ideal: {ideal}"] * bool(ideal and quantity == "value"),
        ]
        tables.append((", ".join(told), [_HEAD, *(_cells(line, form, named) for line in own.to_dict("records"))]))
    return tables


def _form(metric: str) -> str:
    """Fractions in per cent, as tables are printed."""
    column = column_in(our_columns(), bare_name(metric)) or Column()
    return ".2%" if column.unit == "fraction" else column.format.replace(".4f", ".3f")


def _cells(line: Mapping[Any, Any], form: str, named: bool) -> tuple[str, ...]:
    first = signed if line["quantity"] == "gap" else unsigned
    sd = line["sd_population" if line["published_spread_kind"] == POPULATION else "sd"]
    ours = f"{first(line['mean'], form)}{_spread(sd, form)}\n{_interval(line['low'], line['high'], form, first)}"
    theirs = f"{first(line['published'], form)}{_spread(line['published_spread'], form)}"
    seeds = _seeds(line["published_seeds"])
    ends = _interval(line["difference_low"], line["difference_high"], form)
    return (
        _title(line, named),
        f"{ours}, {_seeds(line['seeds'])}",
        f"{theirs}\n{seeds}" if seeds else theirs,
        f"{signed(line['difference'], form)}\n{ends}",
    )


def _spread(value: float, form: str) -> str:
    return "" if math.isnan(value) else f" ± {unsigned(value, form)}"


def _seeds(count: Any) -> str:
    return "" if pd.isna(count) else f"{int(count)} seed{'s' * (int(count) > 1)}"


def _interval(low: float, high: float, form: str, shown: Callable[[float, str], str] = signed) -> str:
    return "[n/a]" if math.isnan(low) else f"[{shown(low, form)}, {shown(high, form)}]"


def _gaps(part: pd.DataFrame) -> list[tuple[str, _Lines]]:
    """The table of gaps of means, with their average; none where no line has one on both sides."""
    both = part.loc[part["gap_of_means"].notna() & part["published_gap_of_means"].notna()]
    if both.empty:
        return []
    named = len(set(part["forget_set"])) > 1
    cells = {(*_method(line), line["published_as"]): line for line in both.to_dict("records")}
    names = list(dict.fromkeys(both["published_as"]))
    per_cent = all("%" in _form(metric) for metric in both["metric"])
    lines: _Lines = [("method", *names, "average")]
    for one in part.loc[part["quantity"] == AVERAGE].to_dict("records"):
        own = [cells.get((*_method(one), name)) for name in names]
        told = [
            _pair(line["gap_of_means"], line["published_gap_of_means"], _form(line["metric"])) if line else ""
            for line in own
        ]
        average = _pair(one["mean"], one["published"], ".2%" if per_cent else ".4f")
        lines.append((_title(one, named), *told, average))
    return [("gap of means, ours / published: |mean - mean of the reference|", lines)]


def _method(line: Mapping[Any, Any]) -> tuple[str, ...]:
    return line["forget_set"], line["method"], line["variant"], line["source"]


def _title(line: Mapping[Any, Any], named: bool) -> str:
    """The method, and where others of the table forget other sets, which."""
    own = titled(line["method"], line["variant"])
    return f"{own}, {line['forget_set']}" if named else own


def _gap(line: Mapping[Any, Any]) -> str:
    return _pair(line["gap_of_means"], line["published_gap_of_means"], _form(line["metric"]))


def _pair(ours: float, theirs: float, form: str) -> str:
    return f"{unsigned(ours, form)} /\n{unsigned(theirs, form)}"


def _markdown(lines: _Lines) -> str:
    flat = [[cell.replace("\n", " ") for cell in line] for line in lines]
    rule = [":--", *["--:"] * (len(lines[0]) - 1)]
    return markdown_lines([flat[0], rule, *flat[1:]])


def _table(title: str, lines: _Lines) -> Table:
    table = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    for number, name in enumerate(lines[0]):
        table.add_column(name, justify="right" if number else "left", overflow="fold")
    for line in lines[1:]:
        table.add_row(*map(Text, line))
    return table


def _bullets(notes: Sequence[str]) -> list[Table]:
    grids = []
    for note in notes:
        grid = Table.grid(padding=(0, 1))
        grid.add_row("-", Text(note), style="dim")
        grids.append(grid)
    return grids
