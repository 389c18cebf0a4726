"""Archives that lie where a source is looked for, and were not unpacked: what is nearly right is told of."""

from __future__ import annotations

import os
import re
from pathlib import Path

from supreme.data import files

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".rar", ".7z")
UNNAMED = "archive"
"""What Kaggle's web site calls whatever is downloaded from it."""


def hint(root: Path, *names: str) -> str:
    """A sentence that names the archive of a missing folder, and how to unpack it, with a space in front; else "".

    Args:
        names: what such an archive is called, where that is not the name of the folder.
    """
    inside = _archives(root)
    beside = [path for path in _archives(root.parent) if _plain(path.name) == UNNAMED or _is_of(path, root, names)]
    found = [*inside, *beside]
    if not found:
        return ""
    path = found[0]
    into = path.parent
    how = f"tar -xf {path} -C {into}"
    if path.name.lower().endswith(".zip"):
        how = f"python -m zipfile -e {path} {into}"
    elif path.name.lower().endswith((".rar", ".7z")):
        how = f"its own program, into {into}"
    return f" {files.told(path)} lies there and is not unpacked: unpack it ({files.told(how)})."


def also(root: Path, *names: str) -> str:
    """The same, to follow the last word of a sentence."""
    told = hint(root, *names)
    return f".{told.removesuffix('.')}" if told else ""


def _archives(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.name.lower().endswith(ENDINGS) and path.is_file())
    except (OSError, ValueError):
        return []


def _is_of(archive: Path, root: Path, names: tuple[str, ...]) -> bool:
    """Whether an archive is called so, or like the folder, or like the one above it, in which it lies."""
    name = _plain(archive.name)
    if name in map(_plain, names):
        return True
    known = [_plain(root.name), _plain(root.parent.name)]
    return any(len(other) >= 4 and (name.startswith(other) or other.startswith(name)) for other in known)


def _plain(name: str) -> str:
    """Letters and digits only, without the ending of an archive."""
    stem = next((name[: -len(ending)] for ending in ENDINGS if name.lower().endswith(ending)), name)
    return re.sub(r"[^a-z0-9]", "", os.path.basename(stem).lower())
