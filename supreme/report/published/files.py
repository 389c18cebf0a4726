"""Reads published tables: CSV files with one printed cell a line, those that ship and a user's own."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Mapping
from dataclasses import fields
from functools import cache
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.column import column_in
from supreme.report.catalogue.metrics import our_columns
from supreme.report.published.numbers import QUANTITIES, SPREADS, STATUSES, Number

FOLDER = Path(__file__).parent
_TEXTS = tuple(field.name for field in fields(Number) if field.type == "str" and field.name != "file")
_FLOATS = ("mean", "spread", "gap", "average_gap", "average_spread")
_NEEDED = ("source", "recipe", "data", "model", "scenario", "method", "metric", "mean")
_KNOWN = (*_TEXTS, *_FLOATS, "seeds")
_WORDS = {"status": STATUSES, "quantity": QUANTITIES, "spread_kind": SPREADS}


@cache
def published() -> tuple[Number, ...]:
    """Every number that ships with the package.

    Raises:
        SupremeError: a line is none.
    """
    read_all = [read(path) for path in shipped()]
    if flaws := [flaw for _, some in read_all for flaw in some]:
        raise SupremeError(" ".join(flaws))
    return tuple(number for numbers, _ in read_all for number in numbers)


def shipped() -> list[Path]:
    return sorted(FOLDER.glob("*.csv"))


def read(path: Path) -> tuple[list[Number], list[str]]:
    """The numbers of a file, and a sentence for each line that is none.

    Raises:
        SupremeError: it cannot be read, is no such table, or has no line.
    """
    rows = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    numbers, flaws = list[Number](), list[str]()
    try:
        header = next(rows, [])
        _refuse_header(path, header)
        for cells in rows:
            told = _flaw(header, cells)
            if not cells:
                continue
            if told:
                flaws.append(f"{path}:{rows.line_num}: {told}.")
            else:
                numbers.append(_number(path, rows.line_num, dict(zip(header, cells, strict=True))))
    except csv.Error as error:
        raise SupremeError(f"{path}:{rows.line_num} is no CSV: {error}") from error
    if not numbers and not flaws:
        raise SupremeError(f"{path} has a header and no number; write one printed cell a line below it")
    return numbers, flaws


def _text(path: Path) -> str:
    if path.is_dir():
        raise SupremeError(f"{path} is a folder; name the CSV files in it, as in {path / '*.csv'}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SupremeError(f"{path} is no text in UTF-8; a published table is a CSV file") from error
    except OSError as error:
        raise SupremeError(f"{path} cannot be read: {error.strerror}") from error


def _refuse_header(path: Path, header: list[str]) -> None:
    if not any(header):
        raise SupremeError(f"{path} is empty; its first line must name the columns {', '.join(_NEEDED)}")
    if len(header) == 1:
        raise SupremeError(
            f"{path} is no CSV with commas: its first line is one word, {header[0][:40]!r}, and must name the columns "
            f"{', '.join(_NEEDED)}"
        )
    for name in header:
        if name not in _KNOWN:
            raise SupremeError(f"{path} has a column {name!r}; {_near(name, _KNOWN)}")
        if header.count(name) > 1:
            raise SupremeError(f"{path} has the column {name} twice")
    if absent := [name for name in _NEEDED if name not in header]:
        raise SupremeError(f"{path} lacks the column {', '.join(absent)}; it must have {', '.join(_NEEDED)}")


def _flaw(header: list[str], cells: list[str]) -> str:
    """Why a line is no number of the format; "" where it is one."""
    if len(cells) != len(header):
        return f"{len(cells)} cells under {len(header)} columns"
    told = dict(zip(header, cells, strict=True))
    if empty := [name for name in _NEEDED if name != "metric" and not told[name].strip()]:
        return f"{empty[0]} is empty"
    for name in _FLOATS:
        if told.get(name) and not _is_number(told[name]):
            return f"{name} is {told[name]!r}, which is no number"
    if told.get("seeds") and not (told["seeds"].isdecimal() and int(told["seeds"])):
        return f"seeds is {told['seeds']!r}, which is no number of seeds"
    for name, allowed in _WORDS.items():
        if told.get(name) and told[name] not in allowed:
            return f"{name} is {told[name]!r}; {_near(told[name], allowed)}"
    for name in ("metric", "metric_fixed"):
        if told.get(name) and column_in(our_columns(), told[name]) is None:
            return f"{name} is {told[name]!r}, which no metric computes; {_near(told[name], our_columns())}"
    return ""


def _is_number(text: str) -> bool:
    try:
        return abs(float(text)) < float("inf")
    except ValueError:
        return False


def _number(path: Path, line: int, told: Mapping[str, str]) -> Number:
    texts: dict[str, Any] = {name: told[name].strip() for name in _TEXTS if name in told}
    if not texts.get("quantity"):
        texts["quantity"] = "value"
    texts["column"] = texts.get("column") or texts["metric"]
    texts.setdefault("metric_fixed", texts["metric"])
    numbers: dict[str, Any] = {
        name: float(told[name]) if told.get(name) else None for name in _FLOATS if name != "mean"
    }
    return Number(
        **texts,
        **numbers,
        mean=float(told["mean"]),
        seeds=int(told["seeds"]) if told.get("seeds") else None,
        file=str(path),
        line=line,
        digits=len(told["mean"].strip().partition(".")[2]),
    )


def _near(given: str, there: Iterable[str]) -> str:
    """`did you mean accuracy/forget?`, or all that there is."""
    there = list(there)
    near = difflib.get_close_matches(given.strip().lower(), there, 1)
    return f"did you mean {near[0]}?" if near else f"there is {', '.join(there)}"


def chosen(name: str) -> list[Number]:
    """The shipped numbers of `published` (all), of a file (`coun`), of a recipe, or of a source (`arXiv 2509.16391`).

    Raises:
        SupremeError: there are none of this name.
    """
    numbers = published()
    if name == "published":
        return list(numbers)
    found = [one for one in numbers if name in (one.recipe, Path(one.file).stem)]
    found = found or [one for one in numbers if name.strip() and one.source.lower().startswith(name.strip().lower())]
    if found:
        return found
    known = list(dict.fromkeys([*(path.stem for path in shipped()), *(one.recipe for one in numbers)]))
    near = difflib.get_close_matches(name, [*known, "published"], 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there is published (all), {', '.join(known)}"
    raise SupremeError(f"--against {name}: no published table is called so; {hint}")
