"""What `supreme store` takes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from supreme.core.arguments import Parser

Run = Callable[[argparse.Namespace], int]
"""Does what the command line says; the exit status."""


def parser(runs: Mapping[str, Run]) -> argparse.ArgumentParser:
    """Of the command line; `run` of what it gives does what was asked for.

    Args:
        runs: by verb, what does it.
    """
    whole = Parser(
        prog="supreme store", description="Look at the store of an output directory, clean it, check it, move it."
    )
    verbs = whole.add_subparsers(metavar="VERB", required=True)

    ls = _verb(verbs, "ls", runs["ls"], "what there is, how large, and whether a row uses it")
    ls.add_argument("--stage", metavar="NAME", help="list each artefact of this stage, say original or predictions")
    ls.add_argument("--json", action="store_true", help="for a script; sizes in bytes")

    gc = _verb(
        verbs,
        "gc",
        runs["gc"],
        "list what no row refers to, and delete it with --yes",
        "Models of cells that failed, or have not run yet, have no row: finish the sweep first, or they are trained "
        "again. Rows, audits, failures and logs always stay, and so a finished sweep finds its rows and runs nothing.",
    )
    gc.add_argument("--yes", action="store_true", help="delete; without it, this only lists")
    gc.add_argument("--min-age", type=float, default=1.0, metavar="HOURS", help="leave what is younger (1)")
    gc.add_argument(
        "--weights",
        action="store_true",
        help="also the unlearned models of finished cells, mostly the bulk of a store: a metric that is added later "
        "runs their methods again first",
    )

    check = _verb(verbs, "verify", runs["verify"], "compare every file with its digest, every row with its schema")
    check.add_argument("--set-aside", action="store_true", help="move what is wrong to store/corrupt: it is made again")
    check.add_argument("--json", action="store_true", help="for a script")

    check.add_argument("--code", action="store_true", help="list the rows whose code is no longer the one here")

    told = _verb(
        verbs,
        "explain",
        runs["explain"],
        "print what a row depends on, definition by definition, and what has changed",
        cell=True,
    )
    told.add_argument("--json", action="store_true", help="for a script")

    out = _verb(
        verbs, "export", runs["export"], "write rows, audits, failures and the store into one tar file", file=True
    )
    out.add_argument(
        "--rows",
        "--rows-only",
        action="store_true",
        help="rows, audits, failures and the evaluation card, to share: enough for every report and for a leaderboard",
    )
    out.add_argument(
        "--predictions",
        action="store_true",
        help="with --rows: logits and sets, too, from which `supreme leaderboard` computes the metrics again",
    )
    out.add_argument("--data", action="store_true", help="the decoded data too; else they are decoded again there")
    out.add_argument("--logs", action="store_true", help="the logs too")

    _verb(verbs, "import", runs["import"], "put what such a file holds here; what is here already stays", file=True)
    return whole


def _verb(
    verbs: Any,
    name: str,
    run: Run,
    what: str,
    epilog: str | None = None,
    *,
    file: bool = False,
    cell: bool = False,
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=epilog
    )
    if file:
        parser.add_argument("file", type=Path, metavar="FILE")
    if cell:
        parser.add_argument(
            "cell", metavar="CELL", help="the name of its row, or how it begins; `supreme report` lists them"
        )
    places = "*" if name == "ls" else "?"
    default = [] if name == "ls" else Path("outputs")
    parser.add_argument(
        "directory",
        nargs=places,
        type=Path,
        default=default,
        metavar="DIR",
        help="the output directory of the sweep (outputs)"
        + ("; the name of a stage is read as --stage" * (name == "ls")),
    )
    parser.set_defaults(run=run)
    return parser
