"""Text of others as one may print it: without what a terminal would obey, no longer than people read."""

from __future__ import annotations

import codecs
import re
import unicodedata
from functools import cache

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

MESSAGE_CHARACTERS = 2_000
"""The most of one message that is printed or recorded; the log has all of it."""

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ud800-\udfff\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Control characters but for line end and tab; marks of direction and of no width; halves of a character."""

_PAIRS = (
    "± +-,× x,÷ /,− -,– -,— -,‐ -,‑ -,· -,… ...,• *,† +,‡ #,‖ ||,√ sqrt,∇ grad,≤ <=,≥ >=,≠ !=,≈ ~,∘ o,"  # noqa: RUF001
    '← <-,→ ->,⊥ _|_,‘ \',’ \',“ ",” ",„ ",« ",» ",¹ ^1,² ^2,³ ^3,⁻ ^-,ᵀ ^T,ß ss,µ u,█ #,✓ x'  # noqa: RUF001
)
_EQUIVALENTS = {pair[0]: pair[2:] for pair in _PAIRS.split(",")}


def printable(text: str) -> str:
    """The text with every character that a terminal obeys, or does not show, written as an escape: `\\x1b`, `\\u202e`.

    Line ends and tabs stay; colours are left out.
    """
    if "\x1b[" in text:
        text = _COLOUR.sub("", text)
    return _UNSEEN.sub(lambda found: ascii(found[0])[1:-1], text.replace("\r\n", "\n"))


def one_line(text: str, most: int = MESSAGE_CHARACTERS) -> str:
    """A message in one printable line: blanks and line ends become one blank, and of a long one the middle is left out.

    The time and the memory that it takes do not grow with the text.
    """
    if (more := len(text) - most) > 0:
        tail = most // 4
        text = f"{text[: most - tail]} [... {more:,} characters left out ...] {text[-tail:]}"
    return " ".join(printable(text).split())


def shortened(text: str, most: int, where: str) -> str:
    """The text, or its first quarter and its last three, with a note of how much is missing and where it is."""
    if len(text) <= most:
        return text
    head, tail = text[: most // 4], text[len(text) - 3 * most // 4 :]
    return f"{head}\n{left_out(len(text) - len(head) - len(tail), where)}\n{tail}"


def left_out(count: int, where: str, unit: str = "characters") -> str:
    """The note that stands where so much is missing."""
    return f"[... {count:,} {unit} left out here; all of it is in {where} ...]"


def encodable(text: str, encoding: str) -> str:
    """The text with what this encoding lacks replaced by something readable: `±` by `+-`, `é` by `e`, `λ` by `lambda`.

    Args:
        encoding: any; one that Python does not know counts as ASCII.
    """
    if text.isascii() or encoding.lower().startswith("utf"):
        return text
    try:
        return text.encode(encoding, readable()).decode(encoding)
    except LookupError:
        return text.encode("ascii", readable()).decode("ascii")


def _equivalent(character: str) -> str:
    """In ASCII; an escape, such as \\u4e2d, where nothing else would be understood."""
    if known := _EQUIVALENTS.get(character):
        return known
    name = unicodedata.name(character, "")
    if name.startswith(("BOX DRAWINGS", "BRAILLE PATTERN")):
        return "*" if name.startswith("BR") else "|" if " VERTICAL" in name else "-"
    if name.startswith("GREEK ") and " LETTER " in name:
        letter = name.partition(" LETTER ")[2].partition(" ")[0].lower()
        letter = letter.replace("lamda", "lambda")
        return letter.capitalize() if " CAPITAL " in name else letter
    simple = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return simple or ascii(character)[1:-1]


def _replaced(error: UnicodeError) -> tuple[str, int]:
    """What `codecs.register_error` asks for."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(_equivalent, error.object[error.start : error.end])), error.end


@cache
def readable() -> str:
    """How a stream may treat what its encoding lacks: `stream.reconfigure(errors=readable())`."""
    name = "supreme.readable"
    codecs.register_error(name, _replaced)
    return name
