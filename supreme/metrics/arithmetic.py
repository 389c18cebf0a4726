"""The numbers themselves: pure functions of logits, scores, weights or other numbers, for anybody to call and to check.

Logits are N x C, labels N class indices; sums are in float64. Input may be tensors, arrays or lists. A class may be
masked by a logit of minus infinity. Logarithms are natural unless a base is given, and 0 ln 0 is 0. Scores of attacks
are larger for what looks more like a member. Accuracies and rates are fractions.

In order: what one model answers; two models on the same samples; membership attacks; distributions over many models;
weights and features; summaries of numbers already measured; signals that were planted; shared steps.

Unless a docstring says otherwise, the ideal of a metric is not its best value but the value that a retrained model
gets. Every function raises ValueError for empty input, shapes that do not match, and values for which the metric is not
defined: none returns NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

Values = Tensor | np.ndarray | Sequence[float]
"""One number per sample."""
Matrix = Tensor | np.ndarray | Sequence[Sequence[float]]
State = Mapping[str, Tensor]
"""Named parameters, as `dict(model.named_parameters())`."""

ROWS = 1 << 14
"""Samples worked on at a time: bounds the memory of float64 copies, changes no result."""


def accuracy(logits: Matrix, labels: Values) -> float:
    """Share of samples whose largest logit is the label's; of equal logits the first counts. In [0, 1]."""
    logits, labels = _labelled(logits, labels)
    return _mean(logits.argmax(1) == labels)


def accuracy_by_class(logits: Matrix, labels: Values) -> dict[int, float]:
    """The same for each class that has samples, over these."""
    logits, labels = _labelled(logits, labels)
    hits = logits.argmax(1) == labels
    return {int(k): _mean(hits[labels == k]) for k in labels.unique()}


def expected_calibration_error(logits: Matrix, labels: Values, bins: int = 15) -> float:
    """Sum over bins of their share of samples x |accuracy - mean confidence| in them. In [0, 1].

    Confidence is the largest probability; bins are of equal width and hold their upper end. Guo et al., ICML 2017.
    """
    if bins < 1:
        raise ValueError(f"1 bin or more is needed, not {bins}")
    logits, labels = _labelled(logits, labels)
    confidence = _per_sample(lambda log_p: log_p.amax(1).exp(), logits)
    excess = (logits.argmax(1) == labels).double() - confidence
    edges = torch.arange(1, bins, dtype=torch.float64, device=logits.device) / bins
    sums = torch.bincount(torch.bucketize(confidence, edges), weights=excess, minlength=bins)
    return float(sums.abs().sum() / len(labels))


def brier_score(logits: Matrix, labels: Values) -> float:
    """Mean of sum_k (p_k - [k = y])^2. In [0, 2]. Brier 1950."""

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        return log_p.exp().square().sum(1) - 2 * _pick(log_p, y).exp() + 1

    return _mean(_per_sample(of_rows, *_labelled(logits, labels)).clamp(0, 2))


def cross_entropy(logits: Matrix, labels: Values) -> float:
    """Mean of -ln p_y. In [0, inf]; infinite when a true class is masked."""
    return _mean(_per_sample(lambda log_p, y: -_pick(log_p, y), *_labelled(logits, labels)))


def entropy(logits: Matrix) -> Tensor:
    """-sum_k p_k ln p_k of each sample, N values in [0, ln C]."""
    return _per_sample(lambda log_p: -_weighted(log_p.exp(), log_p), _logits(logits))


def modified_entropy(logits: Matrix, labels: Values) -> Tensor:
    """-(1 - p_y) ln p_y - sum_{k != y} p_k ln(1 - p_k) of each sample, N values in [0, inf].

    Song & Mittal, USENIX Security 2021, eq. 8. Small when the model is sure and right, large when sure and wrong. The
    variant in wide use that takes ln p_k instead of ln(1 - p_k), and labels of the whole batch, is another number.
    """

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        p, log_rest = log_p.exp(), _log_complement(log_p)
        others = p.scatter(1, y[:, None], 0.0)
        return -_pick(log_rest, y).exp() * _pick(log_p, y) - _weighted(others, log_rest)

    return _per_sample(of_rows, *_labelled(logits, labels, classes=2))


def logit_confidence(logits: Matrix, labels: Values) -> Tensor:
    """ln(p_y / (1 - p_y)) of each sample, as f_y - logsumexp_{k != y} f_k, which does not saturate. N values.

    The statistic of likelihood-ratio attacks (Carlini et al., S&P 2022, section V-C). Larger is more member-like.
    """

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        return _pick(log_p, y) - log_p.scatter(1, y[:, None], -math.inf).logsumexp(1)

    return _per_sample(of_rows, *_labelled(logits, labels, classes=2))


