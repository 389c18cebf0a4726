"""`supreme leaderboard`: several exports as one table for each group of rows that may be compared."""

from __future__ import annotations

import argparse
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.core.output import err, out
from supreme.report.leaderboard.board import Board, board_of
from supreme.report.leaderboard.exports import Check, Export
from supreme.report.leaderboard.standings import told
from supreme.report.leaderboard.written import FORMATS
from supreme.report.tables.output import put
from supreme.sharing.reading import Shared, unpacked
from supreme.sharing.verifying import Verifier
from supreme.store.maintenance.amounts import tracked

SUFFIXES = {".html": "html", ".htm": "html", ".md": "markdown", ".csv": "csv"}
SHORT = 8
"""Characters of a digest behind a name that two exports have."""


def main(argv: Sequence[str]) -> int:
    """Print or write the leaderboard; the exit status."""
    arguments = _parser().parse_args(argv)
    try:
        if arguments.output is not None and arguments.output.resolve() in {path.resolve() for path in arguments.files}:
            raise SupremeError(f"--output {arguments.output} is one of the exports: name another file")
        form = arguments.format or _form_of(arguments.output)
        with tempfile.TemporaryDirectory() as folder:
            board = leaderboard(arguments.files, Path(folder))
            put(FORMATS[form](board), arguments.output)
        if arguments.output is not None:
            out(f"{arguments.output}: {told(board)}\n")
    except SupremeError as error:
        err(f"supreme leaderboard: {error}\n")
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="supreme leaderboard",
        description="Merge exports of `supreme store export --rows` into one leaderboard, the same in whatever order "
        "they are given. Rows that were not made on the same data, split and reference are refused by name. Where an "
        "export has predictions, metrics are computed again from them, and a row with other values is refused.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="EXPORT.tar")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="page.html, table.md or table.csv; else the terminal"
    )
    parser.add_argument("--format", choices=tuple(FORMATS), help="where the name of the file does not say it")
    return parser


def _form_of(output: Path | None) -> str:
    if output is None:
        return "terminal"
    if output.suffix not in SUFFIXES:
        raise SupremeError(
            f"--output {output} does not say its format: end it in .html, .md or .csv, or add --format "
            f"{{{','.join(FORMATS)}}}"
        )
    return SUFFIXES[output.suffix]


def leaderboard(files: Iterable[Path], folder: Path) -> Board:
    """The leaderboard of these exports.

    Args:
        folder: an empty one, which is used until the board is written.

    Raises:
        SupremeError: an export is refused, or two of them do not go together.
    """
    with ExitStack() as stack:
        places = [(path, folder / str(number)) for number, path in enumerate(dict.fromkeys(files))]
        found = [stack.enter_context(unpacked(*place)) for place in places]
        return board_of([_exported(one, name) for one, name in _named(found)], folder / "merged")


def _exported(shared: Shared, name: str) -> Export:
    checks: dict[str, Check] = {}
    if any(name.startswith("splits/") for name in shared.export.files):
        rows = sorted(shared.rows(), key=lambda row: (row["provenance"]["keys"]["reference"], row["cell"]))
        verifier = Verifier(shared)
        for row in tracked(rows, len(rows), f"computing again {name}"):
            if check := verifier.check(row):
                checks[row["cell"]] = check
    return Export(name=name, digest=shared.digest, folder=shared.folder, card=shared.card, checks=checks)


def _named(found: Sequence[Shared]) -> list[tuple[Shared, str]]:
    """Each export once, with the name of its file, and with its digest where two have one name."""
    each = {(one.path.name, one.digest): one for one in found}
    names = Counter(name for name, _ in each)
    return [(one, name if names[name] == 1 else f"{name}#{digest[:SHORT]}") for (name, digest), one in each.items()]
