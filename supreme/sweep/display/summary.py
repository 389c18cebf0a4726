"""The end of a sweep: its table, and what failed with the command that runs it again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from supreme.core.console import console
from supreme.core.long_files import last_line
from supreme.core.output import STDERR, err, out
from supreme.core.text import one_line, printable
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.failures import failure_path
from supreme.pipeline.workplace import Workplace
from supreme.sweep.executors.local.worker import FAILED
from supreme.sweep.failures import cause, told
from supreme.sweep.schedule.tasks import Outcome, Task


def print_table(cells: Sequence[Cell], output_dir: Path) -> None:
    """Write the reports, then print the table of these cells; nothing when nothing became of any.

    Raises:
        SupremeError: the reports cannot be written; the table is printed all the same.
    """
    from supreme import report  # and so pandas, which nothing needs before

    at = Workplace(output_dir=str(output_dir), device="")
    if not any(at.row_path(cell).exists() or failure_path(cell, at).exists() for cell in cells):
        return
    frame = report.load(output_dir)
    table = report.summary(frame) if len(frame) else None
    own = report.of_cells(frame, {cell.id for cell in cells})
    known = table if len(own) == len(frame) else None
    asked = list(dict.fromkeys(name for cell in cells for name in cell.metrics))
    try:
        written = report.write(output_dir, frame, table)
        if len(frame):
            may_show = all(cell.samples for cell in cells)  # also of rows that are older than that decision
            written.append(report.write_page(output_dir, frame, table, samples=may_show))
    finally:
        shown = console()
        tables = report.render(own, "terminal", width=shown.width, encoding=shown.encoding, table=known, asked=asked)
        shown.print(*tables, *report.render_frontiers(own), sep="\n")
    names = ", ".join(path.name for path in written)
    out(f"Every row of {output_dir} is in {written[0].parent}: {names}\n", wrap=True)


def print_audits(jobs: Sequence[AuditJob], output_dir: Path) -> None:
    """The tables of these audits on standard output; nothing when none of them has a record."""
    from supreme import report

    at = Workplace(output_dir=str(output_dir), device="")
    if not any(job.record_path(at).exists() for job in jobs):
        return
    frame = report.load_audits(output_dir, [job.id for job in jobs])
    console().print(*report.render_audits(frame, "terminal"), sep="\n")


def print_failed_audits(outcomes: Sequence[Outcome], total: int) -> None:
    """Every audit that failed, on standard error: why, and where its log is."""
    _headline(f"{len(outcomes)} of {total} audits failed")
    for outcome in outcomes:
        _tell(outcome, outcome.error, outcome.task.log)
    err("The same command again runs only what is missing.\n")


def print_failures(cells: Sequence[Cell], outcomes: Mapping[str, Outcome], total: int) -> None:
    """Every cell without a row on standard error: why, where its log is, how to run it alone."""
    _headline(f"{len(cells)} of {total} cells failed")
    for cell in cells:
        outcome = outcomes[cell.id]
        _tell(outcome, told(outcome, outcomes), cause(outcome, outcomes).task.log, _command(cell))
    err("The same command again runs only what is missing.\n")


def _headline(text: str) -> None:
    console(stderr=True).print(f"\n{text}", style="bold red")


def _tell(outcome: Outcome, why: str, log: Path, command: str = "") -> None:
    """What failed, and a line for each thing to know; a command stays in one line, so that it can be copied."""
    err(f"{outcome.task.label}\n  why   {one_line(why)}\n")
    if log.exists():
        err(f"  log   {log}\n")
    if command:
        STDERR.write(f"  alone {printable(command)}\n")


def _command(cell: Cell) -> str:
    """The command line of one cell, with the options of this one that say where configs are."""
    options: list[str] = []
    arguments = sys.argv[1:]
    for option, value in zip(arguments, [*arguments[1:], ""], strict=True):
        name = option.partition("=")[0]
        if name in ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn"):
            options += [option] if "=" in option else [option, value]
    overrides = list(cell.overrides)
    if cell.audits:  # one cell has none
        overrides = [*(override for override in overrides if not override.startswith(("audit=", "audit."))), "audit=[]"]
    return shlex.join(["python", "-m", "supreme", *options, *overrides])


def left_no_row(task: Task) -> Outcome:
    """The outcome of a cell that another launcher ran without result."""
    error = one_line(last_line(task.log).removeprefix(FAILED)) or "it left no row"
    return Outcome(task=task, status="failed", seconds=0.0, error=error, attempts=1, slot="", value=None)