def js_divergence(logits_p: Matrix, logits_q: Matrix, base: float = 2.0) -> float:
    """Mean of KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2. In [0, log_base 2]: [0, 1] for base 2.

    Symmetric; exactly 0 for equal answers, and exactly 1 in base 2 for certain answers that differ.
    """

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        p, q = log_p.exp(), log_q.exp()
        # 2p / (p + q) is p / m without underflow; its binary logarithm is exact at p = q and at q = 0.
        bits = _weighted(p, (2 * p / (p + q)).log2()) + _weighted(q, (2 * q / (p + q)).log2())
        return (bits / 2).clamp(0, 1)

    return _mean(_per_sample(of_rows, *_pair(logits_p, logits_q))) * math.log(2) / _log_base(base)


def kl_divergence(logits_p: Matrix, logits_q: Matrix, base: float = math.e) -> float:
    """Mean of sum_k p_k log(p_k / q_k). In [0, inf]; infinite when q masks a class that p allows."""

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        return _weighted(log_p.exp(), log_p - log_q).clamp(min=0)

    return _mean(_per_sample(of_rows, *_pair(logits_p, logits_q))) / _log_base(base)


def js_divergence_badt_compat(logits_p: Matrix, logits_q: Matrix) -> float:
    """What the code of bad teaching, SSD and SUPREME 0.1.4 calls JS divergence, to compare with their tables.

    KL(m || p) / 2 + KL(m || q) / 2, the reverse direction, in nats, divided by samples and by classes. Not the
    Jensen-Shannon divergence, not bounded, and infinite when one answer is certain (probability 0 in float64).
    """

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        log_m = torch.logaddexp(log_p, log_q) - math.log(2)
        return _weighted(log_m.exp(), log_m - log_p / 2 - log_q / 2) / log_p.shape[1]

    return _mean(_per_sample(of_rows, *_pair(logits_p, logits_q)))


def total_variation(logits_p: Matrix, logits_q: Matrix) -> float:
    """Mean of ||p - q||_1 / 2. In [0, 1]."""
    return _mean(_per_sample(lambda p, q: (p.exp() - q.exp()).abs().sum(1) / 2, *_pair(logits_p, logits_q)))


def activation_distance(logits_p: Matrix, logits_q: Matrix) -> float:
    """Mean of ||p - q||_2. In [0, sqrt 2]. Golatkar et al. 2021; Chundawat et al., AAAI 2023."""
    return _mean(_probability_distances(logits_p, logits_q))


def activation_distance_rms(logits_p: Matrix, logits_q: Matrix) -> float:
    """Root of the mean of ||p - q||_2^2, the variant of SUPREME 0.1.4; never below the mean. In [0, sqrt 2]."""
    return math.sqrt(_mean(_probability_distances(logits_p, logits_q).square()))


def agreement(logits_p: Matrix, logits_q: Matrix) -> float:
    """Share of samples on which both give the same class, also called completeness. In [0, 1]. Cao & Yang, S&P 2015."""
    p, q = _pair(logits_p, logits_q)
    return _mean(p.argmax(1) == q.argmax(1))


def zrf(logits: Matrix, incompetent_logits: Matrix) -> float:
    """Zero retrain forgetting: 1 - JS divergence in base 2 from a randomly initialised model. In [0, 1].

    Chundawat et al., AAAI 2023. Depends on the draw of that model: average several.
    """
    return 1 - js_divergence(logits, incompetent_logits)


def roc_auc(member_scores: Values, nonmember_scores: Values) -> float:
    """P(member > non-member) + P(equal) / 2 over all pairs. In [0, 1]; 0.5 says that the scores tell nothing."""
    members, nonmembers = _scores(member_scores), _scores(nonmember_scores).sort().values
    below = torch.searchsorted(nonmembers, members)
    up_to = torch.searchsorted(nonmembers, members, right=True)
    return int((below + up_to).sum()) / (2 * len(members) * len(nonmembers))


def auc_standard_error(member_count: int, nonmember_count: int) -> float:
    """Standard deviation of the AUC when the scores tell nothing: sqrt((n + m + 1) / (12 n m))."""
    if min(member_count, nonmember_count) < 1:
        raise ValueError(f"both counts must be 1 or more, not {member_count} and {nonmember_count}")
    return math.sqrt((member_count + nonmember_count + 1) / (12 * member_count * nonmember_count))


def tpr_at_fpr(member_scores: Values, nonmember_scores: Values, fpr: float) -> float:
    """The largest true-positive rate of a rule `score >= threshold` with a false-positive rate of `fpr` or less.

    In [0, 1]. Nothing is interpolated: with fewer than 1 / fpr non-members it is the rate at no false positive at all.
    """
    return roc_curve(member_scores, nonmember_scores, [fpr])[0]


