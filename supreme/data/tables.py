"""Tables that users write: CSV as Excel, LibreOffice, pandas and people save it, with a line of column names.

A byte order mark, UTF-16, commas, semicolons or tabs, Excel's line `sep=;` and Windows' line ends are all read.
"""

from __future__ import annotations

import codecs
import csv
import difflib
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from supreme.core import SupremeError
from supreme.core.canonical import read_bytes

DELIMITERS = (",", ";", "\t")
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
"""What a text file may begin with, and what that says of its encoding."""
FOREIGN = {
    b"PK\x03\x04": "an Excel workbook or an archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"\x1f\x8b": "a gzipped file",
    b"PAR1": "a Parquet file",
    b"\x93NUMPY": "a numpy array",
}
"""What files begin with that are taken for tables, and what they are."""


class Line(NamedTuple):
    """One line of a table."""

    number: int
    """Its number in the file, from 1."""
    values: dict[str, str]
    """By column, without the spaces around it; "" where the line says nothing."""


def read(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> list[Line]:
    """The lines of a table, of each these columns; other columns are passed over, and so are empty lines.

    Names of columns may be in capitals or have spaces around them.

    Raises:
        SupremeError: the file cannot be read, is no text, lacks a column or has it twice, misspells an optional one, or
            holds no line; the sentence begins with its path.
    """
    rows = csv.reader(io.StringIO(text(path), newline=""), delimiter=_delimiter(path), strict=True)
    lines: list[Line] = []
    columns: dict[str, int] | None = None
    width = 0
    try:
        for row in rows:
            if not any(map(str.strip, row)) or (columns is None and row[0].strip().casefold().startswith("sep=")):
                continue
            if columns is None:
                columns = _columns(path, [name.strip().casefold() for name in row], needed, optional)
                width = len(row)
                continue
            if len(row) > width and any(map(str.strip, row[width:])):
                raise SupremeError(
                    f"{path}, line {rows.line_num}, has {len(row)} values where the first line names {width} columns: "
                    "put a value that holds the separator in double quotes"
                )
            values = {name: row[at].strip() if at < len(row) else "" for name, at in columns.items()}
            lines.append(Line(rows.line_num, values))
    except csv.Error as error:
        raise SupremeError(f"{path}, line {rows.line_num}, cannot be read as a line of a table ({error})") from error
    if not lines:
        raise SupremeError(f"{path} holds no line below the names of its columns: it needs {', '.join(needed)}")
    return lines


def text(path: Path) -> str:
    """What a text file of a user's holds, whichever Unicode encoding its byte order mark tells of, else UTF-8.

    Raises:
        SupremeError: it cannot be read, or is no text.
    """
    try:
        content = read_bytes(path)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise SupremeError(f"{path} cannot be read ({getattr(error, 'strerror', None) or error})") from error
    if foreign := next((what for magic, what in FOREIGN.items() if content.startswith(magic)), None):
        raise SupremeError(f"{path} is {foreign} and no table in text: save it as CSV UTF-8")
    encoding = next((encoding for mark, encoding in MARKS if content.startswith(mark)), "utf-8")
    try:
        decoded = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SupremeError(f"{path}, line {line}, is not in UTF-8: save the file as CSV UTF-8") from error
    if "\0" in decoded:
        raise SupremeError(f"{path} holds NUL characters, which no text has: save it as CSV UTF-8")
    return decoded.replace("\r\n", "\n").replace("\r", "\n")


def _delimiter(path: Path) -> str:
    """What separates the names in the first line that has some."""
    for line in text(path).splitlines():
        if line.strip().casefold().startswith("sep=") and len(line.strip()) == 5:
            return line.strip()[4]
        if line.strip():
            return max(DELIMITERS, key=line.count)
    return DELIMITERS[0]


def _columns(path: Path, names: Sequence[str], needed: Sequence[str], optional: Sequence[str]) -> dict[str, int]:
    """Where each of the columns is that are needed, or optional and there."""
    wanted = [*needed, *optional]
    if repeated := [name for name in wanted if names.count(name) > 1]:
        raise SupremeError(f"{path} has the column {repeated[0]} twice: leave one")
    if missing := [name for name in needed if name not in names]:
        may = f" (and may have {', '.join(optional)})" if optional else ""
        told = ", ".join(name if len(name) <= 40 else f"{name[:40]}..." for name in names[:8])
        raise SupremeError(
            f"{path} has no column {missing[0]}: its first line says {told!r} where it must name "
            f"{', '.join(needed)}{may}"
        )
    absent = [name for name in optional if name not in names]
    for name in names:
        if name not in wanted and (near := difflib.get_close_matches(name, absent, 1, 0.8)):
            raise SupremeError(f"{path} has a column {name}; did you mean {near[0]}? Rename it, or take it away")
    return {name: names.index(name) for name in wanted if name in names}
