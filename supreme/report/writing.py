"""The one place where reports reach the disk."""

from __future__ import annotations

import os
from pathlib import Path

from supreme.core import SupremeError


def put(path: Path, content: bytes) -> Path:
    """Write a file, with its folders, whole or not at all: somebody may be reading it. Its path."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise SupremeError(f"{path} cannot be written ({error.strerror}); make room or name another place") from error
    return path
