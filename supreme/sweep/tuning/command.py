"""`supreme tune`: search good values for methods, each with the same budget, and keep them as presets."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from supreme.command_line.options import importable_from_here, options_first
from supreme.command_line.refusals import in_sentences
from supreme.command_line.words import readable
from supreme.core.arguments import Parser
from supreme.core.output import out
from supreme.core.patterns import quoted
from supreme.sweep.tuning.options import EXAMPLE, Options, read
from supreme.sweep.tuning.study import needs_optuna


def main(argv: Sequence[str]) -> int:
    """Do what is typed behind `supreme tune`; the exit status."""
    if not argv or {"-h", "--help", "help"} & set(argv):
        out(_parser().format_help())
        return 0
    if any(word.partition("=")[0] == "--report" for word in argv):
        from supreme.report.studies.command import report

        return report(_parser().parse_args(argv))
    options, words = options_first(argv)
    asked, rest = read(readable(list(map(quoted, words)), ["tune"], sweeps=True))
    needs_optuna()
    importable_from_here(options)
    given = [*rest, "data.evaluate_on=validation"]
    sys.argv[1:] = [*options, *["--multirun"] * ("--multirun" not in options), *given]
    from supreme.sweep.hydra_main import run_hydra

    with in_sentences(given), _searching(asked):
        run_hydra()
    return 0


@contextmanager
def _searching(asked: Options) -> Iterator[None]:
    """Inside, the sweeper that Hydra makes searches."""
    from hydra.core.plugins import Plugins

    make = Plugins.instantiate_sweeper

    def sweeper(plugins: Plugins, **given: Any) -> Any:
        return _Tuner(make(plugins, **given), asked)

    with patch.object(Plugins, "instantiate_sweeper", sweeper):
        yield


@dataclass
class _Tuner:
    """Stands for the sweeper of the config."""

    inner: Any
    asked: Options

    def sweep(self, arguments: list[str]) -> Any:
        from supreme.sweep.tuning.end import finish
        from supreme.sweep.tuning.tune import tuned

        if done := tuned(self.inner, arguments, self.asked):
            finish(done)


def _parser() -> Parser:
    parser = Parser(
        prog="supreme tune",
        usage="supreme tune method=... budget=N seeds=... [key=value ...]\n       supreme tune --report [DIRECTORY]",
        description="Search good values for methods: the same budget for each, judged on validation images, kept as "
        "presets that a sweep on other training seeds takes by itself. The same command goes on where it was stopped.",
        epilog=f"As in: {EXAMPLE}",
    )
    words = parser.add_argument_group("words")
    for word, told in (
        ("method=a,b,...", "the methods; search/<method>.yaml says which values are searched"),
        ("budget=30", "trials of each method, that of its own values (the first) and failed ones among them"),
        (
            "seeds=100..104",
            "training seeds of every trial; no sweep may report what was found on them on the same ones",
        ),
        ("budget_passes=1e7", "also stop a method when its trials have sent so many images forward or backward"),
        (
            "objective=...",
            "what to minimize or maximize; without it, the distance to the retrained model on report.margins",
        ),
        ("at_once=4", "trials of a method that are proposed together"),
        ("write=my_conf/tuned", "where presets are written (<output_dir>/tuned, for --config-dir <output_dir>)"),
        ("space.scrub.lr='...'", "values to search, as in 'space.scrub.lr=tag(log,interval(1e-5,1e-2))'"),
        ("key=value", "everything that a sweep knows: data, model, scenario, hydra/launcher, output_dir, ..."),
    ):
        words.add_argument(word, nargs="?", help=told)
    parser.add_argument(
        "--report",
        nargs="?",
        const="",
        metavar="DIRECTORY",
        help="draw the newest search of an output directory (outputs), or the one whose folder this is",
    )
    return parser
