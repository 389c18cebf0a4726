"""A preset applies where its scope holds and nowhere else, by itself or by name, whichever way a cell is composed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from string import Template
from types import SimpleNamespace
from typing import Any

import hydra
import pytest
import yaml
from conftest import Run
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from supreme.cli import CONF
from supreme.command_line.read_once import config_files_read_once
from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.sweep.plan.compose import Composer
from supreme.sweep.plan.preset_files import Preset, PresetFiles, flat
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.scope import ANY
from tests.conf_files import node_of

METHODS = sorted(
    path.stem
    for path in (CONF / "tuned").glob("*.yaml")
    if any(entry["name"] != "default" for entry in yaml.safe_load(path.read_text(encoding="utf-8")))
)
OTHERS = {"data": "image_folder", "model": "preact_resnet18", "recipe": "sgd", "scenario": "backdoor"}
"""A choice of each group that no preset is for."""


@pytest.fixture(scope="module")
def warm() -> Iterator[Composer]:
    with config_files_read_once(), hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


@pytest.fixture
def composer(warm: Composer) -> Composer:
    """One that has passed over no preset yet."""
    warm.presets._passed_over.clear()
    warm.presets._strangers.clear()
    return warm


def tuned(composer: Composer, *overrides: str) -> Any:
    return composer(["data_dir=x", *overrides])[0].tuned


def refusal(composer: Composer, *overrides: str) -> str:
    with pytest.raises(SupremeError) as caught:
        tuned(composer, *overrides)
    return str(caught.value)


Config = tuple[dict[str, Any], dict[str, Any]]
"""What is chosen of each group, and the values."""


def inside(preset: Preset) -> Iterator[Config]:
    """The cells of its scope, as far as choices go, with the recipe of the pair where it asks for none."""
    usual = {
        "data": ["digits"],
        "model": ["small_cnn", "resnet18"],
        "recipe": ["${data}-${model}"],
        "scenario": ["random"],
    }
    choices = {**usual, **preset.scope.choices}
    for data, model, told, scenario in itertools.product(*(choices[group] for group in usual)):
        recipe = Template(told).substitute(data=data, model=model)
        names = {"data": data, "model": model, "recipe": recipe, "scenario": scenario}
        if not (CONF / "recipe" / f"{recipe}.yaml").exists():
            continue
        names |= {"method": preset.method, "tuned": "auto"}
        values = {group: of_yaml(group, name) for group, name in names.items() if group != "tuned"}
        for key, allowed in preset.scope.values.items():
            group, _, field = key.partition(".")
            assert field in values[group], (preset.label, key)
            of_any = {field: 0.25} if field == "fraction" else {}  # which no narrower preset is for
            values[group] |= of_any if allowed == [ANY] else {field: allowed[-1]}
        yield names, values


def outside(preset: Preset, names: dict[str, Any], values: dict[str, Any]) -> Iterator[Config]:
    """The same cell, with another of each thing that the scope asks for in turn."""
    for group in preset.scope.choices:
        yield {**names, group: OTHERS[group]}, values
    for key, allowed in preset.scope.values.items():
        group, _, field = key.partition(".")
        yield dict(names), {**values, group: {**values[group], field: another(allowed[-1])}}
    for field, value in preset.scope.conventions.items():
        yield dict(names), {**values, "method": {**values["method"], field: another(value)}}


def of_yaml(group: str, name: str) -> dict[str, Any]:
    return dict(node_of(CONF / group / f"{name}.yaml"))


def another(value: Any) -> Any:
    """A value that a component could have in place of this one."""
    if value == ANY:
        return [0, 1]
    return {"paper": "reference", "reference": "paper"}.get(value, "another") if isinstance(value, str) else value / 7


@pytest.mark.parametrize("method", METHODS)
def test_every_preset_applies_in_its_scope_and_not_where_any_part_of_it_is_another(
    method: str, composer: Composer
) -> None:
    presets = PresetFiles(composer._sources.repository).of(method)
    conditions = {preset.label: preset.scope.conditions for preset in presets}
    for preset in presets:
        applied = False
        for names, values in inside(preset):
            found = composer.presets(names, values, frozenset)
            assert found is not None
            if found.told["preset"] != preset.label:
                assert conditions[found.told["preset"]] > preset.scope.conditions
                continue
            applied = True
            assert found.told == {
                "preset": preset.label,
                **preset.chosen,
                "kept": list(preset.fields),
                "overridden": [],
            }
            assert build(found.method) != build(values["method"]) or preset.chosen["source"] == "published"
        assert applied
        conventions = frozenset(preset.scope.conventions)
        for other_names, other_values in outside(preset, names, values):
            found = composer.presets(other_names, other_values, partial(frozenset, conventions))
            assert found is None or found.told["preset"] != preset.label
            other_names["tuned"] = preset.name
            with pytest.raises(SupremeError, match=f"tuned={preset.name} is for"):
                composer.presets(other_names, other_values, partial(frozenset, conventions))


@pytest.mark.parametrize("method", METHODS)
def test_a_preset_of_every_method_composes_by_hydra_to_the_same(method: str, composer: Composer) -> None:
    preset = PresetFiles(composer._sources.repository).of(method)[-1]
    names, values = next(inside(preset))
    choices = [f"{group}={names[group]}" for group in ("method", "data", "model", "recipe", "scenario")]
    set_to = [f"{key}={allowed[-1]}" for key, allowed in preset.scope.values.items() if allowed != [ANY]]
    cell, _ = composer(["data_dir=x", *choices, *set_to])
    found = composer.presets(names, values, frozenset)
    assert found is not None
    assert (cell.tuned, cell.nodes["method"]) == (found.told, found.method)


# Cells that are nearly in the scope.


@pytest.mark.parametrize(
    ("overrides", "note"),
    [
        ("scenario.fraction=0.5", "random with scenario.fraction=0.1 does not apply: scenario.fraction=0.5"),
        (
            "scenario.fraction=null scenario.count=20",
            "random with scenario.fraction=0.1 does not apply: scenario.fraction=null",
        ),
        ("recipe=sgd", "random with recipe=digits-small_cnn does not apply: recipe=sgd"),
        ("recipe.epochs=2", "random with recipe.epochs=40 does not apply: recipe.epochs=2"),
        ("data.train_per_class=50", "with data.train_per_class=20 does not apply: data.train_per_class=50"),
        ("method.compat=reference", "random with method.compat=paper does not apply: method.compat=reference"),
        ("protocol=supreme_paper", "random with method.compat=paper does not apply: method.compat=reference"),
        (
            "scenario=full_class scenario.target=[0,1]",
            "full_class with scenario.target=any single value does not apply: scenario.target=[0, 1]",
        ),
    ],
)
def test_the_plan_says_why_a_preset_that_is_nearly_for_a_cell_does_not_apply(
    overrides: str, note: str, composer: Composer
) -> None:
    assert tuned(composer, "method=ssd", *overrides.split())["kept"] == []
    _, line = composer.presets.notes()  # the first is of the values that it has instead
    assert line.startswith("ssd: the preset for digits, small_cnn, ")
    assert note in line


def test_one_line_counts_all_cells_and_names_all_methods_of_a_reason(composer: Composer) -> None:
    for method in ("ssd", "scrub"):
        for seed in range(3):
            tuned(composer, f"method={method}", "scenario.fraction=0.5", f"seed={seed}")
    assert [note for note in composer.presets.notes() if "apply" in note] == [
        "scrub, ssd: the presets for digits, small_cnn, random with scenario.fraction=0.1 do not apply: "
        "scenario.fraction=0.5 (6 cells)"
    ]


def test_nothing_is_said_where_no_preset_is_near(composer: Composer) -> None:
    assert tuned(composer, "method=retrain") is None
    assert composer.presets.notes() == []
    assert tuned(composer, "method=ssd", "model=resnet18")["kept"] == []
    assert tuned(composer, "method=ssd", "scenario.fraction=0.5", "tuned=none")["kept"] == []
    assert not any("apply" in note for note in composer.presets.notes())


# By name.


def test_a_preset_is_asked_for_by_its_name_or_by_what_a_row_calls_it(composer: Composer) -> None:
    for asked in ("digits-small_cnn-random", "ssd/digits-small_cnn-random"):
        assert tuned(composer, "method=ssd", f"tuned={asked}") == tuned(composer, "method=ssd")
    assert tuned(composer, "method=ssd")["preset"] == "ssd/digits-small_cnn-random"
    assert "has no such preset" in refusal(composer, "method=scrub", "tuned=ssd/digits-small_cnn-random")


def test_a_preset_asked_for_outside_its_scope_is_refused_with_what_would_fit(composer: Composer) -> None:
    asked = "tuned=digits-small_cnn-random"
    assert refusal(composer, "method=ssd", asked, "scenario=full_class") == (
        f"{asked} is for scenario=random, and here is scenario=full_class: type what it is for; "
        "tuned=digits-small_cnn-full_class fits, as tuned=auto finds by itself"
    )
    assert refusal(composer, "method=ssd", asked, "scenario.fraction=0.5") == (
        f"{asked} is for scenario.fraction=0.1, and here is scenario.fraction=0.5: type what it is for; "
        "tuned=none leaves presets out"
    )


@pytest.mark.parametrize("name", ["nope", "None", "off", "scrub", "digits-small_cnn-randm", "false_", "ssd/nope"])
def test_a_preset_that_there_is_not_is_refused_with_those_that_there_are(name: str, composer: Composer) -> None:
    told = refusal(composer, "method=ssd", f"tuned={name}")
    assert told.startswith(f"tuned={name}: method ssd has no such preset")
    assert "digits-small_cnn-full_class, digits-small_cnn-random" in told
    assert told.endswith("auto takes the one that fits, none leaves presets out")
    if "rand" in name:
        assert "did you mean digits-small_cnn-random?" in told
    assert refusal(composer, "method=original", f"tuned={name}").endswith("type tuned=auto or tuned=none")


@pytest.mark.parametrize("override", ["tuned=[a,b]", "~tuned"])
def test_tuned_is_one_name(override: str, composer: Composer) -> None:
    assert "tuned takes one name" in refusal(composer, override)


# What wins over what.


def as_hydra_would(composer: Composer, fields: Mapping[str, Any], *overrides: str) -> dict[str, Any]:
    """The method that Hydra composes where these fields stand between the method's YAML and the protocol."""
    ConfigStore.instance().store("as_hydra_would", {"method": with_fields({}, fields)}, "tuned", "_global_")
    try:
        config = composer._loader.load_sweep_config(composer._config, [*overrides, "tuned=as_hydra_would"])
    finally:
        del ConfigStore.instance().repo["tuned"]
    return OmegaConf.to_container(config.method, resolve=True)  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("overrides", "preset"),
    [
        ("method=scrub", "scrub/digits-small_cnn-random"),
        ("method=scrub method.lr=0.5", "scrub/digits-small_cnn-random"),
        ("method=scrub ++method.lr=0.5", "scrub/digits-small_cnn-random"),
        ("method=finetune data=cifar10 model=vit_b16", "finetune/vit_b16"),
        ("method=finetune data=cifar10 model=vit_b16 protocol=supreme_paper", "finetune/vit_b16"),
        ("method=ssd data=pins model=resnet18 scenario=full_class", "ssd/pins-full_class"),
        ("method=ssd data=pins model=resnet18 scenario=full_class protocol=supreme_paper", "ssd/pins-full_class"),
        ("method=ssd data=pins model=resnet18 scenario=full_class method.compat=reference", "ssd/pins-full_class"),
        ("method=bad_teacher data=pins model=resnet18 protocol=supreme_paper", "bad_teacher/supreme-random"),
        ("method=scrub experiment=mine", "scrub/digits-small_cnn-random"),
        ("method=scrub experiment=mine method.lr=0.1", "scrub/digits-small_cnn-random"),
    ],
)
def test_the_command_line_an_experiment_and_a_protocol_win_over_a_preset_and_it_over_the_methods_yaml(
    overrides: str, preset: str, tmp_path: Path
) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\nmethod: {lr: 0.3}\n")
    with composed_with(tmp_path) as own:
        cell, _ = own(["data_dir=x", *overrides.split()])
        assert cell.tuned is not None
        assert cell.tuned["preset"] == preset
        (chosen,) = [
            one for one in PresetFiles(own._sources.repository).of(cell.names["method"]) if one.label == preset
        ]
        assert cell.nodes["method"] == as_hydra_would(own, chosen.fields, "data_dir=x", *overrides.split())
        has = flat(cell.nodes["method"])
        assert cell.tuned["kept"] == [field for field, value in chosen.fields.items() if has[field] == value]
        assert sorted([*cell.tuned["kept"], *cell.tuned["overridden"]]) == sorted(chosen.fields)


