"""The command line: a bare verb goes to its own command, everything else is Hydra's."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import hydra
from omegaconf import DictConfig
from rich.console import Console
from rich.logging import RichHandler

from supreme import __version__
from supreme.command_line.conf_folder import CONF
from supreme.command_line.options import importable_from_here, options_first
from supreme.command_line.refusals import in_sentences
from supreme.command_line.words import readable
from supreme.core import SupremeError
from supreme.core.patterns import quoted

log = logging.getLogger(__name__)


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _hydra_main(config: DictConfig) -> Any:
    from supreme.sweep.single_cell import run_job

    return run_job(config)


VERBS = {
    "list": "supreme.command_line.listing:main",
    "report": "supreme.report.command:main",
    "status": "supreme.sweep.display.status:main",
    "store": "supreme.store.maintenance.command:main",
}
"""Each is a function of the rest of the command line that gives the exit status, imported when it is asked for."""

STOPPED = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
"""Exit codes, by the habit of shells."""


def main() -> None:
    """Entry point of `supreme` and of `python -m supreme`."""
    _log_to_terminal()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _run(sys.argv[1:])
    except SupremeError as error:
        sys.exit(f"supreme: {error}")
    except BrokenPipeError:  # whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt as interrupt:
        sys.stderr.write("supreme: stopped; the same command goes on from here\n")
        sys.exit(STOPPED.get(str(interrupt), STOPPED["SIGINT"]))


def _run(arguments: list[str]) -> None:
    first = arguments[0] if arguments else ""
    if first in ("--version", "version"):  # else Hydra tells its own
        sys.stdout.write(f"supreme {__version__}\n")
        return
    if first in VERBS:
        module, _, function = VERBS[first].partition(":")
        sys.exit(getattr(importlib.import_module(module), function)(arguments[1:]))
    options, words = options_first(["--help"] if arguments == ["help"] else arguments)
    sweeps = "--multirun" in options or any(word.startswith(("experiment=", "hydra.mode=")) for word in words)
    words = readable(list(map(quoted, words)), list(VERBS), sweeps)
    importable_from_here(options)
    if "--multirun" in options and ("--cfg" in options or any(option.startswith("--info") for option in options)):
        raise SupremeError("--cfg and --info show one config: leave -m and the lists out")
    sys.argv[1:] = [*options, *words]
    if not sys.argv[1:]:
        log.info("supreme alone runs the default: method=scrub on data=digits, seed=0. `supreme --help` shows the rest")
    with in_sentences(words), _presets_shown(options), _sweeps_ended(options):
        _hydra_main()


SHOWS = ("--cfg", "-c", "--info", "-i", "--help", "-h")
"""Flags of Hydra that show something and run nothing."""


def _presets_shown(arguments: list[str]) -> AbstractContextManager[None]:
    if not _only_shows(arguments):
        return nullcontext()
    from supreme.sweep.plan.shown import as_a_run_would_have_it

    return as_a_run_would_have_it()


def _only_shows(arguments: list[str]) -> bool:
    return any(argument.partition("=")[0] in SHOWS for argument in arguments)


def _sweeps_ended(options: list[str]) -> AbstractContextManager[None]:
    if _only_shows(options):
        return nullcontext()
    from supreme.sweep.sweep_end import ending_with_its_table

    return ending_with_its_table()


def _interrupt(_signal: int, _frame: object) -> None:
    """SIGTERM ends a sweep as Ctrl-C does: workers are killed and locks given back."""
    raise KeyboardInterrupt("SIGTERM")


def _log_to_terminal() -> None:
    """Our own messages on stderr: plain lines in a file or pipe, with a time in a terminal."""
    console = Console(stderr=True)
    handler: logging.Handler = logging.StreamHandler()
    if console.is_terminal:
        handler = RichHandler(console=console, show_path=False, show_level=False)
    logger = logging.getLogger("supreme")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.propagate = False
