"""A whole search: from the words of a command line to the studies of its methods."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.core.output import out
from supreme.pipeline.cell import Cell
from supreme.store.files import digest
from supreme.sweep.executors.local.leftovers import sweep_leftovers
from supreme.sweep.executors.local.lock_file import LockFile
from supreme.sweep.hydra_keys import refuse_in_sweep
from supreme.sweep.hydra_sweep import OffersExecutor, closed, in_use, tell_presets
from supreme.sweep.plan.compose import Composer, Problems, compose_all, expand
from supreme.sweep.plan.dimension import Dimension
from supreme.sweep.plan.intensities import refuse_intensity
from supreme.sweep.plan.plan import make_plan, resolve
from supreme.sweep.plan.preset_files import flat
from supreme.sweep.plan.settings import Settings
from supreme.sweep.searches import is_ours
from supreme.sweep.tuning.goal import Goal
from supreme.sweep.tuning.goals import goal_of, metrics_of
from supreme.sweep.tuning.method_space import dimensions_of, told_space
from supreme.sweep.tuning.options import Options
from supreme.sweep.tuning.search import Budget, search
from supreme.sweep.tuning.study import MethodStudy
from supreme.sweep.tuning.trials import Trials

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Searched:
    """What became of a search."""

    folder: Path
    studies: Sequence[MethodStudy]
    options: Options
    trials: Trials


def tuned(sweeper: Any, arguments: Sequence[str], options: Options) -> Searched | None:
    """Search values for every method that the command line names, as far as the budget goes; None of a dry run.

    Raises:
        SupremeError: something is wrong with a method, its space or the place; nothing has run. Or what every trial
            needs has failed.
    """
    if not is_ours(sweeper.config.hydra.sweeper):
        raise SupremeError(
            "an experiment that has a sweeper of its own is none for supreme tune: leave experiment= out"
        )
    if not isinstance(sweeper.launcher, OffersExecutor):
        raise SupremeError("supreme tune runs with hydra/launcher=local, slurm or ray: leave the other one out")
    refuse_in_sweep(sweeper.config.hydra, True)
    composer = Composer(sweeper.hydra_context, sweeper.config, found=False)
    methods, words = _asked(expand(sweeper, arguments, composer))
    spaces = {method: told_space(composer, method, options) for method in methods}
    cells, settings = _composed(composer, methods, words, options.seeds)
    refuse_intensity(settings, "a search has spaces of its own, so leave it out")
    executor = sweeper.launcher.executor(settings)
    with closed(executor):
        if not settings.dry_run:
            executor.warm_up(len(cells))
        cells = _checked(cells, settings)
        tell_presets(composer.presets)
        by_method = {method: [cell for cell in cells if cell.names["method"] == method] for method in methods}
        goal = goal_of(by_method, settings.objectives)
        trials = Trials(
            launcher=sweeper.launcher,
            composer=composer,
            words=words,
            settings=replace(settings, study=_name(cells, goal, options), objectives=()),
            located={cell.seed: cell for cell in by_method[methods[0]]},
            metrics={method: metrics_of(own[0], goal) for method, own in by_method.items()},
            goal=goal,
        )
        dimensions = {method: dimensions_of(method, by_method[method][0], *spaces[method]) for method in methods}
        folder = trials.settings.workplace().results
        if settings.dry_run:
            _tell_plan(folder, dimensions, goal, options)
            return None
        trials.use(executor)
        with _alone(folder), in_use(settings):
            journal = folder / "journal.log"
            studies = [
                _study(method, dimensions[method], own, trials, journal, options) for method, own in by_method.items()
            ]
            log.info(
                "%s: %s, up to %d trials each on %d training seeds",
                folder,
                ", ".join(methods),
                options.budget,
                len(options.seeds),
            )
            search(studies, Budget(trials=options.budget, sample_passes=options.budget_passes), trials)
    return Searched(folder=folder, studies=studies, options=options, trials=trials)


def _checked(cells: Sequence[Cell], settings: Settings) -> list[Cell]:
    """The cells with their splits drawn, each of which could run, in a place that can be written.

    Raises SupremeError where that is not so.
    """
    at, problems = settings.workplace(), Problems()
    at.store.refuse_unwritable()
    resolved = resolve(cells, settings.output_dir, problems)
    make_plan(resolved, at, problems)
    if not settings.dry_run:
        at.store.prepare()
        at.store.sweep_temporary()
        sweep_leftovers()
    return resolved


def _tell_plan(folder: Path, spaces: Mapping[str, Mapping[str, Dimension]], goal: Goal, options: Options) -> None:
    """What a search would do."""
    seeds, cells = len(options.seeds), len(spaces) * options.budget * len(options.seeds)
    out("Dry run: nothing is started.\n")
    out(
        f"{len(spaces)} methods, {options.budget} trials each, {seeds} training seeds: up to {cells} cells on {seeds} "
        f"originals and {seeds} references; {goal}; in {folder}\n",
        wrap=True,
    )
    for method, space in spaces.items():
        out(f"- {method}: {', '.join(f'{field} in {one.text}' for field, one in space.items())}\n", wrap=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Inside, no other process of this machine works in the folder of a study."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = LockFile(folder / "lock")
    if not lock.acquire():
        raise SupremeError(f"another process works on this search ({folder}): wait until it ends, or stop it")
    try:
        yield
    finally:
        lock.release()


def _asked(jobs: Sequence[Sequence[str]]) -> tuple[list[str], list[str]]:
    """The methods of these jobs, and the words that they share.

    Raises SupremeError where they differ in something else.
    """
    methods = list(dict.fromkeys(word.partition("=")[2] for job in jobs for word in job if word.startswith("method=")))
    rests = [[word for word in job if not word.startswith(("method=", "seed="))] for job in jobs]
    if differing := [word for rest in rests for word in rest if word not in rests[0]]:
        key = differing[0].partition("=")[0]
        raise SupremeError(
            f"{key}= is a list, and a search is for one value of it: give one, and the same command again for the next"
        )
    return methods, rests[0]


def _composed(
    composer: Composer, methods: Sequence[str], words: Sequence[str], seeds: Sequence[int]
) -> tuple[list[Cell], Settings]:
    """The cells of all methods with the values that they have without a search."""
    problems = Problems()
    jobs = [[*words, f"method={method}", f"seed={seed}"] for method in methods for seed in seeds]
    cells, settings = compose_all(composer, jobs, problems)
    problems.refuse()
    if settings is None:
        raise AssertionError("a job without settings is a problem")
    return cells, settings


def _name(cells: Sequence[Cell], goal: Goal, options: Options) -> str:
    """What the search is called: after what it is for, so that another budget or another method goes on with it."""
    cell = cells[0]
    shared = sorted({(one.key("original"), one.key("reference"), one.seeds["evaluate"]) for one in cells})
    parts = [shared, cell.scenario, str(goal), list(options.seeds)]
    return "-".join([*(cell.names[group] for group in ("data", "model", "scenario")), digest(parts)[:8]])


def _study(
    method: str,
    dimensions: Mapping[str, Dimension],
    cells: Sequence[Cell],
    trials: Trials,
    journal: Path,
    options: Options,
) -> MethodStudy:
    metrics = {name: cells[0].metric_keys[name] for name in trials.metrics[method]}
    texts = {field: one.text for field, one in dimensions.items()}
    parts = [[cell.id for cell in cells], metrics, texts, str(trials.goal), options.at_once]
    values = flat(cells[0].nodes["method"])
    return MethodStudy(
        method=method,
        name=f"{method}-{digest(parts)[:16]}",
        space=dimensions,
        defaults={field: values[field] for field in dimensions},
        direction=trials.goal.direction,
        journal=journal,
        at_once=options.at_once,
    )
