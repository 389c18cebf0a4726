"""The table of methods, read from their YAML files and docstrings without importing any of them."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from supreme.core import SupremeError

BEGIN, END = "<!-- methods -->", "<!-- /methods -->"
"""What stands around the table in a Markdown file."""

_PACKAGE = Path(__file__).resolve().parents[2]
CONF = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"
_SETS = ("forget", "retain", "validation")
_COLUMNS = ("method=", "what", "paper", "reads", "forgets", "cost")
_NONE = "none"
PAPER = re.compile(r'"([^"]+)", ([^"]*?\b\d{4}), (https?://[^\s,;]*[^\s,;.:)])')
"""Of a docstring on one line: title, venue and year, address."""
_COST = re.compile(r"\bCost: (.*?)(?:\n\s*\n|\n *[A-Z][\w ]*: |\Z)", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class MethodEntry:
    """What a method says of itself; where it says nothing, an empty string."""

    name: str
    """To be typed after `method=`."""
    what: str
    """The first line of its docstring, up to a colon."""
    title: str
    """Of the paper that it names first; so are venue and URL."""
    venue: str
    url: str
    needs: str
    """Which of forget, retain and validation it reads."""
    applies_to: str
    """any set, or classes."""
    cost: str


def method_entries(conf: Path = CONF) -> list[MethodEntry]:
    """Of every YAML in `conf/method`, by name."""
    return [_entry(path) for path in sorted((conf / "method").glob("*.yaml"))]


def methods_table(entries: Iterable[MethodEntry]) -> Table:
    """For a terminal."""
    table = Table("method=", "what, paper and cost", "reads", "forgets", box=box.SIMPLE_HEAD, leading=1)
    for entry in entries:
        paper = [f"{entry.title}, {entry.venue}", entry.url] if entry.title else []
        about = "\n".join([entry.what, *paper, f"Cost: {entry.cost}"])
        table.add_row(entry.name, Text(about), entry.needs.replace(", ", "\n") or _NONE, entry.applies_to)
    return table


def methods_markdown(entries: Iterable[MethodEntry]) -> str:
    lines: list[Sequence[str]] = [_COLUMNS, ["---"] * len(_COLUMNS)]
    for entry in entries:
        paper = f"[{entry.title}]({entry.url}), {entry.venue}" if entry.title else ""
        reads = entry.needs or _NONE
        lines.append((f"`{entry.name}`", entry.what, paper or _NONE, reads, entry.applies_to, entry.cost))
    return markdown_lines(lines)


def markdown_lines(lines: Iterable[Sequence[str]]) -> str:
    """A line of a Markdown table for each; the second is to be of dashes."""
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)


def with_methods(text: str, table: str, begin: str = BEGIN, end: str = END) -> str:
    """The text with this table between its two markers."""
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise SupremeError(f"there is no place for the table: put the lines {begin} and {end} where it is to be")
    return f"{before}{begin}\n{table}{end}{after}"


def definition(path: Path) -> ast.ClassDef:
    """Of the class that this YAML names."""
    target = re.search(r"^_target_: *([\w.]+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    if target is None:
        raise SupremeError(f"{path} names no class; it must have a line `_target_: package.module.Class`")
    module, _, name = target.group(1).rpartition(".")
    source = _PACKAGE.parent.joinpath(*module.split(".")).with_suffix(".py")
    found = [
        node
        for node in ast.parse(source.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef) and node.name == name
    ]
    if not found:
        raise SupremeError(f"{path} names {target.group(1)}, which {source} does not define")
    return found[0]


def _entry(path: Path) -> MethodEntry:
    found = definition(path)
    docstring = ast.get_docstring(found) or ""
    paper = PAPER.search(" ".join(docstring.split()))
    cost = _COST.search(docstring)
    title, venue, url = paper.groups() if paper else ("", "", "")
    declared = _declared(found)
    return MethodEntry(
        name=path.stem,
        what=re.split(r":\s|\.$", docstring.partition("\n")[0])[0],
        title=title,
        venue=venue,
        url=url,
        needs=declared["needs"],
        applies_to={"any": "any set", "class": "classes"}.get(declared["applies_to"], declared["applies_to"]),
        cost=" ".join(cost.group(1).split()).removesuffix(".") if cost else "",
    )


def _declared(node: ast.ClassDef) -> dict[str, str]:
    """`needs` and `applies_to` of a class; where it computes one of them, it depends."""
    declared = {"needs": "", "applies_to": "any"}
    for statement in node.body:
        if isinstance(statement, ast.FunctionDef) and statement.name in declared:
            declared[statement.name] = "depends"
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            value = statement.value
            if statement.target.id == "needs":
                strings = {one.value for one in ast.walk(value) if isinstance(one, ast.Constant)}
                declared["needs"] = ", ".join(one for one in _SETS if one in strings)
            elif statement.target.id == "applies_to":
                declared["applies_to"] = str(ast.literal_eval(value))
    return declared
