"""Losses and epochs in which a model learns from another one's answers."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(teacher / T) ‖ softmax(student / T)) in nats, the mean over samples; logits are B x C.

    T² keeps the size of the gradient the same at every temperature (Hinton et al., 2015, https://arxiv.org/abs/1503.02531).
    """
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def scrub_epoch(
    student: nn.Module,
    teacher: nn.Module,
    optimizer: torch.optim.Optimizer,
    forget: Iterable[tuple[Tensor, Tensor]],
    retain: Iterable[tuple[Tensor, Tensor]],
    *,
    alpha: float,
    gamma: float,
    temperature: float,
) -> None:
    """One epoch of SCRUB (Kurmanji et al., 2023, equation 3): leave the teacher on these forget batches, then obey it.

    The distance to the teacher is maximised on the forget batches (none: give an empty tuple); on the retain batches
    gamma · cross entropy + alpha · distance is minimised. The student trains in training mode.
    """
    student.train()
    for x, _ in forget:
        with torch.no_grad():
            taught = teacher(x)
        loss = -distillation_loss(student(x), taught, temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for x, y in retain:
        with torch.no_grad():
            taught = teacher(x)
        answer = student(x)
        loss = gamma * F.cross_entropy(answer, y) + alpha * distillation_loss(answer, taught, temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
