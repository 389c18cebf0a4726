"""What holds of every graph of tasks and of every command line."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import pytest
from hydra.core.global_hydra import GlobalHydra
from hypothesis import given, settings
from hypothesis import strategies as st

from supreme.cli import CONF
from supreme.pipeline import judged, twins
from supreme.sweep.executors.dry_run import DryRunExecutor
from supreme.sweep.plan.compose import Composer, plain_values
from supreme.sweep.schedule.scheduler import run
from supreme.sweep.schedule.tasks import Event, Outcome, Started, Task


def call() -> None:
    """What a task of a dry run would do."""


@st.composite
def graphs(draw: st.DrawFn) -> list[tuple[float, tuple[int, ...]]]:
    """Of each task the seconds that it takes and the earlier tasks that it needs."""
    count = draw(st.integers(1, 12))
    return [
        (
            draw(st.floats(0.0, 10.0)),
            tuple(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else (),
        )
        for number in range(count)
    ]


@settings(deadline=None, max_examples=200)
@given(graph=graphs(), slots=st.integers(1, 4))
def test_any_graph_is_run_in_order_and_no_slot_stands_still_for_longer_than_graham_allows(
    graph: list[tuple[float, tuple[int, ...]]], slots: int
) -> None:
    """Graham, SIAM J. Appl. Math. 1969: whoever never lets a slot stand while a task is ready ends in time
    (2 - 1/m) times the best; the best is no less than the mean load of a slot and than the longest chain."""
    tasks = [
        Task(
            key=str(number),
            label=str(number),
            function=call,
            arguments=(),
            needs=tuple(map(str, needs)),
            log=Path("log"),
            kind="cell",
        )
        for number, (_, needs) in enumerate(graph)
    ]
    seconds = {str(number): length for number, (length, _) in enumerate(graph)}
    executor = DryRunExecutor([f"cpu:{number}" for number in range(slots)], seconds)
    events: list[Event] = []
    outcomes = run(tasks, executor, timeout=None, on_event=events.append)
    assert [outcome.task for outcome in outcomes] == tasks
    assert {outcome.status for outcome in outcomes} == {"done"}
    ended: set[str] = set()
    running = 0
    for event in events:
        if isinstance(event, Started):
            assert set(event.task.needs) <= ended
            running += 1
        elif isinstance(event, Outcome):
            ended.add(event.task.key)
            running -= 1
        assert 0 <= running <= slots
    chains: list[float] = []
    for length, needs in graph:
        chains.append(length + max((chains[need] for need in needs), default=0.0))
    best = max(sum(seconds.values()) / slots, max(chains))
    assert best - 1e-6 <= executor.seconds <= (2 - 1 / slots) * best + 1e-6


@pytest.fixture(scope="module")
def composer() -> Iterator[Composer]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


CHOICES = {
    "method": ("scrub", "ssd", "chain", "retrain"),
    "scenario": ("random", "full_class", "backdoor"),
    "recipe": ("sgd", "adamw", "digits-small_cnn"),
    "metric": ("accuracy", "[accuracy,membership]"),
    "protocol": ("fixed", "supreme_paper"),
    "model": ("small_cnn", "resnet18"),
}
VALUES = {
    "seed": st.integers(0, 99),
    "seeds.forget": st.integers(0, 9),
    "recipe.lr": st.sampled_from(("0.1", "1e-3", "5")),
    "recipe.epochs": st.integers(1, 9),
    "threads": st.integers(1, 4),
    "deterministic": st.sampled_from(("true", "false")),
    "output_dir": st.sampled_from(("outputs", "/tmp/a b", "'with=sign'")),
    "+recipe.note": st.just("x"),
}


@st.composite
def command_lines(draw: st.DrawFn) -> list[str]:
    chosen = [
        f"{group}={draw(st.sampled_from(CHOICES[group]))}" for group in draw(st.sets(st.sampled_from([*CHOICES])))
    ]
    given = [f"{key}={draw(VALUES[key])}" for key in draw(st.sets(st.sampled_from([*VALUES]), max_size=4))]
    return draw(st.permutations([*chosen, *given]))


@pytest.mark.slow
@settings(deadline=None, max_examples=25)
@given(overrides=command_lines())
def test_the_fast_composition_of_any_command_line_is_hydras_own(composer: Composer, overrides: list[str]) -> None:
    wanted: Any = plain_values(composer._loader.load_sweep_config(composer._config, [*overrides, "tuned=none"]))
    cell, where = composer([*overrides, "tuned=none"])
    nodes = {name: wanted[name] for name in cell.nodes}
    assert cell.nodes == nodes | {"data": judged.checked(twins.checked(nodes["data"]))}  # without what is the default
    assert cell.metrics == wanted["metric"]
    assert (cell.seed, cell.seeds) == (wanted["seed"], wanted["seeds"])
    assert (cell.threads, cell.deterministic) == (wanted["threads"], wanted["deterministic"])
    assert str(where.output_dir) == wanted["output_dir"]
