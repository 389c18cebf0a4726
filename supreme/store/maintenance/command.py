"""`supreme store`: look at the store of an output directory, clean it, check it, and move it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import RenderableType

from supreme.core import SupremeError
from supreme.core.console import console
from supreme.core.output import data, err, out
from supreme.store.maintenance import collecting, listing
from supreme.store.maintenance.amounts import counted, in_bytes
from supreme.store.maintenance.explaining import explain, explanation, rows_of_other_code
from supreme.store.maintenance.exporting import Wanted, export
from supreme.store.maintenance.importing import import_
from supreme.store.maintenance.inventory import stages, take
from supreme.store.maintenance.options import Run, parser
from supreme.store.maintenance.verifying import verify

Beside = Callable[[Path, bool], Iterable[tuple[str, bytes]]]
"""What an export of rows holds beside files, by name, of an output directory and whether predictions are in it."""


def main(argv: Sequence[str], beside: Beside = lambda directory, predictions: ()) -> int:
    """Do what the command line says; the exit status."""
    arguments = parser(RUNS).parse_args(argv)
    arguments.beside = beside
    try:
        return arguments.run(arguments)
    except SupremeError as error:
        err(f"supreme store: {error}\n")
        return 1


def _ls(arguments: argparse.Namespace) -> int:
    directory, stage = _place_and_stage(arguments)
    inventory = take(directory)
    if stage is None:
        _put(arguments.json, listing.overview(inventory), lambda: listing.overview_tables(inventory))
        return 0
    names = [*stages(directory / "store"), *listing.NAMES]
    if stage not in names:
        raise SupremeError(f"there is no stage {stage} in {directory}; there is {', '.join(names)}")
    found = inventory.of_kind(stage)
    _put(arguments.json, listing.items(found), lambda: [listing.items_table(found)])
    return 0


def _place_and_stage(arguments: argparse.Namespace) -> tuple[Path, str | None]:
    """`ls original`, `ls runs`, `ls runs original`; a directory of such a name is ./original."""
    known = {*STAGES, *listing.NAMES}
    words = [str(path) for path in arguments.directory]
    named = [word for word in words if word in known] if arguments.stage is None else [arguments.stage]
    places = [word for word in words if word not in named]
    if len(places) > 1 or len(named) > 1:
        raise SupremeError(f"`ls {' '.join(words)}` names too much: give one directory and one stage")
    return Path(places[0] if places else "outputs"), named[0] if named else None


def _gc(arguments: argparse.Namespace) -> int:
    if not arguments.min_age >= 0:
        raise SupremeError(f"--min-age {arguments.min_age:g} is not allowed: give hours, 0 or more")
    inventory = take(arguments.directory)
    choice = collecting.choose(inventory, min_age_seconds=3600 * arguments.min_age, weights=arguments.weights)
    if arguments.yes:
        collecting.refuse_at_work(inventory)
    for item in choice.going:
        out(f"{in_bytes(item.bytes):>8}  {item.path}\n")
    for items, why in ((choice.young, f"younger than {arguments.min_age:g} h"), (choice.unknown, "of unknown owners")):
        if items:
            out(f"left: {counted(len(items), 'thing')} {why}, {_total(items)}\n")
    if not arguments.yes:
        told = f"{counted(len(choice.going), 'thing')} would go, {_total(choice.going)}: add --yes"
        out(f"{told if choice.going else 'nothing would go'}\n")
        for claim in inventory.at_work:
            out(f"--yes would refuse now: {listing.told_claim(claim)}\n")
        return 0
    gone = list(collecting.remove(inventory.store, choice.going))
    out(f"removed {counted(len(gone), 'thing')}, {_total(gone)}\n")
    return 0


def _total(items: Iterable[Any]) -> str:
    return in_bytes(sum(item.bytes for item in items))


def _verify(arguments: argparse.Namespace) -> int:
    if arguments.code:
        return _verify_code(arguments)
    verdict = verify(arguments.directory, set_aside=arguments.set_aside)
    flaws = {str(path): flaw for path, flaw in verdict.flaws.items()}
    if arguments.json:
        data(json.dumps({"checked": verdict.checked, "flaws": flaws}, indent=2) + "\n")
    else:
        out("".join(f"{path}: {flaw}\n" for path, flaw in flaws.items()))
        done = "moved to store/corrupt" if arguments.set_aside else "add --set-aside to have them made again"
        wrong = f"{len(flaws)} wrong: {done}" if flaws else "all whole"
        out(f"{verdict.checked} checked, {wrong}\n")
    return 1 if flaws else 0


def _verify_code(arguments: argparse.Namespace) -> int:
    if arguments.set_aside:
        raise SupremeError("--code and --set-aside are two things: rows of other code are whole, and stay")
    checked, old = rows_of_other_code(arguments.directory)
    if arguments.json:
        data(json.dumps({"checked": checked, "other_code": old}, indent=2) + "\n")
    else:
        out("".join(f"{cell}: {why}\n" for cell, why in old.items()))
        done = (
            f"{counted(len(old), 'row')} made by other code: the same sweep makes them anew"
            if old
            else "all by this code"
        )
        out(f"{counted(checked, 'row')} checked, {done}\n")
    return 1 if old else 0


def _explain(arguments: argparse.Namespace) -> int:
    found = explain(arguments.directory, arguments.cell)
    out((json.dumps(found, indent=2) if arguments.json else "\n".join(explanation(found))) + "\n")
    return 0


def _export(arguments: argparse.Namespace) -> int:
    if arguments.rows and (arguments.data or arguments.logs):
        raise SupremeError("--rows leaves out what --data and --logs ask for: give one of them")
    if arguments.predictions and not arguments.rows:
        raise SupremeError("--predictions goes with --rows; an export of the whole store has them anyway: leave it out")
    if arguments.file.is_dir():
        raise SupremeError(
            f"{arguments.file} is a folder: name the file first, as in `supreme store export all.tar DIR`"
        )
    wanted = Wanted(
        artefacts=not arguments.rows, predictions=arguments.predictions, data=arguments.data, logs=arguments.logs
    )
    beside = arguments.beside(arguments.directory, arguments.predictions) if arguments.rows else ()
    count = export(arguments.directory, arguments.file, wanted, beside)
    size = in_bytes(arguments.file.stat().st_size)
    out(f"{arguments.file}: {counted(count, 'file')}, {size}\n")
    return 0


def _import(arguments: argparse.Namespace) -> int:
    found = import_(arguments.file, arguments.directory)
    new = ", ".join(counted(number, ONE[kind]) for kind, number in found.new.items())
    out(f"imported {new or 'nothing'}; here already: {found.present}\n")
    for name in found.different:
        err(f"{arguments.directory / name} differs from the one in the file: the one here stays\n")
    for name, flaw in found.damaged.items():
        err(f"{name} is damaged in the file ({flaw}): it was left out; export or copy the file again\n")
    return 1 if found.different or found.damaged else 0


ONE: Mapping[str, str] = {
    "data": "decoded data source",
    "artefact": "artefact",
    "logs": "log",
    "rows": "row",
    "audits": "audit",
    "failures": "failure",
}
"""What one of each kind is called."""

STAGES = ("original", "reference", "unlearned", "predictions", "shared", "history", "anchors", "code")
"""Words that `ls` takes for stages though no store was opened yet."""


def _put(as_json: bool, content: Any, tables: Callable[[], Iterable[RenderableType]]) -> None:
    if as_json:
        data(json.dumps(content, indent=2) + "\n")
        return
    console().print(*tables(), sep="\n")


RUNS: Mapping[str, Run] = {
    "ls": _ls,
    "gc": _gc,
    "verify": _verify,
    "explain": _explain,
    "export": _export,
    "import": _import,
}
"""By verb."""
