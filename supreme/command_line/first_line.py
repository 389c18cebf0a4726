"""What a command says before it imports anything, so that no terminal stays empty for a second."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from itertools import takewhile

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

COLUMNS = 79
SHOWS = ("--cfg", "-c", "--info", "-i", "--help", "-h", "--hydra-help", "--version", "--shell-completion", "-sc")
"""Options that show something and run nothing."""
READ = {"report": ["outputs"], "leaderboard": []}
"""Verbs that read for a while, and what where nothing is named."""
VALUED = ("--config-dir", "-cd", "--config-path", "-cp", "--config-name", "-cn", "--experimental-rerun")
"""Options whose value is the next word."""
_WORD = re.compile(r"[+~]*[A-Za-z_][\w./@:-]*=.+|~[A-Za-z_]\S*", re.DOTALL)
_LIST = re.compile(r"[^\s\[\](){}'\"=]+")
_RANGES = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(\d+))?"), re.compile(r"range\((-?\d+)(?:, *(-?\d+))?(?:, *(\d+))?\)")


def say(arguments: Sequence[str]) -> None:
    """Write what was understood of a command line to standard error; nothing where the command itself is as fast."""
    if (line := understood(arguments)) and sys.stderr is not None:
        shown = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
        try:
            sys.stderr.write(shown + "\n")
            sys.stderr.flush()
        except OSError:  # nobody reads it
            return


def understood(arguments: Sequence[str]) -> str:
    """What the command line asks for, in one line; empty where it shows something at once, or is wrong at first sight.

    >>> understood(["-m", "method=scrub,neggrad", "seed=0..9"])
    'supreme: composing 20 cells: method=scrub,neggrad seed=0..9'
    """
    if not arguments:
        return "supreme: alone it runs the default, method=scrub data=digits seed=0; see supreme --help"
    if arguments[0] in READ:
        places = list(takewhile(lambda word: not word.startswith("-"), arguments[1:]))
        shows = any(word in ("-h", "--help", "methods", "metrics", "margins", "check-published") for word in arguments)
        places = places or READ[arguments[0]]
        return "" if shows or not places else _shortened(f"supreme {arguments[0]}: reading", places)
    words = [
        word
        for before, word in zip(["", *arguments], arguments, strict=False)
        if not word.startswith("-") and before not in VALUED
    ]
    if any(word.partition("=")[0] in SHOWS for word in arguments) or not all(map(_WORD.fullmatch, words)):
        return ""
    count = _count(words)
    if not any(word in ("-m", "--multirun") for word in arguments):
        count = min(count, 1)  # of an experiment it knows nothing, which may be a sweep
    what = "one cell" if count == 1 else f"{count:,} cells" if count else "the cells"
    return _shortened(f"supreme: composing {what}" + ":" * bool(words), words)


def _count(words: Sequence[str]) -> int:
    """How many cells the lists and ranges of these words span; 0 where that takes more than reading them."""
    count = 1
    for word in words:
        key, _, value = word.partition("=")
        if key.lstrip("+") == "experiment" or key.startswith("hydra"):
            return 0
        if found := next(filter(None, (pattern.fullmatch(value) for pattern in _RANGES)), None):
            count *= _length(found, ends_in=".." in value)
        elif "," in value and not value.startswith("["):
            if not _LIST.fullmatch(value):
                return 0
            count *= len(value.split(","))
        elif "(" in value:
            return 0
    return count


def _length(found: re.Match[str], *, ends_in: bool) -> int:
    """Of 0..9, in which 9 is, or of range(10), in which 10 is not."""
    first, last, step = int(found[1]), found[2], int(found[3] or 1)
    low, high = (0, first) if last is None else (first, int(last))
    return max(0, (high + ends_in - low + step - 1) // max(1, step))


def _shortened(begin: str, words: Sequence[str]) -> str:
    """The words behind it, as many as one line holds, and of a list as many as fit."""
    line = " ".join([begin, *words])
    if len(line) <= COLUMNS:
        return line
    return re.sub(r"[ ,][^ ,]*$", "", line[: COLUMNS - 3]).rstrip(" ,:") + " ..."
