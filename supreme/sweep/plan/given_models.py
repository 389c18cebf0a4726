"""Files of models that were made elsewhere, looked at before anything runs. torch is imported where there are some."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.pipeline.given_files import STAGES, given_content
from supreme.store.files import digest
from supreme.sweep.plan.compose import Problems

METHOD = "method.path"

NAMED = 10
"""Seeds, or files, that a sentence lists."""


def with_files(cells: Iterable[Cell], problems: Problems) -> list[Cell]:
    """Those of the cells whose files are all there; what others lack goes to the problems, a sentence for a pattern."""
    cells = list(cells)
    lacking: dict[tuple[str, str], dict[int, Path]] = defaultdict(dict)
    having: dict[tuple[str, str], set[int]] = defaultdict(set)
    whole: list[Cell] = []
    for cell in cells:
        try:
            wanted = list(_files(cell))
        except SupremeError as error:
            problems.add(error)
            continue
        missing = False
        for key, pattern, path in wanted:
            if path.is_file():
                having[key, pattern].add(cell.seed)
            else:
                lacking[key, pattern][cell.seed] = path
                missing = True
        if not missing:
            whole.append(cell)
    for (key, pattern), paths in lacking.items():
        problems.add(_lacking(key, pattern, paths, having[key, pattern]))
    return whole


def _files(cell: Cell) -> Iterator[tuple[str, str, Path]]:
    """What is typed before a path, the pattern, and the path, of each file of a model that the cell names."""
    for stage in STAGES:
        if path := cell.given_path(stage):
            yield stage, cell.given[stage], path
    pattern, path = cell.nodes["method"].get("path"), cell.method_node.get("path")
    if isinstance(pattern, str) and isinstance(path, str) and (pattern != path or Path(path).expanduser().is_file()):
        yield METHOD, pattern, Path(path).expanduser()


def _lacking(key: str, pattern: str, paths: Mapping[int, Path], having: set[int]) -> str:
    first = next(iter(paths.values()))
    if "{" not in pattern:
        what = "is a folder; give the file of weights in it" if first.is_dir() else "is no file"
        return f"{key}={pattern} {what}{_near(first)}"
    seeds = ", ".join(map(str, sorted(paths)[:NAMED])) + (", ..." if len(paths) > NAMED else "")
    there = ", ".join(map(str, sorted(having)[:NAMED]))
    what = f"seed{'s' if len(paths) > 1 else ''} {seeds}"
    return (
        f"{key}={pattern} has no file for {what} ({first}"
        + (", ..." if len(paths) > 1 else "")
        + (f"); there are those of seed{'s' if len(having) > 1 else ''} {there}" if having else f"){_near(first)}")
    )


def _near(path: Path) -> str:
    """The first files of weights that lie where this one should."""
    folder = path.parent
    if not folder.is_dir():
        return f"; there is no folder {folder}"
    kinds = (".pt", ".pth", ".safetensors", ".ckpt", ".tar", ".bin")
    names = sorted(entry.name for entry in folder.iterdir() if entry.suffix in kinds and entry.is_file())
    return f"; {folder} has {', '.join(names[:NAMED])}" if names else f"; there are no weights in {folder}"


def check(cells: Sequence[Cell], todo: Iterable[Cell], problems: Problems) -> None:
    """Refuse files that are no models of their cells, and pairs that cannot be what they are said to be.

    Args:
        cells: all of them, whose files are compared.
        todo: those that are to run, whose files are opened.
    """
    for sentence in _repeated(cells):
        problems.add(sentence)
    asked = set[str]()
    for cell in todo:
        contents = [given_content(path, stage) for stage in STAGES if (path := cell.given_path(stage))]
        if len(contents) == 2 and contents[0] == contents[1]:
            problems.add(
                f"original={cell.given['original']} and reference={cell.given['reference']} hold the same model at "
                f"seed={cell.seed}; the reference must have been trained without the forget set"
            )
        for stage in cell.given:
            key = digest([stage, str(cell.given_path(stage)), cell.nodes["model"], cell.fingerprint])
            if key not in asked and (why := _misfit(cell, stage)):
                problems.add(why)
            asked.add(key)


def _misfit(cell: Cell, stage: str) -> str:
    """Why the file is no model of this cell's kind; empty where it is one, or where that cannot be told yet."""
    from supreme.pipeline.given_models import refuse_misfit

    try:
        refuse_misfit(cell, stage)
    except SupremeError as error:
        return str(error)
    return ""


def _repeated(cells: Iterable[Cell]) -> Iterator[str]:
    """A sentence for each pattern that gives several training seeds one model: they would count as independent."""
    seeds: dict[tuple[str, str], dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
    for cell in cells:
        for key, pattern, path in _files(cell):
            seeds[key, pattern][given_content(path, key)].add(cell.seed)
    for (key, pattern), found in seeds.items():
        shared = next((sorted(some) for some in found.values() if len(some) > 1), None)
        if shared:
            told = ", ".join(map(str, shared[:NAMED]))
            more = "" if "{seed}" in pattern else f", as in {key}=/models/{{seed}}.pt"
            rest = "" if key == METHOD else ", or take one seed and sweep 'seeds.unlearn=range(5)'"
            yield (
                f"{key}={pattern} gives seeds {told} the same model, and training seeds count as independent: "
                f"give each a file of its own{more}{rest}"
            )
