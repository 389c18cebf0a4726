"""The winner of a search as a preset, in the format of conf/tuned."""

from __future__ import annotations

import itertools
import json
import re
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from supreme.store.files import digest, write_bytes
from supreme.sweep.tuning.trial import DEFAULTS

LINE = 118
"""Characters of a line."""

_NO_BREAK = "\x00"
"""A blank where no line ends."""

_ENTRY = re.compile(r"^- name: *(\S+)", re.MULTILINE)


def preset_of(record: Mapping[str, Any], method: str, conventions: Mapping[str, Any]) -> dict[str, Any]:
    """The preset that a search has found for a method.

    Args:
        record: of the search, see `record_of`.
        conventions: fields of the method that belong to the scope.
    """
    told, trials = record["methods"][method], record["methods"][method]["trials"]
    scope = {**record["for"], **{f"method.{field}": value for field, value in conventions.items()}}
    best, first = (next(one for one in trials if one["number"] == number) for number in (told["winner"], DEFAULTS))
    label = "-".join([record["data"], record["model"], record["scenario"], digest(scope)[:6]])
    return {
        "name": label,
        "for": scope,
        "values": {name: value for name, value in told["values"].items() if name not in conventions},
        "chosen": {
            "source": "found",
            "columns": record["columns"],
            "images": record["images"],
            "uses_reference": record["uses_reference"],
            "seeds": record["seeds"],
            "search": {
                "objective": record["objective"],
                "best": best["objective"],
                "defaults": first["objective"],
                "winner": "defaults" if told["winner"] == DEFAULTS else f"trial {told['winner']}",
                "trials": len(trials),
                "failed": sum(one["objective"] is None for one in trials),
                "sample_passes": sum(one["sample_passes"] for one in trials),
                "study": record["study"],
                "sha256": told["sha256"],
            },
        },
    }


def freeze(preset: Mapping[str, Any], path: Path) -> None:
    """Write the preset into a file of presets, in the place of the one with its name; whatever else is there stays."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    own = "".join(_lines(preset))
    blocks = list(_blocks(text))
    place = next((at for at, (name, _) in enumerate(blocks) if name == preset["name"]), None)
    if place is None:
        texts = [*(block for _, block in blocks), own]
    else:
        texts = [own if at == place else block for at, (_, block) in enumerate(blocks)]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, ("\n".join(block.strip("\n") + "\n" for block in texts)).encode())


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The entries of a file, each with the name and with the comment lines above it."""
    lines, starts = text.splitlines(keepends=True), list[tuple[int, str]]()
    for number, line in enumerate(lines):
        if found := _ENTRY.match(line):
            first = number
            while first and lines[first - 1].startswith("#"):
                first -= 1
            starts.append((first, found[1]))
    if lines and (not starts or starts[0][0] > 0):
        yield "", "".join(lines[: starts[0][0] if starts else None])
    for (first, name), (after, _) in itertools.pairwise([*starts, (len(lines), "")]):
        yield name, "".join(lines[first:after])


def _lines(preset: Mapping[str, Any]) -> Iterator[str]:
    search = preset["chosen"]["search"]
    won = "no trial did better, so these are the values without a search" if search["winner"] == "defaults" else ""
    yield f"# Found by supreme tune: {search['trials']} trials, {search['sample_passes']} sample passes"
    yield f"; {won}\n" if won else "\n"
    yield f"- name: {preset['name']}\n"
    for key in ("for", "values", "chosen"):
        yield from _wrapped(f"  {key}: ", preset[key])


def _text(value: Any) -> str:
    """As every reader of YAML takes it for what it is: 1e-05 would be a text to some."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}:{_NO_BREAK}{_text(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_text, value)) + "]"
    text = json.dumps(value)
    return re.sub(r"^(-?\d+)e", r"\1.0e", text) if isinstance(value, float) else text


def _wrapped(head: str, node: Mapping[str, Any]) -> Iterator[str]:
    """A mapping in braces, in lines that fit a page."""
    text = "{" + ", ".join(f"{name}:{_NO_BREAK}{_text(value)}" for name, value in node.items()) + "}"
    wrapper = textwrap.TextWrapper(
        LINE,
        initial_indent=head,
        subsequent_indent=" " * (len(head) + 1),
        break_long_words=False,
        break_on_hyphens=False,
    )
    yield wrapper.fill(text).replace(_NO_BREAK, " ") + "\n"
