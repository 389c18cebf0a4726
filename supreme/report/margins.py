"""`supreme report margins`."""

from __future__ import annotations

from collections.abc import Sequence

from supreme.core import SupremeError
from supreme.core.arguments import Parser
from supreme.core.output import err, out
from supreme.report.rows.load import load
from supreme.report.statistics.pilot import pilot_margins


def margins(argv: Sequence[str]) -> int:
    """Print the margins that a pilot gives; the exit status."""
    options = Parser(
        prog="supreme report margins",
        description="Print the margins of equivalence that a pilot gives (5 and more training seeds of "
        "method=retrain), to declare in a sweep with other training seeds.",
    )
    options.add_argument("pilot", help="the output directory of the pilot")
    arguments = options.parse_args(argv)
    try:
        for pilot in pilot_margins(load(arguments.pilot)):
            told = [f"  {metric}: SD of a retrained model {spread:.4g}" for metric, spread in pilot.spreads.items()]
            out("\n".join([pilot.block, *told, f"  type: {pilot.words}", ""]))
    except SupremeError as error:
        err(f"supreme report: {error}\n")
        return 1
    return 0
