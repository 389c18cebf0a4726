"""The options of `supreme report`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.report.catalogue.listings import LISTINGS


def parser(formats: Sequence[str]) -> argparse.ArgumentParser:
    """Of everything that may be typed after `supreme report`."""
    options = Parser(
        prog="supreme report",
        description="Make the tables of a sweep from its rows.",
        epilog=f"`supreme report {'|'.join(LISTINGS)}` makes a table of them all, `supreme report margins PILOT` "
        "margins from a pilot, `supreme report check-published FILE` checks a published table; a directory of such a "
        "name is ./NAME.",
    )
    options.add_argument(
        "directories",
        nargs="*",
        metavar="DIRECTORY",
        help="the output directory of the sweep (outputs), or two to compare: differences are the second minus the "
        "first, paired by seed",
    )
    options.add_argument(
        "--commits",
        nargs=2,
        metavar=("OLD", "NEW"),
        help="compare the rows that two commits made in one directory, as in --commits 1a2b3c4 5d6e7f8; a + stands for "
        "local changes",
    )
    options.add_argument("--open", action="store_true", help="write the page, or that of the comparison, and show it")
    options.add_argument(
        "--serve",
        nargs="?",
        const="",
        metavar="PORT",
        help="show the page at http://localhost:PORT/ and make it again whenever rows change, until Ctrl-C",
    )
    options.add_argument("--format", choices=tuple(formats), default="terminal")
    options.add_argument("--output", type=Path, metavar="FILE", help="write there instead of printing")
    options.add_argument(
        "--filter",
        metavar="CONDITION",
        help='of which rows, as in \'data == "digits" and seed < 5 and method == "ssd" and variant == ""\'; `variant` '
        "tells what a row has otherwise than its method's YAML (alpha=5), `setting` than the others (recipe.epochs=1)",
    )
    options.add_argument(
        "--metrics", metavar="NAMES", help="which columns, as in accuracy/forget,loss/forget or 'agreement/*'"
    )
    options.add_argument("--wide", action="store_true", help="with the gaps to the reference and their intervals")
    options.add_argument("--notes", action="store_true", help="with every note, not only those that always matter")
    options.add_argument(
        "--endpoints",
        metavar="MARGINS",
        help="the metrics that claims are made of, with their margins of equivalence, as in "
        "accuracy/forget=0.02,js_divergence/forget=relative, instead of those that the sweep declared as "
        "report.margins; no equivalence on all of them is claimed for margins that are given afterwards",
    )
    options.add_argument(
        "--against",
        metavar="NAME",
        help="instead of the tables, ours beside published numbers of the same recipe: published (all there are), or "
        "one file, recipe or source of them, as in dualoptim_cifar10_10; terminal, markdown or csv",
    )
    options.add_argument(
        "--no-samples", action="store_true", help="a page without forgotten images, as after report.samples=false"
    )
    options.add_argument("--figures", action="store_true", help="write every figure to reports/figures instead")
    options.add_argument("--standalone", action="store_true", help="latex: a whole document, not a part to \\input")
    return options


def parse(argv: Sequence[str], formats: Sequence[str]) -> argparse.Namespace:
    """What is typed after `supreme report`; `directory` is the first of its `directories`, of which there is one."""
    arguments = parser(formats).parse_intermixed_args(argv)
    if arguments.serve and not arguments.serve.lstrip("-").isdecimal():  # as in `supreme report --serve outputs`
        if arguments.serve[:1].isdecimal() and not Path(arguments.serve).exists():
            raise SupremeError(f"--serve {arguments.serve}: no port and no folder; type a port, as in --serve 8000")
        arguments.directories.insert(0, arguments.serve)
        arguments.serve = ""
    arguments.directories = arguments.directories or ["outputs"]
    arguments.directory = arguments.directories[0]
    return arguments


_PAGE = {"metrics", "wide", "notes"}
"""Options that a page does without: it has every metric, and every note."""

_IDLE = {
    "--against": {"metrics", "endpoints", "wide", "notes", "open"},
    "--figures": {"metrics", "endpoints", "output", "wide", "notes", "open"},
    "--serve": {*_PAGE, "output", "format"},
    "a comparison": {"wide", "notes"},
    "--open": _PAGE,
}
"""Which options say nothing to what is made instead of a table."""


def refuse_idle(arguments: argparse.Namespace) -> None:
    """An option that would do nothing is a misunderstanding."""
    kinds = {
        "--against": arguments.against is not None,
        "--figures": arguments.figures,
        "--serve": arguments.serve is not None,
        "a comparison": len(arguments.directories) > 1 or arguments.commits is not None,
    }
    made = [name for name, chosen in kinds.items() if chosen]
    if len(made) > 1:
        raise SupremeError(f"{made[0]} and {made[1]} each make something else; leave one of them out")
    given = {name for name in ("metrics", "endpoints", "output") if getattr(arguments, name) is not None}
    given |= {name for name in ("wide", "notes", "open") if getattr(arguments, name)}
    given |= {"format"} if arguments.format != "terminal" else set()
    what, idle = f"--format {arguments.format}", set[str]()
    if made:
        what, idle = made[0], _IDLE[made[0]]
        what += f" {arguments.against}" if what == "--against" else ""
    elif arguments.open:
        what, idle = "--open", _IDLE["--open"]
    elif arguments.format not in ("terminal", "markdown", "latex"):
        idle = {"wide", "notes"} | ({"metrics"} if arguments.format == "html" else set())
    if found := sorted(given & idle):
        raise SupremeError(f"--{found[0]} says nothing to {what}; leave one of them out")
    is_page = arguments.format == "html" or arguments.open or arguments.serve is not None
    if arguments.no_samples and (not is_page or set(made) - {"--serve"}):
        raise SupremeError("--no-samples is for a page, as in `supreme report --format html --no-samples`")
    if arguments.open and arguments.format not in ("terminal", "html"):
        raise SupremeError(f"--open shows the page, which is no {arguments.format}; leave --format out")
    if arguments.standalone and arguments.format != "latex":
        raise SupremeError("--standalone is for --format latex")
