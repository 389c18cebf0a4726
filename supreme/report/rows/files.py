"""Every file of a folder of results, and what is to be said of those that are left out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from supreme.core.canonical import Damaged
from supreme.core.row import OtherSchema

log = logging.getLogger(__name__)

T = TypeVar("T")

TOLD = 5
"""How many of the damaged files are named in a table's note."""


def read_all(folder: Path, read: Callable[[Path], T], what: str) -> tuple[list[T], list[str]]:
    """What this reader makes of the files of a folder, and a sentence of what is left out; each is logged, too.

    Args:
        what: a file holds: row, audit or failure.
    """
    found, damaged, others = list[T](), list[str](), 0
    for path in sorted(folder.glob("*.json")):
        try:
            found.append(read(path))
        except FileNotFoundError:  # a sweep has set it aside meanwhile
            continue
        except OtherSchema:
            others += 1
        except Damaged as flaw:
            log.warning("skipped %s, which is damaged: %s", path, flaw)
            damaged.append(path.name)
    sentences = []
    if damaged:
        names = ", ".join(damaged[:TOLD]) + (f" and {len(damaged) - TOLD} more" if len(damaged) > TOLD else "")
        sentences.append(f"Left out, damaged: {names}; the same sweep makes them again.")
    if others:
        count = f"{others} {what}{'' if others == 1 else 's'}"
        sentences.append(
            f"Left out, {count} of another version of supreme: the same sweep makes them again from the models that "
            "are stored, and `supreme store verify --set-aside` moves the old files away."
        )
        log.warning("%s: %s", folder, sentences[-1])
    return found, sentences
