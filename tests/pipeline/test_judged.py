"""data.evaluate_on=validation: other images judge, nothing is trained anew, and no test image has a part in a row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hydra import compose, initialize_config_dir

from supreme.command_line.conf_folder import CONF
from supreme.core import SupremeError
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.pipeline.ensembles import audit_jobs
from supreme.sweep.plan.compose import plain_values
from supreme.sweep.plan.planned_columns import planned_columns

ON_VALIDATION = "data.evaluate_on=validation"


def cell_of(directory: Path, *overrides: str) -> Cell:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("config", [f"data_dir={directory}", "tuned=none", *overrides], return_hydra_config=True)
    return Cell.from_config(plain_values(config), dict(config.hydra.runtime.choices)).resolved(directory)


@pytest.mark.parametrize("scenario", ["random", "full_class"])
def test_the_models_are_those_of_a_sweep_on_test_images_and_the_row_is_not(tmp_path: Path, scenario: str) -> None:
    on_test, on_validation = (cell_of(tmp_path, f"scenario={scenario}", *more) for more in ([], [ON_VALIDATION]))
    for stage in ("original", "reference", "unlearned"):
        assert on_validation.key(stage) == on_test.key(stage)
    assert on_validation.id != on_test.id
    assert "evaluate_on" not in on_test.nodes["data"]
    assert cell_of(tmp_path, f"scenario={scenario}", "data.evaluate_on=test").id == on_test.id


@pytest.mark.parametrize("scenario", ["random", "full_class"])
def test_validation_images_take_the_place_of_every_test_image(tmp_path: Path, scenario: str) -> None:
    cell = cell_of(tmp_path, f"scenario={scenario}", ON_VALIDATION)
    data, trained, judging = cell.decoded, cell.split(), cell.judging_split()
    judges = np.concatenate([judging.forget_test.indices, judging.retain_test.indices])
    assert sorted(judges) == sorted(judging.test.indices) == sorted(data.validation)
    assert not set(judges) & {*data.test.tolist()}
    forgotten = np.isin(data.labels[judging.forget_test.indices], judging.forget_classes)
    assert forgotten.all()
    assert len(forgotten) == (10 if scenario == "full_class" else 0)
    for name in ("forget", "retain", "validation"):
        assert np.array_equal(getattr(judging, name).indices, getattr(trained, name).indices)
    assert sorted(trained.test.indices) == sorted(data.test)


def test_planned_columns_are_those_of_the_images_that_judge(tmp_path: Path) -> None:
    columns = [planned_columns(cell_of(tmp_path, "scenario=full_class", *more)) for more in ([], [ON_VALIDATION])]
    assert columns[0]
    assert list(columns[0]) == list(columns[1] or ())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("data.evaluate_on=tset",), "data.evaluate_on=tset is not allowed: give test or validation"),
        (
            (ON_VALIDATION, "data.validation_per_class=0"),
            "data digits has no validation images; type data.validation_fraction=0.1, say",
        ),
        ((ON_VALIDATION, "scenario=backdoor"), "is not possible with scenario backdoor, whose forget set or images"),
        ((ON_VALIDATION, "audit=[u_lira]"), "audits judge by test images: leave data.evaluate_on=validation out"),
    ],
)
def test_what_cannot_be_judged_by_validation_images_is_refused(
    tmp_path: Path, words: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(SupremeError, match=sentence.replace("(", "\\(")):
        cell_of(tmp_path, *words)


def test_an_audit_of_test_images_is_still_possible_without_the_option(tmp_path: Path) -> None:
    cells = [cell_of(tmp_path, "audit=[retrain_ensemble]", f"seed={seed}", "seeds.forget=0") for seed in (0, 1)]
    assert [job.name for job in audit_jobs(cells)] == ["retrain_ensemble"]
    assert all(name in cells[0].nodes for name in COMPONENTS)
