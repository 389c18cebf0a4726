"""Text as LaTeX takes it, and how wide it will be."""

from __future__ import annotations

_ESCAPES = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "±": r"$\pm$",
    "·": r"$\cdot$",
    "\u00d7": r"$\times$",
    "\u2212": "$-$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "Δ": r"$\Delta$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "\n": " ",
    "…": r"\dots{}",
    "[": "{[}",
    "]": "{]}",  # brackets would be options after \\
}


def escaped(text: str) -> str:
    """Text as LaTeX prints it; runs of hyphens stay hyphens."""
    return "".join(_ESCAPES.get(character, character) for character in text).replace("--", "-{}-")


WIDTHS = {
    "±": 0.78,
    "+": 0.78,
    "-": 0.33,
    ".": 0.28,
    ",": 0.28,
    "[": 0.28,
    "]": 0.28,
    "(": 0.39,
    ")": 0.39,
    " ": 0.33,
    "m": 0.83,
    "w": 0.72,
}
"""Of characters in Computer Modern, in units of the size of the font; of others, that of a digit."""


def ems(text: str) -> float:
    """About how wide a text is, in units of the size of the font."""
    return sum(WIDTHS.get(character, 0.62 if character.isupper() else 0.5) for character in text)
