"""Lists in text: one value a line, tables with or without a header, and JSON."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import PurePosixPath

import numpy as np

from supreme.core.canonical import Damaged, parse
from supreme.scenarios.forget_list.chosen import Chooser, Values

TRUTHS = {"true": True, "false": False}
Line = tuple[int, list[str]]
"""Its number, from 1, and its cells."""


def values(text: str, chooser: Chooser, *, is_table: bool) -> Values:
    """What this text lists. A line that begins with # is a comment.

    Args:
        is_table: whether its lines are of cells that a comma, a semicolon or a tab divides.
    """
    if text.lstrip().startswith(("[", "{")):
        try:
            return chooser.pick(parse(text.encode()))
        except Damaged as error:
            chooser.refuse(f"begins like JSON and is none ({error}): write it or download it again")
    if chooser.key is not None:
        chooser.refuse("holds one list and no keys: type scenario.key=null")
    numbered = enumerate(text.splitlines(), start=1)
    lines = [(at, line.strip()) for at, line in numbered if line.strip() and not line.lstrip().startswith("#")]
    if lines and re.fullmatch(r"sep=.", lines[0][1], re.IGNORECASE):  # how Excel is told what divides cells
        del lines[0]
    if not lines:
        return np.array([], dtype=np.int64)
    rows = _rows(lines, chooser, is_table or chooser.column is not None)
    return _values(_column(rows, chooser), chooser)


def _rows(lines: Sequence[tuple[int, str]], chooser: Chooser, is_table: bool) -> list[Line]:
    words = [(at, re.split(r"[\s,;]+", line.strip(" \t,;"))) for at, line in lines]
    if all(_is_value(word) for _, cells in words for word in cells):
        rows = words
    elif not is_table:
        return [(at, [line.strip("\"'")]) for at, line in lines]  # names may hold spaces and commas
    else:
        rows = _cells(lines, chooser)
    if not rows:
        return rows
    if len(rows) == 1:  # all on one line
        return [(rows[0][0], [cell]) for cell in rows[0][1]] if all(map(_is_value, rows[0][1])) else rows
    if other := next((row for row in rows if _width(row) != _width(rows[0])), None):
        many, first = _width(other), _width(rows[0])
        chooser.refuse(f"has {many} values in line {other[0]} and {first} in line {rows[0][0]}: list one image a line")
    return rows


def _cells(lines: Sequence[tuple[int, str]], chooser: Chooser) -> list[Line]:
    """The cells of a table, without columns in which nothing stands."""
    divider = next((one for one in "\t;," if one in lines[0][1]), ",")
    try:
        cells = csv.reader([line for _, line in lines], delimiter=divider, skipinitialspace=True)
        rows = [(at, [cell.strip() for cell in row]) for (at, _), row in zip(lines, cells, strict=False)]
    except csv.Error as error:
        chooser.refuse(f"cannot be read as a table ({error}): write it as CSV again")
    filled = [any(len(row) > place and row[place] for _, row in rows) for place in range(max(map(_width, rows)))]
    return [
        (at, [cell for cell, is_filled in zip(row, filled, strict=False) if is_filled])
        for at, row in rows
        if row and any(filled)
    ]


def _width(row: Line) -> int:
    return len(row[1])


def _column(rows: list[Line], chooser: Chooser) -> list[tuple[int, str]]:
    """The cells of the column that is meant, below its header where there is one, each with its line."""
    if not rows:
        return []
    first, rest = rows[0][1], rows[1:]
    if not _is_header(first, rest, chooser):
        places = [str(place) for place in range(len(first))]
        place = int(chooser.column_of(places)) if len(first) > 1 or chooser.column is not None else 0
        return [(at, cells[place]) for at, cells in rows]
    named = [name for name in first if name]  # pandas writes its own numbers below an empty name
    asked = chooser.column
    if isinstance(asked, int) and str(asked) not in named and 0 <= asked < len(first):
        return [(at, cells[asked]) for at, cells in rest]
    return [(at, cells[first.index(chooser.column_of(named))]) for at, cells in rest]


def _is_header(first: Sequence[str], rest: Sequence[Line], chooser: Chooser) -> bool:
    """Whether the first line names columns: no cell of it is a value, and below one of them are values, or files."""
    if isinstance(chooser.column, str) and chooser.column in first:
        return True
    if (not first[0] and len(first) > 1) or (not rest and len(first) == 1 and first[0].isidentifier()):
        return True
    if any(map(_is_value, first)):
        return False
    columns = list(zip(*(cells for _, cells in rest), strict=True))
    if any(all(map(_is_value, column)) for column in columns):
        return True
    files = [place for place, column in enumerate(columns) if all(PurePosixPath(cell).suffix for cell in column)]
    return any(not PurePosixPath(first[place]).suffix for place in files)


def _values(column: Sequence[tuple[int, str]], chooser: Chooser) -> Values:
    if not column:
        return np.array([], dtype=np.int64)
    if empty := [at for at, cell in column if not cell]:
        chooser.refuse(f"has no value in line {empty[0]} ({len(empty)} in all): take those lines out")
    known = [_value(cell) for _, cell in column]
    strange = [(at, cell) for (at, cell), value in zip(column, known, strict=True) if value is None]
    if len(strange) == len(column):
        return chooser.flat([cell for _, cell in column])
    if strange:
        (at, cell), more = strange[0], f" ({len(strange)} of {len(column)} lines)" if len(strange) > 1 else ""
        chooser.refuse(f"has {cell!r} in line {at}, which is no number{more}: list positions only, or names only")
    return chooser.flat(known)


def _is_value(cell: str) -> bool:
    return _value(cell) is not None


def _value(cell: str) -> bool | int | float | None:
    """The number or the truth that a cell says; None where it is a word."""
    if cell.lower() in TRUTHS:
        return TRUTHS[cell.lower()]
    for kind in (int, float):
        try:
            return kind(cell) if "_" not in cell else None
        except ValueError:
            continue
    return None
