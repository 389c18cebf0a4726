"""A folder that a user names, tried before a library is."""

from __future__ import annotations

import os
from pathlib import Path

from supreme.data import files


def why_unusable(path: Path) -> str | None:
    """A clause that says why this cannot be read as a folder; None where it can, or where nothing lies there."""
    try:
        os.scandir(path).close()
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return f"{files.told(path)} is a file, and no folder"
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        return f"the folder {files.told(path)[:200]} cannot be opened ({getattr(error, 'strerror', None) or error})"
    return None
