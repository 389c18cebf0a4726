"""What one model answers."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from supreme.metrics.arithmetic.steps import (
    Matrix,
    Values,
    labelled,
    log_complement,
    logits_of,
    mean,
    per_sample,
    pick,
    weighted,
)


def accuracy(logits: Matrix, labels: Values) -> float:
    """Share of samples whose largest logit is the label's; of equal logits the first counts. In [0, 1]."""
    logits, labels = labelled(logits, labels)
    return mean(logits.argmax(1) == labels)


def accuracy_by_class(logits: Matrix, labels: Values) -> dict[int, float]:
    """The same for each class that has samples, over these."""
    logits, labels = labelled(logits, labels)
    hits = logits.argmax(1) == labels
    return {int(k): mean(hits[labels == k]) for k in labels.unique()}


def expected_calibration_error(logits: Matrix, labels: Values, bins: int = 15) -> float:
    """Sum over bins of their share of samples x |accuracy - mean confidence| in them. In [0, 1].

    Confidence is the largest probability; bins are of equal width and hold their upper end. Guo et al., ICML 2017.
    """
    if bins < 1:
        raise ValueError(f"1 bin or more is needed, not {bins}")
    logits, labels = labelled(logits, labels)
    confidence = per_sample(lambda log_p: log_p.amax(1).exp(), logits)
    excess = (logits.argmax(1) == labels).double() - confidence
    edges = torch.arange(1, bins, dtype=torch.float64, device=logits.device) / bins
    sums = torch.bincount(torch.bucketize(confidence, edges), weights=excess, minlength=bins)
    return float(sums.abs().sum() / len(labels))


def brier_score(logits: Matrix, labels: Values) -> float:
    """Mean of sum_k (p_k - [k = y])^2. In [0, 2]. Brier 1950."""

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        return log_p.exp().square().sum(1) - 2 * pick(log_p, y).exp() + 1

    return mean(per_sample(of_rows, *labelled(logits, labels)).clamp(0, 2))


def cross_entropy(logits: Matrix, labels: Values) -> float:
    """Mean of -ln p_y. In [0, inf]; infinite when a true class is masked."""
    return mean(per_sample(lambda log_p, y: -pick(log_p, y), *labelled(logits, labels)))


def entropy(logits: Matrix) -> Tensor:
    """-sum_k p_k ln p_k of each sample, N values in [0, ln C]."""
    return per_sample(lambda log_p: -weighted(log_p.exp(), log_p), logits_of(logits))


def modified_entropy(logits: Matrix, labels: Values) -> Tensor:
    """-(1 - p_y) ln p_y - sum_{k != y} p_k ln(1 - p_k) of each sample, N values in [0, inf].

    Song & Mittal, USENIX Security 2021, eq. 8. Small when the model is sure and right, large when sure and wrong. The
    variant in wide use that takes ln p_k instead of ln(1 - p_k), and labels of the whole batch, is another number.
    """

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        p, log_rest = log_p.exp(), log_complement(log_p)
        others = p.scatter(1, y[:, None], 0.0)
        return -pick(log_rest, y).exp() * pick(log_p, y) - weighted(others, log_rest)

    return per_sample(of_rows, *labelled(logits, labels, classes=2))


def log_probability(logits: Matrix, labels: Values) -> Tensor:
    """ln p_y of each sample, N values in [-inf, 0]; minus infinity where the true class is masked."""
    return per_sample(pick, *labelled(logits, labels))


def logit_confidence(logits: Matrix, labels: Values) -> Tensor:
    """ln(p_y / (1 - p_y)) of each sample, as f_y - logsumexp_{k != y} f_k, which does not saturate. N values.

    The statistic of likelihood-ratio attacks (Carlini et al., S&P 2022, section V-C). Larger is more member-like.
    """

    def of_rows(log_p: Tensor, y: Tensor) -> Tensor:
        return pick(log_p, y) - log_p.scatter(1, y[:, None], -math.inf).logsumexp(1)

    return per_sample(of_rows, *labelled(logits, labels, classes=2))


def interclass_confusion(logits: Matrix, labels: Values, class_a: int, class_b: int) -> float:
    """Share of the samples of two classes that get a wrong class, any one. In [0, 1]. Goel et al. 2022 (IC-ERR)."""
    logits, labels = labelled(logits, labels)
    chosen = (labels == class_a) | (labels == class_b)
    if not chosen.any():
        raise ValueError(f"no sample is of class {class_a} or {class_b}")
    return mean(logits.argmax(1)[chosen] != labels[chosen])


def targeted_confusions(logits: Matrix, labels: Values, class_a: int, class_b: int) -> int:
    """Number of samples of one of two classes that get the other. Goel et al. 2022 (FGT-ERR)."""
    logits, labels = labelled(logits, labels)
    found = logits.argmax(1)
    return int((((labels == class_a) & (found == class_b)) | ((labels == class_b) & (found == class_a))).sum())
