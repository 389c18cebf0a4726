"""The metric components: which sets and models they look at, what they call it, and where they have no value."""

import math
import subprocess
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from supreme import core
from supreme.core import SelfComparison, SupremeError, Undefined
from supreme.core.registry import build
from supreme.metrics import arithmetic
from supreme.metrics.accuracy import Accuracy
from supreme.metrics.activation_distance import ActivationDistance
from supreme.metrics.agreement import Agreement
from supreme.metrics.calibration import Calibration
from supreme.metrics.cost import Cost
from supreme.metrics.js_divergence import JSDivergence
from supreme.metrics.linear_cka import LinearCKA
from supreme.metrics.linear_probe import LinearProbe
from supreme.metrics.membership import Membership
from supreme.metrics.membership_attacks import MembershipAttacks, _nonmembers
from supreme.metrics.relearn_time import RelearnTime
from supreme.metrics.scores import Scores
from supreme.metrics.svc_efficacy import SVCEfficacy
from supreme.metrics.weight_distance import WeightDistance
from supreme.metrics.zrf import ZRF
from supreme.testing import tiny_evaluation

CONF = Path(__file__).parents[2] / "conf" / "metric"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
DISTANCES = (
    "js_divergence",
    "js_divergence_badt_compat",
    "kl_divergence",
    "total_variation",
    "activation_distance",
    "activation_distance_rms",
    "agreement",
)
SURE, UNSURE = [8.0, 0.0], [1.0, 0.0]


@dataclass
class Answers:
    """Predictions that were written down; asking for anything else fails."""

    of: dict[str, list[list[float]]] = field(default_factory=dict)
    model: nn.Module | None = None

    def logits(self, name: str) -> Tensor:
        return torch.tensor(self.of[name])

    features = logits


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

    @property
    def rng(self) -> np.random.Generator:
        return np.random.default_rng(0)


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


FASTER = {"relearn_time": {"max_steps": 3}}


def from_yaml(name):
    return build({**OmegaConf.load(CONF / f"{name}.yaml"), **FASTER.get(name, {})}, f"metric {name}")


@pytest.fixture(scope="module", params=[False, True], ids=["random", "class"])
def tiny(request):
    return {name: tiny_evaluation(name, request.param) for name in ("unlearned", "reference", "original")}


@pytest.mark.parametrize("subject", ["unlearned", "reference", "original"])
@pytest.mark.parametrize("name", NAMES)
def test_every_metric_yields_the_columns_it_names_and_plain_numbers_only(name, subject, tiny):
    metric, evaluation = from_yaml(name), tiny[subject]
    if name in (*DISTANCES, "legacy_activation_distance") and subject == "reference":
        with pytest.raises(SelfComparison):
            metric(evaluation)
        return
    values = metric(evaluation)
    assert tuple(values) == metric.columns(evaluation)
    assert all(column.count("/") == 1 for column in values)
    assert all(type(value) in (float, int, Undefined) for value in values.values())
    assert all(math.isfinite(value) for value in values.values() if not isinstance(value, Undefined))
    assert isinstance(metric, core.Metric)


@pytest.mark.parametrize("name", NAMES)
def test_the_yaml_places_the_metric_under_its_own_name(name):
    assert (CONF / f"{name}.yaml").read_text().startswith(f"# @package metric.{name}\n")


def test_no_two_metrics_share_a_column():
    evaluation = whole_evaluation(forgets_class=True)
    columns = [column for name in NAMES for column in from_yaml(name).columns(evaluation)]
    assert len(columns) == len(set(columns))


@pytest.mark.parametrize("name", DISTANCES)
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


def membership(fpr: float, entropy_solver: str = "optimum") -> Membership:
    return Membership(fpr=fpr, entropy_solver=entropy_solver)


def membership_evaluation(forgets_class, **sets):
    sets = {"retain": [SURE] * 5, "forget": [SURE, UNSURE], **sets}
    labels = {name: [0] * len(rows) for name, rows in sets.items()}
    return Written(Answers(sets), label=labels, forgets_class=forgets_class)


def test_non_members_are_the_test_images_where_no_class_is_forgotten():
    evaluation = membership_evaluation(False, test=[UNSURE, UNSURE], forget_test=[SURE, SURE])
    values = membership(0.01)(evaluation)
    assert values["membership/auc"] == 0.75
    assert values["membership/tpr_at_0.01"] == 0.5


