"""`supreme.sweep`: what `python -m supreme -m` does, from Python."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from supreme import report
from supreme.api.data_given import is_data, kept
from supreme.api.hydra_here import hydra_here, sweeper_of
from supreme.api.method_given import RECIPE
from supreme.api.words import Words, given_twice
from supreme.core import SupremeError
from supreme.core.output import LogHandler
from supreme.pipeline.keys import forget_code
from supreme.report.rows.load import COLUMNS
from supreme.sweep.failures import cause, told
from supreme.sweep.hydra_sweep import Swept, swept


class SweepFailedError(SupremeError):
    """Some cells of a sweep, or some audits, have no result; the message says which and why."""

    frame: pd.DataFrame
    """What `supreme.sweep` would have returned: the rows of all other cells."""


def sweep(*words: str, config_dir: str | Path | None = None, **values: Any) -> pd.DataFrame:
    """Run a sweep as the command line does, with its planner, store, workers and launcher; return the rows.

        >>> import supreme
        >>> chosen = {"method": "finetune,neggrad", "seed": range(3), "recipe": {"epochs": 2}, "output_dir": "trial"}
        >>> planned = supreme.sweep(**chosen, dry_run=True)                                       # doctest: +ELLIPSIS
        Dry run: nothing is started.
        ...
        >>> frame = supreme.sweep(**chosen)                                                           # doctest: +SKIP
        >>> frame.query("metric == 'accuracy/forget'").groupby("method")["value"].mean()              # doctest: +SKIP

    What has a row already is found, so the same call again is fast, and goes on where an earlier one was stopped. The
    table is printed, and the reports and the page are written to `<output_dir>/reports`.

    Args:
        words: as on the command line, `"method=scrub,neggrad"` or `"hydra/launcher=slurm"`.
        config_dir: a folder with YAML files of your own, as `--config-dir` has it.
        values: the same as keywords. Text is read as on the command line, so `method="scrub,neggrad"` are two methods.
            A list or a range is swept over; a tuple is one value that is a list; `metric`, `audit` and `devices` take
            lists as they are. A dict sets what lies below its key: `recipe={"epochs": 2}` is `recipe.epochs=2`.
            A dataclass, an instance of one or a `functools.partial` of it is a component of your own, and for `model`
            also a plain network class or a function that makes one; it must lie in a file, where the processes that do
            the work can import it.
            `data` takes `(train, test)` or `(train, validation, test)`: of each a torch Dataset or images and labels
            `(x, y)`. They are copied to the output folder once and known by their content; without a recipe of yours
            they are learnt by conf/recipe/sgd.yaml.
            `dry_run=True` prints the plan, starts nothing and returns the rows that are there.

    Returns:
        The frame of `supreme.load`, of the cells of this sweep alone.

    Raises:
        SupremeError: something is wrong with a cell; nothing has run.
        SweepFailedError: a cell or an audit failed; all others are done, and the rows are in its `frame`.
        KeyboardInterrupt: it was stopped; no worker is left.
    """
    forget_code()
    directories = [Path(config_dir)] if config_dir is not None else []
    if missing := [folder for folder in directories if not folder.is_dir()]:
        raise SupremeError(f"config_dir={missing[0]} is not allowed: there is no such folder")
    with _told_on_stderr():
        line, own = _command_line(words, values, directories)
        with hydra_here([*directories, *own]) as hydra, sweeper_of(hydra, line) as (sweeper, arguments):
            if not type(sweeper).__module__.endswith("supreme_launcher"):
                raise SupremeError(
                    "hydra/sweeper is not allowed here: supreme.sweep is the sweeper of supreme; other ones run from "
                    "the command line"
                )
            done = swept(sweeper, arguments)
    return _rows(done)


def _command_line(
    words: Sequence[str], values: dict[str, Any], directories: Sequence[Path]
) -> tuple[list[str], list[Path]]:
    """The words of a command line, and the folder with the YAML files that they name, in a list that may be empty."""
    for word in words:
        if not isinstance(word, str) or ("=" not in word and not word.startswith("~")):
            raise SupremeError(
                f"{word!r} is not allowed: give words such as 'method=scrub' and keywords such as seed=0"
            )
        if word.startswith("-"):
            raise SupremeError(f"{word!r} is not allowed: options of the command line are none of a sweep from Python")
    with hydra_here(directories) as hydra:
        loader = hydra.config_loader
        known = {group: loader.get_group_options(group) for group in loader.list_groups("")}
    line = Words(words=list(words), known=known)
    folder = _output_dir(words, values)
    for key, value in values.items():
        if key == "data" and is_data(value):
            for name, one in kept(value, folder).items():
                line.add(name, Path(one) if name == "data.root" else one)
            if isinstance(values.get("recipe", {}), dict) and not any(word.startswith("recipe=") for word in words):
                line.add("recipe", RECIPE)
        else:
            line.add(key, value)
    if twice := given_twice(line.words):
        raise SupremeError(f"{twice} is given twice: as a word and as a keyword, or by two words")
    own = line.write(folder / "conf")
    return line.words, [own] if own else []


def _output_dir(words: Sequence[str], values: dict[str, Any]) -> Path:
    given = [word.partition("=")[2].strip("'\"") for word in words if word.startswith("output_dir=")]
    return Path(values.get("output_dir") or (given[-1] if given else "outputs"))


def _rows(done: Swept) -> pd.DataFrame:
    """The rows of the sweep's cells.

    Raises:
        SweepFailedError: there are not all of them, or the reports could not be written.
    """
    has_rows = any(done.plan.at.row_path(cell).exists() for cell in done.plan.cells)
    frame = pd.DataFrame(columns=list(COLUMNS))
    if has_rows:
        frame = report.of_cells(report.load(done.plan.at.output_dir), {cell.id for cell in done.plan.cells})
    if why := [*_failures(done), *([str(done.unwritten)] if done.unwritten else [])]:
        error = SweepFailedError("\n".join([*why, "the rows of all others are in the frame of this exception"]))
        error.frame = frame
        raise error
    return frame


def _failures(done: Swept) -> Iterator[str]:
    """A line for each cell and each audit that failed, below one that counts them."""
    failed = [done.outcomes[cell.id] for cell in done.failed]
    for what, outcomes, total in (
        ("cells", failed, len(done.plan.cells)),
        ("audits", done.failed_audits, len(done.plan.audits)),
    ):
        if outcomes:
            yield f"{len(outcomes)} of {total} {what} failed; the same call again runs only what is missing"
        for outcome in outcomes:
            came_from = cause(outcome, done.outcomes).task.log
            log = f" (log: {came_from})" if came_from.exists() else ""
            yield f"  {outcome.task.label}: {told(outcome, done.outcomes)}{log}"


@contextmanager
def _told_on_stderr() -> Iterator[None]:
    """Tell on standard error what the command line tells there, unless this process logs by itself."""
    logger = logging.getLogger("supreme")
    if logger.hasHandlers():
        yield
        return
    handler, level = LogHandler(), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