def roc_curve(member_scores: Values, nonmember_scores: Values, fprs: Sequence[float]) -> list[float]:
    """`tpr_at_fpr` at each of these false-positive rates: a curve of steps, by this convention."""
    for fpr in fprs:
        _fraction("fpr", fpr)
    members, nonmembers = _scores(member_scores).sort().values, _scores(nonmember_scores).sort(descending=True).values
    count = len(nonmembers)
    # Compared as fractions: 0.29 x 100 is 28.999999999999996 in floating point.
    shares = torch.arange(1, count + 1, dtype=torch.float64, device=nonmembers.device) / count
    allowed = torch.searchsorted(shares, torch.tensor(fprs, dtype=torch.float64, device=shares.device), right=True)
    # Above the first non-member that may not be a false positive; above nothing where all may be.
    threshold = torch.cat([nonmembers, nonmembers.new_tensor([-math.inf])])[allowed]
    above = len(members) - torch.searchsorted(members, threshold, right=True)
    return torch.where(allowed == count, 1.0, above.double() / len(members)).tolist()


def best_threshold(member_scores: Values, nonmember_scores: Values) -> float:
    """The member's score at which the rule `score >= threshold` has the best balanced accuracy; the lowest of equals.

    Song & Mittal, USENIX Security 2021: to be chosen on other samples than it is applied to.
    """
    members, nonmembers = _scores(member_scores).sort().values, _scores(nonmember_scores).sort().values
    kept = len(members) - torch.searchsorted(members, members)
    rejected = torch.searchsorted(nonmembers, members)
    return float(members[(kept * len(nonmembers) + rejected * len(members)).argmax()])  # integers, so ties are ties


def logistic_attack(member_values: Values, nonmember_values: Values, target_values: Values) -> float:
    """Share of targets that a balanced logistic regression on one value per sample calls members. In [0, 1].

    With entropies of retain, test and forget: the attack of SSD (Foster et al., AAAI 2024) and SUPREME 0.1.4, and the
    regression that scikit-learn does by default. A hard threshold on a value that tells little is mostly noise; prefer
    `roc_auc`.
    """
    members, nonmembers, targets = (_finite(values) for values in (member_values, nonmember_values, target_values))
    counts = len(members), len(nonmembers)
    weights = torch.cat([torch.full((n,), sum(counts) / (2 * n), dtype=torch.float64) for n in counts])
    slope, intercept = _logistic(members[None], nonmembers[None], weights)
    return _mean(slope * targets + intercept > 0)


def svc_attack(member_values: Values, nonmember_values: Values, target_values: Values) -> float:
    """Share of targets that a support-vector classifier on one value per sample calls members. In [0, 1].

    C = 3, radial basis functions, gamma 1: the attack of l1-sparse (Jia et al., NeurIPS 2023) and SalUn (Fan et al.,
    ICLR 2024), who print 1 minus this as MIA-efficacy. Takes time quadratic in the number of samples.
    """
    from sklearn.svm import SVC

    members, nonmembers, targets = (_finite(v)[:, None] for v in (member_values, nonmember_values, target_values))
    is_member = np.repeat([1, 0], [len(members), len(nonmembers)])
    # Nothing in it is random, but without a seed it takes one from a global generator.
    attack = SVC(C=3, gamma="auto", kernel="rbf", random_state=0).fit(
        torch.cat([members, nonmembers]).numpy(), is_member
    )
    return _mean(torch.as_tensor(attack.predict(targets.numpy())))


def cross_validated_attack(
    member_values: Values, nonmember_values: Values, rng: np.random.Generator, rounds: int = 10
) -> float:
    """Mean accuracy of a logistic regression that tells members from non-members by one value per sample. In [0, 1].

    Each round holds back a tenth of both, drawn anew, to be judged on; there must be equally many of both, 10 or more.
    With the losses of forget and unseen samples: the attack of the NeurIPS 2023 challenge's starting kit and of SCRUB.
    """
    both = _same_length(member_values, nonmember_values)
    count = len(both[0])
    if count < 10:
        raise ValueError(f"10 samples of each kind or more are needed, not {count}")
    held_back = math.ceil(count / 10)
    drawn = [values[torch.from_numpy(np.stack([rng.permutation(count) for _ in range(rounds)]))] for values in both]
    members, nonmembers = (values[:, held_back:] for values in drawn)
    slope, intercept = _logistic(members, nonmembers, torch.ones(2 * (count - held_back), dtype=torch.float64))
    called = [slope[:, None] * values[:, :held_back] + intercept[:, None] > 0 for values in drawn]
    return (_mean(called[0]) + 1 - _mean(called[1])) / 2