def test_non_members_are_the_test_images_of_the_forgotten_classes_where_classes_are_forgotten():
    evaluation = membership_evaluation(True, test=[UNSURE, UNSURE], forget_test=[SURE, SURE])
    values = membership(0.01)(evaluation)
    assert values["membership/auc"] == 0.25
    assert values["membership/tpr_at_0.01"] == 0.0


def test_the_column_of_the_true_positive_rate_names_its_false_positive_rate():
    evaluation = membership_evaluation(False, test=[UNSURE, SURE])
    assert "membership/tpr_at_0.5" in membership(0.5)(evaluation)
    assert membership(0.5)(evaluation)["membership/tpr_at_0.5"] == 0.5


def test_the_entropy_attack_calls_members_what_is_as_sure_as_the_retain_set():
    evaluation = membership_evaluation(False, test=[UNSURE, UNSURE], forget=[SURE, UNSURE, UNSURE, UNSURE])
    assert membership(0.01)(evaluation)["membership/entropy_attack"] == 0.25


def test_the_solver_of_the_entropy_attack_is_the_one_that_the_config_names():
    """A logit gap of 12 has an entropy of 8e-5, one of 10 of 5e-4: values at which scikit-learn stops at its start."""
    near, far = [12.0, 0.0], [10.0, 0.0]
    sets = {"retain": [near] * 4, "test": [far] * 4, "forget": [near, near, near, far]}
    evaluation = Written(Answers(sets), label={name: [0] * 4 for name in sets})
    found = [membership(0.01, solver)(evaluation)["membership/entropy_attack"] for solver in ("optimum", "sklearn")]
    assert found == [0.75, 0.0]
    with pytest.raises(SupremeError, match="entropy_solver"):
        membership(0.01, "newton")


def test_without_test_images_of_the_forgotten_classes_the_auc_is_undefined_and_says_why():
    values = membership(0.01)(membership_evaluation(True, test=[UNSURE, UNSURE]))
    for column in ("membership/auc", "membership/tpr_at_0.01"):
        assert isinstance(values[column], Undefined)
        assert "forget_test is empty" in values[column]
    assert values["membership/entropy_attack"] == 0.5


@pytest.mark.parametrize("fpr", [0.0, 1.0, -0.1, math.nan])
def test_a_false_positive_rate_that_tells_nothing_is_refused(fpr):
    with pytest.raises(SupremeError, match=r"fpr=0\.01"):
        membership(fpr)


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


@pytest.mark.parametrize("name", DISTANCES)
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


