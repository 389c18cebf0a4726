"""`supreme report check-published`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.core.output import err, out
from supreme.report.published.check import findings
from supreme.report.published.files import read, shipped

VERB = "check-published"


def check_published(argv: Sequence[str]) -> int:
    """Print what disagrees in tables of published numbers, a sentence each; the exit status, 1 where anything does."""
    options = Parser(
        prog=f"supreme report {VERB}",
        description="Check the arithmetic of published tables: gaps and averages against the means they are made of, "
        "ranges, spreads that no values can have, cells that are printed twice. The format of the files is in "
        "supreme/report/published/README.md.",
    )
    options.add_argument("files", nargs="*", type=Path, metavar="FILE", help="CSV files (those that ship)")
    found = count = 0
    files = options.parse_args(argv).files or shipped()
    for path in files:
        try:
            numbers, flaws = read(path)
        except SupremeError as error:
            err(f"supreme report: {error}\n")
            found += 1
            continue
        sentences = [*flaws, *map(str, findings(numbers))]
        out("".join(f"{sentence}\n" for sentence in sentences))
        found += len(sentences)
        count += len(numbers)
    told = _counted(found, "finding") if found else "nothing disagrees"
    out(f"{_counted(count, 'number')} in {_counted(len(files), 'file')}: {told}.\n")
    return 1 if found else 0


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"
