"""The main directions of a set's features, and projections that are folded into the head."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from supreme.core import Context, SupremeError
from supreme.core.images import Images
from supreme.functional.classifier import Classifier


def linear_head(component: object, model: Classifier) -> nn.Linear:
    if not isinstance(model.head, nn.Linear):
        raise SupremeError(f"{type(component).__name__} needs a head that is a linear layer: choose another model")
    return model.head


@torch.no_grad()
def main_directions(
    model: Classifier, images: Images, batch_size: int, augment: bool, compat: str, context: Context
) -> Tensor:
    """The left singular vectors of the features as columns, the strongest first: D x min(D, images)."""
    model.train(compat == "reference")
    features = torch.cat([model.features(x) for x, _ in images.batches(batch_size, context.rng, augment)])
    model.eval()
    return torch.linalg.svd(features.T, full_matrices=False).U


@torch.no_grad()
def project_features(model: Classifier, projection: Tensor) -> None:
    """Let the head answer as if every image's features f were projection · f."""
    weight = model.head.get_parameter("weight")
    weight.copy_(weight @ projection)
