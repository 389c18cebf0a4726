"""A model tried before the sweep, on tensors that have no values: it takes no memory and little time."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from supreme.core import Model, SupremeError, seeds

HOLDS_NO_ARITHMETIC = True  # what it builds is dropped


def build(model: Model, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> None:
    """Build the model for these data, and drop it: `check = trial.build` in a model's class has the plan do so.

    Raises:
        SupremeError: what the model itself says when it is built, or what a library does.
    """
    if why := _failure(lambda: model(num_classes, image_size, mean, std)):
        raise SupremeError(f"it cannot be built ({why})")


def run(
    model: Model,
    num_classes: int,
    image_size: int,
    mean: Sequence[float],
    std: Sequence[float],
    *,
    hint: str = "take larger images",
) -> None:
    """Build the model and let two images through it. The first time in a process torch imports for more than a second.

    Args:
        hint: what to type where the images do not go through.

    Raises:
        SupremeError: what the model itself says when it is built, or why it takes no such images.
    """
    build(model, num_classes, image_size, mean, std)
    images = 2, 3, image_size, image_size
    if why := _failure(lambda: model(num_classes, image_size, mean, std).eval()(torch.zeros(images))):
        raise SupremeError(f"it cannot take images of {image_size} x {image_size} ({why}); {hint}")


def _failure(step: Callable[[], object]) -> str:
    """Why this step fails; empty where it does not.

    What fails without values is tried again with values, on the CPU, so that only what cannot work is refused.
    """
    why = ""
    for device in ("meta", "cpu"):
        try:
            with seeds.scoped(0), torch.device(device), torch.no_grad():
                step()
        except SupremeError:
            raise
        except Exception as error:  # of a library, about shapes
            why = next(iter(str(error).strip().splitlines()), type(error).__name__).rstrip(".")
        else:
            return ""
    return why
