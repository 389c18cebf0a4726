"""Audits: from the records of sweeps to one tidy frame, and to the tables that people read."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, overload

import pandas as pd
from rich.console import RenderableType

from supreme.core import SupremeError
from supreme.core.row import read_audit
from supreme.report.rows.files import read_all
from supreme.report.rows.labels import bare_name, titled, variants, with_titles
from supreme.report.rows.load import load
from supreme.report.rows.per_seed import BLOCK, seed_list
from supreme.report.rows.reading import COMPONENTS, OF_THE_RUN, changed_of, flat, moment
from supreme.report.tables.plain import Plain

COLUMNS = (
    *("audit", *BLOCK, "method", "variant", "forget_digest", "forget_size", "name"),
    *("models", "missing", "column", "value", "reason"),
)
_FIRST = ("retrain", "original")
_TABLE = [*BLOCK, "forget_digest", "name"]
"""What the lines of one table share."""


def load_audits(
    directory: str | Path = "outputs", audits: Collection[str] | None = None, rows: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One line per audit and column, from the records in `<directory>/audits`; no line where there are none.

    Labels are those of `load`. `models` counts the unlearned models, and as many retrained ones; `missing` tells the
    training seeds of the sweep that have none, because their cells failed. `value` is a float, NaN where the record has
    null, and `reason` says why. The name of an audit whose values are changed tells them, `u_lira (folds=5)`.

    Args:
        audits: the ids of those to load. None: of each method, audit and forget set that of the most models, or of
            those the newest.
        rows: what `load` gives, if it is at hand.
    """
    records, _ = read_all(Path(directory, "audits"), _read, "audit")
    records.sort(key=lambda record: record["written"])
    if not records:
        return pd.DataFrame(columns=list(COLUMNS))
    labels = _labels(directory if rows is None else rows, records)
    if audits is None:
        order = sorted(range(len(records)), key=lambda at: (len(records[at]["cells"]), records[at]["written"]))
        chosen = sorted({labels[at]: at for at in order}.values())
    else:
        chosen = [at for at, record in enumerate(records) if record["audit"] in audits]
    lines = [
        (
            records[at]["audit"],
            *labels[at][:-2],
            records[at]["forget_digest"],
            records[at]["sets"]["forget"],
            labels[at][-1],
            len(records[at]["cells"]),
            seed_list(records[at]["missing"]) if records[at]["missing"] else "",
            column,
            math.nan if value is None else float(value),
            records[at]["reasons"].get(column, ""),
        )
        for at in chosen
        for column, value in records[at]["values"].items()
    ]
    frame = pd.DataFrame(lines, columns=list(COLUMNS))
    return frame.sort_values([*_TABLE, "method", "variant"], key=_sorting, kind="stable", ignore_index=True)


def audits_among(directory: str | Path, rows: pd.DataFrame) -> pd.DataFrame:
    """What `load_audits` gives, of those methods and blocks that are left in this part of what `load` gives."""
    audits = load_audits(directory)  # names depend on older rows too, so these are all needed
    labels = [*BLOCK, "method", "variant"]
    known = set(rows[labels].drop_duplicates().itertuples(index=False, name=None))
    own = [found in known for found in audits[labels].itertuples(index=False, name=None)]
    return audits.loc[own]


def _read(path: Path) -> dict[str, Any]:
    record = read_audit(path)
    return {**record, "written": moment(record["provenance"]["finished"])}


