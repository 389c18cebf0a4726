"""JSON as this project writes and believes it: one form for one value, and one kind of error for whatever is none."""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

DIGEST = "sha256"
"""Under which a file of JSON states the digest of everything else in it."""

NOT_REGULAR = "no regular file"


class Damaged(ValueError):  # noqa: N818  (what is wrong with a file, as a clause: "its content is not ...")
    """Why a file is not what this program writes."""


def digest(value: Any) -> str:
    """SHA-256, in hex, of the canonical JSON of a value: sorted keys, no spaces, floats in their shortest exact form.

    Raises:
        TypeError: JSON cannot say the value (a tensor, NaN, a key that is not text); the message says where in it.
    """
    return hashlib.sha256(_canonical(plain(value))).hexdigest()


def digest_of_parsed(value: Any) -> str:
    """The same of a value that `parse` gave, which holds dicts and lists only.

    Raises:
        Damaged: it is nested too deeply, or a number is not finite.
    """
    try:
        return hashlib.sha256(_canonical(value)).hexdigest()
    except RecursionError as error:
        raise Damaged("it is nested too deeply") from error
    except ValueError as error:  # 1e999
        raise Damaged("a number in it is not finite") from error


def plain(value: Any, where: str = "the value") -> Any:
    """The same value in dicts and lists only, or a TypeError that says what of it JSON cannot say."""
    if value is None or isinstance(value, (str, int)) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, Mapping):
        if wrong := [key for key in value if not isinstance(key, str)]:
            raise TypeError(f"{where} has the key {wrong[0]!r}: JSON takes only text as keys")
        return {key: plain(item, f"{where}[{key!r}]") for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{where}[{index}]") for index, item in enumerate(value)]
    raise TypeError(f"{where} is {value!r} ({type(value).__name__}), which JSON cannot say")


def parse(content: bytes | str) -> Any:
    """What this JSON says.

    Raises:
        Damaged: it is no JSON, whatever it is instead.
    """
    try:
        text = content if isinstance(content, str) else content.decode(json.detect_encoding(content))
        return _DECODER.decode(text)
    except RecursionError as error:
        raise Damaged("it is nested too deeply") from error
    except ValueError as error:  # no JSON, no UTF-8, an integer of too many digits
        raise Damaged("it is empty" if not content else f"it is no JSON ({error})") from error


def read_json(path: Path) -> Any:
    """What a JSON file says.

    Raises:
        OSError: there is no such file, or it cannot be read.
        Damaged: its content is no JSON.
    """
    return parse(read_bytes(path))


def read_bytes(path: Path, flags: int = 0) -> bytes:
    """The content of a regular file; an OSError for anything else that has the name, which might never end."""
    with os.fdopen(open_regular(path, flags), "rb") as file:
        return file.read()


def open_regular(path: Path, flags: int = 0) -> int:
    """A descriptor to read this regular file; an OSError where it is a device, a pipe or a folder."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | flags)  # a pipe would wait for a writer
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, NOT_REGULAR, str(path))
    return descriptor


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
