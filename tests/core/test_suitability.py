"""What the plan refuses is exactly what would fail because of the split, the model or the recipe."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from test_conformance import METHODS, METRICS, component
from torch import nn

from supreme.cli import CONF
from supreme.core import SET_NAMES, Cost, Split, SupremeError, Undefined
from supreme.core.images import ImageData
from supreme.core.suitability import check_split
from supreme.functional.classifier import Classifier
from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions, predict
from supreme.testing.audit import tiny_ensemble
from supreme.testing.worlds import World, _world, tiny_data, tiny_model
from tests.conf_files import node_of

SCENARIOS = sorted({path.stem for path in (CONF / "scenario").glob("*.yaml")} - {"indices"})
"""All but lists, which forget whatever they hold, as random does."""


def without_validation() -> ImageData:
    return replace(tiny_data(), validation=np.arange(0))


def with_one_class_in_validation() -> ImageData:
    data = tiny_data()
    return replace(data, validation=data.validation[data.labels[data.validation] == 0])


def without_test_images_of_the_second_class() -> ImageData:
    data = tiny_data()
    return replace(data, test=data.test[data.labels[data.test] != 1])


def with_test_images_of_the_second_class_only() -> ImageData:
    data = tiny_data()
    return replace(data, test=data.test[data.labels[data.test] == 1])


def drawn(scenario: str, data: ImageData, **changes: Any) -> Split:
    return component("scenario", scenario, **changes)(data, np.random.default_rng(0))


FEWER: dict[str, dict[str, Any]] = {
    "full_class": {"target": 1},
    "subclass": {"target": 2},
    "backdoor": {"fraction": None, "count": 4, "size": 2},
    "gaussian_poison": {"fraction": None, "count": 4},
    "interclass_confusion": {"fraction": None, "count": 4, "target": [0, 1]},
}

SPLITS: dict[str, Callable[[], Split]] = {
    **{name: lambda name=name: drawn(name, tiny_data(), **FEWER.get(name, {})) for name in SCENARIOS},
    "random without validation": lambda: drawn("random", without_validation()),
    "a class without validation": lambda: drawn("full_class", without_validation(), target=1),
    "a subclass without validation": lambda: drawn("subclass", without_validation(), target=2),
    "no validation image of the class": lambda: drawn("full_class", with_one_class_in_validation(), target=1),
    "all classes but one": lambda: drawn("full_class", tiny_data(), target=[0, 1, 2]),
    "no test image of the class": lambda: drawn("full_class", without_test_images_of_the_second_class(), target=1),
    "no other test image": lambda: drawn("full_class", with_test_images_of_the_second_class_only(), target=1),
    "no test image of the confused": lambda: drawn(
        "interclass_confusion", with_test_images_of_the_second_class_only(), target=[0, 2], fraction=None, count=4
    ),
    "no test image to trigger": lambda: drawn(
        "backdoor", with_test_images_of_the_second_class_only(), target=1, fraction=None, count=4, size=2
    ),
}

AS_RANDOM = ("backdoor", "gaussian_poison", "group")
FOR_METHODS = [name for name in SPLITS if "test image" not in name and name not in AS_RANDOM]
"""Those that differ in what a method may read."""


def refused(one: object, split: Split) -> str:
    try:
        check_split(one, split)
    except SupremeError as error:
        return str(error)
    return ""


@pytest.fixture(scope="module")
def worlds() -> Callable[[str], World]:
    found: dict[str, World] = {}

    def world(name: str) -> World:
        if name not in found:
            split = SPLITS[name]()
            found[name] = _world(split.data, split, 0)
        made = found[name]
        return replace(made, model=_copy(made.model))

    return world


def _copy(model: Classifier) -> Classifier:
    copy = tiny_model(tiny_data(), 0)
    copy.load_state_dict(model.state_dict())
    return copy.eval()


CHEAPER: dict[str, dict[str, Any]] = {
    "amun": {"steps": 5, "step_fraction": 0.5},
    "advneggrad": {"adversarial_per_image": 2, "attack_steps": 2},
    "sfron": {"steps": 10},
    "negmerge": {"lrs": [0.01], "epochs": [1]},
}
"""What takes long without any part in what a method may read."""


def short(name: str) -> Any:
    """The method with as few passes as it takes."""
    node = node_of(CONF / "method" / f"{name}.yaml")
    fewer = {key: 1 for key, value in node.items() if "epochs" in key and isinstance(value, int) and value > 1}
    fewer |= CHEAPER.get(name, {})
    try:
        return component("method", name, **fewer)
    except SupremeError:
        return component("method", name)


@pytest.mark.parametrize("split", FOR_METHODS)
@pytest.mark.parametrize("name", METHODS)
def test_a_method_is_refused_if_and_only_if_it_would_fail(name: str, split: str, worlds: Any) -> None:
    method, world, failed = short(name), worlds(split), ""
    try:
        method(world.model, world.split, world.context)
    except SupremeError as error:
        failed = str(error)
    assert bool(refused(method, world.split)) == bool(failed), f"planned: {refused(method, world.split)}; ran: {failed}"


def evaluation_of(split: Split) -> CellEvaluation:
    """Of models that nobody has trained: which columns have a value hardly depends on what they answer."""
    models = {name: tiny_model(split.data, seed) for seed, name in enumerate(("unlearned", "reference", "original"))}
    cost = Cost(seconds=1.0, peak_memory_bytes=None, forward_samples=1, backward_samples=1, shared_device=False)

    def answers(model: Classifier) -> StoredPredictions:
        arrays = {what: predict(model, split.data, "cpu", what) for what in ("logits", "features")}
        return StoredPredictions(split, arrays.__getitem__, lambda: model)

    stored = {name: answers(model) for name, model in models.items()}
    return CellEvaluation(
        subject_name="unlearned",
        split=split,
        subject=stored["unlearned"],
        all=stored,
        costs=dict.fromkeys(models, cost),
        load_untrained=lambda: [answers(tiny_model(split.data, 9))],
        stream=(0, 0),
    )


@pytest.fixture(scope="module", params=SPLITS)
def evaluation(request: pytest.FixtureRequest) -> CellEvaluation:
    return evaluation_of(SPLITS[request.param]())


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_is_refused_if_and_only_if_no_column_would_have_a_value(name: str, evaluation: CellEvaluation) -> None:
    metric = component("metric", name, **({"max_steps": 1} if name == "relearn_time" else {}))
    values = metric(evaluation).values()
    missing = all(isinstance(value, Undefined) and not value.startswith("not relearned") for value in values)
    why = refused(metric, evaluation.split)
    assert bool(why) == missing, f"planned: {why}; {list(values)}"


@dataclass(frozen=True)
class SomeSets:
    """The sets of a split, as an audit is given them, with the answers of nobody in particular."""

    split: Split

    def __getattr__(self, name: str) -> Any:
        return getattr(tiny_ensemble(), name)

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name in SET_NAMES if len(getattr(self.split, name)))

    @property
    def forgets_class(self) -> bool:
        return bool(self.split.forget_classes)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize(
    ("name", "changes"), [("rmia", {}), ("excess_distance", {}), ("excess_distance", {"images": "validation"})]
)
def test_an_audit_that_is_refused_would_say_so_of_every_column(name: str, changes: dict[str, str], split: str) -> None:
    audit, ensemble = component("audit", name, **changes), SomeSets(SPLITS[split]())
    if refused(audit, ensemble.split):
        assert all(isinstance(value, Undefined) for value in audit(ensemble).values())
    else:
        wanted = {changes.get("images", "forget"), "forget_test" if ensemble.forgets_class else "test"}
        assert (wanted if name == "rmia" else {changes.get("images", "forget")}) <= set(ensemble.sets)


# What depends on the model and the recipe.


def test_a_method_that_changes_convolutions_is_refused_for_a_model_without_any() -> None:
    data = tiny_data()
    linear = Classifier(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), nn.Linear(4, 4), data.mean, data.std)
    split = drawn("random", data)
    for name in ("cfw", "ct", "msg"):
        component("method", name).check_model(tiny_model(data, 0), split)
        with pytest.raises(SupremeError, match="changes convolutions and this model has none"):
            component("method", name).check_model(linear, split)
    for name in ("cf_k", "eu_k"):
        component("method", name, layers=2).check_model(linear, split)
        with pytest.raises(SupremeError, match="the model has 2 layers, and 9 were asked for"):
            component("method", name, layers=9).check_model(linear, split)
    bare = Classifier(nn.Flatten(), nn.Linear(192, 4, bias=False), data.mean, data.std)
    with pytest.raises(SupremeError, match="head that is a linear layer with a bias"):
        component("method", "mask_class").check_model(bare, split)
    with pytest.raises(SupremeError, match="entries, and 10 are allowed"):
        component("method", "ntk", max_entries=10).check_model(linear, split)


def test_a_chain_is_refused_where_either_method_is() -> None:
    split = drawn("random", without_validation())
    ends = {"first": node_of(CONF / "method" / "finetune.yaml"), "second": node_of(CONF / "method" / "kde.yaml")}
    assert "KDE reads validation images" in refused(component("method", "chain", **ends), split)
    ends["second"] = node_of(CONF / "method" / "unsir.yaml")
    assert "UNSIR forgets classes" in refused(component("method", "chain", **ends), split)
    ends["second"] = node_of(CONF / "method" / "amnesiac.yaml")
    assert component("method", "chain", **ends).needs_history
    assert not component("method", "chain").needs_history
    assert not component("method", "ntk", scale="one").needs_history
    assert component("method", "ntk", scale="trapezium").needs_history


class OfAThirdParty:
    """Declares nothing at all, or what it can do without a method of its own."""

    needs: ClassVar[frozenset[str]] = frozenset({"validation"})


def test_a_component_that_declares_nothing_suits_every_split_and_needs_are_asked_of_anyone() -> None:
    assert refused(object(), drawn("random", without_validation())) == ""
    assert refused(OfAThirdParty(), drawn("random", tiny_data())) == ""
    told = refused(OfAThirdParty(), drawn("random", without_validation()))
    assert told.startswith("OfAThirdParty reads validation images, and these data have none: type")
