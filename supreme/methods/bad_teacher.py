"""Unlearning from an incompetent teacher."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Gt, Le
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, NonNegativeFloat, OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class BadTeacher:
    """Bad teaching: imitate the original on retained images and a model that knows nothing on forgotten ones.

    Chundawat, Tarun, Mandal and Kankanhalli, "Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks Using an
    Incompetent Teacher", AAAI 2023, https://arxiv.org/abs/2205.08096, equation 3: over the forget set and a random part
    of the retain set, min_θ of the mean of KL(teacher ‖ student), the teacher being the original on a retained image
    and a randomly initialised network on a forgotten one.

    Deviations: with `compat: paper` the loss is the mean over samples, as the equation says. The authors' code
    (vikram2000b/bad-teaching-unlearning) divides by the number of classes too, which ties the learning rate to it, and
    the published numbers come from it: `compat: reference`. Their incompetent teacher has random weights also where the
    model started from pretrained ones; the code of SSD and SUPREME takes the pretrained network under a new last layer,
    which knows much: `incompetent: as_initialised`.
    Cost: `epochs` over the forget set and the part of the retain set, with two more forward passes for the teachers.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    retain_fraction: Annotated[float, Gt(0), Le(1)]
    """Which part of the retain set to imitate the original on, drawn once."""
    temperature: PositiveFloat
    """Divides all logits."""
    compat: Compat
    """paper, or reference as the authors' code."""
    incompetent: Annotated[str, OneOf("untrained", "as_initialised")]
    """untrained: random in all its weights; as_initialised: what training started from, pretrained where models are."""
    lr: PositiveFloat
    """Learning rate of Adam."""
    weight_decay: NonNegativeFloat
    """L2 term."""
    epochs: PositiveInt
    """Passes over what it trains on."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether images are augmented as in training."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        competent, incompetent = freeze(model), freeze(self._incompetent(context))
        count = max(1, int(self.retain_fraction * len(split.retain)))
        retain = split.retain.subset(torch.randperm(len(split.retain), generator=context.rng)[:count])
        # The labels play no part: in their place each image carries whether it is to be forgotten.
        forget = split.forget.with_labels([1] * len(split.forget))
        images = forget.joined(retain.with_labels([0] * count))

        optimizer = make_optimizer("adam", model, self.lr, 0.0, self.weight_decay)
        model.train()
        for _ in context.epochs(self.epochs):
            for x, forgotten in images.batches(self.batch_size, context.rng, augment=self.augment):
                with torch.no_grad():
                    target = torch.where(forgotten[:, None] == 1, incompetent(x), competent(x))
                loss = self._loss(model(x), target)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _incompetent(self, context: Context) -> Classifier:
        return context.untrained() if self.incompetent == "untrained" else context.fresh()

    def _loss(self, student_logits: Tensor, teacher_logits: Tensor) -> Tensor:
        student = F.log_softmax(student_logits / self.temperature, dim=1)
        teacher = F.log_softmax(teacher_logits / self.temperature, dim=1)
        divergence = F.kl_div(student, teacher, reduction="batchmean", log_target=True)
        return divergence if self.compat == "paper" else divergence / student.shape[1]
