"""Which rows stand beside which published numbers: those of the same recipe, forget set and attack, and no others."""

from typing import Any

import numpy as np
import pytest
import yaml
from results import cell_of
from scipy import stats

from supreme.report.catalogue.methods import CONF
from supreme.report.command import main
from supreme.report.published.comparison import against
from supreme.report.published.files import FOLDER, chosen, published
from supreme.report.published.recipes import recipes
from supreme.report.rows.load import read_results

DUALOPTIM = {  # arXiv 2504.15827, appendix B.1
    "optimizer": "sgd",
    "lr": 0.1,
    "momentum": 0.9,
    "nesterov": False,
    "weight_decay": 0.0005,
    "batch_size": 128,
    "epochs": 200,
    "schedule": "cosine",
    "milestones": [],
    "warmup_epochs": 0.0,
    "label_smoothing": 0.0,
    "crop_padding": 4,
    "horizontal_flip": True,
    "rotation_degrees": 0.0,
    "precision": "tf32",
}
COLUMNS = ("accuracy/forget", "accuracy/retain", "accuracy/test", "membership/entropy_attack")


def row(seed: int, method: str = "finetune", value: float = 0.9, **changes: Any) -> dict[str, Any]:
    """Of the recipe of DualOptim's table 1a, but for `changes`: keys of the config, and `columns`."""
    values = dict.fromkeys(changes.pop("columns", COLUMNS), value)
    config: dict[str, Any] = {
        "data": {"_target_": "d.D", "validation_fraction": 0.1, "train_per_class": None},
        "model": {"_target_": "m.M", "width": 64},
        "recipe": {"_target_": "r.R", **DUALOPTIM},
        "scenario": {"_target_": "s.S", "fraction": 0.1, "count": None},
        "method": {"_target_": "u.U", "lr": 0.013},
        "metric": {"membership": {"_target_": "m.Membership", "entropy_solver": "sklearn"}},
    }
    names = {"data": "cifar10", "model": "resnet18", "recipe": "dualoptim", "scenario": "random", "method": method}
    reference, given = changes.pop("reference", 0.9), dict(changes)
    for key, changed in given.items():
        kind, _, field = key.partition(".")
        if field:
            config[kind][field] = changed
        else:
            names[kind] = changed
    return {
        "cell": cell_of(method, seed, value, *map(str, given.items())),
        **names,
        "seed": seed,
        "seeds": {"forget": seed, "reference": 0, "unlearn": 0, "evaluate": 0},
        "metrics": values,
        "reference": dict.fromkeys(values, reference),
        "original": dict.fromkeys(values, 1.0),
        "sets": {"forget": 4500, "retain": 40500, "test": 10000},
        "changed": {key: value for key, value in given.items() if "." in key},
        "config": config,
    }


def beside(folder: Any, name: str = "published") -> Any:
    return against(read_results(folder)[0], chosen(name))


# The recipe.


def test_rows_of_the_values_of_a_recipe_are_paired_whatever_their_recipe_is_called(saved: Any) -> None:
    found = beside(saved(row(0, recipe="sgd"), row(1, recipe="sgd")))
    assert set(found["published_recipe"]) == {"dualoptim_cifar10_10"}
    assert set(found["recipe"]) == {"sgd"}
    assert set(found["metric"]) - set(COLUMNS) == {", ".join(COLUMNS)}  # of the average


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"recipe.epochs": 182}, "recipe.epochs is 182, published with 200"),
        ({"recipe.batch_size": 256}, "recipe.batch_size is 256, published with 128"),
        ({"recipe.schedule": "multistep"}, "recipe.schedule is multistep, published with cosine or cosine_by_epoch"),
        ({"recipe.nesterov": True}, "recipe.nesterov is changed to true"),
        ({"data.train_per_class": 20}, "data.train_per_class is changed to 20"),
        ({"model.width": 32}, "model.width is changed to 32"),
        ({"scenario.fraction": 0.2}, "scenario.fraction is 0.2, published with 0.1"),
        ({"scenario.count": 4500}, "scenario.count is 4500, published with null"),
        ({"protocol": "supreme_paper"}, "protocol is supreme_paper, published with fixed"),
    ],
)
def test_a_row_with_another_value_of_the_recipe_is_left_out_by_name(
    saved: Any, changes: dict[str, Any], sentence: str
) -> None:
    found = beside(saved(row(0, **changes)), "dualoptim_cifar10_10")
    assert not len(found)
    (told,) = found.attrs["left_out"]
    assert sentence in told
    assert told.startswith("Left out: 1 row of cifar10 · ")
    assert "random; the nearest recipe is dualoptim_cifar10_10, but " in told


def test_numerics_and_paths_keep_no_row_away(saved: Any) -> None:
    found = beside(saved(row(0, **{"recipe.precision": "bf16", "data.root": "/elsewhere", "data.split_seed": 1})))
    assert set(found["published_recipe"]) == {"dualoptim_cifar10_10"}