def gaussian_log_ratio(value: float, in_mean: float, in_std: float, out_mean: float, out_std: float) -> float:
    """log N(value; in) - log N(value; out), the likelihood ratio of LiRA and U-LiRA (Hayes et al. 2024)."""
    if min(in_std, out_std) <= 0:
        raise ValueError(f"standard deviations must be positive, not {in_std} and {out_std}")
    inside, outside = (value - in_mean) / in_std, (value - out_mean) / out_std
    return (outside**2 - inside**2) / 2 + math.log(out_std / in_std)


def rmia(
    target: Values,
    target_out: Values,
    population: Values,
    population_out: Values,
    gamma: float = 1.0,
    offline: float = 0.3,
) -> Tensor:
    """Offline RMIA of each target: the share of population samples that it outdoes. N values in [0, 1].

    Zarifzadeh et al., ICML 2024. Likelihood ratios are p(x) / pbar(x), pbar = ((1 + a) out(x) + 1 - a) / 2, and a
    target outdoes a sample when its ratio is more than gamma times the sample's.

    Args:
        target, population: probability of the true class under the attacked model.
        target_out, population_out: its mean under models that were not trained on the sample.
        gamma: how far a target must outdo a sample; > 0.
        offline: a, how far the mean over models trained with the sample lies from 1; in [0, 1).
    """
    if not (gamma > 0 and 0 <= offline < 1):
        raise ValueError(f"gamma must be positive and offline in [0, 1), not {gamma} and {offline}")

    def ratios(inside: Values, outside: Values) -> Tensor:
        inside, outside = _probabilities(inside), _probabilities(outside)
        if inside.shape != outside.shape:
            raise ValueError(f"{len(inside)} probabilities come with {len(outside)} of the models without the sample")
        return inside / (((1 + offline) * outside + 1 - offline) / 2)

    others = ratios(population, population_out).sort().values
    return torch.searchsorted(others, ratios(target, target_out) / gamma).double() / len(others)


def klom(unlearned: Matrix, reference: Matrix, bins: int = 20, clip: float = 100.0, floor: float = 1e-5) -> Tensor:
    """KL(unlearned || reference) of the histograms of each sample's margins over models. N values, 0 or more.

    Georgiev et al. 2024 (KL of margins); the pooled largest value counts in the last bin. The value of two sets of
    retrained models is far from 0 for few models and depends on how many: use 100, compare only equal numbers.

    Args:
        unlearned, reference: models x N, the `logit_confidence` of each sample under each model.
        bins: of equal width over the pooled range of a sample.
        clip: margins are cut to plus or minus this.
        floor: least probability of a reference bin.
    """
    if not (bins >= 1 and clip > 0 and 0 < floor < 1):
        raise ValueError(f"bins, clip and floor must be positive, floor below 1; not {bins}, {clip} and {floor}")
    unlearned, reference = (values.clamp(-clip, clip) for values in _model_pair(unlearned, reference))
    pooled = torch.cat([unlearned, reference])
    low, width = pooled.amin(0), pooled.amax(0) - pooled.amin(0)

    def histogram(values: Tensor) -> Tensor:
        position = torch.where(width > 0, (values - low) / width, 0.0)
        counts = torch.zeros(bins, values.shape[1], dtype=torch.float64)
        index = (position * bins).long().clamp(max=bins - 1)
        return counts.scatter_add(0, index, torch.ones_like(values)) / len(values)

    p, q = histogram(unlearned), histogram(reference).clamp(min=floor)
    return _weighted(p, (p / q).log(), dim=0).clamp(min=0)


def attack_epsilon(fpr: Values, fnr: Values, delta: float = 1e-5) -> Tensor:
    """The epsilon of (epsilon, delta)-unlearning that attacks with these error rates refute, one value each.

    max(0, ln(1 - delta - FPR) - ln FNR, ln(1 - delta - FNR) - ln FPR); infinite when both rates are 0. An attack with
    exactly one rate at 0 is set aside (0): it says that there were too few models. Triantafillou et al. 2024.
    """
    fpr, fnr = _probabilities(fpr), _probabilities(fnr)
    if fpr.shape != fnr.shape:
        raise ValueError(f"{len(fpr)} false-positive rates come with {len(fnr)} false-negative rates")
    logs = [((1 - delta - a).clamp(min=0) / b).log() for a, b in ((fpr, fnr), (fnr, fpr))]
    bounds = torch.maximum(*logs).clamp(min=0)
    return torch.where((fpr == 0) & (fnr == 0), math.inf, torch.where((fpr == 0) | (fnr == 0), 0.0, bounds))


