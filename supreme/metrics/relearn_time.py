"""How fast the forget set is learned again."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from annotated_types import Ge, Lt

from supreme.core import Column, Evaluation, Predictions, Undefined, seeds
from supreme.core.images import Images
from supreme.core.validation import OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.metrics import arithmetic
from supreme.metrics.comparison import few_images

EVALUATION_BATCH = 256


@bounded
@dataclass(frozen=True, kw_only=True)
class RelearnTime:
    """Steps until the forget set is known again, and these over the reference's, the anamnesis index.

    * `relearn_time/steps`: optimizer steps of Adam on `images`, in training mode without augmentation, until the
      accuracy on the forget set, in evaluation mode, is (1 - `tolerance`) of the original's; looked at before the first
      step and then every `check_every`. After `max_steps` it is undefined: a number would be a lie of the limit.
    * `relearn_time/anamnesis_index`: its ratio to the steps of the reference ("Zero-Shot Machine Unlearning", IEEE TIFS
      2023, https://arxiv.org/abs/2201.05629). Below 1: a residue of memory. Undefined where either has no number of
      steps, and where the reference needs none, as it often does for random images that are like the others.

    Steps depend on `lr`, `batch_size` and the order of images: all models get the same order, from the evaluation's
    stream; sweep seeds.evaluate. Golatkar et al., CVPR 2020; Tarun et al., IEEE TNNLS 2023.

    Range: 0 or more.
    Ideal: steps: the reference's value; anamnesis index: 1, as far as a second reference gets there.
    Attacker: has the weights of one model and the forget set, and trains on it again.
    Cost: up to `max_steps` steps, and a forward pass over the forget set every `check_every`; again for the reference,
    for each method.
    Least n: 100 forget images.
    """

    images: Annotated[str, OneOf("forget", "train")]
    """forget, or train: all training images."""
    lr: PositiveFloat
    batch_size: PositiveInt
    tolerance: Annotated[float, Ge(0), Lt(1)]
    """How far below the original's forget accuracy is near enough, as a share of it; in [0, 1)."""
    max_steps: PositiveInt
    check_every: PositiveInt

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "relearn_time/steps": Column(unit="steps"),
        "relearn_time/anamnesis_index": Column(direction="none"),
    }
    needs: ClassVar[frozenset[str]] = frozenset({"logits", "models", "images"})

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return "relearn_time/steps", "relearn_time/anamnesis_index"

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        steps = self._steps(evaluation, evaluation.subject)
        return dict(zip(self.columns(evaluation), (steps, self._index(evaluation, steps)), strict=True))

    def warnings(self, evaluation: Evaluation) -> Mapping[str, str]:
        return few_images(evaluation, self.columns(evaluation), ("forget",))

    def _index(self, evaluation: Evaluation, steps: float | Undefined) -> float | Undefined:
        if evaluation.subject_name == "reference":
            return Undefined("the reference model would be compared with itself")
        if isinstance(steps, Undefined):
            return steps
        wanted = self._steps(evaluation, evaluation.reference)
        if isinstance(wanted, Undefined):
            return Undefined(f"the reference: {wanted}")
        if wanted == 0:
            return Undefined("the reference needs no step: it knows the forget set without having seen it")
        return arithmetic.relearn_ratio(int(steps), int(wanted))

    def _steps(self, evaluation: Evaluation, predictions: Predictions) -> float | Undefined:
        """From the model behind these predictions, which stays as it is."""
        forget, labels = evaluation.images("forget"), evaluation.labels("forget")
        # The original's own goal is its own accuracy: it needs no step.
        original = evaluation.subject if evaluation.subject_name == "original" else evaluation.original
        goal = (1 - self.tolerance) * arithmetic.accuracy(original.logits("forget"), labels)
        if arithmetic.accuracy(predictions.logits("forget"), labels) >= goal:
            return 0
        images = forget if self.images == "forget" else forget.joined(evaluation.images("retain"))
        seed = int(evaluation.rng.integers(2**62))
        rng = torch.Generator().manual_seed(seeds.branch(seed, "batches"))
        model = copy.deepcopy(predictions.model).requires_grad_(True)
        optimizer = torch.optim.Adam(model.parameters(), lr=self.lr)
        step = 0
        with seeds.scoped(seeds.branch(seed, "dropout")):
            while step < self.max_steps:
                for x, y in images.batches(self.batch_size, rng):
                    model.train()
                    loss = F.cross_entropy(model(x), y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    step += 1
                    if step % self.check_every == 0 and _accuracy(model, forget) >= goal:
                        return step
                    if step == self.max_steps:
                        break
        return Undefined(f"not relearned in {self.max_steps} steps")


@torch.inference_mode()
def _accuracy(model: Classifier, images: Images) -> float:
    model.eval()
    hits = [(model(x).argmax(1) == y).cpu().numpy() for x, y in images.batches(EVALUATION_BATCH)]
    return float(np.concatenate(hits).mean())
