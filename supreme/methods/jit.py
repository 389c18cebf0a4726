"""Unlearning by smoothing the function around the forget set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.validation import Compat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.optimizers import make_optimizer


@bounded
@dataclass(frozen=True, kw_only=True)
class JiT:
    """Just in Time unlearning: make the model answer a forgotten image as it answers noisy copies of it.

    Foster, Fogarty, Schoepf, Dugue, Öztireli and Brintrup, "An Information Theoretic Approach to Machine Unlearning",
    TMLR 2025, https://arxiv.org/abs/2402.01401: min_θ of the Lipschitz ratio ‖f(x) − f(x + ξ)‖₂ / ‖ξ‖₂, the mean over
    `samples` draws of ξ ~ N(0, sigma²) for each pixel, f being the logits. Needs no retained image and no label.

    Deviations: gradients pass through f(x) only and the ratio is summed over the batch, as in the authors' code, so the
    learning rate goes with the batch size. That code never sets gradients to zero, so that each step goes along the sum
    of the gradients of all batches so far, and the published numbers and learning rates come from it: `compat:
    reference`; with `compat: paper`, as in SUPREME's code, a step goes along the gradient of its own batch. Noisy
    pixels are clipped to [0, 1], not to the range of the batch; sigma counts in pixels, not in normalised units.
    The model is in evaluation mode, so that both sides of the ratio are the same function: SUPREME takes f(x) in
    training mode and measures mostly what batch normalisation does.
    Cost: `epochs` over the forget set, with `samples` more forward passes.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    compat: Compat
    """paper, or reference as the authors' code."""
    sigma: PositiveFloat
    """Standard deviation of the noise on each pixel in [0, 1]."""
    samples: PositiveInt
    """Noisy copies of each image."""
    lr: PositiveFloat
    """Learning rate of SGD."""
    epochs: PositiveInt
    """Passes over the forget set."""
    batch_size: PositiveInt
    """Images per step."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer("sgd", model, self.lr, 0.0, 0.0)
        optimizer.zero_grad()
        model.eval()
        for _ in context.epochs(self.epochs):
            for x, _ in split.forget.batches(self.batch_size, context.rng):
                answer = model(x)
                ratios = [self._ratio(model, x, answer, context.rng) for _ in range(self.samples)]
                loss = torch.stack(ratios).mean()
                if self.compat == "paper":
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    def _ratio(self, model: Classifier, x: Tensor, answer: Tensor, rng: torch.Generator) -> Tensor:
        with torch.no_grad():
            noise = torch.randn(x.shape, generator=rng).to(x.device)
            noisy = (x + self.sigma * noise).clamp(0, 1)
            moved = torch.linalg.vector_norm(noisy - x, dim=(1, 2, 3)).clamp_min(torch.finfo(x.dtype).tiny)
            other = model(noisy)
        return (torch.linalg.vector_norm(answer - other, dim=1) / moved).sum()
