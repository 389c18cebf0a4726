"""The end of a sweep: its table, and what failed with the command that runs it again."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from supreme import report
from supreme.pipeline.cell import Cell
from supreme.pipeline.ensembles import AuditJob
from supreme.pipeline.failures import failure_path
from supreme.pipeline.workplace import Workplace
from supreme.sweep.failures import cause, told
from supreme.sweep.schedule.tasks import Outcome, Task

WIDTH = 100
"""Of what goes to a file or a pipe, in characters."""


def print_table(cells: Sequence[Cell], output_dir: Path) -> None:
    """The table of these cells on standard output, with what was asked for; nothing when nothing became of any."""
    at = Workplace(output_dir=str(output_dir), device="")
    if not any(at.row_path(cell).exists() or failure_path(cell, at).exists() for cell in cells):
        return
    frame = report.load(output_dir)
    table = report.summary(frame) if len(frame) else None
    own = report.of_cells(frame, {cell.id for cell in cells})
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    known = table if len(own) == len(frame) else None
    asked = list(dict.fromkeys(name for cell in cells for name in cell.metrics))
    console.print(*report.render(own, "terminal", width=console.width, table=known, asked=asked), sep="\n")
    written = report.write(output_dir, frame, table)
    if len(frame):
        shown = all(cell.samples for cell in cells)  # also of rows that are older than that decision
        written.append(report.write_page(output_dir, frame, table, samples=shown))
    where = f"Every row of {output_dir} is in {written[0].parent}: {', '.join(path.name for path in written)}"
    console.print(where, style="dim", soft_wrap=True, highlight=False)


def print_audits(jobs: Sequence[AuditJob], output_dir: Path) -> None:
    """The tables of these audits on standard output; nothing when none of them has a record."""
    at = Workplace(output_dir=str(output_dir), device="")
    if not any(job.record_path(at).exists() for job in jobs):
        return
    frame = report.load_audits(output_dir, [job.id for job in jobs])
    console = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    console.print(*report.render_audits(frame, "terminal"), sep="\n")


def print_failed_audits(outcomes: Sequence[Outcome], total: int) -> None:
    """Every audit that failed, on standard error: why, and where its log is."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"\n{len(outcomes)} of {total} audits failed", style="bold red")
    for outcome in outcomes:
        console.print(Text(outcome.task.label, style="bold"))
        console.print(Text(f"  why   {outcome.error}"))
        if outcome.task.log.exists():
            console.print(Text(f"  log   {outcome.task.log}"))
    console.print("The same command again runs only what is missing.")


def print_failures(cells: Sequence[Cell], outcomes: Mapping[str, Outcome], total: int) -> None:
    """Every cell without a row on standard error: why, where its log is, how to run it alone."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(f"\n{len(cells)} of {total} cells failed", style="bold red")
    for cell in cells:
        outcome = outcomes[cell.id]
        came_from = cause(outcome, outcomes)
        console.print(Text(outcome.task.label, style="bold"))
        console.print(Text(f"  why   {told(outcome, outcomes)}"))
        if came_from.task.log.exists():
            console.print(Text(f"  log   {came_from.task.log}"))
        console.print(Text(f"  alone {_command(cell)}"))
    console.print("The same command again runs only what is missing.")


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
    lines = task.log.read_text().strip().splitlines() if task.log.exists() else []
    error = lines[-1] if lines else "it left no row"
    return Outcome(task=task, status="failed", seconds=0.0, error=error, attempts=1, slot="", value=None)