def forgetting_quality(
    unlearned: Matrix, reference: Matrix, delta: float = 1e-5, intervals: bool = True, cap: float = 50.0
) -> Tensor:
    """How little the best attack tells unlearned from retrained models, of each sample: N values in [0, 1].

    2^-floor(2 epsilon) with the largest epsilon of all attacks, and 0 from ceil(ln(M - 1)) on, which is what M models
    can resolve. Their mean is F of the NeurIPS 2023 challenge (Triantafillou et al. 2024). Two sets of retrained models
    score about 1/3, not 1, and with intervals, of which the best of all overfits, .08 (64 models) or .05 (512).
    Deviation: every distinct threshold and interval is tried, not a grid of 100 per unit.

    Args:
        unlearned, reference: models x N, the `logit_confidence` of each sample under each model; 3 models or more.
        intervals: besides single thresholds, also attack with intervals around the sample that varies less.
        cap: the largest epsilon, also taken when one of the two ranges is below a hundredth of the other.
    """
    unlearned, reference = _model_pair(unlearned, reference)
    models = min(len(unlearned), len(reference))
    if models < 3:
        raise ValueError(f"3 models of each kind or more are needed, not {models}")
    epsilon = torch.stack(
        [_largest_epsilon(u, r, delta, intervals, cap) for u, r in zip(unlearned.T, reference.T, strict=True)]
    )
    return torch.where(epsilon < math.ceil(math.log(models - 1)), torch.exp2(-(2 * epsilon).floor()), 0.0)


def forgetting_score(
    quality: float,
    retain_accuracy: float,
    reference_retain_accuracy: float,
    test_accuracy: float,
    reference_test_accuracy: float,
) -> float:
    """Mean forgetting quality, times the ratios of mean retain and test accuracy to the reference's. 0 or more."""
    _fraction("quality", quality)
    retain = _ratio("retain accuracy", retain_accuracy, reference_retain_accuracy)
    return quality * retain * _ratio("test accuracy", test_accuracy, reference_test_accuracy)


def excess_distance(to_references: Values, between_references: Values) -> float:
    """Mean distance to retrained models, less the mean distance between these. Ideal 0; below: closer than they are."""
    return _mean(_finite(to_references)) - _mean(_finite(between_references))


def weight_distance(state_a: State, state_b: State) -> float:
    """||a - b||_2 over all parameters together. 0 or more.

    Two independent trainings are far apart however alike they answer; buffers count for nothing, yet matter.
    """
    return math.sqrt(sum(_squared_distances(state_a, state_b).values()))


def weight_distance_by_layer(state_a: State, state_b: State) -> dict[str, float]:
    """||a - b||_2 of each named parameter."""
    return {name: math.sqrt(square) for name, square in _squared_distances(state_a, state_b).items()}


def relative_weight_distance(state: State, other: State) -> float:
    """||state - other||_2 / ||other||_2 over all parameters together. 0 or more."""
    norm = weight_norm(other)
    if norm == 0:
        raise ValueError("the weights to compare with are all zero: no distance is relative to them")
    return weight_distance(state, other) / norm


def weight_norm(state: State) -> float:
    """||state||_2 over all parameters together. 0 or more."""
    return math.sqrt(sum(float(value.detach().double().square().sum()) for value in state.values()))


def linear_cka(features_a: Matrix, features_b: Matrix) -> float:
    """Linear centred kernel alignment of N x D and N x E features of the same samples. In [0, 1].

    1 says equal but for rotation, scale and shift. Kornblith et al., ICML 2019.
    """
    a, b = (_matrix("features", features).double() for features in (features_a, features_b))
    if len(a) != len(b):
        raise ValueError(f"features of the same samples are needed, not of {len(a)} and {len(b)}")
    a, b = a - a.mean(0), b - b.mean(0)
    norms = (a.T @ a).norm() * (b.T @ b).norm()
    if not (norms > 0 and norms.isfinite()):
        raise ValueError("features must be finite and differ between samples")
    return min(1.0, float((b.T @ a).norm() ** 2 / norms))


def tug_of_war(forget_gap: float, retain_gap: float, test_gap: float) -> float:
    """(1 - |forget gap|)(1 - |retain gap|)(1 - |test gap|), gaps in accuracy to the reference. In [0, 1]; ideal 1.

    Zhao et al., NeurIPS 2024. With the gap of an attack's success in place of the forget gap: ToW-MIA.
    """
    gaps = (abs(forget_gap), abs(retain_gap), abs(test_gap))
    for gap in gaps:
        _fraction("a gap", gap)
    return math.prod(1 - gap for gap in gaps)


def average_gap(values: Values, reference_values: Values) -> float:
    """Mean of |value - reference value| over metrics, in their unit. 0 or more; ideal 0.

    Two independent retrainings do not reach 0: print their gap beside it. Fan et al., ICLR 2024.
    """
    values, references = _same_length(values, reference_values)
    return _mean((values - references).abs())


