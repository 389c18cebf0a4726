"""A network tried in a pass: whether it takes images, what it returns, and which of its layers gives that."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier

SIDES = (32, 64, 224, 28)
"""Sides of the images that are tried where none is said."""


def check_weights(network: nn.Module) -> None:
    """Refuse a network whose weights cannot be copied, split or unlearned as they are."""
    kind = type(network).__name__
    if isinstance(network, torch.jit.ScriptModule):
        raise SupremeError(
            f"{kind} is a TorchScript module, which cannot be taken apart: give the module it was made of"
        )
    weights = list(network.parameters())
    if any(nn.parameter.is_lazy(weight) for weight in weights):
        raise SupremeError(f"{kind} has lazy layers that have seen no image yet: run one batch through it first")
    if not weights:
        raise SupremeError(f"{kind} has no weights, so there is nothing that could be unlearned")
    if odd := next((weight.dtype for weight in weights if weight.dtype != torch.float32), None):
        raise SupremeError(f"{kind} has weights of {odd}: give network.float()")


def example_for(whole: Classifier, example: Tensor | None) -> Tensor:
    """Two images that the network takes, on its device: of this example, or noise of the first side that it takes.

    Raises:
        SupremeError: the example is no batch of images, or the network takes none of them.
    """
    device = next(whole.parameters()).device
    if example is not None:
        if example.ndim != 4 or example.shape[1] != 3 or not example.is_floating_point():
            given = f"{example.dtype} of {' x '.join(map(str, example.shape))}"
            raise SupremeError(f"the example is {given}: give images B x 3 x S x S, float32 in [0, 1]")
        tried = [example[:2].to(device)]
    else:
        config = getattr(whole.body, "default_cfg", None) or {}
        usual = config.get("input_size", (3, 0, 0))[-1] if isinstance(config, dict) else 0
        sides = [whole.image_size] if whole.image_size else [side for side in (usual, *SIDES) if side]
        generator = torch.Generator().manual_seed(0)
        tried = [torch.rand(2, 3, side, side, generator=generator, device="cpu").to(device) for side in sides]
    why = ""
    for images in tried:
        try:
            with torch.no_grad():
                whole(images)
        except Exception as error:  # of the network, about shapes
            why = why or f"{first_line(error)}, for images of {' x '.join(map(str, images.shape[1:]))}"
        else:
            return images
    raise SupremeError(f"{type(whole.body).__name__} cannot take the images ({why}); {_advice(whole.body)}")


def answers(whole: Classifier, images: Tensor) -> Tensor:
    """Its logits, B x num_classes.

    Raises:
        SupremeError: it returns something else.
    """
    with torch.no_grad():
        found = whole(images)
    _check_answers(found, whole.body, len(images), "")
    return found


def check_training(whole: Classifier, images: Tensor) -> None:
    """Refuse a network that fails while it is trained, or then returns more than logits, as Inception does."""
    why = ""
    for device in ("meta", images.device):  # without values first: no time, and no memory
        try:
            trained = copy.deepcopy(whole).to(device).train()
            with torch.no_grad():
                found = trained(images.to(device))
        except Exception as error:  # without values: an operation that cannot work so, which is no fault
            why = first_line(error)
        else:
            return _check_answers(found, whole.body, len(images), " while it is trained")
    kind, shape = type(whole.body).__name__, " x ".join(map(str, images.shape[1:]))
    raise SupremeError(f"{kind} fails in training mode on images of {shape} ({why}); give image_size=299, say")


def returned_by(whole: Classifier, images: Tensor) -> str | None:
    """The name of the innermost layer whose output the body returns; None where it computes on after all of them."""
    outputs: list[tuple[str, Any]] = []

    def noting(name: str) -> Any:
        return lambda _module, _inputs, output: outputs.append((name, output))

    handles = [part.register_forward_hook(noting(name)) for name, part in whole.body.named_modules() if name]
    try:
        with torch.no_grad():
            final = whole(images)
    finally:
        for handle in handles:
            handle.remove()
    return next((name for name, output in outputs if output is final), None)


def _check_answers(found: object, network: nn.Module, count: int, when: str) -> None:
    kind = type(network).__name__
    if not isinstance(found, Tensor):
        names = ", ".join(map(str, getattr(found, "keys", lambda: getattr(found, "_fields", ()))()))
        of = f" ({names})" if names else ""
        raise SupremeError(
            f"{kind} returns a {type(found).__name__}{of}{when}, and not a tensor of logits: give a module whose "
            "forward() returns the logits alone"
            + (", or build it with aux_logits=False" if "aux_logits" in names else "")
        )
    if found.ndim != 2 or len(found) != count or found.shape[1] < 2:
        shape = " x ".join(map(str, found.shape))
        raise SupremeError(
            f"{kind} returns {shape} for {count} images{when}: give a network that returns B x num_classes"
        )


def _advice(network: nn.Module) -> str:
    """What to do where it cannot take the images."""
    first = next((part for part in network.modules() if isinstance(part, nn.Conv2d)), None)
    if first is not None and first.in_channels != 3:
        grey = ", or let its forward() begin with x = x.mean(1, keepdim=True)" if first.in_channels == 1 else ""
        return (
            f"its first convolution takes {first.in_channels} channel{'s' * (first.in_channels > 1)} and images have 3 "
            f"here, grey ones too: make it with nn.Conv2d(3, ...) (often in_channels=3){grey}"
        )
    return "give image_size=224, say: the side of the images it was made for"


def first_line(error: Exception) -> str:
    """The first line of what it says, without its full stop; its type where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:160].rstrip(".")
