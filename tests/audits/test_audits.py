"""Audits on known answers: the numbers, the components on ensembles whose confidences are given, and their promises."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from omegaconf import OmegaConf

from supreme.audits import arithmetic as a
from supreme.audits.confidence import confidences
from supreme.core import Undefined
from supreme.core.registry import build
from supreme.metrics import arithmetic as metrics
from supreme.report.statistics import mean_interval
from supreme.testing import BrokenPromise, TinyEnsemble, check_audit, tiny_ensemble

CONF = Path(__file__).parents[2] / "conf"
AUDITS = sorted(path.stem for path in (CONF / "audit").glob("*.yaml"))
HAND = {"abs": 1e-6}


def audit(name: str, **changes: Any) -> Any:
    return build({**OmegaConf.to_container(OmegaConf.load(CONF / "audit" / f"{name}.yaml")), **changes})


def normal(models: int, images: int, *, shift: float = 0.0, shared: float = 0.0, seed: int = 0) -> Any:
    """Two groups of models; `shared` is the part of the standard deviation that a model has on all images alike."""
    rng = np.random.default_rng(seed)
    own = rng.normal(size=(2, models, images)) * math.sqrt(1 - shared**2)
    groups = own + shared * rng.normal(size=(2, models, 1))
    return groups[0] + shift, groups[1]


# The numbers.


def test_z_is_the_difference_in_standard_deviations_of_the_retrained_models():
    assert a.z_scores([[3, 1], [5, 1]], [[0, 0], [2, 1], [4, 2]]).tolist() == [1.0, 0.0]
    with pytest.raises(ValueError, match="1 samples have the same value under every retrained model"):
        a.z_scores([[3.0], [5.0]], [[2.0], [2.0]])


def test_the_between_model_auc_counts_pairs_of_models_and_half_of_equal_ones():
    assert a.between_model_auc([[1, 9], [2, 8]], [[0, 1], [2, 1]]).tolist() == [0.625, 1.0]


def test_a_permutation_test_of_two_against_two_models_is_that_of_a_hand():
    # {0, 2} against {1, 5}: means 1 and 3. The six divisions have shifts 2, 3, 1, 1, 3, 2: four of them 2 or more.
    test = a.model_permutation_test([[0], [2]], [[1], [5]], np.random.default_rng(0))
    assert (test.statistic, test.expected, test.p, test.exact) == (2.0, 2.0, pytest.approx(4 / 6), True)


@pytest.mark.parametrize(("models", "least"), [(3, 0.10), (4, 0.029), (5, 0.0079), (10, 1.08e-5)])
def test_the_smallest_p_is_two_of_all_divisions_and_is_reached_by_models_that_do_not_overlap(models, least):
    unlearned, reference = normal(models, 3, shift=100)
    test = a.model_permutation_test(unlearned, reference, np.random.default_rng(0), exact_up_to=200_000)
    assert test.p == test.smallest_p == 2 / math.comb(2 * models, models) == pytest.approx(least, rel=0.02)


def test_drawn_divisions_agree_with_all_of_them_and_never_give_a_p_of_0():
    unlearned, reference = normal(5, 4, shift=0.4)
    every = a.model_permutation_test(unlearned, reference, np.random.default_rng(0))
    drawn = a.model_permutation_test(unlearned, reference, np.random.default_rng(0), exact_up_to=0, draws=9_999)
    assert (every.exact, drawn.exact) == (True, False)
    assert drawn.p == pytest.approx(every.p, abs=3 * math.sqrt(every.p / 9_999))
    assert drawn.expected == pytest.approx(every.expected, rel=0.02)
    far = a.model_permutation_test(*normal(12, 4, shift=100), np.random.default_rng(0), draws=99)
    assert far.p == far.smallest_p == 0.01


@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_the_permutation_test_keeps_its_size_even_where_the_images_of_a_model_rise_together(shared):
    found = [
        a.model_permutation_test(*normal(5, 20, shared=shared, seed=seed), np.random.default_rng(0)).p
        for seed in range(400)
    ]
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 400)


def test_the_permutation_test_has_the_power_that_its_docstring_states():
    found = [
        a.model_permutation_test(*normal(5, 20, shift=0.6, seed=s), np.random.default_rng(0)).p for s in range(300)
    ]
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.60, abs=0.10)


def test_chunks_change_no_number(monkeypatch):
    unlearned, reference = normal(4, 7, shift=0.3)

    def found() -> list[Any]:
        tests = [
            a.model_permutation_test(unlearned, reference, np.random.default_rng(0), exact_up_to=limit, draws=99)
            for limit in (0, 99)
        ]
        return [a.between_model_auc(unlearned, reference).tolist(), *((test.p, test.exact) for test in tests)]

    whole = found()
    monkeypatch.setattr(a, "CHUNK", 1)
    assert found() == whole


def test_the_held_out_log_ratio_has_the_hand_computed_value():
    half = math.sqrt(0.5)  # 2 - half and 2 + half have mean 2 and standard deviation 1
    unlearned, _ = a.held_out_log_ratios([[1.5], [2 - half], [2 + half]], [[7.0], [-half], [half]])
    assert unlearned[0, 0] == pytest.approx(1.0, **HAND)


def test_held_out_log_ratios_are_those_of_gaussians_that_saw_neither_the_model_nor_its_partner():
    unlearned, reference = normal(4, 3, shift=0.5)
    found = a.held_out_log_ratios(unlearned, reference)
    for pair, image in np.ndindex(unlearned.shape):
        u, r = (np.delete(values[:, image], pair) for values in (unlearned, reference))
        gaussians = (u.mean(), u.std(ddof=1), r.mean(), r.std(ddof=1))
        for ratios, values in zip(found, (unlearned, reference), strict=True):
            expected = metrics.gaussian_log_ratio(values[pair, image], *gaussians)
            assert ratios[pair, image] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("models", [4, 12])
def test_held_out_attacks_of_equal_models_succeed_in_half_of_the_cases_whatever_their_number(models):
    accuracies, aucs = [], []
    for seed in range(300):
        unlearned, reference = a.held_out_log_ratios(*normal(models, 5, shared=0.5, seed=seed))
        accuracies.append(((unlearned > 0).mean() + (reference < 0).mean()) / 2)
        aucs.append((unlearned > reference).mean())
    for found in (accuracies, aucs):
        assert np.mean(found) == pytest.approx(0.5, abs=3.5 * np.std(found) / math.sqrt(300))


def test_the_jackknife_of_a_mean_is_the_t_interval():
    values = np.array([0.2, -0.4, 0.6, 0.1, 0.5])
    expected = mean_interval(values)
    assert expected is not None
    found = a.jackknife(lambda chosen: float(values[chosen].mean()), 5)
    assert found == pytest.approx((expected.mean, expected.low, expected.high), rel=1e-12)


@pytest.mark.parametrize(
    "function",
    [a.z_scores, a.between_model_auc, a.held_out_log_ratios, lambda u, r: a.model_permutation_test(u, r, None)],
)
def test_what_has_no_answer_is_refused(function):
    whole = np.ones((4, 2)) * np.arange(4)[:, None]
    for wrong in (np.full((4, 2), np.nan), np.ones((4, 3)), np.ones(4), np.ones((0, 2)), np.full((4, 2), np.inf)):
        with pytest.raises(ValueError, match=r"must be|need the same"):
            function(wrong, whole)


# The components.


@pytest.mark.parametrize("name", AUDITS)
def test_every_audit_keeps_its_promises(name):
    check_audit(audit(name))
    check_audit(audit(name), tiny_ensemble(shift=3.0))


@pytest.mark.parametrize("name", AUDITS)
def test_an_audit_has_a_value_for_a_class_that_is_masked(name):
    ensemble = tiny_ensemble()
    masked = np.full((6, 5), -np.inf)
    found = audit(name)(TinyEnsemble(confidences={**ensemble.confidences, "forget": (masked, masked + 0)}))
    assert all(isinstance(value, Undefined) or math.isfinite(value) for value in found.values())


@pytest.mark.parametrize("name", AUDITS)
def test_every_value_of_an_audit_can_be_refused_in_one_sentence(name):
    with pytest.raises(Exception, match=r"^component: minimum=0.* is not allowed: \S"):
        audit(name, minimum=0)


def test_u_lira_tells_models_apart_that_do_not_overlap_and_its_p_is_then_the_smallest():
    found = audit("u_lira", draws=199)(tiny_ensemble(models=12, shift=50.0))
    assert found == {"u_lira/accuracy": 1.0, "u_lira/p": 1 / 200, "u_lira/auc": 1.0, "u_lira/tpr_at_0.01": 1.0}


def test_the_retrain_ensemble_test_gives_equal_models_a_p_of_1():
    same = tiny_ensemble().confidences["forget"][0]
    found = audit("retrain_ensemble")(TinyEnsemble(confidences={"forget": (same, same)}))
    assert (found["retrain_ensemble/p"], found["retrain_ensemble/auc"]) == (1.0, 0.5)
    assert found["retrain_ensemble/shift"] == pytest.approx(0, abs=1e-12)
    assert found["retrain_ensemble/z"] == 0
    assert found["retrain_ensemble/smallest_p"] == 2 / math.comb(12, 6)


def test_z_scores_are_undefined_and_not_infinite_where_retrained_models_agree():
    found = audit("retrain_ensemble")(TinyEnsemble(confidences={"forget": ([[1.0], [2.0]] * 2, [[0.0]] * 4)}))
    assert isinstance(found["retrain_ensemble/z"], Undefined)
    assert found["retrain_ensemble/auc"] == 1.0


@pytest.mark.parametrize("forgets_class", [False, True])
def test_rmia_judges_each_model_by_the_references_of_the_other_seeds(forgets_class):
    rng = np.random.default_rng(0)
    sizes = {"forget": 6, "test": 20, "forget_test": 7}
    confidences = {name: (rng.normal(1, 2, (4, size)), rng.normal(0, 2, (4, size))) for name, size in sizes.items()}
    found = audit("rmia")(TinyEnsemble(confidences=confidences, forgets_class=forgets_class))
    p = {name: [1 / (1 + np.exp(-np.float32(side))) for side in both] for name, both in confidences.items()}
    unseen, aucs = "forget_test" if forgets_class else "test", [[], []]
    for side in (0, 1):
        for seed in range(4):
            out = {name: np.delete(both[1], seed, axis=0).mean(0) for name, both in p.items()}
            scores = [
                metrics.rmia(np.log(p[name][side][seed]), out[name], np.log(p["test"][side][seed]), out["test"])
                for name in ("forget", unseen)
            ]
            aucs[side].append(metrics.roc_auc(*scores))
    assert found["rmia/auc"] == pytest.approx(np.mean(aucs[0]), abs=1e-6)
    assert found["rmia/reference_auc"] == pytest.approx(np.mean(aucs[1]), abs=1e-6)
    assert found["rmia/excess_auc"] == pytest.approx(np.mean(aucs[0]) - np.mean(aucs[1]), abs=1e-6)


HIDDEN = (0.0, -800.0, -1e4)
"""What is added to the true class's logit: nothing; probabilities of 0 in float64; the logit of `mask_class`."""


