"""Where the report goes: whole files, or standard output."""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints
from supreme.core.output import STDOUT, data
from supreme.report.rows.failures import failures_csv, failures_in
from supreme.report.rows.load import load
from supreme.report.statistics.joint import verdicts
from supreme.report.tables.audits import load_audits, render_audits
from supreme.report.tables.frontiers import frontier_tables, frontiers_csv
from supreme.report.tables.tables import render, summary_of


def write(
    directory: str | Path = "outputs",
    frame: pd.DataFrame | None = None,
    table: pd.DataFrame | None = None,
    endpoints: Endpoints | None = None,
) -> list[Path]:
    """Write the reports of this output directory into its `reports/`, each file at once; their paths.

    `table.md` and `table.tex` are for people, the first with every note; `results.csv` has every value of every row,
    `summary.csv` every number of the tables in full precision, `failures.csv` every cell that failed, `frontier.csv`
    the hypervolumes of methods that were swept over how hard they forget, and `audits.csv` the numbers of audits, the
    last three where there are any. `frame` is what `load` gives and `table` its `summary`
    with these `endpoints`, if at hand.

        >>> supreme.report.write("outputs")
        [PosixPath('outputs/reports/table.md'), ...]
    """
    frame = load(directory) if frame is None else frame
    table = summary_of(frame, endpoints) if table is None else table
    audits = load_audits(directory, rows=frame)
    told = verdicts(frame, table, endpoints) if len(frame) else None
    tables = render(frame, "markdown", table=table, notes=True, endpoints=endpoints, verdicts=told)
    texts = {
        "table.md": markdown(tables, frame, audits),
        "table.tex": render(frame, "latex", table=table, endpoints=endpoints, verdicts=told),
        "results.csv": render(frame, "csv"),
        "summary.csv": summary_csv(table),
    }
    Path(directory, "reports", "failures.csv").unlink(missing_ok=True)  # of cells that may have their rows by now
    if failures_in(frame):
        texts["failures.csv"] = failures_csv(frame)
    if fronts := frontiers_csv(frame):
        texts["frontier.csv"] = fronts
    if len(audits):
        texts["audits.csv"] = render_audits(audits, "csv")
    return [write_file(Path(directory, "reports", name), text) for name, text in texts.items()]


def markdown(tables: str, frame: pd.DataFrame, audits: pd.DataFrame) -> str:
    """The tables of cells, then those of frontiers, then those of audits."""
    fronts = [table.markdown for table in frontier_tables(frame)]
    return "\n".join(filter(None, [tables, *fronts, render_audits(audits, "markdown")]))


def summary_csv(table: pd.DataFrame) -> str:
    """What `summary` gives, in full precision; a seed is a whole number."""
    return table.astype({"worst_seed": "Int64"}).to_csv(index=False, lineterminator="\n")


def put(content: str | bytes, output: Path | None) -> None:
    """Into this file, or on standard output."""
    if output is not None:
        write_file(output, content)
    elif isinstance(content, bytes) and STDOUT.isatty():
        raise SupremeError("this format is not for a terminal: name a file, as in --output results.parquet")
    else:
        data(content)


def write_file(path: Path, content: str | bytes) -> Path:
    """Whole or not at all: somebody may be reading it."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content.encode() if isinstance(content, str) else content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SupremeError(f"{path} cannot be written ({error.strerror}); make room or name another place") from error
    return path
