"""What a result depends on: of a component its values, its code and the files it names. No torch here.

Code counts by the definitions that it can reach, wherever they lie: moving a file changes no fingerprint, changing what
is computed always does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.store.fingerprint import own_output
from supreme.store.fingerprint.changes import changes, fates
from supreme.store.fingerprint.code import Code, code_of, code_of_functions, forget_code
from supreme.store.fingerprint.content import content_of

HOLDS_NO_ARITHMETIC = True

__all__ = [
    "Code",
    "changes",
    "code_of",
    "code_of_functions",
    "codes",
    "content_of",
    "fates",
    "forget_code",
    "identity",
    "leave_out",
    "named_files",
]


def leave_out(output_dir: Path) -> bool:
    """Leave the folder of a sweep's results out of what components are known by; whether that is new here.

    Whoever keeps identities must then drop them.
    """
    if is_new := own_output.leave_out(output_dir):
        forget_code()
    return is_new


def identity(value: Any, *, files: bool = True) -> Any:
    """A component's node as keys see it.

    A file or folder is known by its content and not by its path, but for the sweep's own output; 5 and 5.0 are the same
    number; and in place of the name of a class stands the digest of its code, so that an edited method is another one.

    Args:
        files: whether to look into files; without, their paths count.

    Raises:
        SupremeError: a number is not finite, a file cannot be read, or there is no source of a class.
    """
    if isinstance(value, Mapping):
        known = {name: identity(entry, files=files) for name, entry in value.items() if name != "_target_"}
        return {**known, "code": code_of(str(value["_target_"])).digest} if "_target_" in value else known
    if isinstance(value, list | tuple):
        return [identity(entry, files=files) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise SupremeError(f"the value {value} is not allowed: every number must be finite")
    if files and isinstance(value, str) and (path := _existing(value)):
        return {"content": content_of(path)}
    return int(value) if isinstance(value, float) and value.is_integer() else value


def codes(value: Any) -> dict[str, Code]:
    """Of every class that a node names, at whatever depth, its code."""
    found: dict[str, Code] = {}
    if isinstance(value, Mapping):
        if "_target_" in value:
            found[str(value["_target_"])] = code_of(str(value["_target_"]))
        value = list(value.values())
    if isinstance(value, list | tuple):
        for entry in value:
            found |= codes(entry)
    return found


def named_files(value: Any) -> dict[str, str]:
    """The existing files and folders that a node's values name: the digest of each."""
    if isinstance(value, Mapping):
        value = [entry for name, entry in value.items() if name != "_target_"]
    if isinstance(value, list | tuple):
        return {path: digest for entry in value for path, digest in named_files(entry).items()}
    return {value: content_of(path)} if isinstance(value, str) and (path := _existing(value)) else {}


def _existing(value: str) -> Path | None:
    """The file or folder of this name, if there is one."""
    if not 0 < len(value) < 4096 or "\0" in value or not value.strip("./"):
        return None
    try:
        path = Path(value).expanduser()
        return path if path.is_file() or (path.is_dir() and not own_output.is_written(path)) else None
    except (OSError, RuntimeError):  # a name too long for a file; a ~user who does not exist
        return None