def test_the_same_recipe_with_half_of_the_images_is_another_table(saved: Any) -> None:
    folder = saved(row(0, **{"scenario.fraction": 0.5}))
    found = beside(folder)
    assert set(found["published_recipe"]) == {"dualoptim_cifar10_50"}
    assert not [told for told in found.attrs["left_out"] if told.startswith("Left out: ")]  # it has found its table
    (told,) = [one for one in beside(folder, "dualoptim_cifar10_10").attrs["left_out"] if one.startswith("Left out: ")]
    assert "but scenario.fraction is 0.5, published with 0.1." in told


def test_a_method_that_has_not_the_published_values_is_left_out_and_its_reference_stays(saved: Any) -> None:
    found = beside(saved(row(0), row(0, "salun")), "dualoptim_cifar10_10")
    assert set(found["method"]) == {"reference", "finetune"}
    told = found.attrs["left_out"][0]
    assert "salun is published with one optimizer and two learning rates" in told
    assert "experiment=" not in told  # which would not help


def test_other_data_are_not_worth_a_sentence(saved: Any) -> None:
    assert beside(saved(row(0, data="svhn2"))).attrs["left_out"] == []


def test_what_a_table_has_and_the_rows_have_not_is_told_and_the_reverse(saved: Any) -> None:
    folder = saved(row(0, columns=COLUMNS[:3]), row(0, "ssd", columns=COLUMNS[:3]))
    told = " ".join(beside(folder, "dualoptim_cifar10_10").attrs["left_out"])
    assert "MIA is membership/entropy_attack, which these rows lack: name membership in metric=[...]" in told
    assert "published, and not among these rows: neggrad, random_label, scrub, " in told
    assert "among these rows, and not published: ssd." in told


def test_each_recipe_of_a_number_is_told_and_each_that_is_told_has_numbers() -> None:
    assert {one.recipe for one in published()} == set(recipes())


def test_recipes_name_keys_that_configs_have() -> None:
    told = yaml.safe_load((FOLDER / "recipes.yaml").read_text())
    keys = {key for node in told["recipes"].values() for key in node["cell"]} | {*told["free"]}
    for key in keys - {"model", "recipe", "protocol", "recipe.deterministic", "recipe.threads"}:
        kind, field = key.split(".")
        assert any(f"\n{field}:" in path.read_text() for path in (CONF / kind).glob("*.yaml")), key


# The numbers.


def test_a_population_sd_is_made_a_sample_sd_before_welch(saved: Any) -> None:
    ours = (0.99, 0.98, 1.0)
    found = beside(saved(*(row(seed, value=value) for seed, value in enumerate(ours))), "dualoptim_cifar10_10")
    line = found.query("method == 'finetune' and metric == 'accuracy/forget' and quantity == 'value'").iloc[0]
    assert (line["published"], line["published_spread"], line["published_seeds"]) == (0.9916, 0.001, 5)
    assert line["sd"] == pytest.approx(0.01)
    assert line["sd_population"] == pytest.approx(np.std(ours))
    assert line["difference_by"].startswith("Welch, from their sd over n")
    shares = 0.01**2 / 3, 0.001**2 * 5 / 4 / 5  # variances of the means; the published one over n - 1
    freedom = sum(shares) ** 2 / (shares[0] ** 2 / 2 + shares[1] ** 2 / 4)
    half = stats.t.ppf(0.975, freedom) * sum(shares) ** 0.5
    assert (line["difference_low"], line["difference_high"]) == pytest.approx((-0.0016 - half, -0.0016 + half))


def test_the_gap_of_means_is_none_of_the_means_of_gaps(saved: Any) -> None:
    folder = saved(row(0, value=0.94, reference=0.96), row(1, value=0.96, reference=0.94))
    found = beside(folder, "dualoptim_cifar10_10").query("method == 'finetune'")
    assert found["gap_of_means"].dropna().tolist() == pytest.approx([0.0] * 4)  # each seed's gap is 0.02
    (average,) = found.query("quantity == 'average_gap_of_means'").to_dict("records")
    assert average["mean"] == pytest.approx(0)
    assert average["published"] == pytest.approx((0.0455 + 0.0016 + 0.0015 + 0.1251) / 4)


@pytest.mark.parametrize(("method", "printed"), [("random_label", 0.0280), ("dualoptim_salun", 0.0093)])
def test_the_average_gap_of_the_published_means_is_the_one_that_the_paper_prints(
    saved: Any, method: str, printed: float
) -> None:
    found = beside(saved(row(0, method)), "dualoptim_cifar10_10").query(
        "method == @method and quantity == 'average_gap_of_means'"
    )
    assert found["published"].item() == pytest.approx(printed, abs=0.000051)


