"""Names that last: what a method or a block is called depends on its own row and on older ones, never on later ones.

The name is that of the YAML. Beside it stands the variant, in a column of its own: the values that the row has
otherwise than the YAML, its protocol and its preset, which the row itself tells. Two configs that say the same of
themselves (the YAML was edited between them) are still two: the one that came later also tells what it has otherwise
than the first.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any

import pandas as pd

LONGEST = 48
"""Characters of a value that is told whole; a longer one has its beginning, and a digest that tells it apart."""

Entry = tuple[Hashable, Mapping[str, Any], Mapping[str, Any]]
"""Within what the name stands, the values that its own row says are changed, and all of its values."""


def variants(entries: Iterable[Entry], prefix: str = "", bare: Iterable[str] = ()) -> list[str]:
    """What tells each of these from the others of its group, "" for the plain one; in order of arrival.

    Equal settings of a group have one variant, that of the first of them, and different ones have different variants.

    Args:
        prefix: of the fields, as `recipe.` in `recipe.epochs=1`.
        bare: fields that have none.
    """
    given: dict[Hashable, str] = {}
    taken: dict[Hashable, Mapping[str, Any]] = {}
    canonical: dict[int, frozenset[tuple[str, str]]] = {}
    found = []
    for group, changed, settings in (entries := list(entries)):  # a list: an id is one's own only while one lives
        if id(settings) not in canonical:  # most entries share a few objects
            canonical[id(settings)] = frozenset((field, value_text(value)) for field, value in settings.items())
        same = group, canonical[id(settings)]
        if same not in given:
            told = dict(changed)
            text = _told(told, settings, prefix, bare)
            while (group, text) in taken:
                more = told | dict.fromkeys(_differing(settings, taken[group, text]))
                if more == told:  # two values that are too long to be told, and begin alike
                    text += f" #{_digest(repr(sorted(same[1])))}"
                    break
                told = more
                text = _told(told, settings, prefix, bare)
            given[same], taken[group, text] = text, settings
        found.append(given[same])
    return found


def _differing(settings: Mapping[str, Any], other: Mapping[str, Any]) -> list[str]:
    fields = dict.fromkeys([*settings, *other])
    return [
        field
        for field in fields
        if (field in settings) != (field in other)
        or (field in settings and value_text(settings[field]) != value_text(other[field]))
    ]


def _told(changed: Mapping[str, Any], settings: Mapping[str, Any], prefix: str, bare: Iterable[str]) -> str:
    def one(field: str) -> str:
        name = field if field in bare else f"{prefix}{field}"
        value = settings.get(field, changed[field])
        return f"no {name}" if field not in settings and value is None else f"{name}={_short(value_text(value))}"

    return ", ".join(map(one, changed))


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}…#{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def values_text(settings: Mapping[str, Any]) -> str:
    """`target=3, size=2`."""
    return ", ".join(f"{field}={value_text(value)}" for field, value in settings.items())


def value_text(value: Any) -> str:
    """As one would type it; 10 and 10.0 are the same value, and so have the same text."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    bare = isinstance(value, str) and re.fullmatch(r"[A-Za-z_/][\w./:-]*", value) and value not in ("true", "false")
    return str(value) if bare and value != "null" else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def without(prefix: str, told: str) -> str:
    """What `variants` told, without the fields of this prefix."""
    return ", ".join(part for part in parts_of(told) if not part.removeprefix("no ").startswith(prefix))


def parts_of(told: str) -> list[str]:
    """Each `field=value` of what `variants` told; a value may hold `, ` in quotes only."""
    return [part for part in map(str.strip, re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^",]|,(?! ))+', told)) if part]


def titled(name: str, variant: str) -> str:
    """A name and its variant where there is one column for both: `ssd (alpha=5)`."""
    return f"{name} ({variant})" if variant else name


def bare_name(label: str) -> str:
    """The name in what `titled` gave."""
    return label.partition(" (")[0]


def with_titles(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with `titled` in the column `method` and nothing in `variant`: for what has one place for both."""
    if "variant" not in frame or not bool((frame["variant"] != "").to_numpy().any()):
        return frame
    pairs = frame[["method", "variant"]].astype("str").drop_duplicates()
    titles = {pair: titled(*pair) for pair in pairs.itertuples(index=False, name=None)}
    methods = [titles[pair] for pair in zip(frame["method"].astype("str"), frame["variant"].astype("str"), strict=True)]
    return frame.assign(method=methods, variant="")