def hidden(shift: float) -> TinyEnsemble:
    """Eight models that know the forget set by two standard deviations, and answer its class that much lower."""
    unlearned, reference = normal(8, 40, seed=1)
    unseen, unseen_reference = normal(8, 40, seed=2)
    return TinyEnsemble(
        confidences={
            "forget": (unlearned + 2 + shift, reference),
            "forget_test": (unseen + shift, unseen_reference),
            "test": (unseen + shift, unseen_reference),
        },
        forgets_class=True,
    )


def test_rmia_finds_the_members_of_a_class_that_is_hidden():
    for shift in HIDDEN:
        assert audit("rmia")(hidden(shift))["rmia/auc"] == pytest.approx(0.92, abs=0.04), shift


def test_the_confidences_of_a_class_that_is_hidden_keep_their_spread():
    shown, masked = (confidences(hidden(shift), hidden(shift).unlearned, "forget") for shift in (0.0, -1e4))
    assert masked == pytest.approx(shown - 1e4, abs=2e-3)  # the step of a float32 there is 1e-3
    gone = TinyEnsemble(confidences={"forget": (np.full((3, 2), -np.inf), np.full((3, 2), np.inf))})
    assert np.isfinite(confidences(gone, gone.unlearned, "forget")).all()


def test_klom_is_what_its_own_clip_makes_it_however_low_a_class_is_hidden():
    values = [audit("klom", minimum=2)(hidden(shift))["klom/forget"] for shift in (-1e3, -1e4)]
    assert values[0] == values[1]


