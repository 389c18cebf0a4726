"""SCRUB with an optimizer for each of its two aims."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

from supreme.core import Context, Split
from supreme.core.validation import (
    Compat,
    Momentum,
    NonNegativeFloat,
    OneOf,
    PositiveFloat,
    PositiveInt,
    bounded,
    require_momentum_for_sgd,
)
from supreme.functional.classifier import Classifier
from supreme.functional.distillation import scrub_epoch
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class DualOptimSCRUB:
    """SCRUB with DualOptim: one optimizer leaves the teacher, another one obeys it.

    Zhong, Luo and Liu, "DualOptim: Enhancing Efficacy and Stability in Machine Unlearning with Dual Optimizers",
    NeurIPS 2025, https://arxiv.org/abs/2504.15827, on SCRUB (Kurmanji et al., NeurIPS 2023): in every epoch one pass
    over the forget set maximises KL(teacher ‖ student) with the first optimizer, then one pass over the retain set
    minimises gamma · cross entropy + alpha · KL with the second. Each keeps its own moments, so that the direction of
    the steps up does not flow into the steps down. SCRUB itself is `scrub`.

    Deviations: with `compat: paper` the teacher answers in evaluation mode, as in SCRUB. In the authors' code
    (CityU-MLO/DualOptim) it stays in training mode and answers by the statistics of each batch, and the published
    numbers come from it: `compat: reference`. Without temperature and in all epochs, as there.
    Cost: `epochs` over both sets, with one more forward pass for the teacher.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    compat: Compat
    """paper: the teacher is the original in evaluation mode; reference: in training mode, as in the authors' code."""
    epochs: PositiveInt
    """Passes over the forget set and the retain set each."""
    alpha: NonNegativeFloat
    """Weight of the distance to the teacher on the retain set."""
    gamma: NonNegativeFloat
    """Weight of the cross entropy on the retain set."""
    forget_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the steps on the forget set."""
    forget_lr: PositiveFloat
    """Its learning rate, constant."""
    forget_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    retain_optimizer: Annotated[str, OneOf("adamw", "sgd")]
    """Of the steps on the retain set."""
    retain_lr: PositiveFloat
    """Its learning rate, constant."""
    retain_weight_decay: NonNegativeFloat
    """Its decay: decoupled for adamw, an L2 term for sgd."""
    momentum: Momentum
    """Of sgd; adamw has its own."""
    forget_batch_size: PositiveInt
    """Images per step up."""
    retain_batch_size: PositiveInt
    """Images per step down."""
    augment: bool
    """Whether to augment the images as the recipe does."""

    def __post_init__(self) -> None:
        require_momentum_for_sgd(self, (self.forget_optimizer, self.retain_optimizer), self.momentum)

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        teacher = freeze(model).train(self.compat == "reference")
        up = make_optimizer(self.forget_optimizer, model, self.forget_lr, self.momentum, self.forget_weight_decay)
        down = make_optimizer(self.retain_optimizer, model, self.retain_lr, self.momentum, self.retain_weight_decay)
        weights = {"alpha": self.alpha, "gamma": self.gamma, "temperature": 1.0}
        for _ in context.epochs(self.epochs):
            forget = split.forget.batches(self.forget_batch_size, context.rng, self.augment)
            scrub_epoch(model, teacher, up, forget, (), **weights)
            retain = split.retain.batches(self.retain_batch_size, context.rng, self.augment)
            scrub_epoch(model, teacher, down, (), retain, **weights)
        return model
