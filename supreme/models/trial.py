"""A model tried before the sweep: built for the data it gets and given two images, on tensors that have no values."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from supreme import seeds
from supreme.core import Model, SupremeError


def run(
    model: Model,
    num_classes: int,
    image_size: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    hint: str = "take larger images",
) -> None:
    """Build the model and let two images through it, which takes no memory and little time.

    What fails without values is tried again with values, on the CPU, so that only what cannot work is refused.

    Args:
        hint: what to type where the images do not go through.

    Raises:
        SupremeError: what the model itself says when it is built, or why it takes no such images.
    """
    for device in ("meta", "cpu"):
        try:
            with seeds.scoped(0), torch.device(device), torch.no_grad():
                images = torch.zeros(2, 3, image_size, image_size)
                model(num_classes, image_size, mean, std).eval()(images)
        except SupremeError:
            raise
        except Exception as error:  # of a library, about shapes
            reason = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
        else:
            return
    raise SupremeError(f"it cannot take images of {image_size} x {image_size} ({reason}); {hint}")
