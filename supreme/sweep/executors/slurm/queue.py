"""Slurm's commands: send jobs (by submitit), ask how they are, cancel them. Its accounting (sacct) may be missing."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.executors.slurm.job import Pack, run_pack

log = logging.getLogger(__name__)

ALIVE = {
    *("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "RESIZING", "SIGNALING", "STAGE_OUT"),
    *("REQUEUED", "REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESV_DEL_HOLD", "POWER_UP_NODE"),
}
"""States of a job that may still run. The others are ends."""
LARGEST_ARRAY = 1000
"""Slurm's own default of MaxArraySize is 1001."""
COMMAND_SECONDS = 120
END_SECONDS = 40.0
"""How long jobs that were cancelled may take to end; Slurm kills them after 30 s."""


@dataclass(frozen=True, kw_only=True)
class State:
    """How a job is."""

    name: str
    """PENDING, RUNNING, TIMEOUT, ..."""
    reason: str
    """Why it waits."""
    sweep: str
    """The name of the job."""


def refuse_without_slurm() -> None:
    """Raise SupremeError where no job can be sent from."""
    if missing := [name for name in ("sbatch", "squeue", "scancel", "srun") if shutil.which(name) is None]:
        raise SupremeError(f"hydra/launcher=slurm needs Slurm's command {missing[0]}: type this on a login node")
    try:
        import submitit  # noqa: F401
    except ImportError as error:
        raise SupremeError(
            "hydra/launcher=slurm needs submitit; type pip install -e '.[slurm]' in the clone"
        ) from error


def submit(
    packs: Sequence[Pack],
    folder: Path,
    name: str,
    options: Mapping[str, Any],
    setup: Sequence[str],
    max_running: int,
    after: Iterable[str],
) -> list[str]:
    """Send these packs as arrays that start when the jobs of `after` have ended, well or not; returns a job id each.

    Args:
        folder: where submitit writes; on the shared file system.
        name: of the jobs.
        options: of sbatch.
        after: ids of whole arrays or single jobs.
    """
    from submitit.core.utils import FailedJobError, FailedSubmissionError
    from submitit.slurm.slurm import SlurmExecutor

    executor = SlurmExecutor(folder=folder)
    wait_for = sorted({job.split("_")[0] for job in after}, key=int)
    dependency = {"dependency": ":".join(["afterany", *wait_for])} if wait_for else {}
    executor.update_parameters(
        job_name=name,
        array_parallelism=max_running,
        setup=list(setup) or None,
        use_srun=False,  # one process; and srun would ask for the CPUs again, by rules that differ between versions
        stderr_to_stdout=True,
        additional_parameters={**options, **dependency},
    )
    jobs: list[str] = []
    # Where a job of an array sends jobs they would take themselves for a part of it.
    inherited = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("SLURM_ARRAY_")}
    try:
        for start in range(0, len(packs), LARGEST_ARRAY):
            jobs += [job.job_id for job in executor.map_array(run_pack, packs[start : start + LARGEST_ARRAY])]
    except (FailedJobError, FailedSubmissionError) as error:
        cancel(*jobs)
        told = " ".join(str(error).split()).removeprefix("sbatch: error: ")
        raise SupremeError(f"Slurm refused the jobs: {told}; see the keys under hydra.launcher") from error
    finally:
        os.environ.update(inherited)
    return jobs


def states() -> dict[str, State] | None:
    """Every job of this user that Slurm still knows, by its id; None when Slurm does not answer.

    Jobs that have ended stay known for some minutes (MinJobAge).
    """
    told = _ask("squeue", "--noheader", "--array", "--states=all", f"--user={os.getuid()}", "--format=%i|%T|%r|%j")
    if told is None:
        return None
    found = [line.split("|", 3) for line in told.splitlines() if line.count("|") >= 3]
    return {job: State(name=name, reason=reason, sweep=sweep.strip()) for job, name, reason, sweep in found}


def end_state(job: str) -> str:
    """How a job that squeue has forgotten ended, from the accounting where there is one; else empty."""
    if shutil.which("sacct") is None:
        return ""
    told = _ask("sacct", "--noheader", "--parsable2", "--allocations", "--format=State", f"--jobs={job}")
    return (told or "").strip().partition("\n")[0].partition(" ")[0]  # "CANCELLED by 1000"


def cancel(*jobs: str, name: str = "") -> None:
    """End these jobs, or all of this user that have this name, those that wait and those that run."""
    if jobs:  # and nothing else: with --user, the id of one job means every job of its array that still waits
        _ask("scancel", "--quiet", *jobs)
    if name:
        _ask("scancel", "--quiet", f"--user={os.getuid()}", f"--name={name}")


def await_end(names: Iterable[str]) -> bool:
    """Whether all jobs with these names have left the queue, some seconds after they have nothing more to do."""
    ours, end = set(names), time.monotonic() + END_SECONDS
    while time.monotonic() < end:
        known = states()
        if known is not None and not any(job.sweep in ours and job.name in ALIVE for job in known.values()):
            return True
        time.sleep(0.5)
    return False


def _ask(*command: str) -> str | None:
    """What a command says; None when it fails, and a line in the log where it was to do something."""
    try:
        done = subprocess.run(  # in a session of its own, which no Ctrl-C reaches
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=True, start_new_session=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        why = getattr(error, "stderr", None) or str(error)
        level = logging.WARNING if command[0] == "scancel" else logging.DEBUG
        log.log(level, "Slurm does not answer %s: %s", command[0], " ".join(str(why).split()))
        return None
    return done.stdout
