"""The metric components: which sets and models they look at, what they call it, and where they have no value."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from supreme import core
from supreme.core import SelfComparison, SupremeError, Undefined
from supreme.metrics import arithmetic
from supreme.metrics.accuracy import Accuracy
from supreme.metrics.activation_distance import ActivationDistance
from supreme.metrics.agreement import Agreement
from supreme.metrics.cost import Cost
from supreme.metrics.js_divergence import JSDivergence
from supreme.metrics.membership import Membership
from supreme.metrics.weight_distance import WeightDistance
from supreme.metrics.zrf import ZRF
from supreme.registry import build

CONF = Path(__file__).parents[1] / "conf" / "metric"
NAMES = (
    "accuracy",
    "membership",
    "js_divergence",
    "activation_distance",
    "agreement",
    "weight_distance",
    "zrf",
    "cost",
    "interclass_confusion",
    "backdoor",
    "gaussian_poison",
)
SURE, UNSURE = [8.0, 0.0], [1.0, 0.0]


@dataclass
class Answers:
    """Predictions that were written down; asking for anything else fails."""

    of: dict[str, list[list[float]]] = field(default_factory=dict)
    model: nn.Module | None = None

    def logits(self, name: str) -> Tensor:
        return torch.tensor(self.of[name])


@dataclass
class Written:
    """An evaluation of one subject whose every answer was written down."""

    subject: Answers
    others: dict[str, Answers] = field(default_factory=dict)
    label: dict[str, list[int]] = field(default_factory=dict)
    untrained: tuple[Answers, ...] = ()
    subject_name: str = "unlearned"
    forgets_class: bool = False
    cost: core.Cost | None = None
    reference_cost: core.Cost | None = None
    planted: dict[str, Any] = field(default_factory=dict)

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name in core.SET_NAMES if name in self.subject.of)

    @property
    def reference(self) -> Answers:
        return self._other("reference")

    @property
    def original(self) -> Answers:
        return self._other("original")

    def _other(self, name: str) -> Answers:
        if self.subject_name == name:
            raise SelfComparison(name)
        return self.others[name]

    def labels(self, name: str) -> Tensor:
        return torch.tensor(self.label[name])


def cost(seconds=2.0, peak_memory_bytes=None):
    return core.Cost(
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes,
        forward_samples=70,
        backward_samples=30,
        shared_device=False,
    )


def random_sets(seed, names, count=6, classes=3):
    rng = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, classes, generator=rng).tolist() for name in names}


def linear(*weights):
    model = nn.Linear(2, 1, bias=False)
    model.weight.data = torch.tensor([weights])
    return Answers(model=model)


def whole_evaluation(forgets_class=False, subject_name="unlearned"):
    """Every set but validation, or in a scenario without classes but forget_test as well, and everything else."""
    names = ["forget", "retain", "test", "retain_test"] + ["forget_test"] * forgets_class
    models = {name: Answers(random_sets(seed, names), linear(1.0, seed).model) for seed, name in enumerate("uro", 1)}
    return Written(
        subject=models["u"],
        others={"reference": models["r"], "original": models["o"]},
        label={name: [0, 1, 2, 0, 1, 2] for name in names},
        untrained=(Answers(random_sets(8, names)), Answers(random_sets(9, names))),
        forgets_class=forgets_class,
        subject_name=subject_name,
        cost=cost(),
        reference_cost=cost(10.0),
    )


def from_yaml(name):
    return build(OmegaConf.load(CONF / f"{name}.yaml"), f"metric {name}")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forgets_class", [False, True])
def test_every_metric_yields_the_columns_it_names_and_plain_numbers_only(name, forgets_class):
    metric, evaluation = from_yaml(name), whole_evaluation(forgets_class)
    values = metric(evaluation)
    assert tuple(values) == metric.columns(evaluation)
    assert all(column.count("/") == 1 for column in values)
    assert all(type(value) in (float, int, Undefined) for value in values.values())
    assert all(math.isfinite(value) for value in values.values() if not isinstance(value, Undefined))
    assert isinstance(metric, core.Metric)
    assert metric.needs <= {"logits", "features", "models", "untrained", "images"}


@pytest.mark.parametrize("name", NAMES)
def test_the_yaml_places_the_metric_under_its_own_name(name):
    assert (CONF / f"{name}.yaml").read_text().startswith(f"# @package metric.{name}\n")


def test_no_two_metrics_share_a_column():
    evaluation = whole_evaluation(forgets_class=True)
    columns = [column for name in NAMES for column in from_yaml(name).columns(evaluation)]
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize("name", ["js_divergence", "activation_distance", "agreement"])
def test_the_reference_is_not_compared_with_itself(name):
    with pytest.raises(SelfComparison):
        from_yaml(name)(whole_evaluation(subject_name="reference"))


def test_accuracy_and_loss_are_given_for_every_set_that_is_not_empty():
    subject = Answers({"forget": [SURE, SURE], "test": [UNSURE, UNSURE, [0.0, 2.0], UNSURE]})
    values = Accuracy()(Written(subject, label={"forget": [1, 1], "test": [0, 0, 1, 1]}))
    assert list(values) == ["accuracy/forget", "loss/forget", "accuracy/test", "loss/test"]
    assert values["accuracy/forget"] == 0.0
    assert values["accuracy/test"] == 0.75
    assert values["loss/forget"] == pytest.approx(8 + math.log1p(math.exp(-8)))


def test_an_infinite_loss_is_undefined_and_the_accuracy_beside_it_is_not():
    values = Accuracy()(Written(Answers({"forget": [[-math.inf, 0.0]]}), label={"forget": [0]}))
    assert values["accuracy/forget"] == 0.0
    assert isinstance(values["loss/forget"], Undefined)


def membership_evaluation(forgets_class, **sets):
    sets = {"retain": [SURE] * 5, "forget": [SURE, UNSURE], **sets}
    labels = {name: [0] * len(rows) for name, rows in sets.items()}
    return Written(Answers(sets), label=labels, forgets_class=forgets_class)


def test_non_members_are_the_test_images_where_no_class_is_forgotten():
    evaluation = membership_evaluation(False, test=[UNSURE, UNSURE], forget_test=[SURE, SURE])
    values = Membership(fpr=0.01)(evaluation)
    assert values["membership/auc"] == 0.75
    assert values["membership/tpr_at_0.01"] == 0.5


def test_non_members_are_the_test_images_of_the_forgotten_classes_where_classes_are_forgotten():
    evaluation = membership_evaluation(True, test=[UNSURE, UNSURE], forget_test=[SURE, SURE])
    values = Membership(fpr=0.01)(evaluation)
    assert values["membership/auc"] == 0.25
    assert values["membership/tpr_at_0.01"] == 0.0


def test_the_column_of_the_true_positive_rate_names_its_false_positive_rate():
    evaluation = membership_evaluation(False, test=[UNSURE, SURE])
    assert "membership/tpr_at_0.5" in Membership(fpr=0.5)(evaluation)
    assert Membership(fpr=0.5)(evaluation)["membership/tpr_at_0.5"] == 0.5


def test_the_entropy_attack_calls_members_what_is_as_sure_as_the_retain_set():
    evaluation = membership_evaluation(False, test=[UNSURE, UNSURE], forget=[SURE, UNSURE, UNSURE, UNSURE])
    assert Membership(fpr=0.01)(evaluation)["membership/entropy_attack"] == 0.25


def test_without_test_images_of_the_forgotten_classes_the_auc_is_undefined_and_says_why():
    values = Membership(fpr=0.01)(membership_evaluation(True, test=[UNSURE, UNSURE]))
    for column in ("membership/auc", "membership/tpr_at_0.01"):
        assert isinstance(values[column], Undefined)
        assert "forget_test is empty" in values[column]
    assert values["membership/entropy_attack"] == 0.5


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1, math.nan])
def test_a_false_positive_rate_that_tells_nothing_is_refused(fpr):
    with pytest.raises(SupremeError, match=r"fpr=0\.01"):
        Membership(fpr=fpr)


@pytest.mark.parametrize("base", [1.0, 0.0, math.inf, math.nan])
def test_a_base_that_has_no_logarithm_is_refused(base):
    with pytest.raises(SupremeError, match="base=2"):
        JSDivergence(base=base)


def compared(subject, reference):
    return Written(Answers({"forget": subject}), {"reference": Answers({"forget": reference})})


def test_distances_are_those_of_the_subject_from_the_reference():
    half, quarter = [[0.0, 0.0]], [[math.log(3), 0.0]]
    evaluation = compared(half, quarter)
    assert JSDivergence(base=2.0)(evaluation)["js_divergence/forget"] == pytest.approx(0.0487949, abs=1e-7)
    assert JSDivergence(base=math.e)(evaluation)["js_divergence/forget"] == pytest.approx(0.0338221, abs=1e-7)
    assert ActivationDistance()(evaluation)["activation_distance/forget"] == pytest.approx(0.353553, abs=1e-6)
    one_hot = torch.eye(3).tolist()
    evaluation = compared([one_hot[k] for k in (0, 1, 2, 2)], [one_hot[k] for k in (0, 1, 1, 2)])
    assert Agreement()(evaluation)["agreement/forget"] == 0.75


@pytest.mark.parametrize("name", ["js_divergence", "activation_distance", "agreement"])
def test_test_images_of_forgotten_and_other_classes_are_compared_where_classes_are_forgotten_only(name):
    without, within = (from_yaml(name)(whole_evaluation(forgets_class)) for forgets_class in (False, True))
    assert list(without) == [f"{name}/{part}" for part in ("forget", "retain", "test")]
    assert list(within) == [f"{name}/{part}" for part in ("forget", "retain", "test", "forget_test", "retain_test")]


def test_a_distance_looks_at_the_set_that_its_column_names():
    evaluation = whole_evaluation(forgets_class=True)
    for name, value in JSDivergence(base=2.0)(evaluation).items():
        part = name.removeprefix("js_divergence/")
        expected = arithmetic.js_divergence(evaluation.subject.logits(part), evaluation.reference.logits(part))
        assert value == expected


def test_weights_are_compared_with_the_reference_and_with_the_original():
    evaluation = Written(linear(3.0, 4.0), {"reference": linear(0.0, 8.0), "original": linear(3.0, 1.0)})
    values = WeightDistance()(evaluation)
    assert values == {
        "weight_distance/reference": 5.0,
        "weight_distance/reference_relative": pytest.approx(5 / 8),
        "weight_distance/original": 3.0,
        "weight_distance/original_relative": pytest.approx(3 / math.sqrt(10)),
    }


def test_buffers_are_no_part_of_the_weight_distance():
    same, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    other.running_mean += 5
    evaluation = Written(Answers(model=same), {role: Answers(model=other) for role in ("reference", "original")})
    assert set(WeightDistance()(evaluation).values()) == {0.0}


@pytest.mark.parametrize(("subject", "other"), [("reference", "original"), ("original", "reference")])
def test_the_model_that_is_the_subject_keeps_its_distance_to_the_other_one(subject, other):
    evaluation = Written(linear(3.0, 4.0), {other: linear(3.0, 1.0)}, subject_name=subject)
    values = WeightDistance()(evaluation)
    assert values[f"weight_distance/{other}"] == 3.0
    for suffix in ("", "_relative"):
        assert isinstance(values[f"weight_distance/{subject}{suffix}"], Undefined)


def test_the_distance_to_a_model_with_other_parameters_is_undefined():
    other = Answers(model=nn.Linear(2, 1, bias=True))
    values = WeightDistance()(Written(linear(3.0, 4.0), {"reference": other, "original": linear(3.0, 1.0)}))
    assert isinstance(values["weight_distance/reference"], Undefined)
    assert values["weight_distance/original"] == 3.0


def test_zrf_is_the_mean_over_the_untrained_models():
    evaluation = Written(
        Answers({"forget": [[0.0, 0.0]]}),
        untrained=(Answers({"forget": [[math.log(3), 0.0]]}), Answers({"forget": [[0.0, 0.0]]})),
    )
    assert ZRF()(evaluation) == {"zrf/forget": pytest.approx((0.9512051 + 1) / 2, abs=1e-6)}


def test_zrf_is_given_for_forget_and_test_and_undefined_without_untrained_models():
    evaluation = whole_evaluation()
    assert list(ZRF()(evaluation)) == ["zrf/forget", "zrf/test"]
    evaluation.untrained = ()
    assert all(isinstance(value, Undefined) for value in ZRF()(evaluation).values())


def test_cost_is_what_was_measured_and_the_speedup_is_over_the_reference():
    values = Cost()(Written(Answers(), cost=cost(2.0, peak_memory_bytes=1000), reference_cost=cost(10.0)))
    assert values == {
        "cost/seconds": 2.0,
        "cost/peak_memory_bytes": 1000,
        "cost/forward_samples": 70,
        "cost/backward_samples": 30,
        "cost/speedup": 5.0,
    }


def test_a_peak_memory_that_cannot_be_read_is_undefined():
    values = Cost()(Written(Answers(), cost=cost(), reference_cost=cost()))
    assert isinstance(values["cost/peak_memory_bytes"], Undefined)
    assert values["cost/speedup"] == 1.0


@pytest.mark.parametrize(("subject_name", "seconds"), [("original", 2.0), ("reference", 2.0), ("unlearned", 0.0)])
def test_the_speedup_is_undefined_where_it_means_nothing(subject_name, seconds):
    values = Cost()(Written(Answers(), subject_name=subject_name, cost=cost(seconds), reference_cost=cost(10.0)))
    assert isinstance(values["cost/speedup"], Undefined)
    assert values["cost/seconds"] == seconds
