"""`supreme list`: what there is to choose from, without importing any of it."""

from __future__ import annotations

from collections.abc import Sequence

from supreme.command_line.conf_folder import described, groups, near_names
from supreme.core import SupremeError
from supreme.core.output import out

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def main(arguments: Sequence[str]) -> int:
    """Print the groups, or the choices of one; returns the exit status."""
    if not arguments:
        out(_groups())
        return 0
    for word in arguments:
        out(_choices(_group(word)))
    return 0


def _groups() -> str:
    rows = [(group, f"{len(described(group)):>4}  {', '.join(list(described(group))[:4])}, ...") for group in groups()]
    head = "Choose one of each with group=name; several metrics with metric=[accuracy,zrf].\n"
    return f"{head}`supreme list method` shows all methods.\n\n{_aligned(rows)}"


def _choices(group: str) -> str:
    return f"{group}=\n" + _aligned(list(described(group).items())) + "\n"


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    width = max(len(name) for name, _ in rows)
    return "".join(f"  {name:<{width}}  {text}".rstrip() + "\n" for name, text in rows)


def _group(word: str) -> str:
    """The group that a word names, in the singular or the plural."""
    for candidate in (word, word.removesuffix("s"), word.removesuffix("ies") + "y"):
        if candidate in groups():
            return candidate
    near = near_names(word, groups())
    hint = f"did you mean `supreme list {near[0]}`?" if near else f"there is {', '.join(groups())}"
    raise SupremeError(f"there is nothing called {word} to list; {hint}")