def retention_deviation(accuracies: Values, reference_accuracies: Values) -> float:
    """Sum over retain, forget and test of |1 - accuracy / reference accuracy|. 0 or more; ideal 0.

    Cadet et al. 2024. Undefined, hence refused, where the reference's accuracy is 0, as in forgetting a class.
    """
    values, references = _same_length(accuracies, reference_accuracies)
    return sum(abs(1 - _ratio("accuracy", u, r)) for u, r in zip(values.tolist(), references.tolist(), strict=True))


def nomus(test_accuracy: float, attack_accuracy: float, weight: float = 0.5) -> float:
    """weight x test accuracy + (1 - weight)(1 - 2 |attack accuracy - 1/2|). In [0, 1]; ideal 1. Choi & Na 2023."""
    _fraction("test accuracy", test_accuracy)
    _fraction("weight", weight)
    return weight * test_accuracy + (1 - weight) * indiscernibility(attack_accuracy)


def indiscernibility(attack_accuracy: float) -> float:
    """1 - 2 |attack accuracy - 1/2|. In [0, 1]; ideal 1. Cadet et al. 2024."""
    _fraction("attack accuracy", attack_accuracy)
    return 1 - 2 * abs(attack_accuracy - 0.5)


def harmonic_mean(retain_accuracy: float, forget_error: float) -> float:
    """2ab / (a + b) of retain accuracy and forget error. In [0, 1]; 0 when both are 0.

    Rewards a forget accuracy of 0, so it means something only where a class is forgotten.
    """
    _fraction("retain accuracy", retain_accuracy)
    _fraction("forget error", forget_error)
    total = retain_accuracy + forget_error
    return 2 * retain_accuracy * forget_error / total if total else 0.0


def adaptive_unlearning_score(
    original_test_accuracy: float, test_accuracy: float, forget_accuracy: float, class_removal: bool
) -> float:
    """(1 - drop in test accuracy) / (1 + distance of forget accuracy from its ideal). In [0, 2].

    Cotogni et al. 2023 (DUCK). The ideal forget accuracy is 0 when a class is removed, else the test accuracy.
    """
    for name, value in (
        ("original test", original_test_accuracy),
        ("test", test_accuracy),
        ("forget", forget_accuracy),
    ):
        _fraction(f"{name} accuracy", value)
    distance = forget_accuracy if class_removal else abs(test_accuracy - forget_accuracy)
    return (1 - (original_test_accuracy - test_accuracy)) / (1 + distance)


def relearn_ratio(steps: int, reference_steps: int) -> float:
    """Steps to relearn the forget set, over the reference's (the anamnesis index). 0 or more; ideal 1.

    Chundawat et al., TIFS 2023. Below 1: a residue of memory. Runs that stopped at a cap have no number of steps.
    """
    if steps < 0 or reference_steps < 1:
        raise ValueError(f"steps must be 0 or more and the reference's 1 or more, not {steps} and {reference_steps}")
    return steps / reference_steps


def gaussian_unlearning_score(noise: Matrix, gradients: Matrix, sigma: float) -> Tensor:
    """<noise, gradient> / (sigma ||gradient||) of each poisoned sample. N values; standard normal when it is forgotten.

    Pawelczyk et al., ICLR 2025. Ideal 0 on average; below 0 where noise is remembered, as the loss falls along it.

    Args:
        noise: N x D, what was added to the image, drawn from N(0, sigma^2).
        gradients: N x D, of the sample's loss with respect to the clean image, in evaluation mode.
        sigma: standard deviation of the noise; > 0.
    """
    noise, gradients = (_matrix("noise and gradients", values).double() for values in (noise, gradients))
    if noise.shape != gradients.shape or sigma <= 0:
        raise ValueError(
            f"noise and gradients must have one shape, sigma be positive; "
            f"not {tuple(noise.shape)}, {tuple(gradients.shape)} and {sigma}"
        )
    norms = gradients.norm(dim=1)
    if not (norms > 0).all():
        raise ValueError("a gradient is zero or NaN: the score of that sample is not defined")
    return (noise * gradients).sum(1) / (sigma * norms)


def interclass_confusion(logits: Matrix, labels: Values, class_a: int, class_b: int) -> float:
    """Share of the samples of two classes that get a wrong class, any one. In [0, 1]. Goel et al. 2022 (IC-ERR)."""
    logits, labels = _labelled(logits, labels)
    chosen = (labels == class_a) | (labels == class_b)
    if not chosen.any():
        raise ValueError(f"no sample is of class {class_a} or {class_b}")
    return _mean(logits.argmax(1)[chosen] != labels[chosen])