def test_rmia_takes_models_that_are_certain_to_the_last_bit():
    rng = np.random.default_rng(0)
    sure = {name: tuple(np.where(rng.random((5, 400)) < 0.9, 60.0, 1.0) for _ in "ur") for name in ("forget", "test")}
    assert 0 <= audit("rmia")(TinyEnsemble(confidences=sure))["rmia/auc"] <= 1


def test_rmia_is_undefined_without_images_of_the_forgotten_classes_that_were_not_seen():
    found = audit("rmia")(TinyEnsemble(confidences=tiny_ensemble().confidences, forgets_class=True))
    assert found["rmia/auc"] == "there are no non-members: forget_test is empty"


def test_the_excess_distance_of_the_retrained_models_themselves_counts_each_with_itself():
    # N of N^2 distances are of a model to itself, so 0: the mean is (N - 1) / N of that between different models.
    same = tiny_ensemble().confidences["forget"][0]
    ensemble = TinyEnsemble(confidences={"forget": (same, same)})
    logits = [model.logits("forget") for model in ensemble.references]
    between = np.mean([metrics.js_divergence(p, q) for at, p in enumerate(logits) for q in logits[:at]])
    assert audit("excess_distance")(ensemble)["excess_distance/js"] == pytest.approx(-between / 6)


