"""The command line: a bare verb goes to its own command, everything else is Hydra's."""

from __future__ import annotations

import difflib
import importlib
import logging
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import hydra
from hydra.errors import HydraException, MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import ConfigAttributeError, ConfigKeyError
from rich.console import Console
from rich.logging import RichHandler

from supreme import __version__
from supreme.core import SupremeError

_HERE = Path(__file__).resolve().parent
CONF = _HERE / "conf" if (_HERE / "conf").is_dir() else _HERE.parent / "conf"
"""A wheel carries conf/ inside the package; a checkout has it beside."""


@hydra.main(version_base="1.3", config_path=str(CONF), config_name="config")
def _hydra_main(config: DictConfig) -> Any:
    from supreme.sweep.single_cell import run_job

    return run_job(config)


VERBS = {
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
    if first == "--version":  # else Hydra tells its own
        sys.stdout.write(f"supreme {__version__}\n")
        return
    if first in VERBS:
        module, _, function = VERBS[first].partition(":")
        sys.exit(getattr(importlib.import_module(module), function)(arguments[1:]))
    if first.isalpha():
        near = difflib.get_close_matches(first, VERBS, 1)
        hint = f"did you mean {near[0]}?" if near else f"there is {', '.join(VERBS)}"
        raise SupremeError(f"unknown command {first}; {hint} Components are chosen as in method=scrub; see --help")
    with _hydra_errors_as_sentences(), _presets_shown(arguments):
        _hydra_main()


SHOWS = ("--cfg", "-c", "--info", "-i", "--help", "-h")
"""Flags of Hydra that show something and run nothing."""


def _presets_shown(arguments: list[str]) -> AbstractContextManager[None]:
    if not any(argument.partition("=")[0] in SHOWS for argument in arguments):
        return nullcontext()
    from supreme.sweep.plan.shown import as_a_run_would_have_it

    return as_a_run_would_have_it()


@contextmanager
def _hydra_errors_as_sentences() -> Iterator[None]:
    """Tell in our words what Hydra refuses, unless HYDRA_FULL_ERROR=1 asks for its traceback."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # makes Hydra raise its errors instead of printing them
    try:
        yield
    except HydraException as error:
        raise SupremeError(explanation(error)) from error
    except ValueError as error:
        if not str(error).startswith("Config group override must be a string or a list"):
            raise
        given = " ".join(argument for argument in sys.argv[1:] if (CONF / argument.partition("=")[0]).is_dir())
        raise SupremeError(
            f"{given} is not allowed: each is chosen by a name, as in method=scrub; see --help"
        ) from error
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def explanation(error: HydraException) -> str:
    text = str(error).split("Config search path:")[0].strip()
    cause = error.__cause__
    if isinstance(error, MissingConfigException) and str(error.missing_cfg_file).startswith("recipe/"):
        return f"{text}\n\nThis pair of data and model has no recipe of its own: type recipe=sgd or recipe=adamw"
    if isinstance(error, MissingConfigException) and not error.options and "/" in str(error.missing_cfg_file):
        group = str(error.missing_cfg_file).rpartition("/")[0]
        return f"{text} There are: {', '.join(sorted(path.stem for path in (CONF / group).glob('*.yaml')))}"
    if isinstance(cause, ConfigKeyError | ConfigAttributeError) and isinstance(cause.parent_node, DictConfig):
        parent, _, key = str(cause.full_key).rpartition(".")
        fields = [str(name) for name in cause.parent_node if name != "_target_"]
        near = difflib.get_close_matches(key, fields, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        return f"there is no {cause.full_key}; {hint}{parent or 'The config'} has: {', '.join(fields)}"
    return text


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
