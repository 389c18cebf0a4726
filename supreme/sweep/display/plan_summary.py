"""What a sweep would do, on standard output: what is there, what is to compute, how long, how much disk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil
from rich import box
from rich.table import Table

from supreme.core.console import console
from supreme.core.output import out
from supreme.sweep.devices.slots import Slot
from supreme.sweep.display.progress import duration
from supreme.sweep.executors.dry_run import DryRunExecutor
from supreme.sweep.plan.disk import free_bytes, needed
from supreme.sweep.plan.estimate import Estimate, Stored, cell_of
from supreme.sweep.plan.plan import Plan
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Task

SHOWN = 20
"""Cells that are listed."""


def print_plan(plan: Plan, slots: Sequence[Slot]) -> None:
    """Everything that the plan says, and what stored costs and sizes say of it."""
    stored = Stored(plan.tasks, plan.at)
    estimates = {task.key: estimate for task in plan.tasks if (estimate := stored.estimate(task))}
    console().print("Dry run: nothing is started.", _table(plan, estimates), sep="\n")
    labels = [task.label for task in plan.tasks if task.kind == "cell"]
    for line in (*_times(plan.tasks, estimates, slots), *_disk(plan, stored), *_decoded(plan), *_cells(labels)):
        out(f"{line}\n", wrap=True)


def _table(plan: Plan, estimates: Mapping[str, Estimate]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    table.add_column("stage", no_wrap=True)
    for name in ("found", "to\ncompute", "with a\nstored cost", "seconds\neach", "work"):
        table.add_column(name, justify="right", no_wrap=True)
    for kind, found in _found(plan).items():
        tasks = [task for task in plan.tasks if task.kind == kind]
        known = [estimates[task.key].seconds for task in tasks if task.key in estimates]
        each, work = (f"{sum(known) / len(known):.3g}", duration(sum(known))) if known else ("n/a", "n/a")
        table.add_row(kind, str(found), str(len(tasks)), str(len(known)), *((each, work) if tasks else ("", "")))
    return table


def _found(plan: Plan) -> dict[str, int]:
    """How many of each kind of stage there are already."""
    trained = {
        stage: sum(plan.at.store.has(stage, key) for key in {cell.key(stage) for cell in plan.cells})
        for stage in ("original", "reference")
    }
    audits = {"audit": len(plan.audits) - len(plan.audit_tasks)} if plan.audits else {}
    return {**trained, "cell": len(plan.cells) - len(plan.todo), **audits}


def _times(tasks: Sequence[Task], estimates: Mapping[str, Estimate], slots: Sequence[Slot]) -> Iterator[str]:
    if not tasks:
        yield "Time: nothing is to compute."
        return
    unknown = Counter(_what(task) for task in tasks if task.key not in estimates)
    if estimates:
        seconds = {key: estimate.seconds for key, estimate in estimates.items()}
        work, simulated = sum(seconds.values()), DryRunExecutor([slot.name for slot in slots], seconds)
        run(tasks, simulated, timeout=None)
        where = ", ".join(slot.name for slot in slots[:4]) + (", ..." if len(slots) > 4 else "")
        yield (
            f"Time: {'at least' if unknown else 'about'} {duration(simulated.seconds)} on {len(slots)} device slots "
            f"({where}), for {duration(work)} of work; starting the processes and importing torch not counted."
        )
    if unknown:
        told = ", ".join(f"{what} ({count})" for what, count in unknown.most_common(5))
        more = f" and {len(unknown) - 5} more" if len(unknown) > 5 else ""
        yield f"No stored cost yet: {told}{more}."
    if other := sum(not estimate.same_values for estimate in estimates.values()):
        yield f"Of {other} tasks the stored costs are of the same components with other values."


def _what(task: Task) -> str:
    """The components of a task, without its seeds."""
    cell = cell_of(task)
    if cell is None:
        return task.label
    names = cell.names
    about = [names["method"]] if task.kind == "cell" else [task.kind]
    return " ".join([*about, names["data"], names["model"], *([names["scenario"]] if task.kind != "original" else [])])


def _disk(plan: Plan, stored: Stored) -> Iterator[str]:
    if not plan.tasks:
        return
    folder = Path(plan.at.output_dir)
    need, free = needed(plan.tasks, stored, plan.at), free_bytes(folder)
    told = f"{size(free)} are free in {folder}."
    if need.unknown and not need.bytes:
        yield f"Disk: unknown, for no model of this data and model is stored yet; {told}"
        return
    least = f" and more for {need.unknown} tasks, of whose data and model none is stored yet" if need.unknown else ""
    yield f"Disk: about {size(need.bytes)}{least}; {told}"
    if need.bytes > free:
        missing = size(need.bytes - free)
        yield f"Warning: this does not fit, {missing} are missing: make room or give another output_dir."


def _decoded(plan: Plan) -> Iterator[str]:
    """Of the data that this process decoded."""
    began, folder = psutil.Process().create_time(), Path(plan.at.output_dir, "store", "data")
    if any(path.stat().st_mtime >= began for path in folder.glob("*/meta.json")):
        yield f"Data were decoded to draw the splits: they are kept in {folder}."


def _cells(labels: Sequence[str]) -> Iterator[str]:
    if labels:
        yield "Cells to run:"
        yield from (f"  {label}" for label in labels[:SHOWN])
    if len(labels) > SHOWN:
        yield f"  ... and {len(labels) - SHOWN} more"


def size(count: float) -> str:
    """12 B, 3.4 MB, 1.2 GB: powers of 1000."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 999.5:
            return f"{count:.3g} {unit}"
        count /= 1000
    return f"{count:,.3g} TB"
