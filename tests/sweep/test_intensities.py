"""A sweep over the intensity of each method: which cells it spans, and where it is refused."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from conftest import Run
from test_plan import composer  # noqa: F401

from supreme.core import SupremeError
from supreme.sweep.plan.compose import Composer, Problems, compose_all
from supreme.sweep.plan.intensities import with_intensities
from supreme.sweep.plan.search_spaces import SearchSpaces, repository_of


def spanned(composer: Composer, *jobs: Sequence[str]) -> list[list[str]]:  # noqa: F811
    return with_intensities(jobs, composer.search_spaces, lambda overrides: composer(overrides)[0])


def values(jobs: Sequence[Sequence[str]]) -> list[str]:
    return [job[-1] for job in jobs]


def test_a_method_runs_over_factors_of_the_value_that_its_preset_or_its_yaml_gives(composer: Composer) -> None:  # noqa: F811
    preset = spanned(composer, ["method=scrub", "seed=1"])  # digits at random: 2.5e-4
    own = spanned(composer, ["method=scrub", "seed=1", "tuned=none"])
    numbers = ["2.5e-05", "7.5e-05", "0.00025", "0.0005", "0.001", "0.002"]
    assert preset == [["method=scrub", "seed=1", f"method.lr={number}"] for number in numbers]
    assert values(own) == [
        f"method.lr={number}" for number in ("5e-05", "0.00015", "0.0005", "0.001", "0.002", "0.004")
    ]


def test_a_method_with_values_of_its_own_runs_over_these(composer: Composer) -> None:  # noqa: F811
    found = spanned(composer, ["method=cup"])
    assert values(found) == [f"method.intensity={value}" for value in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9)]


def test_the_plain_cell_is_among_them_so_that_nothing_is_computed_twice(composer: Composer) -> None:  # noqa: F811
    plain = composer(["method=ssd"])[0]
    cells, _ = compose_all(composer, spanned(composer, ["method=ssd"]), Problems())
    assert plain.id in {cell.id for cell in cells}
    assert len({cell.id for cell in cells}) == 6


def test_a_value_that_the_command_line_gives_wins_for_its_method(composer: Composer) -> None:  # noqa: F811
    given = [["method=ssd", "method.alpha=2"], ["method=ssd", "method.alpha=5"]]
    assert spanned(composer, *given) == given
    assert len(spanned(composer, ["method=ssd", "method.dampening=0.5"])) == 6


def test_methods_that_nothing_grades_are_one_point_and_told(composer: Composer, caplog: Any) -> None:  # noqa: F811
    points = [["method=retrain", "seed=0"], ["method=retrain", "seed=1"], ["method=head_only"]]
    with caplog.at_level(logging.INFO, logger="supreme"):
        assert spanned(composer, *points) == points
    first, second = caplog.messages
    assert first == (
        "method retrain is one point of the frontier: nothing in conf/search/retrain.yaml grades how hard it forgets"
    )
    assert second.startswith("method head_only is one point of the frontier: the new head has forgotten everything")


def test_a_job_that_is_no_cell_is_left_for_the_plan_to_refuse(composer: Composer) -> None:  # noqa: F811
    wrong = ["method=ssd", "method.alhpa=2"]
    assert spanned(composer, wrong) == [wrong]


def test_factors_of_what_is_no_number_are_refused_before_anything_runs(composer: Composer, tmp_path: Path) -> None:  # noqa: F811
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "eu_k.yaml").write_text(
        "space: {layers: 'range(1, 4)'}\nintensity: {field: epochs, factors: [1, 2]}\n"
    )
    spaces = SearchSpaces(repository_of([tmp_path]))
    with pytest.raises(SupremeError) as refused:
        with_intensities([["method=eu_k"]], spaces, lambda overrides: composer(overrides)[0])
    assert str(refused.value) == (
        "search/eu_k.yaml has factors of method.epochs, which is None here: give numbers, as in method.epochs=0.1,1,10"
    )


def test_the_experiment_spans_each_method_over_its_own_field(supreme: Run, tmp_path: Path) -> None:
    words = ["experiment=frontier", "method=ssd,finetune,retrain", "seed=range(2)", "data.train_per_class=30"]
    told = supreme(*words, "dry_run=true", f"output_dir={tmp_path}")
    assert told.returncode == 0, told.stderr
    cells = [line.split()[-2:] for line in told.stdout.splitlines() if line.startswith("  ") and "seed=" in line]
    assert len(cells) == 20
    assert "to run: 26" in told.stderr
    assert "method retrain is one point of the frontier" in told.stderr
    assert (
        "does not apply: data.train_per_class=30 (12 cells)" in told.stderr
    )  # those composed to find values count not


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["search=ssd"], "supreme: search= chooses nothing: the files of conf/search are of methods; leave it out"),
        (["sweep_intensity=true"], "supreme: sweep_intensity=true is for a sweep of supreme's own: add -m"),
        (["-m", "sweep_intensity=2", "dry_run=true"], "supreme: sweep_intensity=2 is not allowed: give true or false"),
        (
            ["-m", "sweep_intensity=true,false", "dry_run=true"],
            "supreme: sweep_intensity is one for all runs and cannot be swept; give true or false",
        ),
        (
            ["-m", "hydra/sweeper=basic", "sweep_intensity=true"],
            "supreme: sweep_intensity=true is for a sweep of supreme's own: type hydra/sweeper=supreme, or leave it "
            "out",
        ),
    ],
)
def test_where_nothing_reads_it_the_key_is_refused_in_one_sentence(
    supreme: Run, tmp_path: Path, words: list[str], sentence: str
) -> None:
    told = supreme(*words, "method=ssd", f"output_dir={tmp_path}")
    assert told.returncode == 1
    assert told.stderr.splitlines()[-1] == sentence
    assert not (tmp_path / "rows").exists()