def test_klom_and_forgetting_quality_have_the_hand_computed_values():
    def of(unlearned, reference):
        sets = dict.fromkeys(("forget", "retain", "test"), ([[x] for x in unlearned], [[x] for x in reference]))
        return TinyEnsemble(confidences=sets)

    klom = audit("klom", bins=2)(of((0, 0, 0, 1), (0, 1, 1, 1)))
    assert klom == {f"klom/{name}{end}": pytest.approx(0.549306, **HAND)
                    for name in ("forget", "retain", "test") for end in ("", "_p95")}  # fmt: skip
    found = audit("forgetting_quality")(of((0, 1, 2, 3), (1.5, 2.5, 3.5, 4.5)))
    assert found == {"forgetting_quality/quality": 0.25, "forgetting_quality/score": 0.25}


class Careless:
    """An audit that draws where it must not."""

    minimum = 2

    def columns(self, ensemble):
        return ("careless",)

    def __call__(self, ensemble):
        return {"careless": float(np.random.rand())}


class Misnamed(Careless):
    def columns(self, ensemble):
        return ("another",)


def test_the_kit_notices_an_audit_that_breaks_its_promises():
    for broken, promise in ((Careless(), "draws from ensemble.rng only"), (Misnamed(), "names its columns")):
        with pytest.raises(BrokenPromise) as caught:
            check_audit(broken)
        assert caught.value.promise == promise
