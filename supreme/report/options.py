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
        "margins from a pilot; a directory of such a name is ./NAME.",
    )
    options.add_argument("directory", nargs="?", default="outputs", help="the output directory of the sweep (outputs)")
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
        choices=("published",),
        help="instead of the tables, ours beside the numbers that SUPREME (arXiv 2606.00380) published: terminal, "
        "markdown or csv",
    )
    options.add_argument(
        "--no-samples", action="store_true", help="html: no forgotten image is shown, as after report.samples=false"
    )
    options.add_argument("--figures", action="store_true", help="write every figure to reports/figures instead")
    options.add_argument("--standalone", action="store_true", help="latex: a whole document, not a part to \\input")
    return options


def refuse_idle(arguments: argparse.Namespace) -> None:
    """An option that would do nothing is a misunderstanding."""
    given = {name for name in ("metrics", "endpoints", "output") if getattr(arguments, name) is not None}
    given |= {name for name in ("wide", "notes") if getattr(arguments, name)}
    idle = {"metrics"} if arguments.format == "html" else set()
    idle |= set() if arguments.format in ("terminal", "markdown", "latex") else {"wide", "notes"}
    what = f"--format {arguments.format}"
    if arguments.against is not None:
        idle, what = {"metrics", "endpoints", "wide", "notes"}, f"--against {arguments.against}"
        if arguments.figures:
            raise SupremeError("--against and --figures each write something else; leave one of them out")
    if arguments.figures:
        idle, what = {"metrics", "endpoints", "output", "wide", "notes"}, "--figures"
    if found := sorted(given & idle):
        raise SupremeError(f"--{found[0]} says nothing to {what}; leave one of them out")
    if arguments.no_samples and arguments.format != "html":
        raise SupremeError("--no-samples is for --format html, as in `supreme report --format html --no-samples`")
    if arguments.standalone and arguments.format != "latex":
        raise SupremeError("--standalone is for --format latex")
