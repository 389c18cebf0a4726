"""Overrides as people type them: ranges without brackets, and a sentence for each word that Hydra could not read."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from supreme.command_line.conf_folder import groups, names, near_names
from supreme.core import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

RANGE = re.compile(r"(-?\d+)\.\.(-?\d+)(?:\.\.(-?\d+))?")
"""0..9, and 0..90..10 in tens: no shell takes any of it for its own."""
KEY = re.compile(r"(\+\+|\+|~)?[A-Za-z_][\w./@:-]*")
CLOSES = {"(": ")", "[": "]", "{": "}"}


def readable(words: Sequence[str], verbs: Sequence[str], sweeps: bool) -> list[str]:
    """The overrides with ranges written out.

    Args:
        words: what was typed, without options.
        verbs: the commands that there are.
        sweeps: whether -m is given.

    Raises:
        SupremeError: Hydra could not read a word, or would take it for something else than was meant.
    """
    for position in range(len(words)):
        if _is_stray(words, position):
            raise SupremeError(_stray(words, position, verbs))
    return [_readable(word, sweeps) for word in words]


def _readable(word: str, sweeps: bool) -> str:
    if word.startswith("~"):
        _refuse_deletion(word)
        return word
    if found := re.fullmatch(r"([\w.]+)=(~/[^,'\"{}()\[\]$=]*|~)", word):
        return f'{found[1]}="{Path(found[2]).expanduser()}"'  # as the shell does where a word begins with it
    if word[0] in "'\"" and word[-1] == word[0]:
        raise SupremeError(f"{word} is quoted twice: type {shlex.quote(word[1:-1])}")
    key, _, value = word.partition("=")
    if not KEY.fullmatch(key):
        what = f"{key!r} is no name of a value" if key else "there is no name before the ="
        raise SupremeError(f"{word}: {what}; type name=value, as in method=scrub")
    if key.startswith("+") and key.lstrip("+").isidentifier() and key.lstrip("+") not in (*groups(), "hydra"):
        raise SupremeError(f"{word}: nothing reads a value called {key.lstrip('+')}; leave it out")
    if range_of := RANGE.fullmatch(value):
        if not sweeps:
            raise SupremeError(f"{word} is a list to sweep over: add -m, as in supreme -m {word}")
        return f"{key}={_listed(word, range_of)}"
    if re.fullmatch(r"interval\(.*\)", value) and key == "seed":
        raise SupremeError(f"{word}: an interval has no end of values; for the seeds from 0 to 9 type -m seed=0..9")
    if key.lstrip("+") == "seed" and re.fullmatch(r"\d+-\d+|\d+:\d+", value):
        first, last = re.split("[-:]", value)
        raise SupremeError(f"{word} is not allowed: for the seeds from {first} to {last} type -m seed={first}..{last}")
    _refuse_unreadable(word, key, value)
    return word


def _listed(word: str, found: re.Match[str]) -> str:
    """`range(first, beyond, step)` in Hydra's words; last is in it, as in bash."""
    first, last, step = int(found[1]), int(found[2]), int(found[3] or 1)
    if last < first or step < 1:
        raise SupremeError(f"{word} is empty: type the smaller number first, as in seed=0..9")
    return f"range({first},{last + 1},{step})"


def _refuse_unreadable(word: str, key: str, value: str) -> None:
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.errors import HydraException

    if key in groups() and key not in ("experiment", "protocol") and "/" in value:
        raise SupremeError(f"{word} is not allowed: a {key} is chosen by its name, not by a path")
    parser = OverridesParser.create()
    try:
        parser.parse_override(word)
        return
    except HydraException as error:
        reason = str(error).splitlines()[0]
    if lacks := _unclosed(value):
        raise SupremeError(f"{word} lacks a closing {lacks}: type {shlex.quote(word + lacks)}")
    if value.startswith("="):
        raise SupremeError(f"{word} has two equals signs: type {key}={value.lstrip('=')}")
    if ",," in value or value.startswith(",") or value.endswith(","):
        listed = ",".join(part for part in value.split(",") if part)
        raise SupremeError(f"{word} has an empty place in its list: type {shlex.quote(f'{key}={listed}')}")
    quoted = f'{key}="{value}"' if '"' not in value else f"{key}='{value}'"
    try:
        parser.parse_override(quoted)
    except HydraException:
        raise SupremeError(f"{word} cannot be read: {reason}") from None
    raise SupremeError(f"{word} has letters that mean something else here: quote the value, {shlex.quote(quoted)}")


def _unclosed(value: str) -> str:
    """The brackets that are not closed, as they would be; empty where none is, or one is closed too often."""
    stack: list[str] = []
    for letter in value:
        if letter in CLOSES:
            stack.append(CLOSES[letter])
        elif letter in CLOSES.values() and (not stack or stack.pop() != letter):
            return ""
    return "".join(reversed(stack))


def _refuse_deletion(word: str) -> None:
    group = word[1:].partition("=")[0]
    if group in groups():
        none = " (tracker=none leaves trackers out)" if group == "tracker" else ""
        raise SupremeError(f"{word}: every run has a {group}; choose one, as in {group}={names(group)[0]}{none}")


def _is_stray(words: Sequence[str], position: int) -> bool:
    """Whether a word is no name=value, or one whose value was torn off by a blank."""
    word, after = words[position], words[position + 1] if position + 1 < len(words) else ""
    if word.startswith("~"):
        return False
    if word.startswith("="):
        return position > 0
    return "=" not in word or (word.endswith("=") and word[:-1] in groups() and bool(after) and "=" not in after)


def _stray(words: Sequence[str], position: int, verbs: Sequence[str]) -> str:
    """The sentence on a word that is no name=value."""
    word, before = words[position], words[position - 1] if position else ""
    after = words[position + 1] if position + 1 < len(words) else ""
    if before.endswith(",") or (word.startswith(",") and before):
        parts = [before.rstrip(",")]
        for part in words[position:]:
            if "=" in part:
                break
            parts.append(part.strip(","))
        return f"a list has no blanks in it: type {shlex.quote(','.join(filter(None, parts)))}"
    if after.startswith("=") or word.endswith("="):
        name = before if word == "=" else word.rstrip("=")
        rest = [part for part in words[position + 1 :] if part != "="]
        value = rest[0].lstrip("=") if rest else "..."
        return f"there are no blanks around the equals sign: type {name}={value}"
    if word in groups():
        given = f"{word}={after}" if after and "=" not in after else f"{word}={names(word)[0]}"
        return f"{word} needs a value: type {given}; `supreme list {word}` shows the choices"
    group, colon, name = word.partition(":")
    if colon and group in groups():
        return f"{word} is not name=value: type {group}={name}"
    if position == 0:
        near = near_names(word, [*verbs, "help"])
        if near and word.isalpha():
            return f"unknown command {word}; did you mean `supreme {near[0]}`?"
    for group in groups():
        if word in names(group):
            return f"{word} is one of the choices of {group}: type {group}={word}"
    return (
        f"{word} is neither a command ({', '.join(verbs)}) nor name=value. To run something type "
        "supreme method=scrub seed=0; `supreme --help` shows everything"
    )
