"""Files of JSON that hold the SHA-256 of everything else in them: written so, and read only where that still fits."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supreme.core.canonical import DIGEST, Damaged, digest_of_parsed, parse, plain, read_bytes
from supreme.core.typed import flaw

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


class OtherSchema(Damaged):
    """The file is of another schema, most likely an older one; it says no more than that."""


def sealed(value: Mapping[str, Any], wanted: type, what: str) -> dict[str, Any]:
    """The value as its file holds it: with its digest, and of the declared type.

    Args:
        wanted: the TypedDict that declares it.
        what: it is called in messages.

    Raises:
        TypeError: it is not what `wanted` declares.
    """
    others = parse(json.dumps(plain({name: part for name, part in value.items() if name != DIGEST})))  # as it is read
    whole = {**others, DIGEST: digest_of_parsed(others)}
    if wrong := flaw(whole, wanted):
        raise TypeError(f"this is no {what}: {wrong}")
    return whole


def unsealed(path: Path, wanted: type, what: str, *, field: str, schema: int) -> Mapping[str, Any]:
    """What this file holds, whose name is the value of `field`; see `sealed`.

    Args:
        schema: its number must be this one.

    Raises:
        FileNotFoundError: there is none.
        Damaged: it cannot be read, or is not what was written; OtherSchema: it is of another version.
    """
    value = parse(_content(path))
    if not isinstance(value, dict):
        raise Damaged(f"it holds a {type(value).__name__}, not a {what}")
    if (stated := value.get("schema")) != schema:
        raise OtherSchema(f"its schema is {stated!r}, and this version reads schema {schema}")
    others = {key: part for key, part in value.items() if key != DIGEST}
    if value.get(DIGEST) != digest_of_parsed(others):
        raise Damaged("its content is not what was written: it does not fit its SHA-256")
    if wrong := flaw(value, wanted):
        raise Damaged(f"it is no {what}: {wrong}")
    if value[field] != path.stem:
        raise Damaged(f"it is the {what} of {field} {value[field]}, not of {path.stem}")
    return value


def _content(path: Path) -> bytes:
    try:
        return read_bytes(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Damaged(f"it cannot be read ({error.strerror})") from error
