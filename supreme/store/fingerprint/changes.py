"""What differs between the code that a result was made with and the code that there is now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from supreme.store.fingerprint.code import Code

HOLDS_NO_ARITHMETIC = True

SHOWN = 3
"""Changes that a sentence names."""


def fates(before: Mapping[str, str], now: Mapping[str, str]) -> dict[str, str]:
    """Of each definition, by name: same, changed, gone, new, or `now <name>` where it only lies elsewhere."""
    by_digest: dict[str, list[str]] = {}
    for name in sorted(now.keys() - before.keys()):
        by_digest.setdefault(now[name], []).append(name)
    found: dict[str, str] = {}
    for name, said in before.items():
        if name in now:
            found[name] = "same" if now[name] == said else "changed"
        else:
            found[name] = f"now {by_digest[said].pop()}" if by_digest.get(said) else "gone"
    return found | {name: "new" for names in by_digest.values() for name in names}


def changes(before: Mapping[str, Any], now: Code) -> list[str]:
    """The definitions, files and libraries that are no longer what a stored record of code says; a few by name."""
    fate = fates(before["definitions"], now.definitions)
    words = [f"{name} changed" for name, what in sorted(fate.items()) if what == "changed"]
    words += [f"{name} is {what}" for what in ("new", "gone") for name in sorted(fate) if fate[name] == what]
    files = Counter(now.files.values()) - Counter(before["files"].values())
    words += [f"the file {name.partition(': ')[2]} changed" for name, digest in now.files.items() if digest in files]
    old, new = (
        ", ".join(sorted(set(some) - set(others))) for some, others in _both(before["libraries"], now.libraries)
    )
    words += [f"{old or 'no library'} is now {new or 'not used'}"] if old or new else []
    if not words:
        return ["the same names lead to other definitions"]
    return words if len(words) <= SHOWN else [*words[:SHOWN], f"and {len(words) - SHOWN} more"]


def _both(some: Any, others: Any) -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    return (some, others), (others, some)
