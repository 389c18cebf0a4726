"""What conf/search says of each method fits the method, and what says something else is refused in one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conf_files import CONF, node_of

from supreme.core import SupremeError, registry
from supreme.sweep.plan.preset_files import PresetFiles, flat
from supreme.sweep.plan.presets import with_fields
from supreme.sweep.plan.search_spaces import Intensity, Search, SearchSpaces, repository_of

REPOSITORY = repository_of()
SPACES, PRESETS = SearchSpaces(REPOSITORY), PresetFiles(REPOSITORY)
WITHOUT = {
    "assd": "it computes its threshold from the sizes of the sets",
    "chain": "its methods are typed, as in method@method.first=ssd",
    "given": "somebody else made the model",
    "mask_class": "it changes no weight",
    "original": "it does nothing",
    "random_init": "it has no field",
    "retrain": "the recipe says all of it",
}
"""Methods without anything to tune, and why."""
FILES = sorted(path.stem for path in (CONF / "search").glob("*.yaml"))


def space_of(method: str) -> Search:
    found = SPACES.of(method)
    assert found is not None
    return found


LONG = ("coun", "-dualoptim", "-dualoptim_tenth")
"""How the names of those presets end."""


def usual_values(method: str, field: str) -> list[Any]:
    """That of the method's YAML, and those of its presets, but for published recipes that train ten times as long."""
    presets = [one.fields[field] for one in PRESETS.of(method) if field in one.fields and not one.name.endswith(LONG)]
    return [flat(node_of(CONF / "method" / f"{method}.yaml"))[field], *presets]


def build(method: str, field: str, value: Any) -> None:
    registry.build(with_fields(node_of(CONF / "method" / f"{method}.yaml"), {field: value}), f"method {method}")


def test_every_method_has_a_space_but_those_without_anything_to_tune() -> None:
    methods = {path.stem for path in (CONF / "method").glob("*.yaml")}
    assert methods - {*FILES} == WITHOUT.keys()
    assert all(SPACES.of(method) is None for method in WITHOUT)


@pytest.mark.parametrize("method", FILES)
def test_a_space_holds_the_values_of_the_yaml_and_the_presets_and_its_ends_are_allowed(method: str) -> None:
    found = space_of(method)
    assert 1 <= len(found.space) <= 4
    for field, searched in found.space.items():
        for end in searched.extremes():
            build(method, field, end)
        outside = [value for value in usual_values(method, field) if not searched.holds(value)]
        assert not outside, f"{field}: {searched.text}"


@pytest.mark.parametrize("method", [name for name in FILES if space_of(name).intensity])
def test_an_intensity_goes_one_way_from_gentle_to_harsh_through_the_default(method: str) -> None:
    intensity = space_of(method).intensity
    assert intensity is not None
    default, *_ = usual_values(method, intensity.field)
    assert default in intensity.around(default)
    for usual in usual_values(method, intensity.field):
        values = intensity.around(usual)
        assert 3 <= len(values) <= 7
        assert values in (sorted(values), sorted(values, reverse=True))
        for value in values:
            build(method, intensity.field, value)


@pytest.mark.parametrize("method", FILES)
def test_every_range_says_where_it_comes_from(method: str) -> None:
    lines = (CONF / "search" / f"{method}.yaml").read_text().splitlines()
    searched = [line for line in lines if line.startswith("  ")]
    assert len(searched) == len(space_of(method).space)
    assert all(len(line.partition("  # ")[2]) >= 4 for line in searched)


def test_factors_are_of_the_value_a_cell_has_and_whole_numbers_stay_whole() -> None:
    factors = Intensity(field="x", factors=(0.1, 0.3, 1, 8))
    assert factors.around(0.013) == [0.0013, 0.0039, 0.013, 0.104]
    assert factors.around(5) == [1, 2, 5, 40]
    assert factors.around(1) == [1, 8]
    assert Intensity(field="x", values=(0.9999, 0.9)).around(0.5) == [0.9999, 0.9]


SPACE = "space: {lr: 'interval(0.1, 1)'}\n"
INTENSITY = "intensity: {field: lr, values: [0.1, 0.2]}\n"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (INTENSITY, "must have space"),
        ("space: {}\n" + INTENSITY, "must have space"),
        (SPACE + INTENSITY + "fields: 3\n", "must have space"),
        ("- a\n", "must have space"),
        ("space: {lr_: 'interval(0.1, 1)'}\n" + INTENSITY, "there is no field lr_; did you mean lr? Its fields:"),
        ("space: {lr: 0.1}\n" + INTENSITY, "lr: 0.1 is no range of values to search: give choice"),
        ("space: {lr: 'interval(1, 0.1)'}\n" + INTENSITY, "lr: interval(1, 0.1) is no range of values to search"),
        ("space: {lr: 'tag(log, interval(0, 1))'}\n" + INTENSITY, "a logarithmic scale needs numbers above 0"),
        ("space: {epochs: 'range(5, 5)'}\n" + INTENSITY, "epochs: range(5, 5) is no range of values to search"),
        ("space: {lr: 'interval(0.1'}\n" + INTENSITY, "lr: interval(0.1 is no range of values to search"),
        (SPACE + INTENSITY + "why: because\n", "there is no intensity, and there is one"),
        (SPACE + "intensity: lr\n", "intensity: lr is not allowed: give {field: lr, values"),
        (SPACE + "intensity: {field: lr}\n", "is not allowed: give {field: lr, values"),
        (SPACE + "intensity: {field: alhpa, values: [1, 2]}\n", "there is no field alhpa; did you mean alpha?"),
        (SPACE + "intensity: {field: lr, values: [0.1]}\n", "values: [0.1] is not allowed: give two numbers or more"),
        (SPACE + "intensity: {field: lr, values: [0.1, 0.1]}\n", "is not allowed: give two numbers or more, each once"),
        (SPACE + "intensity: {field: lr, values: [0.1, true]}\n", "is not allowed: give two numbers or more"),
        (SPACE + "intensity: {field: lr, factors: [0, 1]}\n", "factors: [0, 1] is not allowed: give numbers above 0"),
    ],
)
def test_a_file_that_is_none_is_refused_in_one_sentence_that_names_it(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "scrub.yaml").write_text(text)
    with pytest.raises(SupremeError) as refused:
        SearchSpaces(repository_of([tmp_path])).of("scrub")
    assert str(refused.value).startswith(f"{tmp_path}/search/scrub.yaml")
    assert sentence in str(refused.value)


def test_a_file_of_ones_own_takes_the_place_of_ours_and_one_called_after_no_method_is_refused(tmp_path: Path) -> None:
    (tmp_path / "search").mkdir()
    (tmp_path / "search" / "scrub.yaml").write_text(SPACE + INTENSITY)
    own = SearchSpaces(repository_of([tmp_path]))
    found = own.of("scrub")
    assert found is not None
    assert {field: one.text for field, one in found.space.items()} == {"lr": "interval(0.1, 1)"}
    assert (found.intensity, found.why) == (Intensity(field="lr", values=(0.1, 0.2)), "")
    assert own.of("ssd") == SPACES.of("ssd")
    (tmp_path / "search" / "scrubb.yaml").write_text(SPACE + INTENSITY)
    with pytest.raises(SupremeError, match=r"search/scrubb.yaml is called after no method; did you mean scrub\?"):
        SearchSpaces(repository_of([tmp_path])).of("scrub")