def test_the_default_metrics_import_no_scikit_learn():
    (names,) = (entry["metric"] for entry in OmegaConf.load(CONF.parent / "config.yaml").defaults if "metric" in entry)
    nodes = {name: OmegaConf.to_container(OmegaConf.load(CONF / f"{name}.yaml")) for name in names}
    script = (
        "import sys\nfrom supreme.core.registry import build\nfrom supreme.pipeline.rows import measure\n"
        "from supreme.testing import tiny_evaluation\n"
        f"measure({{name: build(node) for name, node in {nodes!r}.items()}}, tiny_evaluation())\n"
        "print('imported:', *({'sklearn', 'scipy', 'pandas'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "imported:"


# Series.


def test_the_accuracy_of_each_class_is_that_of_its_test_images():
    subject = Answers({"test": [SURE, UNSURE, [0.0, 2.0], UNSURE]})
    (series,) = Accuracy().series(Written(subject, label={"test": [0, 1, 1, 1]})).values()
    assert (list(series.x), list(series.y)) == (["0", "1"], [1.0, pytest.approx(1 / 3)])


def test_the_roc_curve_passes_through_the_rate_of_the_column_and_never_falls(tiny):
    metric = from_yaml("membership")
    curve = metric.series(tiny["unlearned"])["membership/roc"]
    assert (curve.x[0], curve.x[-1]) == (0.0, 1.0)
    assert len(curve.x) == 62
    assert list(curve.y) == sorted(curve.y)
    assert curve.y[-1] == 1.0
    assert curve.y[curve.x.index(0.01)] == metric(tiny["unlearned"])["membership/tpr_at_0.01"]


def test_without_non_members_there_is_no_roc_curve():
    assert membership(0.01).series(membership_evaluation(True, test=[UNSURE])) == {}


def test_the_distances_of_the_layers_make_the_whole_distance(tiny):
    metric, evaluation = from_yaml("weight_distance"), tiny["unlearned"]
    layers = metric.series(evaluation)["weight_distance/by_layer"]
    assert list(layers.x) == [name for name, _ in evaluation.subject.model.named_parameters()]
    total = math.sqrt(sum(value**2 for value in layers.y))
    assert total == pytest.approx(metric(evaluation)["weight_distance/reference"])
    with pytest.raises(SelfComparison):
        metric.series(tiny["reference"])


# Warnings.


def test_few_images_and_few_non_members_are_warned_of_and_enough_are_not():
    few = membership_evaluation(False, test=[UNSURE] * 99, forget=[SURE] * 100)
    assert set(membership(0.01).warnings(few)) == {"membership/auc", "membership/tpr_at_0.01"}
    assert "fewer than 100 non-members" in membership(0.01).warnings(few)["membership/tpr_at_0.01"]
    enough = membership_evaluation(False, test=[UNSURE] * 100, forget=[SURE] * 100)
    assert membership(0.01).warnings(enough) == {}
    fewer = membership_evaluation(False, test=[UNSURE] * 100, forget=[SURE] * 99)
    assert "membership/entropy_attack" in membership(0.01).warnings(fewer)


@pytest.mark.parametrize("name", NAMES)
def test_a_warning_is_the_same_for_every_model(name, tiny):
    metric = from_yaml(name)
    if hasattr(metric, "warnings"):
        said = [metric.warnings(evaluation) for evaluation in tiny.values()]
        assert said == [said[0]] * 3
        assert said[0], "tiny sets are few images"


# Distances that were added for other papers' tables.


def test_other_distances_have_the_hand_computed_values():
    evaluation = compared([[0.0, 0.0]], [[math.log(3), 0.0]])
    values = {name: from_yaml(name)(evaluation)[f"{name}/forget"] for name in DISTANCES}
    assert values["kl_divergence"] == pytest.approx(0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(2), abs=1e-7)
    assert values["total_variation"] == pytest.approx(0.25)
    assert values["activation_distance_rms"] == pytest.approx(0.353553, abs=1e-6)
    assert values["js_divergence_badt_compat"] == pytest.approx(0.017421, abs=1e-6)
    evaluation = compared([[0.0, 0.0]] * 2, [[0.0, 0.0], [math.log(3), 0.0]])
    mean, rms = (from_yaml(name)(evaluation)[f"{name}/forget"] for name in DISTANCES[4:6])
    assert (mean, rms) == (pytest.approx(0.353553 / 2, abs=1e-6), pytest.approx(0.353553 / math.sqrt(2), abs=1e-6))


def test_a_divergence_has_a_value_where_the_subject_masks_a_class_and_none_where_the_reference_does():
    masked, open_to_all = [[0.0, -math.inf]], [[0.0, 0.0]]
    column, metric = "kl_divergence/forget", from_yaml("kl_divergence")
    assert metric(compared(masked, open_to_all))[column] == pytest.approx(math.log(2))
    assert isinstance(metric(compared(open_to_all, masked))[column], Undefined)
    column, metric = "js_divergence_badt_compat/forget", from_yaml("js_divergence_badt_compat")
    assert isinstance(metric(compared(masked, open_to_all))[column], Undefined)


# Scores.


def right(count, of):
    """Answers to images of class 0, so many of them right."""
    return [[1.0, 0.0]] * count + [[0.0, 1.0]] * (of - count)


def judged(forgets_class=False, forget_label=0, **counts):
    """Per model how many of 100 images it gets right in forget, retain and test, the other models as `u`.

    In a class scenario all images of the forgotten class are of class 0, and retained ones are called by class 1.
    """
    names = ("forget", "retain", "test", "retain_test", *(["forget_test"] if forgets_class else []))
    models = {}
    for name, (forget, retain, test) in counts.items():
        answers = dict(zip(names, (right(n, 100) for n in (forget, retain, test, test, test)), strict=False))
        models[name] = Answers(answers)
    label = {name: [0] * 100 for name in names}
    if forgets_class and forget_label != 0:
        label["forget"] = [forget_label] * 100
        for model in models.values():
            model.of["forget"] = [row[::-1] for row in model.of["forget"]]
    others = {"reference": models.get("r", models["u"]), "original": models.get("o", models["u"])}
    return Written(models["u"], others, label, forgets_class=forgets_class)


def scores(evaluation):
    return {name.removeprefix("scores/"): value for name, value in Scores(nomus_weight=0.5)(evaluation).items()}


def test_tug_of_war_average_gap_and_retention_deviation_have_the_hand_computed_values():
    found = scores(judged(u=(95, 98, 93), r=(90, 100, 90)))
    assert found["tug_of_war"] == pytest.approx(0.903070, abs=1e-9)
    assert found["retention_deviation"] == pytest.approx(5 / 90 + 0.02 + 3 / 90)
    # AUCs: .95 x .07 + (.95 x .93 + .05 x .07) / 2 = .51 and .9 x .1 + (.81 + .01) / 2 = .5.
    assert found["average_gap"] == pytest.approx((0.05 + 0.02 + 0.03 + 0.01) / 4)


def test_a_model_like_the_reference_has_no_gap():
    found = scores(judged(u=(95, 98, 93)))
    assert (found["average_gap"], found["tug_of_war"], found["retention_deviation"]) == (0.0, 1.0, 0.0)


def test_retention_deviation_is_undefined_where_the_reference_forgot_everything():
    found = scores(judged(True, forget_label=1, u=(5, 98, 93), r=(0, 100, 90)))
    assert "is 0" in found["retention_deviation"]
    assert found["tug_of_war"] == pytest.approx(0.903070, abs=1e-9)


def test_the_adaptive_unlearning_score_has_the_hand_computed_value_of_each_kind_of_removal():
    found = scores(judged(u=(93, 100, 90), o=(100, 100, 95)))
    assert found["adaptive_unlearning_score"] == pytest.approx(0.922330, abs=1e-6)
    found = scores(judged(True, forget_label=1, u=(0, 100, 90), o=(100, 100, 95)))
    assert found["adaptive_unlearning_score"] == pytest.approx(0.95)


def test_the_harmonic_mean_has_the_hand_computed_value_where_a_class_is_forgotten_only():
    assert scores(judged(True, forget_label=1, u=(40, 90, 90)))["harmonic_mean"] == pytest.approx(0.72)
    assert "a random sample" in scores(judged(u=(40, 90, 90)))["harmonic_mean"]


def test_scores_for_a_class_are_undefined_where_images_of_it_are_retained():
    found = scores(judged(True, forget_label=0, u=(40, 90, 90)))
    for name in ("harmonic_mean", "adaptive_unlearning_score"):
        assert "a part of a class" in found[name]


def test_nomus_is_best_for_a_good_model_whose_losses_tell_nothing_and_0_for_a_bad_one_that_gives_all_away():
    assert scores(judged(u=(100, 100, 100)))["nomus"] == pytest.approx(1.0)
    assert scores(judged(u=(100, 100, 0)))["nomus"] == pytest.approx(0.0)


def test_the_reference_has_the_scores_that_compare_with_nothing(tiny):
    metric = from_yaml("scores")
    found = metric(tiny["reference"])
    undefined = {"average_gap", "tug_of_war", "retention_deviation"}
    assert all(isinstance(found[f"scores/{name}"], Undefined) for name in undefined)
    assert isinstance(found["scores/adaptive_unlearning_score"], float)
    assert metric(tiny["original"])["scores/adaptive_unlearning_score"] <= 1.0


@pytest.mark.parametrize("weight", [-0.1, 1.1, math.nan])
def test_a_weight_that_is_no_share_is_refused(weight):
    with pytest.raises(SupremeError, match="a number from 0 to 1, as in nomus_weight="):
        Scores(nomus_weight=weight)


# Attacks.


def test_the_svc_efficacy_is_the_share_of_the_forget_set_taken_for_unseen():
    evaluation = membership_evaluation(False, test=[UNSURE] * 5, forget=[SURE, UNSURE, UNSURE, UNSURE])
    evaluation = Written(evaluation.subject, {"reference": evaluation.subject}, evaluation.label)
    for sets in (evaluation.subject.of, evaluation.label):
        sets["retain_test"] = sets["test"]
    values = SVCEfficacy()(evaluation)
    assert values == {"svc_efficacy/confidence": 0.75, "svc_efficacy/average_gap": 0.0, "svc_efficacy/tug_of_war": 1.0}


def test_the_svc_is_fitted_to_as_many_retained_images_as_there_are_test_images_from_anywhere_in_the_set(monkeypatch):
    fitted = []
    monkeypatch.setattr(arithmetic, "svc_attack", lambda *sides: fitted.append(sides) or 0.0)
    retain = [[float(number), 0.0] for number in range(60)]  # as a source sorted by class would have them
    evaluation = membership_evaluation(False, retain=retain, test=[UNSURE] * 6, forget=[UNSURE] * 4, retain_test=[SURE])
    evaluation.others["reference"] = evaluation.subject
    SVCEfficacy()(evaluation)
    members, nonmembers, _ = fitted[0]
    assert len(members) == len(nonmembers) == 6
    assert members.max() > torch.sigmoid(torch.tensor(6.0))


def test_the_svc_is_balanced_where_fewer_images_are_retained_than_tested():
    # Half of the test images look like the retained ones; 4 to 40, everything would be taken for unseen.
    sets = {
        "retain": [SURE] * 4,
        "test": [UNSURE] * 20 + [[0.0, 0.0]] * 20,
        "forget": [SURE] * 4,
        "retain_test": [SURE],
    }
    evaluation = membership_evaluation(False, **sets)
    evaluation.others["reference"] = evaluation.subject
    assert SVCEfficacy()(evaluation)["svc_efficacy/confidence"] == 0.0


def test_the_tug_of_war_of_the_svc_multiplies_its_gap_with_those_of_retain_and_test():
    # The subject's forget set is all right, as the retain set is; the reference's all wrong, as its test set is.
    found = SVCEfficacy()(judged(u=(100, 100, 0), r=(0, 98, 3)))
    assert found["svc_efficacy/confidence"] == 0.0
    assert found["svc_efficacy/tug_of_war"] == pytest.approx(0.0)
    assert found["svc_efficacy/average_gap"] == pytest.approx((1 + 0.02 + 0.03 + 1) / 4)


def attacks(evaluation, per_class=30):
    found = MembershipAttacks(per_class=per_class)(evaluation)
    return {name.removeprefix("membership_attacks/"): value for name, value in found.items()}


def test_threshold_attacks_are_always_right_where_members_are_sure_and_others_are_not():
    retain = [SURE] * 20 + [[6.0, 0.0]]
    found = attacks(membership_evaluation(False, retain=retain, forget=[SURE] * 12, test=[UNSURE] * 20))
    assert found == dict.fromkeys(found, 1.0) | {"correctness": 0.5}


def test_threshold_attacks_are_worth_a_coin_where_forget_images_look_unseen():
    found = attacks(membership_evaluation(False, retain=[SURE] * 20, forget=[UNSURE] * 12, test=[UNSURE] * 20))
    assert found == dict.fromkeys(found, 0.5)


def test_the_attack_by_correctness_is_the_mean_of_forget_accuracy_and_test_error():
    wrong = [-2.0, 0.0]
    found = attacks(membership_evaluation(False, forget=[SURE] * 3 + [wrong], test=[wrong] * 8))
    assert found["correctness"] == pytest.approx((0.75 + 1) / 2)


def test_where_classes_are_forgotten_a_threshold_is_judged_on_unseen_images_of_these():
    sets = {
        "retain": [SURE, [6.0, 0.0]] * 9,
        "forget": [SURE] * 12,
        "retain_test": [UNSURE] * 20,
        "test": [UNSURE] * 26,
    }
    alike = attacks(membership_evaluation(True, forget_test=[SURE] * 12, **sets))
    assert alike == dict.fromkeys(alike, 0.5)
    told_apart = attacks(membership_evaluation(True, forget_test=[UNSURE] * 12, **sets))
    assert told_apart == dict.fromkeys(told_apart, 1.0) | {"correctness": 0.5}


def test_a_class_with_enough_images_has_a_threshold_of_its_own():
    # Members of class 0 have a margin of 5 and others of 4; members of class 1 one of 2 and others of 1.
    margins = {"retain": (5, 2), "forget": (5, 2), "test": (4, 1)}
    sets = {name: [[m[0], 0.0]] * 40 + [[0.0, m[1]]] * 40 for name, m in margins.items()}
    evaluation = Written(Answers(sets), label={name: [0] * 40 + [1] * 40 for name in sets})
    assert attacks(evaluation, per_class=5)["confidence"] == 1.0
    assert attacks(evaluation, per_class=41)["confidence"] == pytest.approx(0.75, abs=0.1)


def test_thresholds_are_chosen_on_other_test_images_than_they_are_judged_on():
    rows = [[float(i), 0.0] for i in range(21)]
    evaluation = membership_evaluation(False, test=rows)
    (chosen, _), (judged_on, _) = _nonmembers(evaluation)
    assert sorted([*chosen[:, 0].tolist(), *judged_on[:, 0].tolist()]) == [row[0] for row in rows]
    assert abs(len(chosen) - len(judged_on)) == 1
    assert chosen[:, 0].tolist() != sorted(chosen[:, 0].tolist())


@pytest.mark.parametrize("forgets_class", [False, True])
def test_without_non_members_no_threshold_attack_has_a_value(forgets_class):
    found = attacks(membership_evaluation(forgets_class, test=[UNSURE]))
    assert all(isinstance(value, Undefined) for value in found.values())


def test_the_loss_regression_is_undefined_with_few_images_or_a_masked_class():
    few = attacks(membership_evaluation(False, test=[UNSURE] * 20))
    assert "10 images" in few["loss_regression"]
    masked = attacks(membership_evaluation(False, test=[UNSURE] * 20, forget=[[-math.inf, 0.0]] * 12))
    assert "masked" in masked["loss_regression"]
    assert masked["confidence"] == 0.5


# Calibration and features.


def test_calibration_is_given_for_every_compared_set_with_hand_computed_values():
    p = [math.log(0.9), math.log(0.1)]
    found = Calibration(bins=15)(
        Written(Answers({"forget": [p, p], "test": [p]}), label={"forget": [0, 1], "test": [0]})
    )
    assert list(found) == [f"calibration/{what}_{name}" for name in ("forget", "test") for what in ("ece", "brier")]
    assert found["calibration/ece_forget"] == pytest.approx(0.4)
    assert found["calibration/brier_forget"] == pytest.approx((0.02 + 1.62) / 2)
    assert found["calibration/ece_test"] == pytest.approx(0.1)


def test_cka_has_the_hand_computed_value_and_is_1_for_a_rotation():
    square = [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    column = [[row[0], 0.0] for row in square]
    turned = [[row[1], -row[0]] for row in square]
    evaluation = Written(
        Answers({"forget": square}), {"reference": Answers({"forget": column}), "original": Answers({"forget": turned})}
    )
    found = LinearCKA()(evaluation)
    assert found["linear_cka/reference_forget"] == pytest.approx(0.7071068, abs=1e-7)
    assert found["linear_cka/original_forget"] == pytest.approx(1.0)


def test_cka_of_features_that_never_change_is_undefined():
    flat, other = Answers({"forget": [[1.0, 2.0]] * 3}), Answers({"forget": [[1.0, 2.0], [0.0, 1.0], [3.0, 3.0]]})
    found = LinearCKA()(Written(flat, {"reference": other, "original": other}))
    assert all(isinstance(value, Undefined) for value in found.values())


def test_the_reference_and_the_original_keep_their_cka_to_each_other(tiny):
    for subject, other in (("reference", "original"), ("original", "reference")):
        found = LinearCKA()(tiny[subject])
        assert isinstance(found[f"linear_cka/{subject}_test"], Undefined)
        assert 0 < found[f"linear_cka/{other}_test"] < 1


def probed(forget_test, forget):
    """A class scenario in which class 1 is forgotten, with features of two dimensions."""
    sets = {"retain": [[1.0, 0.0], [2.0, 0.1]] * 20, "forget": forget * 20, "forget_test": forget_test}
    sets["test"] = [*forget_test, [1.5, 0.0]]
    label = {name: [int(name.startswith("forget"))] * len(rows) for name, rows in sets.items()}
    label["test"] = [1] * len(forget_test) + [0]
    return Written(Answers(sets), label=label, forgets_class=True)


def test_a_probe_finds_a_class_that_only_the_head_forgot():
    found = LinearProbe(per_class=10, ridge=1.0)(probed([[-1.0, 0.0]] * 4, [[-1.0, 0.1], [-2.0, 0.0]]))
    assert found == {"linear_probe/forget_test": 1.0, "linear_probe/test": 1.0}


def test_a_probe_finds_little_of_a_class_whose_features_are_those_of_another():
    found = LinearProbe(per_class=10, ridge=1.0)(probed([[1.0, 0.0]] * 4, [[1.0, 0.0], [2.0, 0.1]]))
    assert found["linear_probe/forget_test"] <= 0.5 or found["linear_probe/test"] < 1


def test_a_probe_is_judged_on_the_forget_set_and_fitted_without_it_where_no_class_is_forgotten():
    sets = {"retain": [[1.0], [-1.0]] * 10, "forget": [[1.0], [-1.0]], "test": [[2.0]]}
    evaluation = Written(Answers(sets), label={"retain": [0, 1] * 10, "forget": [0, 0], "test": [0]})
    assert LinearProbe(per_class=5, ridge=1.0)(evaluation) == {"linear_probe/forget": 0.5, "linear_probe/test": 1.0}


# Relearning.


def relearn(**changes):
    values = {"images": "forget", "lr": 0.01, "batch_size": 16, "tolerance": 0.05, "max_steps": 300, "check_every": 1}
    return RelearnTime(**{**values, **changes})


def steps(evaluation, **changes):
    return relearn(**changes)(evaluation)["relearn_time/steps"]


def test_the_original_needs_no_step_and_a_model_that_knows_nothing_needs_some():
    assert steps(tiny_evaluation("original", forgets_class=True)) == 0
    assert steps(tiny_evaluation("reference", forgets_class=True)) > 0


def test_steps_are_counted_to_the_first_that_reaches_the_goal():
    evaluation = tiny_evaluation("reference", forgets_class=True)
    found = steps(evaluation)
    assert steps(evaluation, max_steps=found) == found
    assert "not relearned" in steps(evaluation, max_steps=found - 1)
    assert steps(evaluation, check_every=4) == math.ceil(found / 4) * 4


def test_a_higher_goal_takes_no_fewer_steps_and_all_training_images_take_more():
    evaluation = tiny_evaluation("reference", forgets_class=True)
    assert steps(evaluation, tolerance=0.5) <= steps(evaluation, tolerance=0.0)
    assert steps(evaluation, images="train") > steps(evaluation)


def test_relearning_leaves_the_models_and_the_global_generators_as_they_were():
    evaluation = tiny_evaluation("reference", forgets_class=True)
    before = {name: value.clone() for name, value in evaluation.subject.model.state_dict().items()}
    state = torch.get_rng_state()
    assert steps(evaluation) == steps(evaluation)
    assert all(torch.equal(before[name], value) for name, value in evaluation.subject.model.state_dict().items())
    assert not evaluation.subject.model.training
    assert torch.equal(torch.get_rng_state(), state)


def test_the_anamnesis_index_is_the_ratio_to_the_steps_of_the_reference():
    evaluation = tiny_evaluation(forgets_class=True)
    own, wanted = steps(evaluation), steps(tiny_evaluation("reference", forgets_class=True))
    assert relearn()(evaluation)["relearn_time/anamnesis_index"] == own / wanted
    twin = replace(evaluation, subject=evaluation.all["reference"])
    assert relearn()(twin)["relearn_time/anamnesis_index"] == 1.0


def test_the_anamnesis_index_is_undefined_without_both_numbers_of_steps():
    evaluation = tiny_evaluation(forgets_class=True)
    untrained = replace(evaluation, subject=evaluation.untrained[0])
    assert "not relearned in 1 step" in relearn(max_steps=1)(untrained)["relearn_time/anamnesis_index"]
    original = tiny_evaluation("original", forgets_class=True)
    assert "the reference: not relearned" in relearn(max_steps=1)(original)["relearn_time/anamnesis_index"]
    knows = {**original.all, "reference": original.all["original"]}
    assert "needs no step" in relearn()(replace(original, all=knows))["relearn_time/anamnesis_index"]
    itself = relearn()(tiny_evaluation("reference", forgets_class=True))["relearn_time/anamnesis_index"]
    assert isinstance(itself, Undefined)


@pytest.mark.parametrize(
    "wrong",
    [{"images": "test"}, {"lr": 0.0}, {"batch_size": 0}, {"tolerance": 1.0}, {"max_steps": 0}, {"check_every": 0}],
)
def test_values_that_relearn_nothing_are_refused(wrong):
    (name,) = wrong
    with pytest.raises(SupremeError, match=f"{name}=.* is not allowed: give .*, as in {name}="):
        relearn(**wrong)
