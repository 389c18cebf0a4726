"""Membership attacks, and the trace of planted noise."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from supreme.metrics.arithmetic.steps import (
    Matrix,
    Values,
    finite,
    matrix_of,
    mean,
    require_fraction,
    same_length,
    scores_of,
)


def roc_auc(member_scores: Values, nonmember_scores: Values) -> float:
    """P(member > non-member) + P(equal) / 2 over all pairs. In [0, 1]; 0.5 says that the scores tell nothing."""
    members, nonmembers = scores_of(member_scores), scores_of(nonmember_scores).sort().values
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
        require_fraction("fpr", fpr)
    members = scores_of(member_scores).sort().values
    nonmembers = scores_of(nonmember_scores).sort(descending=True).values
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
    members, nonmembers = scores_of(member_scores).sort().values, scores_of(nonmember_scores).sort().values
    kept = len(members) - torch.searchsorted(members, members)
    rejected = torch.searchsorted(nonmembers, members)
    return float(members[(kept * len(nonmembers) + rejected * len(members)).argmax()])  # integers, so ties are ties


def logistic_attack(
    member_values: Values, nonmember_values: Values, target_values: Values, solver: str = "optimum"
) -> float:
    """Share of targets that a balanced logistic regression on one value per sample calls members. In [0, 1].

    With entropies of retain, test and forget: the attack of SSD (Foster et al., AAAI 2024) and SUPREME 0.1.4. A hard
    threshold on a value that tells little is mostly noise; prefer `roc_auc`.

    Args:
        solver: `optimum` minimises slope^2 / 2 + sum of weight x loss to the last digit. `sklearn` takes what
            `sklearn.linear_model.LogisticRegression(class_weight="balanced")`, with nothing else set, leaves off at:
            the same objective, but lbfgs stops where the gradient is below 1e-4, and so at its start, slope 0, where
            all values are small; then every target is called a non-member. To compare with published numbers.
    """
    members, nonmembers, targets = (finite(values) for values in (member_values, nonmember_values, target_values))
    if solver not in ("optimum", "sklearn"):
        raise ValueError(f"the solver must be optimum or sklearn, not {solver}")
    if solver == "sklearn":
        from sklearn.linear_model import LogisticRegression

        is_member = np.repeat([1, 0], [len(members), len(nonmembers)])
        attack = LogisticRegression(class_weight="balanced").fit(torch.cat([members, nonmembers])[:, None], is_member)
        return mean(torch.as_tensor(attack.predict(targets[:, None])))
    counts = len(members), len(nonmembers)
    weights = torch.cat([torch.full((n,), sum(counts) / (2 * n), dtype=torch.float64) for n in counts])
    slope, intercept = _logistic(members[None], nonmembers[None], weights)
    return mean(slope * targets + intercept > 0)


def svc_attack(member_values: Values, nonmember_values: Values, target_values: Values) -> float:
    """Share of targets that a support-vector classifier on one value per sample calls members. In [0, 1].

    C = 3, radial basis functions, gamma 1: the attack of l1-sparse (Jia et al., NeurIPS 2023) and SalUn (Fan et al.,
    ICLR 2024), who print 1 minus this as MIA-efficacy. Takes time quadratic in the number of samples.
    """
    from sklearn.svm import SVC

    members, nonmembers, targets = (finite(v)[:, None] for v in (member_values, nonmember_values, target_values))
    is_member = np.repeat([1, 0], [len(members), len(nonmembers)])
    # Nothing in it is random, but without a seed it takes one from a global generator.
    attack = SVC(C=3, gamma="auto", kernel="rbf", random_state=0).fit(
        torch.cat([members, nonmembers]).numpy(), is_member
    )
    return mean(torch.as_tensor(attack.predict(targets.numpy())))


def cross_validated_attack(
    member_values: Values, nonmember_values: Values, rng: np.random.Generator, rounds: int = 10
) -> float:
    """Mean accuracy of a logistic regression that tells members from non-members by one value per sample. In [0, 1].

    Each round holds back a tenth of both, drawn anew, to be judged on; there must be equally many of both, 10 or more.
    With the losses of forget and unseen samples: the attack of the NeurIPS 2023 challenge's starting kit and of SCRUB.
    """
    both = same_length(member_values, nonmember_values)
    count = len(both[0])
    if count < 10:
        raise ValueError(f"10 samples of each kind or more are needed, not {count}")
    held_back = math.ceil(count / 10)
    drawn = [values[torch.from_numpy(np.stack([rng.permutation(count) for _ in range(rounds)]))] for values in both]
    members, nonmembers = (values[:, held_back:] for values in drawn)
    slope, intercept = _logistic(members, nonmembers, torch.ones(2 * (count - held_back), dtype=torch.float64))
    called = [slope[:, None] * values[:, :held_back] + intercept[:, None] > 0 for values in drawn]
    return (mean(called[0]) + 1 - mean(called[1])) / 2


def gaussian_unlearning_score(noise: Matrix, gradients: Matrix, sigma: float) -> Tensor:
    """<noise, gradient> / (sigma ||gradient||) of each poisoned sample. N values; standard normal when it is forgotten.

    Pawelczyk et al., ICLR 2025. Ideal 0 on average; below 0 where noise is remembered, as the loss falls along it.

    Args:
        noise: N x D, what was added to the image, drawn from N(0, sigma^2).
        gradients: N x D, of the sample's loss with respect to the clean image, in evaluation mode.
        sigma: standard deviation of the noise; > 0.
    """
    noise, gradients = (matrix_of("noise and gradients", values).double() for values in (noise, gradients))
    if noise.shape != gradients.shape or sigma <= 0:
        raise ValueError(
            f"noise and gradients must have one shape, sigma be positive; "
            f"not {tuple(noise.shape)}, {tuple(gradients.shape)} and {sigma}"
        )
    norms = gradients.norm(dim=1)
    if not (norms > 0).all():
        raise ValueError("a gradient is zero or NaN: the score of that sample is not defined")
    return (noise * gradients).sum(1) / (sigma * norms)


def _logistic(members: Tensor, nonmembers: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Slope and intercept of a logistic regression on each row: R x N and R x M values, weights N + M, R of both.

    The least slope^2 / 2 + sum of weight x loss, the objective of scikit-learn's defaults, by Newton's method with
    halved steps: two parameters need no library that takes longer to import than most evaluations take.
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
