"""Whether a file was touched since its content was last looked at, by what the file system says of it.

Size and modification time can be set back (`touch -r`, `rsync -t`, `cp -p`, `tar`); the inode and the time of the last
change of the inode, which no program sets, tell of that, too. What they say may differ though the content does not (a
copy, another owner): so they only ever say that it is time to look again.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, read_json
from supreme.store.files import write_json

State = list[int]

SETTLED_NS = 2_000_000_000
"""A file that was changed less than this ago may change again without another time to show for it."""

NOTE = "compared.json"


def state(status: os.stat_result) -> State:
    """Size in bytes, modification time, inode, and time of its last change, both times in nanoseconds."""
    return [status.st_size, status.st_mtime_ns, status.st_ino, status.st_ctime_ns]


def state_of(path: Path) -> State:
    return state(path.stat())


def is_settled(state: State, now_ns: int) -> bool:
    """Whether a change after this moment would show."""
    return state[3] < now_ns - SETTLED_NS


def compared(folder: Path, state: State) -> None:
    """Note that the pixels in this folder were compared with what was written when their file was in this state."""
    with suppress(SupremeError):  # a place that cannot be written: they are compared the next time again
        write_json(folder / NOTE, state)


def is_as_compared(folder: Path, state: State) -> bool:
    """Whether the pixels are in the state in which they were last compared."""
    with suppress(OSError, Damaged):
        return read_json(folder / NOTE) == state
    return False
