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
from supreme.report.published.numbers import FIT
from supreme.report.published.recipes import recipes
from supreme.report.rows.columns import signed, unsigned
from supreme.report.rows.labels import bare_name, titled
from supreme.report.rows.per_seed import ANCHORS, NULL

_HEAD = ("method", "ours", "published", "difference")
_POPULATION = "population sd"
_KINDS = {"sd": "sample SD", _POPULATION: "population SD", "unsaid": "a spread of a kind that is not told"}


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
    blocks: Any = found.groupby(list(BLOCK), sort=False)
    for labels, part in blocks:
        tables = [*_values(part), *_gaps(part)]
        *own, recipe = labels
        title = f"beside the published {recipe}: {' · '.join(filter(None, own))}"
        if format == "markdown":
            told = ["\n".join([f"### {name}", "", _markdown(lines), ""]) for name, lines in tables]
            drawn.append("\n".join([f"## {title}", "", *told, *(f"- {note}" for note in _notes(part)), ""]))
        else:
            drawn += [Text(title, style="bold"), *(_table(name, lines) for name, lines in tables)]
            drawn += [*_bullets(_notes(part)), ""]
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
        form = _form(metric)
        what = f"gap of {metric}" if quantity == "gap" else metric
        ideal = next(filter(None, own["ideal"]), "")
        told = [
            f"{heading} is {what}",
            *["in %"] * ("%" in form),
            *[f"ideal: {ideal}"] * bool(ideal and quantity == "value"),
        ]
        tables.append((", ".join(told), [_HEAD, *(_cells(line, form) for line in own.to_dict("records"))]))
    return tables


def _form(metric: str) -> str:
    """Fractions in per cent, as tables are printed."""
    column = column_in(our_columns(), bare_name(metric)) or Column()
    return ".2%" if column.unit == "fraction" else column.format.replace(".4f", ".3f")


def _cells(line: Mapping[Any, Any], form: str) -> tuple[str, ...]:
    first = signed if line["quantity"] == "gap" else unsigned
    sd = line["sd_population" if line["published_spread_kind"] == _POPULATION else "sd"]
    ours = f"{first(line['mean'], form)}{_spread(sd, form)}\n{_interval(line['low'], line['high'], form, first)}"
    theirs = f"{first(line['published'], form)}{_spread(line['published_spread'], form)}"
    seeds = _seeds(line["published_seeds"])
    ends = _interval(line["difference_low"], line["difference_high"], form)
    return (
        titled(line["method"], line["variant"]),
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
    averages = part.loc[part["quantity"] == AVERAGE]
    if averages.empty:
        return []
    names = list(dict.fromkeys(name for told in averages["published_as"] for name in told.split(", ")))
    values = part.loc[part["quantity"] == "value"].set_index(["method", "variant", "source", "published_as"])
    lines: _Lines = [("method", *names, "average")]
    for one in averages.to_dict("records"):
        keys = [(one["method"], one["variant"], one["source"], name) for name in names]
        cells = [_pair(values.loc[key]) if key in values.index else "" for key in keys]
        all_per_cent = all("%" in _form(name) for name in one["metric"].split(", "))
        form = ".2%" if all_per_cent else ".4f"
        average = f"{unsigned(one['mean'], form)} /\n{unsigned(one['published'], form)}"
        lines.append((titled(one["method"], one["variant"]), *cells, average))
    return [("gap of means, ours / published: |mean - mean of the reference|", lines)]


def _pair(line: Any) -> str:
    form = _form(line["metric"])
    return f"{unsigned(line['gap_of_means'], form)} /\n{unsigned(line['published_gap_of_means'], form)}"


def _notes(part: pd.DataFrame) -> list[str]:
    """What has to be said of these lines, so that nobody takes them for more than they are."""
    values = part.loc[part["quantity"] != AVERAGE]
    first = values.iloc[0]
    recipe = recipes()[first["published_recipe"]]
    kinds = [_KINDS[kind] for kind in dict.fromkeys(values["published_spread_kind"]) if kind]
    ours = "population SD, as theirs," if kinds == [_KINDS[_POPULATION]] else "sample SD"
    theirs = f"mean ± {' or '.join(kinds)} over {recipe.varies}" if kinds else recipe.varies
    notes = [
        f"ours: mean ± {ours} over training seeds [95 % t interval]; published: {theirs}, as printed; "
        f"difference: ours minus published [95 % interval: {'; '.join(sorted(set(values['difference_by'])))}]. "
        "Fractions in per cent, their differences in percentage points.",
        f"Our rows have the values and the forget set of the recipe {first['published_recipe']} "
        "(published/recipes.yaml); nothing here tells whether the images are the same.",
    ]
    if presets := _presets(values):
        notes.append(f"Values of methods are ours and not compared, {presets}.")
    if "near" in " ".join(values["ideal"]):
        notes.append("A value near the retrained model's, the line `reference`, is ideal; 0, 50 and 100 % are not.")
    if AVERAGE in set(part["quantity"]):
        notes.append(
            "The average goes over the columns that both have. It is no mean of the seeds' gaps, as scores/average_gap "
            "is, which is never smaller."
        )
    if targets := first["targets_published"]:
        notes.append(f"Each seed's value is the mean over targets: ours {first['targets']}; published {targets}.")
    if recipe.note:
        notes.append(f"Published otherwise: {recipe.note}.")
    for note, lines in values.loc[values["note"] != ""].groupby("note", sort=False):
        cells = dict.fromkeys(f"{line['method']} {line['published_as']}" for line in lines.to_dict("records"))
        where = cells if len(cells) < 4 else dict.fromkeys(lines["published_as"])
        notes.append(f"{', '.join(where)}: {note}.")
    sources = dict.fromkeys(zip(part["source"], part["status"], strict=True))
    told = [
        f"{source} ({status}{'' if status in FIT else ', look again before a claim'})" for source, status in sources
    ]
    return [*notes, f"Source: {'; '.join(told)}."]


def _presets(values: pd.DataFrame) -> str:
    """`of the preset x: scrub; of conf/method: neggrad, ssd`, but for methods whose values are part of the recipe."""
    known = {*recipes()[values.iloc[0]["published_recipe"]].methods, *ANCHORS, NULL}
    own: dict[str, dict[str, None]] = {}
    for method, preset in values[["method", "preset"]].itertuples(index=False, name=None):
        if method not in known:
            own.setdefault(f"the preset {preset}" if preset else "conf/method", {})[method] = None
    return "; ".join(f"of {where}: {', '.join(methods)}" for where, methods in own.items())


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
