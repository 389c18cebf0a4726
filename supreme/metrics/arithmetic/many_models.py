"""What needs many models: attacks that compare with models that never saw an image, and distributions."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from supreme.metrics.arithmetic.steps import (
    Matrix,
    Values,
    log_probabilities,
    matrix_of,
    probabilities,
    ratio,
    require_fraction,
    weighted,
)


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
    target outdoes a sample when its ratio is more than gamma times the sample's. They are compared in logarithms, so
    that samples of a class whose probability is too small for a float64 (below 1e-323) still differ from each other.

    Args:
        target, population: ln p of the true class under the attacked model; 0 or below, minus infinity where p is 0.
        target_out, population_out: mean of p, not of ln p, under models that were not trained on the sample.
        gamma: how far a target must outdo a sample; > 0.
        offline: a, how far the mean over models trained with the sample lies from 1; in [0, 1).
    """
    if not (gamma > 0 and 0 <= offline < 1):
        raise ValueError(f"gamma must be positive and offline in [0, 1), not {gamma} and {offline}")

    def log_ratios(inside: Values, outside: Values) -> Tensor:
        inside, outside = log_probabilities(inside), probabilities(outside)
        if inside.shape != outside.shape:
            raise ValueError(f"{len(inside)} probabilities come with {len(outside)} of the models without the sample")
        return inside - (((1 + offline) * outside + 1 - offline) / 2).log()

    others = log_ratios(population, population_out).sort().values
    return torch.searchsorted(others + math.log(gamma), log_ratios(target, target_out)).double() / len(others)


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
    return weighted(p, (p / q).log(), dim=0).clamp(min=0)


def attack_epsilon(fpr: Values, fnr: Values, delta: float = 1e-5) -> Tensor:
    """The epsilon of (epsilon, delta)-unlearning that attacks with these error rates refute, one value each.

    max(0, ln(1 - delta - FPR) - ln FNR, ln(1 - delta - FNR) - ln FPR); infinite when both rates are 0. An attack with
    exactly one rate at 0 is set aside (0): it says that there were too few models. Triantafillou et al. 2024.
    """
    fpr, fnr = probabilities(fpr), probabilities(fnr)
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
    require_fraction("quality", quality)
    retain = ratio("retain accuracy", retain_accuracy, reference_retain_accuracy)
    return quality * retain * ratio("test accuracy", test_accuracy, reference_test_accuracy)


def _model_pair(unlearned: Matrix, reference: Matrix) -> tuple[Tensor, Tensor]:
    pair = [matrix_of("statistics (models x samples)", values).double().cpu() for values in (unlearned, reference)]
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