@contextmanager
def composed_with(folder: Path) -> Iterator[Composer]:
    """A composer that takes configs from this folder, too."""
    GlobalHydra.instance().clear()
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", [f"hydra.searchpath=[file://{folder}]"], return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


# Presets of others.

OWN = """
- name: {name}
  for: {{data: orl_faces, scenario: random}}
  values: {{{values}}}
  chosen: {{source: reasoned}}
"""


def found_on(images: str, reference: str) -> str:
    how = f"found, columns: [accuracy/forget], images: {images}, uses_reference: {reference}, seeds: [1]"
    return OWN.format(name="a", values="alpha: 3").replace("reasoned", how)


def written(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        group, _, file = name.partition("__")
        (folder / group).mkdir(exist_ok=True)
        (folder / group / f"{file}.yaml").write_text(text)
    return folder


def test_of_the_presets_of_one_file_the_one_with_the_most_conditions_applies(tmp_path: Path) -> None:
    method = (CONF / "method" / "ssd.yaml").read_text()
    wide, narrow = OWN.format(name="wide", values="alpha: 3.0"), OWN.format(name="narrow", values="alpha: 4.0")
    narrow = narrow.replace("random}", "random, scenario.fraction: 0.1}")
    folder = written(tmp_path, method__dimming=method, tuned__dimming=wide + narrow)
    with composed_with(folder) as own:
        assert tuned(own, "method=dimming", "data=orl_faces")["preset"] == "dimming/narrow"
        assert tuned(own, "method=dimming", "data=orl_faces", "scenario.fraction=0.2")["preset"] == "dimming/wide"
    with composed_with(written(tmp_path, tuned__dimming=wide + wide.replace("wide", "as_wide"))) as own:
        told = refusal(own, "method=dimming", "data=orl_faces")
        assert told == "presets dimming/wide and dimming/as_wide both hold: choose one, as in tuned=wide"


def test_a_method_with_the_values_of_its_yaml_says_where_these_are_for_something_else(tmp_path: Path) -> None:
    method = (CONF / "method" / "ssd.yaml").read_text()
    default = OWN.format(name="default", values="").replace("scenario: random", "model: resnet18")
    own_preset = OWN.format(name="small", values="alpha: 3.0").replace("orl_faces", "digits")
    folder = written(tmp_path, method__dimming=method, tuned__dimming=default + own_preset)
    with composed_with(folder) as own:
        cell = ("method=dimming", "data=orl_faces")
        assert tuned(own, *cell, "model=resnet18") is None
        assert tuned(own, "method=dimming", "data=digits")["preset"] == "dimming/small"
        assert own.presets.notes() == []
        assert tuned(own, *cell) == {
            "preset": "",
            "source": "reasoned",
            "kept": [],
            "overridden": [],
            "values_for": "model=resnet18",
        }
        assert tuned(own, "method=dimming", "tuned=none")["values_for"] == "data=orl_faces, model=resnet18"
        assert own.presets.notes() == [
            "dimming: values for model=resnet18, and here is model=small_cnn",
            "dimming: values for data=orl_faces, model=resnet18, and here is data=digits, model=small_cnn",
        ]


def test_others_have_presets_for_their_own_method_and_add_some_for_ours(tmp_path: Path) -> None:
    method = (CONF / "method" / "ssd.yaml").read_text()
    ours, theirs = OWN.format(name="mine", values="alpha: 3.0"), OWN.format(name="theirs", values="alpha: 4.0")
    folder = written(tmp_path, method__dimming=method, tuned__dimming=theirs, tuned__ssd=ours)
    with composed_with(folder) as own:
        assert tuned(own, "method=dimming", "data=orl_faces")["preset"] == "dimming/theirs"
        assert tuned(own, "method=ssd", "data=orl_faces", "scenario.fraction=0.2")["preset"] == "ssd/mine"
        assert tuned(own, "method=ssd")["preset"] == "ssd/digits-small_cnn-random"
        told = refusal(own, "method=ssd", "data=orl_faces")
        assert told == (
            "presets ssd/orl_faces-small_cnn-random and ssd/mine both hold: choose one, as in "
            "tuned=orl_faces-small_cnn-random"
        )
        assert tuned(own, "method=ssd", "data=orl_faces", "tuned=mine")["preset"] == "ssd/mine"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: 1", "must be a list of presets"),
        ("- {name: a}", "entry 1: a preset has name, for, values, chosen; this has name"),
        ("- just words", "this has just words"),
        (OWN.format(name="none", values="alpha: 3"), "name=none is not allowed"),
        (OWN.format(name="a b", values="alpha: 3"), "name=a b is not allowed"),
        (OWN.format(name="default", values="alpha: 3"), "values: {'alpha': 3} is not allowed: the entry default says"),
        (OWN.format(name="a", values=""), "values: {} is not allowed"),
        (OWN.format(name="a", values='alpha: "${recipe.lr}"'), "is not allowed: give fields of ssd and plain values"),
        (OWN.format(name="digits-small_cnn-random", values="alpha: 3"), "is called digits-small_cnn-random, too"),
        (
            OWN.format(name="a", values="alpha: 3").replace("data:", "date:"),
            "for: date is nothing that",
        ),
        (OWN.format(name="a", values="alpha: 3").replace("data:", "method:"), "for: method is nothing that"),
        (OWN.format(name="a", values="alpha: 3").replace("reasoned", "guessed"), "chosen: {'source': 'guessed'}"),
        (
            OWN.format(name="a", values="alpha: 3").replace(
                "reasoned", "found, columns: [accuracy/forget], seeds: [1]"
            ),
            "columns: [accuracy/forget], images: validation, uses_reference: true, seeds: [100, 101]}",
        ),
        (found_on("tests", "true"), "images one of test, validation, training"),
        (found_on("test", "perhaps"), "uses_reference: true"),
        (found_on("test", "true").replace("[accuracy/forget]", "[]"), "columns are all that were read"),
    ],
)
def test_a_file_of_presets_that_says_something_else_is_refused(text: str, sentence: str, tmp_path: Path) -> None:
    with composed_with(written(tmp_path, tuned__ssd=text)) as own:
        told = refusal(own, "method=ssd")
    assert sentence in told
    assert "tuned/ssd.yaml" in told


