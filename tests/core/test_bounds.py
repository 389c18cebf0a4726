"""Bounds as annotations: told in one sentence each, for our components and for a user's own."""

from __future__ import annotations

import dataclasses
import importlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from annotated_types import Ge, Gt, Interval, Le, Len, Lt, MaxLen, MultipleOf
from conftest import Run

from supreme.core import SupremeError
from supreme.core.bounds import OneOf, annotated_types_of, example, is_allowed
from supreme.core.registry import build
from supreme.core.validation import PositiveFloat, PositiveInt, bounded
from tests.conf_files import YAMLS, target_of


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A component with a bound of each kind, as somebody writes it who knows of no decorator."""

    lr: Annotated[float, Gt(0)]
    momentum: Annotated[float, Ge(0), Lt(1)]
    share: Annotated[float, Interval(gt=0, le=1)]
    odds: Annotated[float, Gt(0), Lt(1)]
    quantile: Annotated[float, Ge(0), Le(1)]
    logit: Annotated[float, Lt(0)]
    side: Annotated[int, Ge(8), MultipleOf(8)]
    order: Annotated[str, OneOf("mixed", "sorted", "forget_first")]
    radius: PositiveFloat | None
    kind: Annotated[str, OneOf("a", "b")] | None
    milestones: list[PositiveInt]
    lrs: Annotated[list[PositiveFloat], Len(2)]
    anything: Any


@bounded
@dataclass(frozen=True, kw_only=True)
class Checked:
    """A component that is checked where Python constructs it, too."""

    epochs: PositiveInt
    momentum: Annotated[float, Ge(0), Lt(1)]

    def __post_init__(self) -> None:
        if self.epochs > 3 and self.momentum:
            raise SupremeError("momentum lasts for 3 epochs")


TOY: dict[str, Any] = {
    "_target_": f"{__name__}.Toy",
    "lr": 0.1,
    "momentum": 0.0,
    "share": 1.0,
    "odds": 0.5,
    "quantile": 0.0,
    "logit": -1.0,
    "side": 16,
    "order": "mixed",
    "radius": None,
    "kind": None,
    "milestones": [],
    "lrs": [0.1, 0.2],
    "anything": -1,
}

SENTENCES = [
    ({"lr": 0.0}, "lr=0.0 is not allowed: give a number above 0, as in method.lr=0.01"),
    ({"momentum": 1.0}, "momentum=1.0 is not allowed: give a number from 0 to below 1, as in method.momentum=0.01"),
    ({"share": 0.0}, "share=0.0 is not allowed: give a number above 0 and up to 1, as in method.share=0.01"),
    ({"odds": 1.0}, "odds=1.0 is not allowed: give a number above 0 and below 1, as in method.odds=0.01"),
    ({"quantile": 1.5}, "quantile=1.5 is not allowed: give a number from 0 to 1, as in method.quantile=0.01"),
    ({"logit": 0.0}, "logit=0.0 is not allowed: give a number below 0, as in method.logit=-1"),
    (
        {"side": 12},
        "side=12 is not allowed: give a whole number from 8 that is a multiple of 8, as in method.side=8",
    ),
    ({"order": "any"}, "order='any' is not allowed: give mixed, sorted or forget_first, as in method.order=mixed"),
    ({"radius": -1.0}, "radius=-1.0 is not allowed: give a number above 0, or null, as in method.radius=0.01"),
    ({"kind": "c"}, "kind='c' is not allowed: give a or b, or null, as in method.kind=a"),
    (
        {"milestones": [3, 0]},
        "milestones=[3, 0] is not allowed: give a list of whole numbers from 1, as in method.milestones=[10]",
    ),
    (
        {"lrs": [0.1]},
        "lrs=[0.1] is not allowed: give a list of 2 or more numbers above 0, as in method.lrs=[0.01,0.01]",
    ),
]


def refusal(node: dict[str, Any], what: str) -> str:
    with pytest.raises(SupremeError) as caught:
        build(node, what)
    return str(caught.value)


@pytest.mark.parametrize(("changes", "sentence"), SENTENCES, ids=lambda value: str(value)[:20])
def test_a_bound_is_told_with_what_was_given_what_is_allowed_and_what_to_type(
    changes: dict[str, Any], sentence: str
) -> None:
    assert refusal({**TOY, **changes}, "method toy") == f"method toy: {sentence}"


def test_values_within_their_bounds_are_built() -> None:
    assert build(TOY) == Toy(**{name: value for name, value in TOY.items() if name != "_target_"})


@pytest.mark.parametrize("name", ["lr", "momentum", "share", "logit", "radius"])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_with_a_bound_is_finite(name: str, value: float) -> None:
    assert f"{name}={value!r} is not allowed" in refusal({**TOY, name: value}, "method toy")


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("recipe sgd", "recipe."),
        ("metric toy", "metric.toy."),
        ("audit toy", "audit.toy."),
        ("tracker toy", "tracker.toy."),
        ("component", ""),
    ],
)
def test_the_key_to_type_is_that_of_the_components_own_group(what: str, key: str) -> None:
    assert refusal({**TOY, "lr": -1}, what).endswith(f"as in {key}lr=0.01")


def test_the_key_of_a_component_inside_another_has_both_fields() -> None:
    assert refusal({**TOY, "anything": {**TOY, "lr": -1}}, "method toy").endswith("as in method.anything.lr=0.01")


def test_all_wrong_fields_are_told_at_once_those_of_a_wrong_type_among_them() -> None:
    message = refusal({**TOY, "lr": "fast", "side": 3, "order": "any"}, "method toy")
    assert [part.partition("=")[0] for part in message.removeprefix("method toy: ").split("; ")] == [
        "lr",
        "side",
        "order",
    ]


def test_a_wrong_type_is_named_without_its_bounds() -> None:
    message = refusal({**TOY, "radius": "far"}, "method toy")
    assert message == "method toy: radius='far' is not allowed: it must be float | None"


def test_a_checked_component_refuses_in_python_and_before_its_own_rules() -> None:
    with pytest.raises(SupremeError, match=r"^momentum=2 is not allowed: .*, as in momentum=0\.01$"):
        Checked(epochs=9, momentum=2)
    with pytest.raises(SupremeError, match="lasts for 3 epochs"):
        Checked(epochs=9, momentum=0.5)
    with pytest.raises(SupremeError, match="epochs=0"):
        dataclasses.replace(Checked(epochs=1, momentum=0.5), epochs=0)


@pytest.mark.parametrize("hint", [Annotated[str, MaxLen(3)], dict[str, PositiveInt]], ids=str)
def test_a_bound_that_cannot_be_checked_is_refused_and_not_passed_over(
    hint: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    component = dataclasses.make_dataclass("Unchecked", [("name", hint)], frozen=True, kw_only=True)
    monkeypatch.setitem(globals(), "Unchecked", component)
    with pytest.raises(SupremeError, match="of name cannot be checked: give some of Ge, Gt"):
        build({"_target_": f"{__name__}.Unchecked", "name": {} if hint is not Annotated[str, MaxLen(3)] else "abcd"})


CLASSES = sorted({target_of(path) for path in YAMLS})


@pytest.mark.parametrize("target", CLASSES)
def test_every_bound_of_ours_has_an_example_and_holds_in_python_as_in_the_registry(target: str) -> None:
    module, _, name = target.rpartition(".")
    component: Any = getattr(importlib.import_module(module), name)
    fields = {field.name for field in dataclasses.fields(component)}
    types = {name: hint for name, hint in annotated_types_of(component).items() if name in fields}
    for field, hint in types.items():
        assert is_allowed(hint, example(hint)), field
    refused = [field for field, hint in types.items() if not is_allowed(hint, math.nan)]
    for field in refused:
        with pytest.raises(SupremeError, match=rf"^{field}=nan is not allowed: give .*, as in {field}=\S+$"):
            component(**{field: math.nan})


OWN = """
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Lt

@dataclass(frozen=True, kw_only=True)
class Own:
    strength: Annotated[float, Ge(0), Lt(2)]
    rounds: Annotated[int, Ge(1)]

    def __call__(self, model, split, context):
        return model
"""


def test_a_users_own_method_is_refused_at_planning_in_the_same_words(supreme: Run, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "my_conf" / "method").mkdir(parents=True)
    (tmp_path / "my_conf" / "method" / "own.yaml").write_text("_target_: own.Own\nstrength: 1.0\nrounds: 3\n")
    done = supreme("--config-dir", "my_conf", "-m", "method=own", "method.strength=1,2", "method.rounds=0")
    assert done.returncode == 1
    wrong = "rounds=0 is not allowed: give a whole number from 1, as in method.rounds=10"
    both = f"strength=2.0 is not allowed: give a number from 0 to below 2, as in method.strength=0.01; {wrong}"
    assert f"method own: {wrong}\n" in done.stderr
    assert f"method own: {both}\n" in done.stderr
    assert not list(tmp_path.glob("outputs/store/original/*"))
