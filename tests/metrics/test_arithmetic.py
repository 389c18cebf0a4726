"""The arithmetic of the metrics: numbers worked out by hand, brute force, and what must hold whatever the input."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from supreme.metrics import arithmetic as a
from supreme.metrics.arithmetic import steps

HAND = {"abs": 1e-6, "rel": 0}
P, Q = [[0.5, 0.5]], [[0.75, 0.25]]


def logits(*probabilities):
    """Logits that answer these probabilities; one of 0 is a masked class."""
    return torch.tensor(probabilities, dtype=torch.float64).log()


def random_logits(seed, count=40, classes=5, scale=4.0):
    return torch.randn(count, classes, generator=torch.Generator().manual_seed(seed)) * scale


def random_labels(seed, count=40, classes=5):
    return torch.randint(classes, (count,), generator=torch.Generator().manual_seed(seed))


SYMMETRIC = (a.js_divergence, a.total_variation, a.activation_distance, a.activation_distance_rms, a.agreement)
OF_TWO = (*SYMMETRIC, a.kl_divergence, a.js_divergence_badt_compat, a.zrf)
WITH_LABELS = (a.accuracy, a.accuracy_by_class, a.cross_entropy, a.modified_entropy, a.logit_confidence)
WITH_LABELS += (a.expected_calibration_error, a.brier_score)


def test_accuracy_counts_samples_and_not_batches():
    assert a.accuracy([[2.0, 1.0], [0.0, 1.0], [0.0, 3.0]], [0, 1, 0]) == 2 / 3


def test_the_accuracy_of_a_class_is_over_its_own_samples_and_absent_classes_have_none():
    answers = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    assert a.accuracy_by_class(answers, [0, 0, 2]) == {0: 0.5, 2: 1.0}


def test_the_calibration_error_has_the_hand_computed_value():
    # Of 4, 2 with confidence .9 and accuracy .5, and 2 with confidence .6 and accuracy 1.
    answers = logits([0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4])
    assert a.expected_calibration_error(answers, [0, 1, 0, 0], bins=4) == pytest.approx(0.4, **HAND)
    # In one bin they make up for each other: confidence .75, accuracy .75.
    assert a.expected_calibration_error(answers, [0, 1, 0, 0], bins=1) == pytest.approx(0.0, **HAND)
    with pytest.raises(ValueError, match="1 bin"):
        a.expected_calibration_error(answers, [0, 1, 0, 0], bins=0)


def test_the_calibration_error_of_certain_answers_is_the_error_rate():
    certain = logits([1.0, 0.0], [1.0, 0.0], [1.0, 0.0], [0.0, 1.0])
    assert a.expected_calibration_error(certain, [0, 0, 1, 1]) == 0.25


def test_the_brier_score_has_the_hand_computed_values():
    answer = logits([0.7, 0.2, 0.1])
    assert a.brier_score(answer, [0]) == pytest.approx(0.14, **HAND)
    assert a.brier_score(answer, [1]) == pytest.approx(1.14, **HAND)
    assert a.brier_score(logits([1.0, 0.0], [0.0, 1.0]), [0, 0]) == 1.0


def test_of_equal_logits_the_first_class_is_the_answer():
    ties = torch.zeros(3, 7)
    assert a.accuracy(ties, [0, 0, 0]) == 1
    assert a.accuracy(ties, [1, 6, 3]) == 0


def test_cross_entropy_is_the_mean_of_minus_log_probability():
    assert a.cross_entropy(logits([0.7, 0.3], [0.2, 0.8]), [0, 0]) == pytest.approx(-math.log(0.14) / 2, **HAND)


def test_cross_entropy_of_a_masked_true_class_is_infinite():
    assert a.cross_entropy(logits([0.0, 1.0]), [0]) == math.inf


def test_entropy_has_the_hand_computed_value():
    assert float(a.entropy(logits([0.7, 0.2, 0.1]))) == pytest.approx(0.801819, **HAND)


@pytest.mark.parametrize(("label", "value"), [(0, 0.162167), (1, 2.140867), (2, 2.959736)])
def test_modified_entropy_has_the_hand_computed_values(label, value):
    assert float(a.modified_entropy(logits([0.7, 0.2, 0.1]), [label])) == pytest.approx(value, **HAND)


def test_modified_entropy_of_a_sample_does_not_depend_on_the_others():
    both = a.modified_entropy(logits([0.7, 0.2, 0.1], [0.7, 0.2, 0.1]), [0, 1])
    assert both.tolist() == pytest.approx([0.162167, 2.140867], **HAND)


def test_modified_entropy_of_a_sure_answer_is_zero_when_right_and_grows_without_end_when_wrong():
    sure = [[400.0, 0.0, 0.0]]
    assert float(a.modified_entropy(sure, [0])) == pytest.approx(0, abs=1e-12)
    # -(1 - 0) ln p_1 = 400 for the label, and -ln(1 - p_0) = 400 - ln 2 for the class that was answered.
    assert float(a.modified_entropy(sure, [1])) == pytest.approx(800 - math.log(2), **HAND)


@pytest.mark.parametrize(("probability", "value"), [(0.9, 2.197225), (0.5, 0.0), (0.99, 4.595120)])
def test_logit_confidence_has_the_hand_computed_values(probability, value):
    rest = (1 - probability) / 2
    found = a.logit_confidence(logits([rest, probability, rest]), [1])
    assert float(found) == pytest.approx(value, **HAND)


def test_logit_confidence_does_not_saturate_where_the_probability_is_1():
    assert a.logit_confidence(torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]), [0, 0]).tolist() == [1000.0, -1000.0]


def test_scores_of_a_masked_true_class_are_infinite_and_never_nan():
    masked = torch.tensor([[-math.inf, 1.0, 2.0]])
    assert a.logit_confidence(masked, [0]).tolist() == [-math.inf]
    assert a.modified_entropy(masked, [0]).tolist() == [math.inf]
    assert float(a.entropy(masked)) == pytest.approx(float(a.entropy([[1.0, 2.0]])), rel=1e-12)


@pytest.mark.parametrize(
    ("p", "q", "base", "value"),
    [
        (P, Q, math.e, 0.0338221),
        (P, Q, 2.0, 0.0487949),
        (P, [[1.0, 0.0]], math.e, 0.2157616),
        (P, [[1.0, 0.0]], 2.0, 0.3112781),
        ([[1.0, 0.0]], [[0.0, 1.0]], math.e, math.log(2)),
    ],
)
def test_js_divergence_has_the_hand_computed_values(p, q, base, value):
    assert a.js_divergence(logits(*p), logits(*q), base=base) == pytest.approx(value, abs=1e-7, rel=0)


@pytest.mark.parametrize("classes", [2, 3, 10, 105])
def test_js_divergence_of_certain_answers_that_differ_is_exactly_1(classes):
    one, other = torch.zeros(17, classes), torch.zeros(17, classes)
    one[:, 0], other[:, 1] = 2000.0, 2000.0
    assert a.js_divergence(one, other) == 1.0
    assert a.zrf(one, other) == 0.0


@pytest.mark.parametrize("scale", [1e-3, 1.0, 200.0, 1e6, 1e30])
def test_js_divergence_of_equal_logits_is_exactly_0_however_large(scale):
    same = random_logits(1, scale=scale)
    assert a.js_divergence(same, same.clone()) == 0.0


def test_js_divergence_stays_in_range_where_rounding_would_leave_it():
    close = random_logits(4, 200, 7).double()
    apart = torch.full((200, 7), -math.inf), torch.full((200, 7), -math.inf)
    apart[0][:, :3], apart[1][:, 3:] = random_logits(5, 200, 3), random_logits(6, 200, 4)
    for row in range(200):
        assert a.js_divergence(close[[row]], close[[row]] + 1e-9 * random_logits(row, 1, 7)) >= 0
        assert a.js_divergence(apart[0][[row]], apart[1][[row]]) <= 1


def test_js_divergence_survives_probabilities_that_underflow():
    value = a.js_divergence([[0.0, -744.4]], [[0.0, -math.inf]])
    assert 0 <= value < 1e-300


def test_js_divergence_agrees_with_another_library():
    from scipy.spatial.distance import jensenshannon

    p, q = random_logits(2).double(), random_logits(3).double()
    expected = (jensenshannon(p.softmax(1), q.softmax(1), base=2, axis=1) ** 2).mean()
    assert a.js_divergence(p, q) == pytest.approx(expected, rel=1e-10)


def test_kl_divergence_has_the_value_of_its_definition_and_no_symmetry():
    p_to_q = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    q_to_p = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert a.kl_divergence(logits(*P), logits(*Q)) == pytest.approx(p_to_q, **HAND)
    assert a.kl_divergence(logits(*Q), logits(*P)) == pytest.approx(q_to_p, **HAND)
    assert a.kl_divergence(logits(*P), logits(*Q), base=2) == pytest.approx(p_to_q / math.log(2), **HAND)


def test_kl_divergence_is_infinite_only_where_q_excludes_what_p_allows():
    sure = logits([1.0, 0.0])
    assert a.kl_divergence(logits(*P), sure) == math.inf
    assert a.kl_divergence(sure, logits(*P)) == pytest.approx(math.log(2), **HAND)


def test_total_variation_has_the_hand_computed_value():
    assert a.total_variation(logits(*P), logits(*Q)) == pytest.approx(0.25, **HAND)


def test_activation_distance_has_the_hand_computed_value():
    assert a.activation_distance(logits(*P), logits(*Q)) == pytest.approx(0.353553, **HAND)


def test_activation_distance_is_a_mean_and_its_variant_a_root_mean_square():
    # Distances of 0 and 1 for the two samples.
    apart = 1 / math.sqrt(2)
    p = logits([0.5, 0.5], [apart, 1 - apart])
    q = logits([0.5, 0.5], [0.0, 1.0])
    assert a.activation_distance(p, q) == pytest.approx(0.5, **HAND)
    assert a.activation_distance_rms(p, q) == pytest.approx(0.707107, **HAND)


def test_agreement_has_the_hand_computed_value():
    one_hot = torch.eye(3)
    assert a.agreement(one_hot[[0, 1, 2, 2]], one_hot[[0, 1, 1, 2]]) == 0.75


def test_zrf_has_the_hand_computed_values():
    forgetful, incompetent = torch.zeros(1, 2), torch.tensor([[math.log(3), 0.0]])
    assert a.zrf(forgetful, incompetent) == pytest.approx(0.9512051, **HAND)
    assert 1 - a.js_divergence(forgetful, incompetent, base=math.e) == pytest.approx(0.9661779, **HAND)
    assert 1 - a.js_divergence_badt_compat(forgetful, incompetent) == pytest.approx(0.9825794, **HAND)


def test_the_compatible_js_divergence_is_infinite_on_certain_answers_as_the_published_one():
    assert a.js_divergence_badt_compat(logits([1.0, 0.0]), logits([0.0, 1.0])) == math.inf


@given(seed=st.integers(0, 10_000), scale=st.sampled_from([0.01, 1.0, 30.0, 1e4]))
@settings(max_examples=25, deadline=None)
def test_divergences_are_symmetric_and_in_range(seed, scale):
    p, q = random_logits(seed, 6, 4, scale), random_logits(seed + 1, 6, 4, scale)
    for function in SYMMETRIC:
        assert function(p, q) == function(q, p)
    for function, largest in ((a.js_divergence, 1), (a.total_variation, 1), (a.activation_distance, math.sqrt(2))):
        assert 0 <= function(p, q) <= largest + 1e-12
    assert a.kl_divergence(p, q) >= 0


@given(seed=st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_no_value_depends_on_the_order_of_samples(seed):
    p, q, labels = random_logits(seed), random_logits(seed + 1), random_labels(seed)
    order = torch.randperm(len(p), generator=torch.Generator().manual_seed(seed))
    for function in OF_TWO:
        assert function(p[order], q[order]) == pytest.approx(function(p, q), rel=1e-12)
    for function in (a.accuracy, a.cross_entropy):
        assert function(p[order], labels[order]) == pytest.approx(function(p, labels), rel=1e-12)
    for function in (a.modified_entropy, a.logit_confidence):
        assert torch.equal(function(p[order], labels[order]), function(p, labels)[order])


@pytest.mark.parametrize("rows", [1, 7, 39, 40, 100])
def test_no_value_depends_on_how_many_rows_are_worked_on_at_a_time(monkeypatch, rows):
    p, q, labels = random_logits(5), random_logits(6), random_labels(7)
    whole = [function(p, q) for function in OF_TWO] + [a.cross_entropy(p, labels), *a.entropy(p).tolist()]
    monkeypatch.setattr(steps, "ROWS", rows)
    parts = [function(p, q) for function in OF_TWO] + [a.cross_entropy(p, labels), *a.entropy(p).tolist()]
    assert parts == pytest.approx(whole, rel=1e-13)


def test_sums_are_in_float64():
    many = torch.zeros(300_000, 2) + torch.tensor([0.0, 1e-4])
    assert a.cross_entropy(many, torch.zeros(300_000, dtype=torch.int64)) == pytest.approx(
        math.log1p(math.exp(float(many[0, 1]))), rel=1e-13
    )


@pytest.mark.parametrize("function", OF_TWO)
def test_functions_of_two_models_refuse_what_does_not_match(function):
    with pytest.raises(ValueError, match="one shape"):
        function(torch.zeros(3, 2), torch.zeros(2, 2))
    with pytest.raises(ValueError, match="not empty"):
        function(torch.zeros(0, 2), torch.zeros(0, 2))
    for bad in (math.nan, math.inf):
        with pytest.raises(ValueError, match="NaN"):
            function(torch.tensor([[0.0, bad]]), torch.zeros(1, 2))


@pytest.mark.parametrize("function", WITH_LABELS)
def test_functions_of_logits_and_labels_refuse_what_does_not_match(function):
    two = torch.zeros(2, 3)
    for labels in ([0], [0, 3], [0, -1], [0.0, 1.0], [[0], [1]]):
        with pytest.raises(ValueError, match="labels"):
            function(two, labels)
    with pytest.raises(ValueError, match="not empty"):
        function(torch.zeros(0, 3), [])
    with pytest.raises(ValueError, match="matrix"):
        function(torch.zeros(3), [0, 1, 2])
    with pytest.raises(ValueError, match="minus infinity"):
        function(torch.full((2, 3), -math.inf), [0, 1])


def test_scores_that_need_another_class_refuse_a_single_one():
    for function in (a.modified_entropy, a.logit_confidence):
        with pytest.raises(ValueError, match="2 classes"):
            function([[1.0]], [0])


@pytest.mark.parametrize("base", [1.0, 0.5, -2.0])
def test_a_base_that_has_no_logarithm_is_refused(base):
    with pytest.raises(ValueError, match="base"):
        a.js_divergence([[0.0, 1.0]], [[0.0, 1.0]], base=base)


MEMBERS, NONMEMBERS = [0.9, 0.8, 0.6, 0.3], [0.7, 0.5, 0.2, 0.1]


def test_roc_auc_has_the_hand_computed_value():
    assert a.roc_auc(MEMBERS, NONMEMBERS) == 0.8125


def test_tpr_at_fpr_has_the_hand_computed_values():
    assert a.tpr_at_fpr(MEMBERS, NONMEMBERS, 0.0) == 0.5
    assert a.tpr_at_fpr(MEMBERS, NONMEMBERS, 0.25) == 0.75
    assert a.tpr_at_fpr(MEMBERS, NONMEMBERS, 0.2499) == 0.5
    assert a.tpr_at_fpr(MEMBERS, NONMEMBERS, 1.0) == 1.0


few_values = st.lists(st.sampled_from([-math.inf, -1.0, 0.0, 0.5, 2.0, math.inf]), min_size=1, max_size=12)


@given(members=few_values, nonmembers=few_values)
@settings(max_examples=100, deadline=None)
def test_roc_auc_is_the_share_of_pairs_in_order_with_ties_counted_half(members, nonmembers):
    pairs = list(itertools.product(members, nonmembers))
    share = sum((m > n) + (m == n) / 2 for m, n in pairs) / len(pairs)
    assert a.roc_auc(members, nonmembers) == pytest.approx(share, rel=1e-12)


@given(members=few_values, nonmembers=few_values, fpr=st.sampled_from([0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.999, 1.0]))
@settings(max_examples=100, deadline=None)
def test_tpr_at_fpr_is_the_best_threshold_that_is_allowed(members, nonmembers, fpr):
    thresholds = [math.nan, *members, *nonmembers]  # nothing reaches NaN: the rule that calls nobody a member
    rates = [[np.mean(np.array(scores) >= t) for scores in (nonmembers, members)] for t in thresholds]
    best = max(tpr for false_positive, tpr in rates if false_positive <= fpr)
    assert a.tpr_at_fpr(members, nonmembers, fpr) == pytest.approx(best, rel=1e-12)


def test_tpr_at_fpr_allows_exactly_the_false_positives_that_the_rate_names():
    # 0.29 x 100 is 28.999999999999996 in floating point; 29 false positives are allowed all the same.
    nonmembers = list(range(100))
    assert a.tpr_at_fpr([70.5], nonmembers, 0.29) == 1.0
    assert a.tpr_at_fpr([69.5], nonmembers, 0.29) == 0.0


@pytest.mark.parametrize(("count", "value"), [(50, 0.041), (500, 0.013), (5000, 0.005)])
def test_the_standard_error_of_an_auc_has_the_known_values(count, value):
    assert a.auc_standard_error(count, 10_000) == pytest.approx(value, abs=5e-4)


@pytest.mark.parametrize("function", [a.roc_auc, lambda members, nonmembers: a.tpr_at_fpr(members, nonmembers, 0.1)])
def test_attacks_refuse_empty_and_nan_scores(function):
    for members, nonmembers in (([], [1.0]), ([1.0], []), ([math.nan], [1.0]), ([1.0], [math.nan]), ([[1.0]], [1.0])):
        with pytest.raises(ValueError, match="one number per sample"):
            function(members, nonmembers)


@pytest.mark.parametrize("fpr", [-0.1, 1.1, math.nan])
def test_a_false_positive_rate_outside_0_to_1_is_refused(fpr):
    with pytest.raises(ValueError, match="fpr"):
        a.tpr_at_fpr([1.0], [0.0], fpr)


def test_the_roc_curve_has_the_hand_computed_values():
    curve = a.roc_curve([0.9, 0.8, 0.6, 0.3], [0.7, 0.5, 0.2, 0.1], [0, 0.2, 0.25, 0.5, 1])
    assert curve == [0.5, 0.5, 0.75, 1.0, 1.0]


def test_the_best_threshold_is_the_lowest_of_the_best():
    # Balanced accuracies from the top: 0.625, then 0.75 at 0.8, at 0.6 and at 0.3.
    assert a.best_threshold([0.9, 0.8, 0.6, 0.3], [0.7, 0.5, 0.2, 0.1]) == 0.3
    assert a.best_threshold([0.9, 0.8, 0.6, 0.3], [0.7, 0.5, 0.4, 0.1]) == 0.6
    assert a.best_threshold([3.0, 3.0], [3.0]) == 3.0


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.lists(st.integers(0, 5), min_size=1, max_size=8))
def test_no_threshold_is_better_than_the_best(members, nonmembers):
    def quality(threshold):
        kept, rejected = sum(m >= threshold for m in members), sum(n < threshold for n in nonmembers)
        return kept * len(nonmembers) + rejected * len(members)

    assert quality(a.best_threshold(members, nonmembers)) == max(quality(threshold) for threshold in range(7))


def test_the_svc_attack_calls_members_what_is_like_them():
    assert a.svc_attack([1.0] * 9, [0.0] * 9, [1.0, 0.9, 0.1]) == pytest.approx(2 / 3)
    for values in ([], [math.inf], [math.nan]):
        with pytest.raises(ValueError, match=r"one number per sample|infinite"):
            a.svc_attack([0.0], [1.0], values)


def test_the_cross_validated_attack_is_right_always_or_as_often_as_chance():
    rng = np.random.default_rng(0)
    assert a.cross_validated_attack([0.0] * 10, [5.0] * 10, rng) == 1.0
    assert a.cross_validated_attack([1.0] * 20, [1.0] * 20, rng) == 0.5
    for members, nonmembers in (([0.0] * 9, [1.0] * 9), ([0.0] * 10, [1.0] * 11)):
        with pytest.raises(ValueError, match=r"10 samples|compared"):
            a.cross_validated_attack(members, nonmembers, rng)


def test_the_cross_validated_attack_draws_from_its_generator_alone():
    values = np.random.default_rng(1).normal(size=(2, 30))
    found = []
    for seed in (0, 0, 1, 2):
        np.random.seed(len(found))
        found.append(a.cross_validated_attack(*values, np.random.default_rng(seed)))
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_the_logistic_attack_has_the_hand_computed_value():
    assert a.logistic_attack([0.0, 0.0], [1.0, 1.0], [0.2, 0.4, 0.6, 0.9]) == 0.5


def test_the_logistic_attack_is_balanced():
    # 98 to 2: without class weights everything would be called a member.
    assert a.logistic_attack([0.0] * 98, [1.0] * 2, [0.9, 1.0, 0.1]) == pytest.approx(1 / 3)


@pytest.mark.parametrize("scale", [1e-3, 0.1, 1.0, 30.0])
@pytest.mark.parametrize("shift", [0.0, 1.0, 20.0])
def test_the_logistic_attack_is_the_regression_of_another_library(scale, shift):
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    members, nonmembers, targets = (rng.exponential(scale, n) + k for n, k in ((90, 0), (40, shift), (200, shift / 2)))
    known = LogisticRegression(class_weight="balanced", tol=1e-10, max_iter=10_000)
    known.fit(np.r_[members, nonmembers][:, None], np.repeat([1, 0], [90, 40]))
    assert a.logistic_attack(members, nonmembers, targets) == known.predict(targets[:, None]).mean()


def test_the_logistic_attack_at_its_optimum_is_not_where_scikit_learn_stops():
    values = [1e-5, 2e-5, 3e-5, 4e-5], [2e-4, 3e-4, 4e-4, 5e-4], [1e-5, 1e-4, 3e-4, 4e-5]
    assert a.logistic_attack(*values) == 0.75
    assert a.logistic_attack(*values, solver="sklearn") == 0.0
    with pytest.raises(ValueError, match="optimum or sklearn, not newton"):
        a.logistic_attack(*values, solver="newton")


@pytest.mark.parametrize("scale", [1e-3, 1e-2, 0.1, 1.0])
def test_the_solver_called_sklearn_is_that_of_the_published_code(scale):
    """Foster et al. and SUPREME 0.1.4 set the class weights and, apart from what is the default, nothing else."""
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    members, nonmembers, targets = (rng.exponential(scale * k, n) for n, k in ((300, 1), (90, 2), (50, 1.5)))
    known = LogisticRegression(class_weight="balanced").fit(
        np.r_[members, nonmembers][:, None], np.repeat([1, 0], [300, 90])
    )
    expected = known.predict(targets[:, None]).mean()
    assert a.logistic_attack(members, nonmembers, targets, solver="sklearn") == expected


def test_the_logistic_attack_refuses_empty_and_infinite_values():
    for values in ([], [math.inf], [math.nan]):
        with pytest.raises(ValueError, match=r"one number per sample|infinite"):
            a.logistic_attack([0.0], [1.0], values)


def test_the_gaussian_log_ratio_has_the_hand_computed_value():
    assert a.gaussian_log_ratio(1.5, 2, 1, 0, 1) == pytest.approx(1.0, **HAND)


def test_the_gaussian_log_ratio_is_that_of_two_normal_densities():
    from scipy.stats import norm

    expected = norm.logpdf(0.3, 1, 2) - norm.logpdf(0.3, -1, 0.5)
    assert a.gaussian_log_ratio(0.3, 1, 2, -1, 0.5) == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="positive"):
        a.gaussian_log_ratio(0, 0, 0, 0, 1)


def test_rmia_has_the_hand_computed_value():
    scores = a.rmia(np.log([0.9]), [0.4], np.log([0.8, 0.5, 0.9]), [0.8, 0.6, 0.3])
    assert scores.tolist() == pytest.approx([2 / 3], **HAND)


def test_rmia_tells_samples_apart_whose_probabilities_are_all_0_in_float64():
    assert np.exp(-800.0) == 0
    assert a.rmia([-800.0, -900.0], [0, 0], [-850.0, -950.0], [0, 0]).tolist() == [1.0, 0.5]
    assert a.rmia([-math.inf, -1.0], [0, 0], [-math.inf, -2.0], [0, 0]).tolist() == [0.0, 1.0]


def test_rmia_of_a_class_that_is_hidden_by_a_low_logit_finds_its_members():
    rng = np.random.default_rng(0)
    for shift in (0, -30, -700, -800, -1e4):
        answers = rng.normal(0, 1, (2000, 10))
        answers[:, 0] += 3 + shift
        answers[:1000, 0] += 1.5
        log_p = a.log_probability(answers, np.zeros(2000, dtype=np.int64))
        out = np.full(1000, 0.5)
        scores = [a.rmia(part, out, log_p[1000:], out) for part in (log_p[:1000], log_p[1000:])]
        assert a.roc_auc(*scores) > 0.8, shift


def test_rmia_ratios_have_the_hand_computed_values():
    # The score steps down as gamma passes each quotient of the target's ratio and a sample's.
    target = 1.475410
    for ratio in (0.919540, 0.675676, 1.651376):
        below, above = target / ratio * (1 - 2e-6), target / ratio * (1 + 2e-6)
        scores = [
            float(a.rmia(np.log([0.9]), [0.4], np.log([0.8, 0.5, 0.9]), [0.8, 0.6, 0.3], gamma=gamma))
            for gamma in (below, above)
        ]
        assert scores[0] - scores[1] == pytest.approx(1 / 3)


def test_rmia_agrees_with_a_count_over_all_pairs():
    rng = np.random.default_rng(0)
    x, x_out, z, z_out = rng.random((4, 30))
    ratio = [p / (0.65 * out + 0.35) for p, out in ((x, x_out), (z, z_out))]
    expected = (ratio[0][:, None] / ratio[1][None] > 1.2).mean(1)
    assert a.rmia(np.log(x), x_out, np.log(z), z_out, gamma=1.2).tolist() == pytest.approx(expected.tolist())


def test_rmia_refuses_what_is_no_probability():
    for target, out in (([0.2], [0.5]), ([-0.5], [-0.1]), ([-0.5], [0.5, 0.5])):
        with pytest.raises(ValueError, match="probabilities"):
            a.rmia(target, out, [-0.5], [0.5])


def test_the_log_probability_of_a_true_class_keeps_its_spread_below_the_least_float():
    found = a.log_probability([[0.0, -800.0], [0.0, -900.0], [0.0, -math.inf]], [1, 1, 1])
    assert found.tolist() == [-800.0, -900.0, -math.inf]
    assert a.log_probability(logits([0.7, 0.3]), [1]).tolist() == pytest.approx([math.log(0.3)], **HAND)


def normal_models(count, samples=400, shift=0.0, seed=0):
    return np.random.default_rng(seed).normal(shift, 1, (count, samples))


def column(*values):
    return torch.tensor(values, dtype=torch.float64)[:, None]


def test_klom_has_the_hand_computed_value_and_keeps_the_pooled_maximum():
    assert float(a.klom(column(0, 0, 0, 1), column(0, 1, 1, 1), bins=2)) == pytest.approx(0.549306, **HAND)


def test_klom_of_samples_that_never_vary_is_zero():
    assert a.klom(torch.full((5, 2), 3.0), torch.full((5, 2), 3.0)).tolist() == [0.0, 0.0]


def test_klom_of_disjoint_values_is_set_by_the_floor():
    assert float(a.klom(column(0, 0), column(1, 1))) == pytest.approx(math.log(1e5), rel=1e-9)


def test_klom_clips_margins():
    assert torch.equal(
        a.klom(column(0, 50, 1e9), column(0, 50, 100)),
        a.klom(column(0, 50, 100), column(0, 50, 1e6)),
    )


@pytest.mark.parametrize(("models", "value"), [(20, 2.97), (50, 0.84), (100, 0.35), (200, 0.14)])
def test_klom_between_retrained_models_has_the_known_value_for_their_number(models, value):
    found = a.klom(normal_models(models, 2000, seed=1), normal_models(models, 2000, seed=2))
    assert float(found.mean()) == pytest.approx(value, rel=0.08)


def test_attack_epsilon_has_the_hand_computed_value():
    assert float(a.attack_epsilon([0.1], [0.2])) == pytest.approx(2.079429, **HAND)


def test_attack_epsilon_is_infinite_without_errors_and_0_with_one_rate_at_0_or_no_better_than_chance():
    found = a.attack_epsilon([0.0, 0.0, 0.3, 0.5, 1.0], [0.0, 0.3, 0.0, 0.5, 1.0])
    assert found.tolist() == [math.inf, 0.0, 0.0, 0.0, 0.0]


def test_forgetting_quality_has_the_hand_computed_value():
    unlearned, reference = column(0, 1, 2, 3), column(1.5, 2.5, 3.5, 4.5)
    assert a.forgetting_quality(unlearned, reference, intervals=False).tolist() == [0.25]
    assert a.forgetting_quality(reference, unlearned, intervals=False).tolist() == [0.25]


def test_an_epsilon_of_2_079_scores_a_sixteenth():
    # 100 models each; the only cut with errors on both sides has FPR .1 and FNR .2.
    reference, unlearned = column(*[0] * 20, *[1] * 80), column(*[1] * 10, *[0] * 90)
    assert a.forgetting_quality(unlearned, reference, intervals=False).tolist() == [0.0625]


def test_forgetting_quality_is_0_where_models_are_told_apart_and_1_where_all_are_equal():
    apart = a.forgetting_quality(normal_models(10, 3), normal_models(10, 3, shift=50))
    assert apart.tolist() == [0.0, 0.0, 0.0]
    assert a.forgetting_quality(torch.zeros(5, 2), torch.zeros(5, 2)).tolist() == [1.0, 1.0]


def test_intervals_catch_a_sample_whose_spread_alone_differs():
    reference, unlearned = normal_models(64, 60), normal_models(64, 60, seed=9) * 0.15
    single = a.forgetting_quality(unlearned, reference, intervals=False).mean()
    both = a.forgetting_quality(unlearned, reference).mean()
    assert both < single / 2


def test_a_sample_that_hardly_varies_under_one_kind_of_model_scores_0():
    assert a.forgetting_quality(column(0.5, 0.501, 0.5), column(0, 0.5, 1)).tolist() == [0.0]


@pytest.mark.parametrize(("models", "value"), [(10, 0.32), (64, 0.32), (512, 0.37)])
def test_forgetting_quality_between_retrained_models_is_about_a_third(models, value):
    found = a.forgetting_quality(normal_models(models, seed=3), normal_models(models, seed=4), intervals=False)
    assert float(found.mean()) == pytest.approx(value, abs=0.05)


@pytest.mark.parametrize("function", [a.klom, a.forgetting_quality])
def test_functions_of_many_models_refuse_what_does_not_match(function):
    with pytest.raises(ValueError, match="same samples"):
        function(torch.zeros(4, 2), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="finite"):
        function(torch.full((4, 2), math.nan), torch.zeros(4, 2))
    with pytest.raises(ValueError, match="matrix"):
        function(torch.zeros(4), torch.zeros(4))


def test_forgetting_quality_refuses_fewer_than_3_models():
    with pytest.raises(ValueError, match="3 models"):
        a.forgetting_quality(torch.zeros(2, 1), torch.zeros(9, 1))


def test_the_forgetting_score_has_the_hand_computed_value():
    assert a.forgetting_score(0.5, 0.98, 1.0, 0.90, 0.95) == pytest.approx(0.464211, **HAND)


def test_excess_distance_has_the_hand_computed_value():
    references, unlearned = [0.0, 2.0], [1.0, 3.0]
    cross = [abs(u - r) for u in unlearned for r in references]
    assert a.excess_distance(cross, [2.0]) == -0.5


STATE = {"one": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "two": torch.tensor([0.0, 0.0])}
OTHER = {"one": torch.tensor([[1.0, 2.0], [3.0, 1.0]]), "two": torch.tensor([4.0, 0.0])}


def test_weight_distance_has_the_hand_computed_values():
    assert a.weight_distance_by_layer(STATE, OTHER) == {"one": 3.0, "two": 4.0}
    assert a.weight_distance(STATE, OTHER) == 5.0
    assert a.relative_weight_distance(STATE, OTHER) == pytest.approx(0.898027, **HAND)


def test_weight_distance_takes_parameters_that_require_gradients():
    model = torch.nn.Linear(3, 2)
    assert a.weight_distance(dict(model.named_parameters()), dict(model.named_parameters())) == 0.0


def test_weight_distance_refuses_other_names_shapes_and_numbers():
    one = {"w": torch.zeros(2)}
    for other, message in (
        ({"v": torch.zeros(2)}, "not shared: v, w"),
        ({"w": torch.zeros(1)}, "shapes"),
        ({"w": torch.tensor([0.0, math.nan])}, "NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            a.weight_distance(one, other)
    with pytest.raises(ValueError, match="at least one"):
        a.weight_distance({}, {})
    with pytest.raises(ValueError, match="all zero"):
        a.relative_weight_distance(one, one)


def test_linear_cka_has_the_hand_computed_value():
    features = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert a.linear_cka(features, features[:, :1]) == pytest.approx(0.7071068, abs=1e-7)


def test_linear_cka_ignores_rotation_scale_and_shift():
    features = random_logits(1, 50, 6)
    rotation = torch.linalg.qr(random_logits(2, 6, 6).double()).Q
    assert a.linear_cka(features, 3 * features.double() @ rotation + 7) == pytest.approx(1.0, abs=1e-12)
    assert a.linear_cka(features, random_logits(3, 50, 6)) < 0.5


def test_linear_cka_refuses_constant_features_and_other_samples():
    with pytest.raises(ValueError, match="differ"):
        a.linear_cka(torch.ones(3, 2), random_logits(0, 3, 2))
    with pytest.raises(ValueError, match="same samples"):
        a.linear_cka(torch.ones(3, 2), torch.ones(4, 2))


def test_tug_of_war_has_the_hand_computed_value_whatever_the_signs():
    assert a.tug_of_war(0.05, 0.02, 0.03) == pytest.approx(0.903070, **HAND)
    assert a.tug_of_war(-0.05, 0.02, -0.03) == pytest.approx(0.903070, **HAND)


def test_average_gap_is_the_mean_of_absolute_gaps():
    assert a.average_gap([0.1, 0.9, 0.8], [0.2, 0.85, 0.8]) == pytest.approx(0.05, **HAND)


def test_retention_deviation_adds_the_deviations_of_the_three_ratios():
    assert a.retention_deviation([0.9, 0.5, 0.88], [1.0, 0.8, 0.8]) == pytest.approx(0.1 + 0.375 + 0.1, **HAND)


def test_retention_deviation_is_refused_where_the_reference_forgot_everything():
    with pytest.raises(ValueError, match="is 0"):
        a.retention_deviation([0.9, 0.1, 0.8], [0.9, 0.0, 0.8])


def test_nomus_and_indiscernibility_have_the_hand_computed_values():
    assert a.nomus(0.9, 0.6) == pytest.approx(0.85, **HAND)
    assert a.indiscernibility(0.6) == pytest.approx(0.8, **HAND)
    assert a.indiscernibility(0.4) == pytest.approx(0.8, **HAND)


def test_the_harmonic_mean_has_the_hand_computed_value():
    assert a.harmonic_mean(0.9, 0.6) == pytest.approx(0.72, **HAND)
    assert a.harmonic_mean(0.0, 0.0) == 0.0


def test_the_adaptive_unlearning_score_has_the_hand_computed_values():
    assert a.adaptive_unlearning_score(0.95, 0.90, 0.0, class_removal=True) == pytest.approx(0.95, **HAND)
    assert a.adaptive_unlearning_score(0.95, 0.90, 0.93, class_removal=False) == pytest.approx(0.922330, **HAND)


def test_the_relearn_ratio_has_the_hand_computed_value():
    assert a.relearn_ratio(3, 6) == 0.5
    with pytest.raises(ValueError, match="reference"):
        a.relearn_ratio(0, 0)


@pytest.mark.parametrize(
    "summary",
    [
        lambda: a.tug_of_war(5, 0.02, 0.03),
        lambda: a.nomus(90, 0.5),
        lambda: a.nomus(0.9, math.nan),
        lambda: a.harmonic_mean(90, 0.5),
        lambda: a.adaptive_unlearning_score(95, 0.9, 0, class_removal=True),
        lambda: a.retention_deviation([90], [95]),
        lambda: a.forgetting_score(0.5, 98, 100, 0.9, 0.9),
    ],
)
def test_per_cent_and_nan_are_refused_where_a_fraction_is_meant(summary):
    with pytest.raises(ValueError, match="fraction"):
        summary()


def test_the_gaussian_unlearning_score_has_the_hand_computed_value():
    assert a.gaussian_unlearning_score([[3.0, 4.0]], [[1.0, 0.0]], sigma=1.0).tolist() == [3.0]


def test_the_gaussian_unlearning_score_is_standard_normal_without_a_trace_of_the_noise():
    rng = np.random.default_rng(0)
    scores = a.gaussian_unlearning_score(rng.normal(0, 0.3, (4000, 20)), rng.normal(2, 5, (4000, 20)), sigma=0.3)
    assert float(scores.mean()) == pytest.approx(0, abs=0.06)
    assert float(scores.std()) == pytest.approx(1, abs=0.05)


def test_the_gaussian_unlearning_score_refuses_a_zero_gradient():
    with pytest.raises(ValueError, match="zero"):
        a.gaussian_unlearning_score([[1.0, 0.0]], [[0.0, 0.0]], sigma=1.0)


def test_interclass_confusion_has_the_hand_computed_values():
    answers = torch.eye(3)[[0, 1, 2, 1, 0, 1]]  # true A A A B B B, answered A B C B A B
    labels = torch.tensor([0, 0, 0, 1, 1, 1])
    assert a.interclass_confusion(answers, labels, 0, 1) == 0.5
    assert a.targeted_confusions(answers, labels, 0, 1) == 2


def test_interclass_confusion_looks_at_the_two_classes_alone():
    answers, labels = torch.eye(3)[[0, 1, 0]], torch.tensor([0, 1, 2])
    assert a.interclass_confusion(answers, labels, 0, 1) == 0.0
    with pytest.raises(ValueError, match="no sample"):
        a.interclass_confusion(answers, torch.tensor([2, 2, 2]), 0, 1)
