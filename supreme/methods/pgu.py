"""Forgetting along directions that the retain set does not use."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from annotated_types import Ge, Gt, Lt
from torch import Tensor

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.suitability import require_validation
from supreme.core.validation import NonNegativeFloat, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import gradients_of
from supreme.functional.layer_inputs import LinearMap, rows_of, shown_inputs
from supreme.functional.scores import accuracy


@bounded
@dataclass(frozen=True, kw_only=True)
class PGU:
    """Projected-Gradient Unlearning: unlearn by steps that leave what layers make of retained images as it was.

    Hoang, Rana, Gupta and Venkatesh, "Learn to Unlearn for Deep Neural Networks: Minimizing Unlearning Interference
    with Gradient Projection", WACV 2024, https://arxiv.org/abs/2312.04095, and the authors' code
    (hnanhtuan/projected_gradient_unlearning). Of the inputs of each linear layer, or the patches under a convolution's
    kernel at every position, Σ x xᵀ of all training images less that of the forget set has the singular vectors U and
    values s². The first k columns of U, whose s are `kept` of all, span the core space with the projection P. On the
    forget set the mean of -log(1 + offset - p_y) - entropy_weight · H(p) is minimised by steps along g (I - P), for
    the weights of these layers alone. lr falls geometrically to `final_lr`.
    A random set: when the accuracy on the forget set falls below that on the validation set, it stops, and returns
    what is nearer to equal of this epoch and the one before. Classes: all epochs, and one direction more in P.

    Deviations: the order of the forget set is drawn anew in every epoch, as theirs is for classes. Where the accuracies
    never cross, the authors' script for random sets saves the original, and here the last epoch is returned. Of a
    random set's own Σ x xᵀ no image is augmented, of classes all, as in their two scripts. Theirs keeps the
    decomposition for all images from training; here it is computed. Convolutions in groups stay as they are.
    Cost: a forward pass over all training images and one over the forget set, the decomposition of one matrix per
    layer, in float64, then up to `epochs` over the forget set and, of a random set, as many forward passes over it and
    the validation set.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain", "validation"})

    kept: Annotated[float, Gt(0), Lt(1)]
    """How much of the sum of all s the core space has."""
    lr: PositiveFloat
    """Step size at the start."""
    final_lr: PositiveFloat
    """Step size to which it falls."""
    epochs: PositiveInt
    """Passes over the forget set, at most."""
    batch_size: PositiveInt
    """Images per step."""
    offset: Annotated[float, Ge(0), Lt(1)]
    """What keeps the logarithm from infinity where an image is answered with certainty."""
    entropy_weight: NonNegativeFloat
    """Weight of the entropy."""
    weight_decay: NonNegativeFloat
    """L2 term, projected, too."""
    augment: bool
    """Whether the Σ x xᵀ of all training images is that of augmented ones."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        model.eval()
        classes = bool(split.forget_classes)
        projections = self._projections(model, split, context)
        weights = [layer.weight for layer in projections]
        before, gap_before = copy.deepcopy(model.state_dict()), -torch.inf if classes else self._gap(model, split)
        for epoch in context.epochs(self.epochs) if gap_before <= 0 else ():
            lr = self.lr * (self.final_lr / self.lr) ** (epoch / (self.epochs + 1))
            for x, y in split.forget.batches(self.batch_size, context.rng):
                gradients = gradients_of(self._loss(model(x), y), weights)
                for weight, gradient, projection in zip(weights, gradients, projections.values(), strict=True):
                    rows = (gradient + self.weight_decay * weight.detach()).flatten(1)
                    weight.data -= lr * (rows - rows @ projection).view_as(weight)
            gap = -torch.inf if classes else self._gap(model, split)
            if gap > 0:
                if gap >= -gap_before:
                    model.load_state_dict(before)
                break
            before, gap_before = copy.deepcopy(model.state_dict()), gap
        return model

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        p, log_p = logits.softmax(1), F.log_softmax(logits, 1)
        of_class = p.gather(1, y[:, None])
        return (-torch.log(1 - (of_class - self.offset))).mean() + self.entropy_weight * (p * log_p).sum(1).mean()

    def _gap(self, model: Classifier, split: Split) -> float:
        return accuracy(model, split.validation, self.batch_size) - accuracy(model, split.forget, self.batch_size)

    def _projections(self, model: Classifier, split: Split, context: Context) -> dict[LinearMap, Tensor]:
        """Onto the core space of each layer's inputs."""
        classes = bool(split.forget_classes)
        of_all = self._moments(model, split.retain.joined(split.forget), self.augment, context)
        of_forget = self._moments(model, split.forget, self.augment and classes, context)
        projections = {}
        for layer, moments in of_all.items():
            u, squares, _ = torch.linalg.svd(moments - of_forget[layer])
            s = squares.sqrt()
            count = int((s.cumsum(0) / s.sum() <= self.kept).sum()) + classes
            projections[layer] = (u[:, :count] @ u[:, :count].T).to(layer.weight.dtype)
        return projections

    @torch.no_grad()
    def _moments(self, model: Classifier, images: Images, augment: bool, context: Context) -> dict[LinearMap, Tensor]:
        """Σ x xᵀ of each layer's inputs, in float64."""
        moments: dict[LinearMap, Tensor] = {}

        def read(layer: LinearMap, x: Tensor) -> None:
            rows = rows_of(layer, x, stride=1).double()
            moments[layer] = moments.get(layer, 0) + rows.T @ rows

        with shown_inputs(model, read):
            for x, _ in images.batches(self.batch_size, context.rng if augment else None, augment):
                model(x)
        return moments

    def check_split(self, split: Split) -> None:
        if not split.forget_classes:
            require_validation(self, split)
