"""Where the sweeps of this machine, of all its users, agree on device slots."""

from __future__ import annotations

import logging
import os
import stat
import tempfile
from functools import cache
from pathlib import Path

from supreme.core import SupremeError
from supreme.sweep.executors.local.lock_file import ELSEWHERE

log = logging.getLogger(__name__)

SHARED_PLACES = ("/run/lock", "/var/tmp", "/tmp")
"""Folders that systems make for all users. The first that anybody may write to is taken, whoever asks, and whatever
TMPDIR says: that is often a folder of one job's own."""
ANYBODY = stat.S_IRWXO | stat.S_ISVTX
"""Others may make files, and delete none but their own."""


def lock_directory() -> Path:
    """The folder; SUPREME_LOCK_DIR names another one.

    Raises:
        SupremeError: it cannot be made, or is no folder.
    """
    given = os.environ.get("SUPREME_LOCK_DIR")
    directory = Path(given).expanduser() if given else _shared_place() / "supreme-locks"
    try:
        directory.mkdir(parents=True)
        directory.chmod(0o1777)  # whatever the umask
    except FileExistsError:
        _look_at(directory, of_user=bool(given))
    except OSError as error:
        raise SupremeError(f"device slots cannot be locked in {directory} ({error.strerror}); {ELSEWHERE}") from error
    return directory


def _shared_place() -> Path:
    for place in map(Path, SHARED_PLACES):
        if place.is_dir() and place.stat().st_mode & ANYBODY == ANYBODY:
            return place
    place = Path(tempfile.gettempdir())
    _warn(f"sweeps of other users, or with another TMPDIR than {place}, are not seen here; {ELSEWHERE}")
    return place


def _look_at(directory: Path, *, of_user: bool) -> None:
    """Refuse what is no folder; where others could delete a lock that is held, mend it or say so."""
    found = directory.stat() if of_user else directory.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise SupremeError(f"device slots cannot be locked in {directory}: it is no folder; delete it, or {ELSEWHERE}")
    if found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX:  # older versions left it so
        if found.st_uid == os.getuid():
            directory.chmod(stat.S_IMODE(found.st_mode) | stat.S_ISVTX)
        else:
            _warn(f"any user can delete the locks in {directory}: ask its owner for chmod +t, or {ELSEWHERE}")


@cache
def _warn(sentence: str) -> None:
    log.warning("%s", sentence)
