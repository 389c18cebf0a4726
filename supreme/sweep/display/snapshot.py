"""A sweep as it is at one moment: what the live display shows, and the file that `supreme status` reads."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from supreme.core.canonical import Damaged, read_json
from supreme.core.typed import flaw
from supreme.pipeline.activity import Doing
from supreme.store.files import Process

SCHEMA = 1
KEPT = 20
"""Files of sweeps that have ended; older ones are removed when a sweep begins."""
SILENT_SECONDS = 60.0
"""The file is written every second or so: what is silent for this long has stopped, wherever it ran."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A task that runs."""

    slot: str
    kind: str
    label: str
    log: str
    seconds: float
    """Since it began."""
    doing: Doing | None
    """What its process says of itself."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A task that failed."""

    label: str
    error: str
    log: str


@dataclass(frozen=True, kw_only=True)
class Count:
    """How many tasks of one kind have come to what."""

    done: int = 0
    failed: int = 0
    blocked: int = 0
    """Never to run, for what they wait for has failed."""
    left: int = 0
    """Not ended; those that run are among them."""

    def __add__(self, other: Count) -> Count:
        return Count(**{name: value + getattr(other, name) for name, value in asdict(self).items()})

    @property
    def total(self) -> int:
        return self.done + self.failed + self.blocked + self.left


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A sweep at one moment."""

    command: str
    process: Process
    user: str
    began: float
    """Seconds since 1970, as all moments here."""
    written: float
    seconds: float
    """How long it has run."""
    counts: Mapping[str, Count]
    """By kind, in the order of the tasks."""
    common: str
    """Words that are in the label of every task."""
    running: Sequence[Running]
    failures: Sequence[Failure]
    """The last ones; all are counted."""
    retries: int
    note: str
    """What it waits for; empty when it does not."""
    to_go: float | None
    """Seconds until the tasks whose time is known will be done; None when of none it is."""
    unknown: Mapping[str, int]
    """Of each kind, the tasks left whose time nothing tells yet."""
    ended: str = ""
    """How it ended: finished, stopped by a signal, or what broke it off; empty while it runs."""
    schema: int = field(default=SCHEMA)

    @property
    def total(self) -> Count:
        return sum(self.counts.values(), Count())

    def state(self, now: float | None = None) -> str:
        """How it ended; "running"; or that it died, or may have."""
        if self.ended:
            return self.ended
        gone = self.process.gone()
        silent = (time.time() if now is None else now) - self.written
        if gone:
            return "died without a word: its process is gone"
        if silent < SILENT_SECONDS:
            return "running"
        why = f"process {self.process.pid} on {self.process.host}"
        return f"{why} is {'dead or cut off' if gone is None else 'stopped or stuck'}"

    def seen_from(self, output_dir: Path) -> Snapshot:
        """With the paths of logs as they are for who calls the output directory so."""

        def log(path: str) -> str:
            return str(output_dir / "logs" / Path(path).name)

        running = [replace(one, log=log(one.log)) for one in self.running]
        return replace(self, running=running, failures=[replace(one, log=log(one.log)) for one in self.failures])

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Snapshot:
        """Raises Damaged when it is not what `to_json` gives."""
        if wrong := flaw(fields, cls):
            raise Damaged(wrong)
        running = [Running(**{**one, "doing": one["doing"] and Doing(**one["doing"])}) for one in fields["running"]]
        parts = {
            "process": Process.from_json(fields["process"]),
            "counts": {kind: Count(**count) for kind, count in fields["counts"].items()},
            "running": running,
            "failures": [Failure(**one) for one in fields["failures"]],
        }
        return cls(**{**fields, **parts})


def folder_of(output_dir: Path) -> Path:
    return output_dir / "sweeps"


def path_of(output_dir: Path, began: float, pid: int) -> Path:
    return folder_of(output_dir) / f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(began))}-{pid}.json"


def read_all(output_dir: Path) -> dict[Path, Snapshot]:
    """The sweeps that this folder tells of, the oldest first; files of other versions are left out."""
    found: dict[Path, Snapshot] = {}
    for path in folder_of(output_dir).glob("[0-9]*.json"):
        try:
            found[path] = Snapshot.from_json(read_json(path))
        except (OSError, Damaged, TypeError):  # TypeError: of another version
            continue
    return dict(sorted(found.items(), key=lambda item: item[1].began))


def prune(output_dir: Path) -> None:
    """Remove all but the last files of sweeps that have ended."""
    ended = [path for path, snapshot in read_all(output_dir).items() if snapshot.state() != "running"]
    for path in ended[:-KEPT]:
        path.unlink(missing_ok=True)


def common_words(labels: Iterable[str]) -> str:
    """The words that are in every label, where there are several labels."""
    first, *others = [label.split() for label in labels] or [[]]
    shared = set(first).intersection(*others) if others else set()
    return " ".join(word for word in first if word in shared)
