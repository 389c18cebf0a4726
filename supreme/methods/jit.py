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

    Gradients pass through f(x) only and the ratio is summed over the batch, so the learning rate goes with its size.

    Deviations: with `compat: paper` a step goes along the gradient of its own batch, the model is in evaluation mode,
    so that both sides of the ratio are the same function, and noise is in pixels, clipped to [0, 1]. The authors' code
    (jwf40/Information-Theoretic-Unlearning) never sets gradients to zero, so that each step goes along the sum of the
    gradients of all batches so far, leaves the model in training mode (its VGG-11 and ViT have no batch normalisation),
    measures noise and ratio in normalised units and clips to the range of the batch. The published numbers, sigmas and
    learning rates come from it: `compat: reference`. It takes the forget set in its order; here batches are shuffled.
    Cost: `epochs` over the forget set, with `samples` more forward passes.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    compat: Compat
    """paper, or reference as the authors' code."""
    sigma: PositiveFloat
    """Standard deviation of the noise: of pixels in [0, 1] (paper) or of normalised ones (reference)."""
    samples: PositiveInt
    """Noisy copies of each image."""
    lr: PositiveFloat
    """Learning rate of SGD."""
    epochs: PositiveInt
    """Passes over the forget set."""
    batch_size: PositiveInt
    """Images per step."""
    augment: bool
    """Whether images are augmented as in training."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        optimizer = make_optimizer("sgd", model, self.lr, 0.0, 0.0)
        optimizer.zero_grad()
        model.train(self.compat == "reference")
        for _ in context.epochs(self.epochs):
            for x, _ in split.forget.batches(self.batch_size, context.rng, augment=self.augment):
                answer = model(x)
                ratios = [self._ratio(model, x, answer, context.rng) for _ in range(self.samples)]
                loss = torch.stack(ratios).mean()
                if self.compat == "paper":
                    optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        return model

    @torch.no_grad()
    def _noisy(self, model: Classifier, x: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        """A noisy copy of each image, and how far it is from the image: B x 3 x H x W and B."""
        noise = self.sigma * torch.randn(x.shape, generator=rng).to(x.device)
        if self.compat == "paper":
            noisy = (x + noise).clamp(0, 1)
            return noisy, _lengths(noisy - x)
        z = (x - model.mean) / model.std
        noisy = (z + noise).clamp(z.min(), z.max())
        return noisy * model.std + model.mean, _lengths(noisy - z)

    def _ratio(self, model: Classifier, x: Tensor, answer: Tensor, rng: torch.Generator) -> Tensor:
        noisy, moved = self._noisy(model, x, rng)
        with torch.no_grad():
            other = model(noisy)
        return (torch.linalg.vector_norm(answer - other, dim=1) / moved).sum()


def _lengths(changes: Tensor) -> Tensor:
    return torch.linalg.vector_norm(changes, dim=(1, 2, 3)).clamp_min(torch.finfo(changes.dtype).tiny)