def targeted_confusions(logits: Matrix, labels: Values, class_a: int, class_b: int) -> int:
    """Number of samples of one of two classes that get the other. Goel et al. 2022 (FGT-ERR)."""
    logits, labels = _labelled(logits, labels)
    found = logits.argmax(1)
    return int((((labels == class_a) & (found == class_b)) | ((labels == class_b) & (found == class_a))).sum())


def _matrix(what: str, values: Matrix) -> Tensor:
    values = torch.as_tensor(values).detach()
    if values.ndim != 2 or values.numel() == 0:
        raise ValueError(f"{what} must be a matrix that is not empty, not of shape {tuple(values.shape)}")
    return values


def _logits(logits: Matrix) -> Tensor:
    logits = _matrix("logits", logits)
    if not logits.amax(1).isfinite().all():  # the maximum passes NaN on
        raise ValueError("logits hold NaN, plus infinity or a row of nothing but minus infinity")
    return logits


def _pair(logits_p: Matrix, logits_q: Matrix) -> tuple[Tensor, Tensor]:
    p, q = _logits(logits_p), _logits(logits_q)
    if p.shape != q.shape:
        raise ValueError(f"both models need logits of one shape, not {tuple(p.shape)} and {tuple(q.shape)}")
    return p, q.to(p.device)


def _labelled(logits: Matrix, labels: Values, classes: int = 1) -> tuple[Tensor, Tensor]:
    logits, labels = _logits(logits), torch.as_tensor(labels)
    if labels.shape != logits.shape[:1] or labels.is_floating_point():
        raise ValueError(f"{len(logits)} class indices are needed as labels, not {labels.dtype} {tuple(labels.shape)}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be in 0 to {logits.shape[1] - 1}, as there are so many logits")
    if logits.shape[1] < classes:
        raise ValueError(f"{classes} classes or more are needed, not {logits.shape[1]}")
    return logits, labels.to(logits.device, torch.int64)


