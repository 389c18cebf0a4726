"""Planning a sweep of 10,000 cells, and running a finished one again: seconds and memory of the whole command.

The rows of the finished sweep are those of a small real one, copied for every cell with its seeds, keys and values
that are a little different.

    python -m tests.benchmarks.planning
"""

from __future__ import annotations

import json
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

METHODS = "scrub,neggrad,finetune,ssd,random_label,bad_teacher,salun,amnesiac,l1_sparse,original"
SMALL = ("model.widths=[4,8]", "recipe.epochs=2", f"method={METHODS}", "seeds.unlearn=range(2)")
SEEDS = 500
"""Times 10 methods and 2 draws: 10,000 cells."""
RESULTS = Path(__file__).parent / "results" / "planning.md"


@dataclass(frozen=True, kw_only=True)
class Measured:
    seconds: float
    cpu_seconds: float
    """Of the process: what the wall time comes to on a machine that has nothing else to do."""
    planned: float
    """Seconds from the first override to the line of the plan, as that says."""
    peak_bytes: int
    stdout: str


def command(directory: Path, seeds: int, *more: str) -> Measured:
    """The whole command of a sweep of 20 cells a seed."""
    words = [sys.executable, "-m", "supreme", "-m", *SMALL, f"seed=range({seeds})", f"output_dir={directory}", *more]
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(words, stdout=out, stderr=err)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        told = err.read()
        assert process.returncode == 0, told
        planned = re.search(r"planned in ([\d.]+) s", told)
        assert planned, told
        scale = 1 if sys.platform == "darwin" else 1024
        return Measured(
            seconds=seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            planned=float(planned[1]),
            peak_bytes=usage.ru_maxrss * scale,
            stdout=out.read(),
        )


def finish(directory: Path, template: Path, seeds: int) -> int:
    """Write the rows and logs that this sweep would have left; the bytes of all rows."""
    from supreme.core.row import sealed_row

    rows = {row["method"]: row for path in template.glob("rows/*.json") if (row := json.loads(path.read_text()))}
    logs = [path.read_text() for path in template.glob("logs/????????????????.log")]
    (directory / "rows").mkdir(parents=True)
    (directory / "logs").mkdir()
    total = 0
    for cell in cells(directory, seeds):
        rng = random.Random(cell.id)
        shared = {part: random.Random(f"{part} {cell.seed}") for part in ("reference", "original")}  # by all methods
        row: dict[str, Any] = {
            **rows[cell.names["method"]],
            "cell": cell.id,
            "seed": cell.seed,
            "seeds": dict(cell.seeds),
            "forget_digest": cell.split_digest,
        }
        for part in ("metrics", "reference", "original"):
            row[part] = {name: moved(value, shared.get(part, rng)) for name, value in row[part].items()}
        keys = {stage: cell.key(stage) for stage in ("original", "reference", "unlearned")}
        row["provenance"] = {**row["provenance"], "keys": keys, "overrides": list(cell.overrides)}
        text = json.dumps(sealed_row(row), indent=2)
        total += len(text)
        (directory / "rows" / f"{cell.id}.json").write_text(text)
        (directory / "logs" / f"{cell.id}.log").write_text(rng.choice(logs))
    return total


def moved(value: float | None, rng: random.Random) -> float | None:
    """A value of another seed: a fraction stays one."""
    return None if value is None else abs(value + rng.gauss(0, 0.02) * (1 if abs(value) <= 1 else abs(value)))


def cells(directory: Path, seeds: int) -> Any:
    """The cells of this sweep, planned in this process."""
    from types import SimpleNamespace

    from hydra import compose, initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    from supreme.cli import CONF
    from supreme.sweep.plan.compose import Composer, Problems, compose_all
    from supreme.sweep.plan.plan import resolve

    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        config = compose("config", return_hydra_config=True)
        names = [f"method={name}" for name in METHODS.split(",")]
        jobs = [
            [*SMALL[:2], name, f"seeds.unlearn={draw}", f"seed={seed}", f"output_dir={directory}"]
            for name in names
            for draw in range(2)
            for seed in range(seeds)
        ]
        problems = Problems()
        found, _ = compose_all(Composer(SimpleNamespace(config_loader=loader), config), jobs, problems)
        located = resolve(found, directory, problems)
        problems.refuse()
    return located


def main() -> None:
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        command(place / "template", 1)
        few, many = (command(place / f"plan{seeds}", seeds, "dry_run=true") for seeds in (SEEDS // 10, SEEDS))
        size = finish(place / "finished", place / "template", SEEDS)
        again = command(place / "finished", SEEDS)
        assert "Every row of" in again.stdout
        page = (place / "finished" / "reports" / "report.html").stat().st_size
    count = 20 * SEEDS
    growth = (many.peak_bytes - few.peak_bytes) / (count * 9 / 10)
    lines = [
        "# Planning, and running a finished sweep again",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, CPU ({platform.machine()}), {os.cpu_count()} cores, load "
        f"{load:.1f} when it began; `python -m tests.benchmarks.planning`",
        "",
        f"Sweeps of digits: 10 methods, {SEEDS} training seeds and as many forget sets, 2 draws: {count:,} cells.",
        "",
        f"* planned in {many.planned:.1f} s: **{1000 * many.planned / count:.2f} ms a cell** (a tenth of them: "
        f"{few.planned:.1f} s); the whole dry run {many.seconds:.1f} s, {many.cpu_seconds:.1f} s of the processor",
        f"* peak memory {many.peak_bytes / 1e6:.0f} MB, of a tenth of the cells {few.peak_bytes / 1e6:.0f} MB: "
        f"**{growth / 1e3:.1f} kB a cell**",
        f"* finished, {count:,} rows of {size / count / 1e3:.0f} kB, the same command again: {again.seconds:.1f} s, "
        f"**{again.cpu_seconds:.1f} s of the processor**, to the table, all files and a page of {page / 1e6:.1f} MB; "
        f"of these planned in {again.planned:.1f} s; peak memory {again.peak_bytes / 1e6:.0f} MB",
        "",
        "Wall times grow with the load, those of the processor hardly: they are what an idle machine takes.",
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
