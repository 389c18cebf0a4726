"""The training recipe and the one training loop: original, reference and every method that trains use it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Annotated

import torch
import torch.nn.functional as F
from annotated_types import Ge, Lt

from supreme.core import Augmentation, Epoch, Images, SupremeError
from supreme.core.bounds import Or
from supreme.core.validation import (
    Momentum,
    NonNegativeFloat,
    NonNegativeInt,
    OneOf,
    PositiveFloat,
    PositiveInt,
    bounded,
)
from supreme.functional.classifier import Classifier
from supreme.recipes.compiling import MODES, Compiled


@bounded
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How a model is trained, the original as the reference; the last epoch's weights are kept.

    The four fields at the end make the two trainings differ, as those of the published benchmark SUPREME do, in order
    to see what that is worth: see conf/protocol/supreme_paper.yaml. They do nothing as the recipes of conf have them.
    """

    optimizer: Annotated[str, OneOf("sgd", "adamw")]
    """sgd or adamw."""
    lr: PositiveFloat
    """Learning rate after warm-up."""
    momentum: Momentum
    """Of sgd; adamw takes its usual betas 0.9 and 0.999."""
    nesterov: bool
    weight_decay: NonNegativeFloat
    batch_size: PositiveInt
    epochs: Annotated[PositiveInt, Or("for a model that is trained already: original=/models/{seed}.pt")]
    schedule: Annotated[str, OneOf("constant", "multistep", "cosine", "cosine_by_epoch")]
    """constant, multistep, or cosine towards 0, which the last step does not reach.

    cosine_by_epoch: one value an epoch, 0 in all of the last one, which so learns nothing.
    """
    milestones: list[PositiveInt]
    """multistep: after this many epochs the learning rate is multiplied by gamma."""
    gamma: PositiveFloat
    warmup_epochs: NonNegativeFloat
    """The learning rate rises linearly, step by step, over this many epochs; its first step is not 0."""
    label_smoothing: Annotated[float, Ge(0), Lt(1)]
    crop_padding: NonNegativeInt
    """Augmentation: pad by this many pixels and crop back at random."""
    horizontal_flip: bool
    rotation_degrees: NonNegativeFloat
    """Augmentation: rotate by up to this many degrees either way."""
    precision: Annotated[str, OneOf("fp32", "tf32", "bf16")]
    """fp32, tf32 (CUDA matrix products in 19 bits) or bf16 (autocast; weights and sums stay float32)."""
    channels_last: bool
    """Memory format of the convolutions; often faster, other bits."""
    compile: Annotated[str, OneOf(*MODES)] | None
    """Full batches go through torch.compile: null (not), default, or reduce-overhead (CUDA graphs); other bits."""
    warmup_from_zero: bool
    """The warm-up's steps are k / n of the learning rate from k = 0, so that the first one does nothing."""
    original_keeps: Annotated[str, OneOf("last", "best_on_test", "best_on_validation")]
    """last; of the original, the first of the epochs with the highest accuracy: best_on_validation, as OPTML's code
    keeps it, or best_on_test, a leak."""
    original_milestone_shift: int
    """Epochs added to each milestone when the original is trained, and not when the reference is; -1: sooner."""
    reference_batch_size: PositiveInt | None
    """Images in a batch of the reference's training; null: as many as in the original's."""

    def __post_init__(self) -> None:
        if self.nesterov and self.momentum == 0:
            raise SupremeError("nesterov=true needs momentum; give recipe.momentum=0.9, say, or recipe.nesterov=false")
        if self.milestones and min(self.milestones) + self.original_milestone_shift < 1:
            shift = self.original_milestone_shift
            raise SupremeError(f"original_milestone_shift={shift} is not allowed: a milestone would come before 1")

    def of_original(self) -> Recipe:
        """How the original is trained."""
        shifted = [milestone + self.original_milestone_shift for milestone in self.milestones]
        return replace(self, milestones=shifted, original_milestone_shift=0)

    def of_reference(self) -> Recipe:
        """How the reference is trained, and what methods train with."""
        return replace(self, batch_size=self.reference_batch_size or self.batch_size)

    @property
    def augmentation(self) -> Augmentation:
        return Augmentation(
            crop_padding=self.crop_padding,
            horizontal_flip=self.horizontal_flip,
            rotation_degrees=self.rotation_degrees,
        )

    def optimizer_of(self, model: Classifier) -> torch.optim.Optimizer:
        if self.optimizer == "adamw":
            return torch.optim.AdamW(model.parameters(), lr=self.lr, weight_decay=self.weight_decay, fused=True)
        return torch.optim.SGD(
            model.parameters(),
            lr=self.lr,
            momentum=self.momentum,
            nesterov=self.nesterov,
            weight_decay=self.weight_decay,
            fused=True,
        )

    def steps_per_epoch(self, images: int) -> int:
        """Batches in a shuffled pass over so many images, of which a single last one joins the batch before."""
        return max(1, math.ceil((images - 1) / self.batch_size))

    def lr_factor(self, step: int, steps_per_epoch: int) -> float:
        """What the learning rate is multiplied by at this step, steps counted from 0."""
        warmup = self.warmup_epochs * steps_per_epoch
        if step < warmup:
            return min(1.0, (step + (not self.warmup_from_zero)) / warmup)
        if self.schedule == "multistep":
            return self.gamma ** sum(step >= milestone * steps_per_epoch for milestone in self.milestones)
        if self.schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * (step - warmup) / (self.epochs * steps_per_epoch - warmup)))
        if self.schedule == "cosine_by_epoch":
            return 0.5 * (1 + math.cos(math.pi * (step // steps_per_epoch) / max(1, self.epochs - 1)))
        return 1.0

    def __call__(
        self,
        model: Classifier,
        images: Images,
        rng: torch.Generator,
        *,
        augment: bool = True,
        progress: Callable[[int, int, str], None] = lambda done, total, what: None,
        after_step: Callable[[int, torch.Tensor], None] = lambda steps, positions: None,
        after_epoch: Callable[[Epoch], None] = lambda epoch: None,
        paused: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Classifier:
        """Train in place on these images; returns the same model, in evaluation mode.

        Args:
            rng: shuffles and augments.
            augment: whether to use the recipe's augmentation.
            progress: told (epochs done, epochs in all, what) before each epoch and at the end.
            after_step: told (steps done, positions in `images` of the batch's images) after each step.
            after_epoch: told what each epoch came to.
            paused: what runs inside, which is the compiler, is no part of the work that is measured.
        """
        if len(images) == 0:
            raise SupremeError("training needs at least one image, and the set is empty")
        optimizer = self.optimizer_of(model)
        images = images.to(images.device, self.augmentation)
        steps_per_epoch = self.steps_per_epoch(len(images))
        model.train()
        forward = self._compiled(model, images, paused) if self.compile else model
        step = 0
        for epoch in range(self.epochs):
            progress(epoch, self.epochs, "training epoch")
            began, loss_sum, right = time.perf_counter(), *torch.zeros(2, device=images.device)
            for positions, x, y in images.numbered_batches(self.batch_size, rng, augment):
                for group in optimizer.param_groups:
                    group["lr"] = self.lr * self.lr_factor(step, steps_per_epoch)
                optimizer.zero_grad(set_to_none=True)  # first: CUDA graphs write over the last step's gradients
                logits = forward(x)
                loss = F.cross_entropy(logits, y, label_smoothing=self.label_smoothing)
                loss.backward()
                optimizer.step()
                step += 1
                loss_sum.add_(loss.detach(), alpha=len(y))  # on the device, which nothing waits for inside an epoch
                right.add_((logits.detach().argmax(1) == y).sum())
                after_step(step, positions)
            sums = torch.stack([loss_sum, right]).tolist()
            after_epoch(
                Epoch(
                    loss=sums[0] / len(images),
                    accuracy=sums[1] / len(images),
                    lr=optimizer.param_groups[0]["lr"],
                    seconds=time.perf_counter() - began,
                )
            )
        progress(self.epochs, self.epochs, "training epoch")
        if self.compile:
            optimizer.zero_grad(set_to_none=True)
        return model.eval()

    def _compiled(
        self, model: Classifier, images: Images, paused: Callable[[], AbstractContextManager[None]]
    ) -> Compiled:
        """The model's forward pass, compiled before the first step if there is a full batch."""
        with paused():  # the import of the compiler, too
            forward = Compiled(model, str(self.compile), self.batch_size)
            if len(images) >= self.batch_size:
                x, _ = next(images.subset(range(self.batch_size)).batches(self.batch_size))
                forward.warm_up(x)
        return forward
