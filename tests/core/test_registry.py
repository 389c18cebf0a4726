"""From a config node to a component: built as the YAML says, or refused in one sentence that helps."""

from __future__ import annotations

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest
from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.core.registry import as_component, build
from tests.conf_files import node_of

CONF = Path(__file__).parents[2] / "conf"


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A component with a field of each kind."""

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    rate: float
    rounds: int
    name: str
    flag: bool
    widths: list[int]
    path: str | None
    anything: Any

    def __post_init__(self) -> None:
        if self.rate < 0:
            raise SupremeError(f"rate={self.rate} is not allowed: give 0 or more")
        if self.rounds == 13:
            raise ValueError("13 rounds bring bad luck")


@dataclass(frozen=True, kw_only=True)
class NothingToChoose:
    """A component without fields."""


INSTANCE = NothingToChoose()


class NoDataclass:
    rate: float


TOY: dict[str, Any] = {
    "_target_": f"{__name__}.Toy",
    "rate": 0.5,
    "rounds": 2,
    "name": "a",
    "flag": True,
    "widths": [1, 2],
    "path": None,
    "anything": ["x", 1],
}


def refusal(node: dict[str, Any], what: str = "method toy") -> str:
    with pytest.raises(SupremeError) as caught:
        build(node, what)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_component_gets_every_value_of_its_node() -> None:
    assert dataclasses.asdict(build(TOY)) == {name: value for name, value in TOY.items() if name != "_target_"}


def test_a_node_of_omegaconf_is_resolved_and_left_as_it_was() -> None:
    config = OmegaConf.create({"shared": 3, "node": {**TOY, "rounds": "${shared}"}})
    before = OmegaConf.to_yaml(config)
    assert build(config.node).rounds == 3
    assert OmegaConf.to_yaml(config) == before


def test_a_plain_node_is_left_as_it_was() -> None:
    node = dict(TOY)
    build(node)
    assert node == TOY


def test_a_component_without_fields_is_built() -> None:
    assert build({"_target_": f"{__name__}.NothingToChoose"}) == NothingToChoose()


def test_a_field_that_describes_a_component_gets_it_built() -> None:
    inner = {"_target_": f"{__name__}.NothingToChoose"}
    built = build({**TOY, "anything": {**TOY, "anything": inner}}).anything
    assert isinstance(built, Toy)
    assert built.anything == NothingToChoose()


def test_a_field_that_is_a_table_without_a_class_stays_one() -> None:
    assert build({**TOY, "anything": {"a": 1}}).anything == {"a": 1}


def test_what_is_wrong_inside_a_field_is_told_with_the_fields_name() -> None:
    assert refusal({**TOY, "anything": {**TOY, "rounds": "many"}}) == (
        "method toy: anything: rounds='many' is not allowed: it must be int"
    )


def test_a_whole_number_is_taken_for_a_float() -> None:
    rate = build({**TOY, "rate": 1}).rate
    assert (rate, type(rate)) == (1.0, float)


@pytest.mark.parametrize(
    ("field", "value", "wanted"),
    [
        ("rate", "fast", "float"),
        ("rate", None, "float"),
        ("rounds", 2.5, "int"),
        ("rounds", True, "int"),
        ("rounds", [1], "int"),
        ("flag", "perhaps", "bool"),
        ("widths", [1.5], r"list[int]"),
        ("widths", 3, r"list[int]"),
        ("path", ["a"], "str | None"),
    ],
)
def test_a_wrong_type_is_refused_with_the_field_the_value_and_what_was_expected(
    field: str, value: object, wanted: str
) -> None:
    assert refusal({**TOY, field: value}) == f"method toy: {field}={value!r} is not allowed: it must be {wanted}"


def test_the_expected_type_reads_the_same_where_annotations_are_evaluated() -> None:
    evaluated = dataclasses.make_dataclass("Evaluated", [("rate", float)], frozen=True, kw_only=True)
    globals()["Evaluated"] = evaluated
    try:
        message = refusal({"_target_": f"{__name__}.Evaluated", "rate": "fast"})
    finally:
        del globals()["Evaluated"]
    assert message == "method toy: rate='fast' is not allowed: it must be float"


def test_an_unknown_field_is_refused_with_the_nearest_one_and_all_there_are() -> None:
    message = refusal({**TOY, "ruonds": 3})
    assert message.startswith("method toy: there is no field ruonds; did you mean rounds?")
    assert message.endswith("Its fields: rate, rounds, name, flag, widths, path, anything")


def test_an_unknown_field_that_resembles_none_is_refused_without_a_guess() -> None:
    assert "did you mean" not in refusal({**TOY, "zzz": 3})


def test_the_fields_of_a_component_without_fields_are_called_none() -> None:
    assert refusal({"_target_": f"{__name__}.NothingToChoose", "rate": 1}).endswith("Its fields: none")


def test_a_class_variable_is_no_field() -> None:
    assert "no field needs" in refusal({**TOY, "needs": ["retain"]})


@pytest.mark.parametrize("missing", [{"rounds": "???"}, {}])
def test_a_missing_value_is_refused_by_name(missing: dict[str, Any]) -> None:
    node = {name: value for name, value in TOY.items() if name != "rounds"}
    message = refusal({**node, **missing})
    assert message == "method toy: no value for rounds; give it in the YAML or on the command line"


def test_a_value_that_the_component_refuses_comes_through_in_its_own_words() -> None:
    assert refusal({**TOY, "rate": -1}).endswith("rate=-1.0 is not allowed: give 0 or more")


def test_a_plain_value_error_of_a_component_comes_through_as_a_sentence_for_the_user() -> None:
    assert refusal({**TOY, "rounds": 13}) == "method toy: 13 rounds bring bad luck"


@pytest.mark.parametrize(
    "target", ["supreme.nowhere.Toy", "nowhere.Toy", "Toy", "supreme.recipes.Nope", f"{__name__}.Nope"]
)
def test_a_class_that_cannot_be_imported_is_refused_by_name(target: str) -> None:
    assert refusal({**TOY, "_target_": target}).startswith(f"method toy: _target_ {target} cannot be imported (")


@pytest.mark.parametrize("name", ["NoDataclass", "INSTANCE", "refusal", "TOY"])
def test_what_is_no_dataclass_is_refused(name: str) -> None:
    sentence = refusal({**TOY, "_target_": f"{__name__}.{name}"})
    assert "must be a dataclass, as every component is (or, as a method, a plain function)" in sentence


@pytest.mark.parametrize("target", [None, "", 5, ["a"]])
def test_a_node_that_names_no_class_is_refused(target: object) -> None:
    assert "its YAML names no class" in refusal({**TOY, "_target_": target})


def test_a_node_without_a_target_is_refused() -> None:
    assert "its YAML names no class" in refusal({"rate": 1})


@pytest.mark.parametrize(
    "path",
    sorted(CONF.glob("model/*.yaml")) + sorted(CONF.glob("recipe/*.yaml")),
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_every_model_and_recipe_is_built_with_the_values_of_its_yaml(path: Path) -> None:
    node = dict(as_component(node_of(path), path.parent.name))
    if path.name == "timm.yaml":
        node["arch"] = "test_vit"
    values = {name: value for name, value in node.items() if name != "_target_"}
    component = build(node)
    module, _, name = node["_target_"].rpartition(".")
    assert type(component) is getattr(importlib.import_module(module), name)
    assert dataclasses.asdict(component) == values


def test_the_timm_model_asks_for_an_architecture() -> None:
    node = as_component(OmegaConf.to_container(OmegaConf.load(CONF / "model" / "timm.yaml")), "model")  # type: ignore[arg-type]
    assert refusal(node, "model timm").startswith("model timm: no value for arch;")  # type: ignore[arg-type]


def test_the_timm_model_refuses_a_checkpoint_that_is_not_there() -> None:
    node = {"_target_": "supreme.models.timm.Timm", "arch": "test_vit", "image_size": None, "pretrained": True}
    node["normalisation"] = "of_weights"
    message = refusal({**node, "checkpoint": "nowhere.safetensors"})
    assert message.endswith("checkpoint=nowhere.safetensors is no file; give the path of a weights file")