def test_a_file_of_presets_called_after_no_method_is_refused(tmp_path: Path) -> None:
    with composed_with(written(tmp_path, tuned__scrubb=OWN.format(name="a", values="lr: 3"))) as own:
        told = refusal(own, "method=ssd")
    assert told.startswith("tuned/scrubb.yaml is called after no method; did you mean scrub?: ")


# Names that are not there, for other parts that Hydra takes for optional.


@pytest.mark.parametrize("group", ["data", "model", "method", "scenario"])
def test_a_part_of_a_protocol_that_there_is_not_is_refused_and_one_that_there_is_applies(
    group: str, composer: Composer
) -> None:
    told = refusal(composer, f"protocol/{group}=supreme_papr-ssd")
    assert told.startswith(f"protocol/{group}=supreme_papr-ssd: there is no such config")
    assert "There are: supreme_paper-" in told
    cell, _ = composer(["method=ssd", "protocol/method=supreme_paper-assd", "+protocol.batch_size=16"])
    assert (cell.nodes["method"]["compat"], cell.nodes["method"]["batch_size"]) == ("reference", 16)


# The command itself.


def test_what_hydra_shows_of_a_config_is_what_runs(supreme: Run) -> None:
    shown = supreme("method=ssd", "data=pins", "model=resnet18", "scenario=full_class", "--cfg", "job", "-p", "method")
    assert yaml.safe_load(shown.stdout) == {
        "_target_": "supreme.methods.ssd.SSD",
        "alpha": 50.0,
        "dampening": 0.1,
        "compat": "reference",
        "batch_size": 64,
    }
    outside = supreme("method=ssd", "scenario.fraction=0.5", "--cfg", "job")
    assert yaml.safe_load(outside.stdout)["method"]["alpha"] == 10.0
    assert "ssd: the preset for digits, small_cnn, random with scenario.fraction=0.1 does not apply" in outside.stderr


