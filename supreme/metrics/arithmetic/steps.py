"""Steps that the functions share: what input may be, and sums in float64."""

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


def matrix_of(what: str, values: Matrix) -> Tensor:
    values = torch.as_tensor(values).detach()
    if values.ndim != 2 or values.numel() == 0:
        raise ValueError(f"{what} must be a matrix that is not empty, not of shape {tuple(values.shape)}")
    return values


def logits_of(logits: Matrix) -> Tensor:
    logits = matrix_of("logits", logits)
    if not logits.amax(1).isfinite().all():  # the maximum passes NaN on
        raise ValueError("logits hold NaN, plus infinity or a row of nothing but minus infinity")
    return logits


def pair_of(logits_p: Matrix, logits_q: Matrix) -> tuple[Tensor, Tensor]:
    p, q = logits_of(logits_p), logits_of(logits_q)
    if p.shape != q.shape:
        raise ValueError(f"both models need logits of one shape, not {tuple(p.shape)} and {tuple(q.shape)}")
    return p, q.to(p.device)


def labelled(logits: Matrix, labels: Values, classes: int = 1) -> tuple[Tensor, Tensor]:
    logits, labels = logits_of(logits), torch.as_tensor(labels)
    if labels.shape != logits.shape[:1] or labels.is_floating_point():
        raise ValueError(f"{len(logits)} class indices are needed as labels, not {labels.dtype} {tuple(labels.shape)}")
    if labels.min() < 0 or labels.max() >= logits.shape[1]:
        raise ValueError(f"labels must be in 0 to {logits.shape[1] - 1}, as there are so many logits")
    if logits.shape[1] < classes:
        raise ValueError(f"{classes} classes or more are needed, not {logits.shape[1]}")
    return logits, labels.to(logits.device, torch.int64)


def per_sample(function: Callable[..., Tensor], *inputs: Tensor) -> Tensor:
    """The function's value of each row, given log-probabilities in float64 for logits, and labels as they are."""
    parts = zip(*(tensor.split(ROWS) for tensor in inputs), strict=True)
    return torch.cat([function(*(t.double().log_softmax(1) if t.ndim == 2 else t for t in part)) for part in parts])


def pick(values: Tensor, y: Tensor) -> Tensor:
    return values.gather(1, y[:, None]).squeeze(1)


def weighted(weights: Tensor, values: Tensor, dim: int = 1) -> Tensor:
    """Sum of weight x value, where a weight of 0 counts as 0 whatever the value."""
    return torch.where(weights > 0, weights * values, 0.0).sum(dim)


def log_complement(log_p: Tensor) -> Tensor:
    """ln(1 - p_k), also where p_k rounds to 1: only the likeliest class can come near, and it has the others' sum."""
    top = log_p.argmax(1, keepdim=True)
    others = log_p.scatter(1, top, -math.inf).logsumexp(1, keepdim=True)
    return torch.log1p(-log_p.exp()).scatter(1, top, others)


def mean(values: Tensor) -> float:
    return float(values.double().mean())


def scores_of(values: Values) -> Tensor:
    values = torch.as_tensor(values, dtype=torch.float64).detach()
    if values.ndim != 1 or len(values) == 0 or values.isnan().any():
        raise ValueError(f"one number per sample is needed, none NaN and at least one; got shape {tuple(values.shape)}")
    return values


def finite(values: Values) -> Tensor:
    values = scores_of(values).cpu()
    if not values.isfinite().all():
        raise ValueError("infinite values are not allowed here")
    return values


def probabilities(values: Values) -> Tensor:
    values = finite(values)
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"probabilities and rates must be in [0, 1], not {values.min():g} to {values.max():g}")
    return values


def log_probabilities(values: Values) -> Tensor:
    values = scores_of(values).cpu()
    if values.max() > 0:
        raise ValueError(f"logarithms of probabilities must be 0 or below, not {values.min():g} to {values.max():g}")
    return values


def same_length(values: Values, references: Values) -> tuple[Tensor, Tensor]:
    values, references = finite(values), finite(references)
    if values.shape != references.shape:
        raise ValueError(f"{len(values)} values cannot be compared with {len(references)}")
    return values, references


def require_fraction(what: str, value: float) -> None:
    if not 0 <= value <= 1:
        raise ValueError(f"{what} must be a fraction in [0, 1], not {value}")


def ratio(what: str, value: float, reference: float) -> float:
    require_fraction(what, value)
    require_fraction(f"the reference's {what}", reference)
    if reference == 0:
        raise ValueError(f"the reference's {what} is 0: there is no ratio to it")
    return value / reference
