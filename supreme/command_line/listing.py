"""`supreme list`: what there is to choose from, without importing any of it."""

from __future__ import annotations

from collections.abc import Sequence

from supreme.command_line.conf_folder import described, groups, near_names
from supreme.core import SupremeError
from supreme.core.output import STDOUT, out, terminal_width, wrapped

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


SHOWN = 4
"""Choices of each group that the list of groups names."""


def main(arguments: Sequence[str]) -> int:
    """Print the groups, or the choices of one; returns the exit status."""
    if not arguments:
        out(_groups())
        return 0
    for word in arguments:
        out(_choices(_group(word)))
    return 0


def _groups() -> str:
    rows = [(group, f"{len(described(group)):>4}  {_first(list(described(group)))}") for group in groups()]
    head = "Choose one of each with group=name; several metrics with metric=[accuracy,zrf].\n"
    return f"{head}`supreme list method` shows all methods.\n\n{_aligned(rows)}"


def _choices(group: str) -> str:
    return f"{group}=\n" + _aligned(list(described(group).items())) + "\n"


def _first(names: Sequence[str]) -> str:
    return ", ".join([*names[:SHOWN], *["..."] * (len(names) > SHOWN)])


def _aligned(rows: Sequence[tuple[str, str]]) -> str:
    """A line for each; on a terminal it goes on between words, below its text."""
    width, room = max(len(name) for name, _ in rows), terminal_width() if STDOUT.isatty() else None
    lines = [f"  {name:<{width}}  {text}".rstrip() for name, text in rows]
    return "".join((wrapped(line, room, width + 2) if room else line) + "\n" for line in lines)


def _group(word: str) -> str:
    """The group that a word names, in the singular or the plural."""
    for candidate in (word, word.removesuffix("s"), word.removesuffix("ies") + "y"):
        if candidate in groups():
            return candidate
    near = near_names(word, groups())
    hint = f"did you mean `supreme list {near[0]}`?" if near else f"there is {', '.join(groups())}"
    raise SupremeError(f"there is nothing called {word} to list; {hint}")