def test_help_lists_what_can_be_chosen_and_no_preset(supreme: Run) -> None:
    told = supreme("--help").stdout
    groups = [line.partition(":")[0] for line in told.partition("== Config ==")[0].splitlines() if ": " in line]
    assert {"data", "method", "metric", "model", "protocol", "recipe", "scenario", "tracker", "tuned"} <= set(groups)
    assert not any("/" in group for group in groups)
    assert "digits-small_cnn-random" not in told
    assert "tuned: auto, none, or a preset of the method by its name" in told


def test_single_runs_sweeps_and_launchers_of_hydra_compute_the_same_cell_and_say_the_same(
    supreme: Run, tmp_path: Path
) -> None:
    cheap = ["method=ssd", "recipe.epochs=1", "model.widths=[4,8]", "scenario.fraction=0.2", "metric=accuracy"]
    note = "ssd: the preset for digits, small_cnn, random with recipe.epochs=40, scenario.fraction=0.1 does not apply"
    for words in ([], ["-m"], ["-m", "hydra/launcher=basic"]):
        done = supreme(*words, *cheap)
        assert done.returncode == 0, done.stderr
        assert done.stderr.count("does not apply") == 1
        assert note in done.stderr
    assert len(list((tmp_path / "outputs" / "rows").glob("*.json"))) == 1