def _labels(rows: pd.DataFrame | str | Path, records: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    """Those of a row of each, the forget digest, and the audit's own name; the records are in order of arrival."""
    wanted = [*BLOCK, "method", "variant"]
    try:
        rows = rows if isinstance(rows, pd.DataFrame) else load(rows)
        cells = rows.drop_duplicates("cell").set_index("cell")[wanted]
    except SupremeError:  # the rows were taken away
        cells = pd.DataFrame(columns=wanted)
    changed = [changed_of(record) for record in records]
    told = variants(
        (record["name"], own.get(f"audit.{record['name']}", {}), flat(record["config"]["audit"]))
        for record, own in zip(records, changed, strict=True)
    )
    labels = []
    for record, changes, variant in zip(records, changed, told, strict=True):
        known = next((cell for cell in record["cells"] if cell in cells.index), None)
        own = _own_labels(record, changes) if known is None else list(cells.loc[known])
        labels.append((*own, record["forget_digest"], titled(record["name"], variant)))
    return labels


def _own_labels(record: Mapping[str, Any], changed: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What its rows, which are not there, would be called if they were alone."""
    parts = [variants([(kind, changed.get(kind, {}), {})], f"{kind}.", OF_THE_RUN)[0] for kind in COMPONENTS]
    variant = variants([("method", changed.get("method", {}), {})])[0]
    return [*(record[kind] for kind in COMPONENTS), ", ".join(filter(None, parts)), record["method"], variant]


def _sorting(values: pd.Series) -> pd.Series:
    return values.map(_place) if values.name == "method" else values


def _place(method: str) -> str:
    """A text that sorts as methods do: the null first, then the original."""
    name = bare_name(method)
    return f"{_FIRST.index(name) if name in _FIRST else len(_FIRST)} {method}"


@overload
def render_audits(frame: pd.DataFrame, format: Literal["terminal"]) -> list[RenderableType]: ...
@overload
def render_audits(frame: pd.DataFrame, format: Literal["markdown", "csv"]) -> str: ...
def render_audits(frame: pd.DataFrame, format: str) -> list[RenderableType] | str:  # noqa: A002
    """What `load_audits` gives, for people: one table for each audit and ensemble of methods; or the frame, as CSV."""
    if format == "csv":
        return frame.to_csv(index=False, lineterminator="\n")
    if format not in ("terminal", "markdown"):
        raise SupremeError(f"there is no format {format!r}: give terminal, markdown or csv")
    tables = audit_tables(frame)
    if format == "markdown":
        return "\n".join(table.markdown for table in tables)
    return [part for table in tables for part in table.panels]


def audit_tables(frame: pd.DataFrame) -> list[Plain]:
    """The table of each audit and ensemble of methods."""
    tables = []
    for labels, part in frame.groupby(_TABLE, sort=False):
        *block, forget, name = map(str, labels)  # type: ignore[arg-type]
        title = " · ".join([name, *filter(None, block), f"forget set {forget[:8]}"])
        heads, lines, notes = _table(with_titles(part))
        tables.append(Plain(title=title, heads=heads, lines=lines, notes=notes))
    return tables


def _table(part: pd.DataFrame) -> tuple[list[str], list[list[str]], list[str]]:
    """Head, lines and notes of one audit of several methods."""
    columns = list(dict.fromkeys(part["column"]))
    valued = set(part.loc[part["value"].notna(), "column"])
    shown = [column for column in columns if column in valued and not column.endswith(("_low", "_high"))]
    head = ["method", "models", *(column.partition("/")[2].replace("_", " ") for column in shown)]
    lines, reasons = [], defaultdict(list)
    notes = [
        f"models: so many unlearned and so many retrained ones, each from a training seed of its own; they forgot the "
        f"same {part['forget_size'].iloc[0]} images."
    ]
    for method, own in part.groupby("method", sort=False):
        values = dict(zip(own["column"], own["value"], strict=True))
        label = str(method).replace("retrain", "retrain (null)", 1) if _place(str(method))[0] == "0" else str(method)
        lines.append([label, str(own["models"].iloc[0]), *(_cell(values, column) for column in shown)])
        if missing := own["missing"].iloc[0]:
            notes.append(f"{method}: without {missing}, whose cells failed.")
        for reason in dict.fromkeys(own["reason"]):
            if reason:
                reasons[reason].append(str(method))
    if not lines or not lines[0][0].startswith("retrain (null)"):
        notes.append("What a perfect method gets is not here: add method=retrain, the null.")
    notes += [f"n/a, {reason}: {', '.join(methods)}." for reason, methods in reasons.items()]
    if any(column.endswith("_low") for column in valued):
        notes.append("In brackets: 95 % t interval over training seeds.")
    return head, lines, notes


def _cell(values: Mapping[str, float], column: str) -> str:
    value, low, high = (values.get(column + end, math.nan) for end in ("", "_low", "_high"))
    if math.isnan(value):
        return "n/a"
    return _number(value) if math.isnan(low) else f"{_number(value)} [{_number(low)}, {_number(high)}]"


def _number(value: float) -> str:
    return f"{value:.1g}" if 0 < abs(value) < 0.0005 else f"{value:.3f}"
