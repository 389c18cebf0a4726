"""A network of somebody else's as our `Classifier`, and back: torchvision's, timm's, one's own.

Its head is the layer whose output the network returns. That is seen in a pass, so no list of names is needed.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier
from supreme.functional.passes import answers, check_training, check_weights, example_for, first_line, returned_by
from supreme.functional.whole_network import WholeNetwork

UNCHANGED = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
"""Mean and standard deviation that leave pixels as they are."""

PLACE = "place_of_head"
"""Attribute of a body: the name of the head in the network that it was."""


def as_classifier(
    network: nn.Module,
    *,
    head: str | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    image_size: int | None = None,
    example: Tensor | None = None,
) -> Classifier:
    """A copy of the network as a classifier with a body and a head; the network itself is not changed.

    A few images go through both, in evaluation mode: they answer alike to the last bit, or the network is refused.

    Args:
        network: maps images B x 3 x S x S to logits B x num_classes.
        head: name of its last layer, as `network.named_modules()` has it. None: the layer whose output it returns.
        mean, std: of each channel, of pixels in [0, 1], for which it was trained. None: it normalises itself, or was
            trained on pixels in [0, 1].
        image_size: the side to which images are resized. None: it takes any side.
        example: images B x 3 x S x S in [0, 1] with which to try it. None: noise, of a side that it takes.

    Raises:
        SupremeError: it has no such layer, computes on after it, does not answer with one row of logits for each image,
            takes no such images, or has weights of another kind than float32.
    """
    if isinstance(network, Classifier):
        if any(given is not None for given in (head, mean, std, image_size)):
            raise SupremeError("the model is a Classifier already: leave out head, mean, std and image_size")
        return copy.deepcopy(network)
    network = unwrapped(network)
    check_weights(network)
    center, spread = _normalisation(mean, std)
    with torch.random.fork_rng(devices=[]):  # a network may draw
        whole = Classifier(_copied(network), nn.Identity(), center, spread, image_size).to(_device(network)).eval()
        images = example_for(whole, example)
        expected = answers(whole, images)
        check_training(whole, images)
        name = _named(network, head) if head is not None else found_head(whole, images)
        classifier = split(network, name, center, spread, image_size)
        _check_split(classifier, name, images, expected)
    return classifier.train(network.training)


def as_network(model: nn.Module) -> nn.Module:
    """A copy of the network that `as_classifier` or `WholeNetwork` was given, of its own type, with these weights.

    Raises:
        SupremeError: the model is none that `as_classifier` has made, nor a copy of one.
    """
    name = vars(model.body).get(PLACE) if isinstance(model, Classifier) else None
    if not isinstance(model, Classifier) or (name is None and not isinstance(model, WholeNetwork)):
        raise SupremeError(
            f"a {type(model).__name__} cannot be put back into the network that was given: the method returned a model "
            "of another form, which takes pixels in [0, 1]"
        )
    copied = copy.deepcopy(model)  # in one, for weights that body and head share
    network = copied.body
    for note in (PLACE, "is_classifier_body"):
        vars(network).pop(note, None)
    if name is not None:
        network.set_submodule(name, copied.head)
    return network


def split(
    network: nn.Module, name: str, mean: Sequence[float], std: Sequence[float], image_size: int | None
) -> Classifier:
    """The network with its layer of this name as the head, unchecked: a copy of its own."""
    body = _copied(network)
    head = body.get_submodule(name)
    body.set_submodule(name, nn.Identity())
    object.__setattr__(body, PLACE, name)  # no part of the state
    return Classifier(body, head, mean, std, image_size).to(_device(network))


def unwrapped(network: nn.Module) -> nn.Module:
    """The network inside what `nn.DataParallel`, `DistributedDataParallel` and `torch.compile` put around it."""
    while True:
        inner = getattr(network, "_orig_mod", None)
        if isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = network.module
        if not isinstance(inner, nn.Module):
            return network
        network = inner


def found_head(whole: Classifier, images: Tensor) -> str:
    """The name of the layer with weights whose output the body returns.

    Args:
        whole: the network as the body of a classifier without a head.
    """
    name = returned_by(whole, images)
    if name and any(True for _ in whole.body.get_submodule(name).parameters()):
        return name
    if getattr(whole.body, "num_classes", None) == 0:
        raise SupremeError(f"{type(whole.body).__name__} was made without a head: leave out num_classes=0")
    after = f" (it ends with {name}, which has no weights)" if name else ""
    raise SupremeError(
        f"{type(whole.body).__name__} computes on after its last layer{after}, so its features cannot be told from its "
        f"head: let its forward() return what its last layer gives; {_layers(whole.body)}"
    )


def _named(network: nn.Module, name: str) -> str:
    names = [one for one, _ in network.named_modules() if one]
    if name not in names:
        near = difflib.get_close_matches(name, names, 1)
        hint = f"did you mean {near[0]}? " if near else ""
        raise SupremeError(f'head="{name}": {type(network).__name__} has no such layer; {hint}{_layers(network)}')
    return name


def _layers(network: nn.Module) -> str:
    """The layers that may be a head, the last ones first."""
    names = [name for name, module in network.named_modules() if isinstance(module, nn.Linear) and name]
    listed = ", ".join(f'head="{name}"' for name in reversed(names[-4:]))
    return f"its linear layers, the last ones first: {listed}" if names else "it has no linear layer"


def _check_split(classifier: Classifier, name: str, images: Tensor, expected: Tensor) -> None:
    kind = type(classifier.body).__name__
    advice = f"name another layer, as in head=...; {_layers(classifier.body)}"
    classifier.eval()
    try:
        with torch.no_grad():
            features = classifier.features(images)
            found = classifier.head(features) if isinstance(features, Tensor) else None
    except Exception as error:
        raise SupremeError(
            f'head="{name}" of {kind}: without it the rest cannot run ({first_line(error)}); {advice}'
        ) from None
    if not isinstance(features, Tensor) or features.ndim != 2:
        shape = " x ".join(map(str, features.shape)) if isinstance(features, Tensor) else type(features).__name__
        raise SupremeError(f'head="{name}" of {kind} reads {shape}, and not one row of features an image; {advice}')
    if found is None or found.shape != expected.shape or not (found.is_meta or torch.equal(found, expected)):
        raise SupremeError(f'head="{name}" of {kind}: the network computes on after it; {advice}')


def _normalisation(
    mean: Sequence[float] | None, std: Sequence[float] | None
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Three numbers each; those that change nothing where none are given."""
    if mean is None and std is None:
        return UNCHANGED
    if mean is None or std is None:
        raise SupremeError("mean and std belong together: give both, or neither where the network normalises itself")
    center, spread = tuple(map(float, mean)), tuple(map(float, std))
    if (len(center), len(spread)) != (3, 3) or not all(value > 0 for value in spread):
        raise SupremeError(f"mean={center} std={spread} is not allowed: give three numbers each, those of std above 0")
    return center, spread


def _copied(network: nn.Module) -> nn.Module:
    try:
        return copy.deepcopy(network)
    except Exception as error:  # a tensor inside that has a history, or what cannot be copied at all
        raise SupremeError(f"{type(network).__name__} cannot be copied ({first_line(error)})") from None


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device