# What a search has found.


FOUND = {"source": "found", "columns": ["accuracy/forget"], "images": "validation", "uses_reference": True}


def own_folder(folder: Path, *conditions: Mapping[str, Any]) -> Path:
    """A folder of configs with a preset of finetune for each of these, found on training seeds 7 and 8."""
    entries = [
        {"name": f"own{number}", "for": dict(told), "values": {"lr": 0.5}, "chosen": {**FOUND, "seeds": [7, 8]}}
        for number, told in enumerate(conditions)
    ]
    (folder / "tuned").mkdir()
    (folder / "tuned" / "finetune.yaml").write_text(yaml.safe_dump(entries))
    return folder


@contextmanager
def composer_with(folder: Path, found: bool = True) -> Iterator[Composer]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", [f"hydra.searchpath=[file://{folder}]"], return_hydra_config=True)
        loader = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
        yield Composer(loader, config, found)


DIGITS = {"data": "digits", "model": "small_cnn", "scenario": "random"}


def test_a_cell_on_a_training_seed_that_its_preset_was_found_on_is_refused(tmp_path: Path) -> None:
    with composer_with(own_folder(tmp_path, DIGITS)) as composer:
        told = refusal(composer, "method=finetune", "seed=8")
        assert told == (
            "preset finetune/own0 was found on training seeds 7, 8, whose results flatter it: take others, as in "
            "seed=9..18, or type tuned=none"
        )
        assert tuned(composer, "method=finetune", "seed=9")["preset"] == "finetune/own0"
        assert tuned(composer, "method=finetune", "seed=8", "method.lr=0.1")["preset"] != ""  # none of it is left
        assert (tuned(composer, "method=finetune", "seed=8", "tuned=none") or {}).get("preset", "") == ""


def test_a_search_starts_from_no_preset_that_results_have_chosen(tmp_path: Path) -> None:
    with composer_with(own_folder(tmp_path, DIGITS), found=False) as composer:
        assert (tuned(composer, "method=finetune", "seed=8") or {}).get("preset", "") == ""
        assert tuned(composer, "method=scrub", "seed=100")["preset"] == "scrub/small"


def test_a_preset_of_another_folder_wins_where_it_asks_for_all_that_ours_asks_for_and_more(tmp_path: Path) -> None:
    narrow = {**DIGITS, "recipe": "digits-small_cnn", "recipe.epochs": 40, "scenario.fraction": 0.1}
    entries = [{"name": "own", "for": narrow, "values": {"lr": 0.5}, "chosen": {"source": "reasoned"}}]
    (tmp_path / "tuned").mkdir()
    (tmp_path / "tuned" / "scrub.yaml").write_text(yaml.safe_dump(entries))
    with composer_with(tmp_path) as composer:
        told = refusal(composer, "method=scrub", "seed=0")  # ours asks for data.train_per_class, too
        assert "both hold: choose one" in told
    entries[0]["for"] = {**narrow, "data.train_per_class": 20, "model.widths": [[32, 64, 128]]}
    (tmp_path / "tuned" / "scrub.yaml").write_text(yaml.safe_dump(entries))
    with composer_with(tmp_path) as composer:
        assert tuned(composer, "method=scrub", "seed=0")["preset"] == "scrub/own"
