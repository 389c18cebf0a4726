"""The one shape that every model has here: pixels in [0, 1] in, logits out, features on the way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Classifier(nn.Module):
    """`head(features(x))`, where the body first gets the input it was made for.

    Normalisation is part of the model and not of the data, so it can be neither forgotten nor applied twice, and a
    method that perturbs an image works on pixels in [0, 1].

    Args:
        body: maps B x 3 x S x S, normalised, to features B x D.
        head: maps features to logits B x num_classes.
        mean, std: of each channel, for pixels in [0, 1].
        image_size: the only side the body accepts; smaller or larger inputs are resized. None: any side.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        body: nn.Module,
        head: nn.Module,
        mean: Sequence[float],
        std: Sequence[float],
        image_size: int | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        object.__setattr__(body, "is_classifier_body", True)  # a pass counts, whether logits or features are asked for
        self.head = head
        self.image_size = image_size
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(std, dtype=torch.float32).view(1, -1, 1, 1))

    def features(self, x: Tensor) -> Tensor:
        """B x 3 x H x W in [0, 1] -> B x D, what the head reads."""
        if self.image_size is not None and x.shape[-1] != self.image_size:
            x = F.interpolate(x, size=(self.image_size, self.image_size), mode="bilinear", align_corners=False)
        return self.body((x - self.mean) / self.std)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.features(x))


def origin(model: nn.Module) -> dict[str, Any] | None:
    """What is said of the file that a part of this model was loaded from, for JSON; None where there was none.

    Whoever loads says it, as `loaded_from` of the module.
    """
    return next((vars(part)["loaded_from"] for part in model.modules() if "loaded_from" in vars(part)), None)
