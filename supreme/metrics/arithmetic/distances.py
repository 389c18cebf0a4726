"""How two models differ on the same samples, by their answers, features or weights."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from supreme.metrics.arithmetic.steps import (
    Matrix,
    State,
    Values,
    finite,
    matrix_of,
    mean,
    pair_of,
    per_sample,
    weighted,
)


def js_divergence(logits_p: Matrix, logits_q: Matrix, base: float = 2.0) -> float:
    """Mean of KL(p || m) / 2 + KL(q || m) / 2 with m = (p + q) / 2. In [0, log_base 2]: [0, 1] for base 2.

    Symmetric; exactly 0 for equal answers, and exactly 1 in base 2 for certain answers that differ.
    """

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        p, q = log_p.exp(), log_q.exp()
        # 2p / (p + q) is p / m without underflow; its binary logarithm is exact at p = q and at q = 0.
        bits = weighted(p, (2 * p / (p + q)).log2()) + weighted(q, (2 * q / (p + q)).log2())
        return (bits / 2).clamp(0, 1)

    return mean(per_sample(of_rows, *pair_of(logits_p, logits_q))) * math.log(2) / _log_base(base)


def kl_divergence(logits_p: Matrix, logits_q: Matrix, base: float = math.e) -> float:
    """Mean of sum_k p_k log(p_k / q_k). In [0, inf]; infinite when q masks a class that p allows."""

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        return weighted(log_p.exp(), log_p - log_q).clamp(min=0)

    return mean(per_sample(of_rows, *pair_of(logits_p, logits_q))) / _log_base(base)


def js_divergence_badt_compat(logits_p: Matrix, logits_q: Matrix) -> float:
    """What the code of bad teaching, SSD and SUPREME 0.1.4 calls JS divergence, to compare with their tables.

    KL(m || p) / 2 + KL(m || q) / 2, the reverse direction, in nats, divided by samples and by classes. Not the
    Jensen-Shannon divergence, not bounded, and infinite when one answer is certain (probability 0 in float64).
    """

    def of_rows(log_p: Tensor, log_q: Tensor) -> Tensor:
        log_m = torch.logaddexp(log_p, log_q) - math.log(2)
        return weighted(log_m.exp(), log_m - log_p / 2 - log_q / 2) / log_p.shape[1]

    return mean(per_sample(of_rows, *pair_of(logits_p, logits_q)))


def total_variation(logits_p: Matrix, logits_q: Matrix) -> float:
    """Mean of ||p - q||_1 / 2. In [0, 1]."""
    return mean(per_sample(lambda p, q: (p.exp() - q.exp()).abs().sum(1) / 2, *pair_of(logits_p, logits_q)))


def activation_distance(logits_p: Matrix, logits_q: Matrix) -> float:
    """Mean of ||p - q||_2. In [0, sqrt 2]. Golatkar et al. 2021; Chundawat et al., AAAI 2023."""
    return mean(_probability_distances(logits_p, logits_q))


def activation_distance_rms(logits_p: Matrix, logits_q: Matrix) -> float:
    """Root of the mean of ||p - q||_2^2, the variant of SUPREME 0.1.4; never below the mean. In [0, sqrt 2]."""
    return math.sqrt(mean(_probability_distances(logits_p, logits_q).square()))


def agreement(logits_p: Matrix, logits_q: Matrix) -> float:
    """Share of samples on which both give the same class, also called completeness. In [0, 1]. Cao & Yang, S&P 2015."""
    p, q = pair_of(logits_p, logits_q)
    return mean(p.argmax(1) == q.argmax(1))


def zrf(logits: Matrix, incompetent_logits: Matrix) -> float:
    """Zero retrain forgetting: 1 - JS divergence in base 2 from a randomly initialised model. In [0, 1].

    Chundawat et al., AAAI 2023. Depends on the draw of that model: average several.
    """
    return 1 - js_divergence(logits, incompetent_logits)


def excess_distance(to_references: Values, between_references: Values) -> float:
    """Mean distance to retrained models, less the mean distance between these. Ideal 0; below: closer than they are."""
    return mean(finite(to_references)) - mean(finite(between_references))


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
    a, b = (matrix_of("features", features).double() for features in (features_a, features_b))
    if len(a) != len(b):
        raise ValueError(f"features of the same samples are needed, not of {len(a)} and {len(b)}")
    a, b = a - a.mean(0), b - b.mean(0)
    norms = (a.T @ a).norm() * (b.T @ b).norm()
    if not (norms > 0 and norms.isfinite()):
        raise ValueError("features must be finite and differ between samples")
    return min(1.0, float((b.T @ a).norm() ** 2 / norms))


def _probability_distances(logits_p: Matrix, logits_q: Matrix) -> Tensor:
    return per_sample(lambda p, q: (p.exp() - q.exp()).norm(dim=1), *pair_of(logits_p, logits_q))


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