def _per_sample(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """The function's value of each row, given log-probabilities in float64 for logits, and labels as they are."""
    parts = zip(*(tensor.split(ROWS) for tensor in inputs), strict=True)
    return torch.cat([function(*(t.double().log_softmax(1) if t.ndim == 2 else t for t in part)) for part in parts])


def _pick(values: Tensor, y: Tensor) -> Tensor:
    return values.gather(1, y[:, None]).squeeze(1)


def _weighted(weights: Tensor, values: Tensor, dim: int = 1) -> Tensor:
    """Sum of weight x value, where a weight of 0 counts as 0 whatever the value."""
    return torch.where(weights > 0, weights * values, 0.0).sum(dim)


def _log_complement(log_p: Tensor) -> Tensor:
    """ln(1 - p_k), also where p_k rounds to 1: only the likeliest class can come near, and it has the others' sum."""
    top = log_p.argmax(1, keepdim=True)
    others = log_p.scatter(1, top, -math.inf).logsumexp(1, keepdim=True)
    return torch.log1p(-log_p.exp()).scatter(1, top, others)


def _probability_distances(logits_p: Matrix, logits_q: Matrix) -> Tensor:
    return _per_sample(lambda p, q: (p.exp() - q.exp()).norm(dim=1), *_pair(logits_p, logits_q))


def _logistic(members: Tensor, nonmembers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and intercept of a logistic regression on each row: R x N and R x M values, weights N + M, R of both.

    The least slope^2 / 2 + sum of weight x loss, scikit-learn's default, by Newton's method with halved steps: two
    parameters need no library that takes longer to import than most evaluations take.
    """
    values = torch.cat([members, nonmembers], 1)
    sign = torch.cat([torch.ones_like(members), -torch.ones_like(nonmembers)], 1)
    inputs = torch.stack([values, torch.ones_like(values)], 2)
    penalty = torch.tensor([1.0, 0.0], dtype=torch.float64)

    def objective(line: Tensor) -> Tensor:
        margins = sign * (inputs @ line[:, :, None]).squeeze(2)
        return (penalty * line.square()).sum(1) / 2 - (weights * torch.nn.functional.logsigmoid(margins)).sum(1)

    line = torch.zeros(len(values), 2, dtype=torch.float64)
    for _ in range(100):
        wrong = torch.sigmoid(-sign * (inputs @ line[:, :, None]).squeeze(2))
        gradient = penalty * line - ((weights * sign * wrong)[:, :, None] * inputs).sum(1)
        if gradient.abs().max() < 1e-9 * len(weights):
            break
        curvature = (weights * wrong * (1 - wrong))[:, :, None] * inputs
        hessian = curvature.mT @ inputs + torch.diag(penalty)
        step = torch.linalg.solve(hessian + 1e-12 * torch.eye(2, dtype=torch.float64), gradient)
        before, worse = objective(line), torch.ones(len(line), dtype=torch.bool)
        for _ in range(40):
            worse = ~(objective(line - step) <= before)
            if not worse.any():
                break
            step = torch.where(worse[:, None], step / 2, step)
        if worse.all():
            break
        line = torch.where(worse[:, None], line, line - step)
    return line[:, 0], line[:, 1]


def _mean(values: Tensor) -> float:
    return float(values.double().mean())


def _scores(values: Values) -> Tensor:
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    if values.ndim != 1 or len(values) == 0 or values.isnan().any():
        raise ValueError(f"one number per sample is needed, none NaN and at least one; got shape {tuple(values.shape)}")
    return values


def _finite(values: Values) -> Tensor:
    values = _scores(values).cpu()
    if not values.isfinite().all():
        raise ValueError("infinite values are not allowed here")
    return values


def _probabilities(values: Values) -> Tensor:
    values = _finite(values)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"probabilities and rates must be in [0, 1], not {values.min():g} to {values.max():g}")
    return values


def _same_length(values: Values, references: Values) -> tuple[Tensor, Tensor]:
    values, references = _finite(values), _finite(references)
    if values.shape != references.shape:
        raise ValueError(f"{len(values)} values cannot be compared with {len(references)}")
    return values, references


def _fraction(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must be a fraction in [0, 1], not {value}")


def _ratio(what: str, value: float, reference: float) -> float:
    _fraction(what, value)
    _fraction(f"the reference's {what}", reference)
    if reference == 0:
        raise ValueError(f"the reference's {what} is 0: there is no ratio to it")
    return value / reference


def _log_base(base: float) -> float:
    if base <= 1:
        raise ValueError(f"the base of a logarithm must be above 1, not {base}")
    return math.log(base)


def _squared_distances(state_a: State, state_b: State) -> dict[str, float]:
    if state_a.keys() != state_b.keys() or not state_a:
        odd = sorted(state_a.keys() ^ state_b.keys())
        raise ValueError(f"both need the same named parameters, at least one; not shared: {', '.join(odd) or 'none'}")
    squares = {}
    for name, a in state_a.items():
        b = state_b[name].detach().to(a.device)
        if a.shape != b.shape:
            raise ValueError(f"parameter {name} has the shapes {tuple(a.shape)} and {tuple(b.shape)}")
        squares[name] = float((a.detach().double() - b.double()).square().sum())
        if not math.isfinite(squares[name]):
            raise ValueError(f"parameter {name} holds NaN or infinity")
    return squares


def _model_pair(unlearned: Matrix, reference: Matrix) -> tuple[Tensor, Tensor]:
    pair = [_matrix("statistics (models x samples)", values).double().cpu() for values in (unlearned, reference)]
    if pair[0].shape[1] != pair[1].shape[1]:
        raise ValueError(f"both need the same samples, not {pair[0].shape[1]} and {pair[1].shape[1]}")
    if not all(values.isfinite().all() for values in pair):
        raise ValueError("statistics must be finite")
    return pair[0], pair[1]


def _largest_epsilon(unlearned: Tensor, reference: Tensor, delta: float, intervals: bool, cap: float) -> Tensor:
    """The largest epsilon of one sample over all single thresholds, and intervals if asked; at most the cap."""
    ranges = [float(values.max() - values.min()) for values in (unlearned, reference)]
    if min(ranges) < 0.01 * max(ranges):
        return torch.tensor(cap, dtype=torch.float64)
    positive, negative = (reference.sort().values, unlearned.sort().values)
    if reference.quantile(0.5) <= unlearned.quantile(0.5):
        positive, negative = negative, positive
    cuts = torch.cat([positive, negative]).unique()
    below_p, below_n = (torch.searchsorted(values, cuts).double() / len(values) for values in (positive, negative))
    epsilons = [attack_epsilon(1 - below_n, below_p, delta)]
    if intervals:
        # The sample with the smaller range is looked for inside [cut i, cut j], i <= j.
        inner, outer = (unlearned, reference) if ranges[0] < ranges[1] else (reference, unlearned)
        epsilons.append(attack_epsilon(_share_inside(outer, cuts), 1 - _share_inside(inner, cuts), delta))
    return torch.cat(epsilons).max().clamp(max=cap)


def _share_inside(values: Tensor, cuts: Tensor) -> Tensor:
    """Share of values in each interval between two cuts, ends included, flattened."""
    values = values.sort().values
    first, last = torch.triu_indices(len(cuts), len(cuts))
    below, up_to = (torch.searchsorted(values, cuts, right=right) for right in (False, True))
    return (up_to[last] - below[first]).double() / len(values)
