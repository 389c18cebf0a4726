"""Somebody's network as the classifier that methods know, and back."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier
from supreme.functional.grey import Grey
from supreme.functional.network import as_classifier, as_network, unwrapped
from supreme.functional.whole_network import WholeNetwork


def taken_apart(
    network: nn.Module,
    *,
    head: str | None,
    mean: Sequence[float] | None,
    std: Sequence[float] | None,
    example: Tensor,
    grey: bool,
    features: bool,
) -> Classifier:
    """A copy of the network as a classifier, every weight of which may change.

    Args:
        head: name of its last layer; None: the layer whose output it returns.
        mean, std: of each channel, as the network was given them in training; None: it takes pixels in [0, 1].
        example: some images B x 3 x H x W in [0, 1].
        grey: whether the network takes one channel.
        features: whether the method reads features. Where it does not, a network without a head that could be told
            from its body is taken as it is.

    Raises:
        SupremeError: the network cannot be used.
    """
    inner = unwrapped(network)
    given = Grey(inner) if grey and not isinstance(inner, Classifier) else inner
    name = f"network.{head}" if head is not None and isinstance(given, Grey) else head
    try:
        classifier = as_classifier(given, head=name, mean=mean, std=std, example=example)
    except SupremeError as error:
        if features or head is not None or (whole := _as_one(given, str(error), mean, std, example)) is None:
            raise
        classifier = whole
    return classifier.requires_grad_(True).eval()


def _as_one(
    network: nn.Module, why: str, mean: Sequence[float] | None, std: Sequence[float] | None, example: Tensor
) -> Classifier | None:
    """The network as a body without a head; None where it does not answer with logits."""
    if any(weight.dtype != torch.float32 for weight in network.parameters()):
        return None
    whole = WholeNetwork(copy.deepcopy(network), why, tuple(mean or (0.0,) * 3), tuple(std or (1.0,) * 3), None)
    whole = whole.to(next(network.parameters()).device).eval()
    try:
        with torch.no_grad():
            found = whole(example.to(whole.mean.device))
    except Exception:
        return None
    is_logits = isinstance(found, Tensor) and found.ndim == 2 and len(found) == len(example) and found.shape[1] > 1
    return whole if is_logits else None


def put_together(model: object, network: nn.Module, name: str) -> nn.Module:
    """A copy of the network with the weights and buffers of the classifier that a method returned.

    Args:
        name: the method's, for messages.

    Raises:
        SupremeError: it is no model, of another architecture, or has weights that are not finite.
    """
    if not isinstance(model, Classifier):
        raise SupremeError(f"{name} returned a {type(model).__name__} and not the model")
    for key, tensor in model.state_dict().items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise SupremeError(f"{name} returned weights that are not finite: {key}; a lower learning rate may help")
    result = copy.deepcopy(network)
    inner = unwrapped(result)
    if isinstance(inner, Classifier):
        found: nn.Module = model
    elif isinstance(model, WholeNetwork):
        found = model.body
    else:
        found = as_network(model)
    state = (found.network if isinstance(found, Grey) else found).state_dict()
    try:
        inner.load_state_dict(state)
    except RuntimeError as error:
        told = next(line.strip() for line in str(error).splitlines()[1:])
        raise SupremeError(f"{name} returned another architecture than it was given: {told}") from None
    return result.eval()
