"""The command line: a bare verb goes to its own command, everything else is Hydra's.

Nothing is imported here that takes time, so that the first line is there at once: see `command_line.first_line`.
"""

from __future__ import annotations

import importlib
import logging
import signal
import sys
import traceback
from contextlib import AbstractContextManager, nullcontext, suppress

from supreme import __version__
from supreme.command_line import first_line
from supreme.command_line.conf_folder import CONF as CONF

VERBS = {
    "leaderboard": "supreme.sharing.command:main",
    "list": "supreme.command_line.listing:main",
    "report": "supreme.report.command:main",
    "status": "supreme.sweep.display.status:main",
    "store": "supreme.sharing.store_command:main",
    "tune": "supreme.sweep.tuning.command:main",
}
"""Each is a function of the rest of the command line that gives the exit status, imported when it is asked for."""

STOPPED = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}
"""Exit codes, by the habit of shells."""

TRACEBACK_CHARACTERS = 20_000
"""The most of a traceback that is printed."""


def main() -> None:
    """Entry point of `supreme` and of `python -m supreme`."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        first_line.say(sys.argv[1:])
        status = _status(sys.argv[1:])
    except KeyboardInterrupt as interrupt:
        with suppress(OSError, AttributeError):
            sys.stderr.write("supreme: stopped; the same command goes on from here\n")
        status = STOPPED.get(str(interrupt), STOPPED["SIGINT"])
    sys.exit(status)


def _status(arguments: list[str]) -> int:
    """Do what the command line says; its exit status."""
    from supreme.core import SupremeError
    from supreme.core.output import STDERR, STDOUT, err, prepare
    from supreme.core.text import shortened

    prepare()
    _log_to_terminal()
    status = 0
    try:
        _run(arguments)
    except SupremeError as error:
        err(f"supreme: {error}\n")
        status = 1
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if isinstance(stop.code, str):
            err(f"{stop.code}\n")
    except BrokenPipeError as error:  # whoever read what Hydra prints has gone
        STDOUT.give_up(error)
    except Exception:
        err(shortened(traceback.format_exc(), TRACEBACK_CHARACTERS, "its log"))
        status = 1
    STDOUT.flush()
    if STDOUT.lost and not isinstance(STDOUT.lost, BrokenPipeError):
        err(f"supreme: standard output cannot be written ({STDOUT.lost.strerror or STDOUT.lost})\n")
        status = status or int(bool(arguments) and arguments[0] in VERBS)
    STDERR.flush()
    return status


def _run(arguments: list[str]) -> None:
    first = arguments[0] if arguments else ""
    if first in ("--version", "version"):  # else Hydra tells its own
        from supreme.core.output import out

        out(f"supreme {__version__}\n")
        return
    if first in VERBS:
        module, _, function = VERBS[first].partition(":")
        sys.exit(getattr(importlib.import_module(module), function)(arguments[1:]))
    from supreme.command_line.experiments import experiment_sweeps
    from supreme.command_line.options import importable_from_here, options_first
    from supreme.command_line.refusals import in_sentences
    from supreme.command_line.words import readable
    from supreme.core import SupremeError
    from supreme.core.patterns import quoted

    options, words = options_first(["--help"] if arguments == ["help"] else arguments)
    sweeps = "--multirun" in options or any(word.startswith(("experiment=", "hydra.mode=")) for word in words)
    words = readable(list(map(quoted, words)), list(VERBS), sweeps)
    importable_from_here(options)
    if "--multirun" in options and ("--cfg" in options or any(option.startswith("--info") for option in options)):
        raise SupremeError("--cfg and --info show one config: leave -m and the lists out")
    if "--multirun" not in options and not _only_shows(options) and experiment_sweeps(words, options):
        options.append("--multirun")
    sys.argv[1:] = [*options, *words]
    from supreme.sweep.hydra_main import run_hydra

    with in_sentences(words), _presets_shown(options), _sweeps_ended(options):
        run_hydra()


def _presets_shown(arguments: list[str]) -> AbstractContextManager[None]:
    if not _only_shows(arguments):
        return nullcontext()
    from supreme.sweep.plan.shown import as_a_run_would_have_it

    return as_a_run_would_have_it()


def _only_shows(arguments: list[str]) -> bool:
    return any(argument.partition("=")[0] in first_line.SHOWS for argument in arguments)


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
    from supreme.core.output import LogHandler

    logger = logging.getLogger("supreme")
    logger.setLevel(logging.INFO)
    logger.addHandler(LogHandler())
    logger.propagate = False
