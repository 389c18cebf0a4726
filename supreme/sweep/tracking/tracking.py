"""What trackers are told of a sweep: its originals, references and cells, as soon as they are stored.

It is read from what stages have left, beside the work and never inside it, so no tracker can change or cost a result,
and what one has missed it is told by the same command.
"""

from __future__ import annotations

import logging
import os
import pickle
import queue
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from supreme.core import Run, Tracker, registry
from supreme.core.canonical import Damaged, read_json
from supreme.pipeline import process_state
from supreme.pipeline.cell import Cell
from supreme.pipeline.workplace import Workplace
from supreme.store.files import digest, write_json
from supreme.sweep.devices.slots import Slot
from supreme.sweep.executors.local.lock_directory import lock_directory
from supreme.sweep.executors.local.lock_file import LockFile
from supreme.sweep.executors.local.process import SlotProcess, death
from supreme.sweep.tracking.runs import runs_of

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 60.0
"""What a tracker may take for one run: some wait for a network that is not there."""

FAILURES = 3
"""Of one tracker in a row; then it is left alone until the command is given again. One that hangs, at once."""

HOME = Slot(name="tracking", device="cpu", environment={"CUDA_VISIBLE_DEVICES": ""}, shared=True, locks=())
"""Of the process where trackers run: none of the slots that work."""


class Tracking:
    """`with Tracking(trackers, output_dir) as tracking: tracking(cell)`; the end waits until all is told.

    One process for all trackers, which gets one run at a time: it may hang or crash as it likes.
    """

    def __init__(self, trackers: Mapping[str, Mapping[str, Any]], output_dir: Path) -> None:
        self._trackers = trackers
        self._at = Workplace(output_dir=str(output_dir), device="")
        self._folder = output_dir / "tracking"
        self._log = output_dir / "logs" / "tracking.log"
        self._cells: queue.Queue[Cell | None] = queue.Queue()
        self._stopped = False
        self._failures = dict.fromkeys(trackers, 0)
        self._missing: dict[str, set[str]] = {name: set() for name in trackers}
        self._why = dict.fromkeys(trackers, "")
        self._process = SlotProcess(HOME)
        self._thread = threading.Thread(target=self._work, name="tracking", daemon=True)

    def __call__(self, *cells: Cell) -> None:
        """Have what is there by now of these cells told: their rows, and the models that they compare with."""
        if self._trackers:
            for cell in cells:
                self._cells.put(cell)

    def __enter__(self) -> Tracking:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._stopped = kind is not None
            self._cells.put(None)
            if kind is None:
                self._thread.join(5.0)
                if self._thread.is_alive():
                    log.info("waiting for the tracker: it is to be told of some %d cells", self._cells.qsize())
                self._thread.join()
        finally:
            self._stopped = True
            self._process.kill()
            self._thread.join()
            self._process.kill()  # it may have begun another one just then
        for name, missing in self._missing.items():
            if missing and kind is None:
                log.warning(
                    "tracker %s: runs not logged: %d (%s); see %s. No result is lost, and the same command logs what "
                    "is missing",
                    *(name, len(missing), self._why[name], self._log),
                )

    def _work(self) -> None:
        while (cell := self._cells.get()) is not None:
            try:
                for run in runs_of(cell, self._at):
                    for name in self._trackers:
                        self._tell(name, run)
            except Exception as error:
                log.warning("what trackers are to be told of cell %s cannot be read: %s", cell.id, error)

    def _tell(self, name: str, run: Run) -> None:
        folder = self._folder / name
        state = digest([self._trackers[name], vars(run)])
        if self._stopped or is_told(folder, run, state):
            return
        self._missing[name].add(run.id)
        before = self._failures[name]
        if before >= FAILURES:
            return
        payload = pickle.dumps((tell, (name, self._trackers[name], run, folder, state)))
        try:
            future = self._process.submit(payload, self._log, f"{name}: {run.stage} {run.id} {run.name}", None)
            error, self._failures[name] = future.result(PATIENCE_SECONDS).error, before + 1
        except TimeoutError:
            error, self._failures[name] = f"no answer after {PATIENCE_SECONDS:g} s", FAILURES
            self._end_process()
        except Exception as broken:  # the process died, or was ended because the sweep is
            error, self._failures[name] = death(broken), before + 1
            self._end_process()
        if not error:
            self._failures[name] = 0
            self._missing[name].discard(run.id)
        elif not before and not self._stopped:
            log.warning("tracker %s failed: %s; see %s. The sweep goes on", name, error, self._log)
        self._why[name] = error

    def _end_process(self) -> None:
        if not self._stopped:  # else the end of the sweep does, and two at once would clean up the same things
            self._process.kill()


def tell(name: str, node: Mapping[str, Any], run: Run, folder: Path, state: str) -> None:
    """Give the run to the tracker, unless another process has done so meanwhile; runs in the trackers' process."""
    if hasattr(os, "setpriority"):
        os.setpriority(os.PRIO_PROCESS, 0, 10)  # cores are for the work
    tracker: Tracker = registry.build(node, f"tracker {name}")
    with LockFile(lock_directory() / f"tracking-{digest(str(folder.absolute()))[:16]}.lock"):
        if is_told(folder, run, state):
            return
        try:
            tracker(run, folder)
        finally:
            if "torch" in sys.modules:  # else nothing is held against it: what a tracker starts serves its next runs
                process_state.renew()
        write_json(_mark(folder, run), state)


def is_told(folder: Path, run: Run, state: str) -> bool:
    """Whether the tracker of this folder knows the run as it is now."""
    try:
        return read_json(_mark(folder, run)) == state
    except (OSError, Damaged):
        return False


def _mark(folder: Path, run: Run) -> Path:
    return folder / ".told" / f"{run.stage}-{run.id}.json"
