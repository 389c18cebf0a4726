"""Heads of columns in lines, as narrow as the words allow."""

from __future__ import annotations

from collections.abc import Iterator

_VOWELS = frozenset("aeiouyAEIOUY")


def wrapped(title: str, width: int, *, hyphens: bool) -> list[str]:
    """The lines of a head over cells of this width; with hyphens, a word that is wider is parted between syllables."""
    lines: list[str] = []
    for word in _words(title, width) if hyphens else title.split():
        if lines and len(lines[-1]) + 1 + len(word) <= max(width, max(map(len, lines))):
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _words(title: str, width: int) -> Iterator[str]:
    for word in title.split():
        at = _best_break(word) if len(word) > width else None
        if at is None:
            yield word
        else:
            yield f"{word[:at]}-"
            yield word[at:]


def _best_break(word: str) -> int | None:
    """Before a consonant that a vowel follows, with a vowel somewhere before it, where the longer part is shortest."""
    places = [
        at
        for at in range(2, len(word) - 1)
        if word.isalpha() and word[at] not in _VOWELS and word[at + 1] in _VOWELS and _VOWELS & set(word[:at])
    ]
    return min(places, key=lambda at: max(at + 1, len(word) - at), default=None)