def test_the_average_goes_over_the_columns_that_both_have(saved: Any) -> None:
    found = beside(saved(row(0, columns=COLUMNS[:2])), "dualoptim_cifar10_10").query(
        "quantity == 'average_gap_of_means'"
    )
    assert found["metric"].item() == "accuracy/forget, accuracy/retain"
    assert found["published"].item() == pytest.approx((0.0455 + 0.0016) / 2)


# For people.


def test_the_tables_say_kinds_of_spread_ideals_and_what_is_not_compared(
    saved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = saved(*(row(seed, value=0.98 + seed / 100) for seed in range(3)))
    assert main([str(folder), "--against", "dualoptim_cifar10_10", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    title = (
        "## beside the published dualoptim_cifar10_10: cifar10 · resnet18 · dualoptim · random · fixed · fraction=0.1"
    )
    assert title in told
    assert "### FA is accuracy/forget, in %, ideal: near the reference's" in told
    assert "| finetune | 99.00 ± 0.82 [96.52, 101.48], 3 seeds | 99.16 ± 0.10 5 seeds | -0.16 [" in told
    assert "ours: mean ± population SD, as theirs, over training seeds" in told
    assert "published: mean ± population SD over five draws of the forget set" in told
    assert "| method | FA | RA | TA | MIA | average |" in told
    assert "| finetune | 9.00 / 4.55 | 9.00 / 0.16 | " in told
    assert "Values of methods are ours and not compared, of conf/method: finetune." in told
    assert "Source: arXiv 2504.15827 table 1a (full text)." in told


def test_what_is_printed_without_spread_and_seeds_is_shown_without_them(
    saved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    card = {"recipe.nesterov": True, "data.validation_fraction": 0.0, "scenario": "full_class", "scenario.target": 3}
    one = row(0, "retrain", columns=("accuracy/retain_test",), **card)
    del one["config"]["scenario"]["fraction"]
    assert main([str(saved(one)), "--against", "class_cards", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert "| reference | 90.00 [n/a], 1 seed | 96.60 1 seed | -6.60 [n/a] |" in told
    assert "published: one model of each class, as printed" in told
    assert "(page, look again before a claim)" in told


COUN = {
    "recipe.batch_size": 256,
    "recipe.epochs": 182,
    "recipe.schedule": "multistep",
    "recipe.milestones": [91, 136],
    "recipe.gamma": 0.1,
}


def test_tables_of_two_shares_of_one_recipe_stand_apart(saved: Any, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(seed, **COUN, **{"scenario.fraction": share}) for seed in (0, 1) for share in (0.1, 0.5)]
    assert main([str(saved(*rows)), "--against", "coun", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    for share, printed in (("0.1", "99.99 ± 0.00"), ("0.5", "99.38 ± 0.24")):
        (block,) = [one for one in told.split("## beside the published coun: ") if f" · fraction={share}\n" in one]
        retain = block.partition("### Retain is accuracy/retain")[2].partition("###")[0]
        (line,) = [line for line in retain.splitlines() if line.startswith("| finetune |")]
        assert f"| {printed} 10 seeds |" in line


def test_forgotten_classes_with_a_number_each_are_lines_of_one_table(
    saved: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    card = {"recipe.nesterov": True, "data.validation_fraction": 0.0, "scenario": "full_class"}
    rows = [row(0, "retrain", columns=("accuracy/retain_test",), **card, **{"scenario.target": one}) for one in (0, 3)]
    for one in rows:
        del one["config"]["scenario"]["fraction"]
    folder = str(saved(*rows))
    assert main([folder, "--against", "class_cards", "--format", "markdown"]) == 0
    told = capsys.readouterr().out
    assert told.count("## beside the published class_cards: ") == 1
    assert "| reference, target=0 | 90.00 [n/a], 1 seed | 95.30 1 seed | -5.30 [n/a] |" in told
    assert "| reference, target=3 | 90.00 [n/a], 1 seed | 96.60 1 seed | -6.60 [n/a] |" in told
    assert main([folder, "--against", "class_cards"]) == 0


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dualoptm", "did you mean dualoptim or dualoptim_svhn"),
        ("salum", "did you mean salun?"),
        ("publshed", "did you mean published?"),
        ("nothing like it", "there is published (all), class_cards, cmf, coun"),
        ("", "there is published (all), class_cards"),
    ],
)
def test_a_wrong_name_is_refused_before_a_row_is_read(capsys: pytest.CaptureFixture[str], name: str, told: str) -> None:
    assert main(["no_such_folder", "--against", name]) == 1
    error = capsys.readouterr().err
    assert f"--against {name}: no published table is called so; " in error
    assert told in error


@pytest.mark.parametrize(("name", "count"), [("dualoptim", 200), ("dualoptim_svhn", 40), ("arXiv 2509.16391", 215)])
def test_a_file_a_recipe_or_a_source_choose_their_numbers(name: str, count: int) -> None:
    assert len(chosen(name)) == count
