"""The table of metrics, read from their YAML files and docstrings without importing any of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from supreme.core import Column
from supreme.report.catalogue.methods import CONF, PAPER, definition, markdown_lines

METRIC_MARKERS = ("<!-- metrics -->", "<!-- /metrics -->")
"""What stands around the table in a Markdown file."""

_NEEDS = ("logits", "features", "models", "untrained", "images")
_COLUMNS = ("metric=", "what", "range", "ideal", "needs", "cost", "least n", "paper")
_NONE = "none"
BETTER = {"reference": "near the reference's", "lower": "lower", "higher": "higher", "none": ""}
"""Where better values lie, by the direction of a column."""


@dataclass(frozen=True, kw_only=True)
class MetricEntry:
    """What a metric says of itself; where it says nothing, an empty string."""

    name: str
    """To be typed in `metric=[...]`."""
    what: str
    """The first line of its docstring, up to a colon."""
    range: str
    """This and the three below: what stands after this word, at the beginning of a line of the docstring."""
    ideal: str
    cost: str
    least_n: str
    columns: Mapping[str, Column]
    """What it declares of its columns, by name."""
    needs: str
    """Which of logits, features, models, untrained and images it asks for."""
    title: str
    """Of the paper that it names first; so are venue and URL."""
    venue: str
    url: str


def metric_entries(conf: Path = CONF) -> list[MetricEntry]:
    """Of every YAML in `conf/metric`, by name."""
    return [_entry(path) for path in sorted((conf / "metric").glob("*.yaml"))]


@cache
def our_columns() -> dict[str, Column]:
    """What the metrics of `conf/metric` declare of their columns; names may hold a `*`."""
    return {name: column for entry in metric_entries() for name, column in entry.columns.items()}


def metrics_table(entries: Iterable[MetricEntry]) -> Table:
    """For a terminal."""
    table = Table("metric=", "what, range, ideal, cost, least n and paper", "needs", box=box.SIMPLE_HEAD, leading=1)
    for entry in entries:
        paper = [f"{entry.title}, {entry.venue}", entry.url] if entry.title else []
        columns = "; ".join(f"{name} ({_meaning(column)})" for name, column in entry.columns.items())
        told = (
            ("Columns", columns),
            ("Range", entry.range),
            ("Ideal", entry.ideal),
            ("Cost", entry.cost),
            ("Least n", entry.least_n),
        )
        about = "\n".join([entry.what, *(f"{word}: {text}" for word, text in told), *paper])
        table.add_row(entry.name, Text(about), entry.needs.replace(", ", "\n") or _NONE)
    return table


def metrics_markdown(entries: Iterable[MetricEntry]) -> str:
    lines: list[Sequence[str]] = [_COLUMNS, ["---"] * len(_COLUMNS)]
    for entry in entries:
        paper = f"[{entry.title}]({entry.url}), {entry.venue}" if entry.title else _NONE
        told = (entry.what, entry.range, entry.ideal, entry.needs or _NONE, entry.cost, entry.least_n)
        lines.append((f"`{entry.name}`", *told, paper))
    return markdown_lines(lines)


def _entry(path: Path) -> MetricEntry:
    found = definition(path)
    docstring = ast.get_docstring(found) or ""
    paper = PAPER.search(" ".join(docstring.split()))
    title, venue, url = paper.groups() if paper else ("", "", "")
    return MetricEntry(
        name=path.stem,
        what=re.split(r":\s|\.$", docstring.partition("\n")[0])[0],
        range=_told("Range", docstring),
        ideal=_told("Ideal", docstring),
        cost=_told("Cost", docstring),
        least_n=_told("Least n", docstring),
        columns=_columns(found),
        needs=_needs(found),
        title=title,
        venue=venue,
        url=url,
    )


def _told(word: str, docstring: str) -> str:
    """What a docstring says after this word, up to the next such word or the end of the paragraph."""
    found = re.search(rf"^{word}: (.*?)(?=\n\n|\n[A-Z][\w ]*: |\Z)", docstring, re.DOTALL | re.MULTILINE)
    return " ".join(found.group(1).split()).removesuffix(".") if found else ""


def _meaning(column: Column) -> str:
    """`fraction; nearer to the reference's is better`."""
    return ", ".join(filter(None, (column.unit, BETTER[column.direction])))


def _columns(node: ast.ClassDef) -> dict[str, Column]:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "declared_columns":
            assert isinstance(statement.value, ast.Dict), f"{node.name} does not declare its columns in a dict"
            pairs = zip(statement.value.keys, statement.value.values, strict=True)
            return {ast.literal_eval(key): _column(value) for key, value in pairs if key is not None}
    return {}


def _column(node: ast.expr) -> Column:
    assert isinstance(node, ast.Call), f"{ast.unparse(node)} is no Column of constants"
    return Column(**{one.arg: ast.literal_eval(one.value) for one in node.keywords if one.arg is not None})


def _needs(node: ast.ClassDef) -> str:
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and ast.unparse(statement.target) == "needs" and statement.value:
            strings = {one.value for one in ast.walk(statement.value) if isinstance(one, ast.Constant)}
            return ", ".join(one for one in _NEEDS if one in strings)
    return ""
