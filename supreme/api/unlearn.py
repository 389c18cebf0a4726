"""`supreme.unlearn`: one method on one network, in this process."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from supreme.api.method_given import RECIPE, components
from supreme.api.own_context import context_of, no_history
from supreme.api.pixels_given import as_pixels, example_of
from supreme.api.process import as_it_was, device_of, telling
from supreme.api.requirements import requirements
from supreme.api.sets import given_sets
from supreme.api.taken_apart import put_together, taken_apart
from supreme.core import Split, SupremeError, seeds
from supreme.core.suitability import check_split
from supreme.functional.classifier import Classifier
from supreme.pipeline.device import autocast
from supreme.recipes import Recipe

log = logging.getLogger(__name__)


def unlearn(
    model: nn.Module,
    method: Any,
    *,
    forget: Any,
    retain: Any,
    validation: Any = None,
    head: str | None = None,
    fresh: Callable[[], nn.Module] | None = None,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    forget_classes: Sequence[int] | None = None,
    recipe: str | Mapping[str, Any] | Recipe = RECIPE,
    tuned: str | None = None,
    config_dir: str | Path | None = None,
    seed: int = 0,
    draw: int = 0,
    device: str | torch.device | None = None,
    deterministic: bool = True,
    threads: int | None = None,
    **values: Any,
) -> nn.Module:
    """Make a trained network forget some of its training images; return what the method makes of a copy.

        >>> import torch, supreme
        >>> network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 4))
        >>> forget = torch.rand(8, 3, 8, 8), torch.arange(8) % 4                    # images in [0, 1] and their labels
        >>> retain = torch.rand(40, 3, 8, 8), torch.arange(40) % 4
        >>> unlearned = supreme.unlearn(network, "scrub", forget=forget, retain=retain, epochs=3)
        >>> type(unlearned).__name__
        'Sequential'

    The copy is of the same type as the network, which stays as it is, and lies on the same device, in evaluation mode.
    The random generators and the settings of torch are left as they were found. The same seed gives the same bits, and
    those of a sweep with the same network, sets, values and number of threads.

    Args:
        model: torchvision's, timm's or one's own: maps images to logits, one row for each image.
        method: a name (`supreme.list_methods()` lists them), a dataclass instance with `needs` and a `__call__`, or a
            function `(model, split, context) -> model`.
        forget, retain: the two parts of the training set: of each a torch Dataset, images and labels `(x, y)`, or
            `Images`. Pixels are uint8, or floats in [0, 1] unless mean and std say how they were normalised.
        validation: images that neither trained the network nor are to test it, for the methods that choose by them.
        head: name of the network's last layer, as in `"fc"`; None: the layer whose output it returns.
        fresh: a function that makes a new, untrained network of the same kind, for the methods that start from one.
        mean, std: of each channel, where the images were normalised: `(pixel - mean) / std` is what the network takes.
        forget_classes: the classes that are forgotten; None: those of which no image is retained.
        recipe: what those methods train and augment by that do it as the network was trained: a name in conf/recipe; a
            dict of what differs from conf/recipe/sgd.yaml, as in `{"optimizer": "adamw", "lr": 1e-4}`; or a `Recipe`.
        tuned: the name of a preset in conf/tuned. None: no preset; a sweep applies those whose scope fits.
        config_dir: a folder with YAML files of your own.
        seed, draw: the streams of a sweep's `seed` and `seeds.unlearn`.
        device: where to compute; None: where the network is.
        deterministic: False allows faster algorithms, on some GPUs, that give other last bits each time.
        threads: of the CPU; None: as many as torch uses now. Other numbers give other last bits.
        values: of the method, where they differ from those of its YAML, as in `lr=0.01`.

    Raises:
        SupremeError: the method cannot do its work on this network and these sets, or a value is not allowed: before
            any work. Or the method returned no model, another architecture, or weights that are not finite.
    """
    if not isinstance(model, nn.Module):
        raise SupremeError(f"a {type(model).__name__} is no network: give a torch.nn.Module that returns logits")
    for key, number in (("seed", seed), ("draw", draw)):
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 0:
            raise SupremeError(f"{key}={number!r} is not allowed: give a whole number from 0")
    seed, draw = int(seed), int(draw)
    if fresh is not None and (isinstance(fresh, nn.Module) or not callable(fresh)):
        raise SupremeError(
            f"fresh: a {type(fresh).__name__} makes no network: give a function that does, as in "
            "fresh=lambda: torchvision.models.resnet18(num_classes=10)"
        )
    stream = seeds.stream("unlearn", seed, draw)
    place = device_of(model, device)
    with seeds.scoped(seeds.branch(stream, "dropout")), as_it_was():
        component, name, trained = components(method, values, tuned=tuned, recipe=recipe, config_dir=config_dir)
        asked = requirements(component)
        if asked.history:
            raise SupremeError(no_history(name))
        if asked.fresh and fresh is None:
            raise SupremeError(
                f"{name} starts from a new network of the same kind: give a function that makes one, as in "
                "fresh=lambda: torchvision.models.resnet18(num_classes=10)"
            )
        if "validation" in component.needs and validation is None and not hasattr(component, "check_split"):
            raise SupremeError(
                f"{name} reads validation images: give validation=(x, y), of images that neither trained the network "
                "nor are to test it"
            )
        given = given_sets(forget=forget, retain=retain, validation=validation)
        sets, grey = as_pixels(given, mean, std)
        if grey and mean is not None and std is not None:
            mean, std = tuple(mean) * 3, tuple(std) * 3
        example = example_of(sets).to(place)
        apart = {"head": head, "mean": mean, "std": std, "example": example, "grey": grey, "features": asked.features}
        classifier = taken_apart(model, **apart).to(place)
        with torch.no_grad():
            classes = classifier(example).shape[1]
        split = sets.split(classes, forget_classes).to(place, trained.augmentation)
        _check(component, name, classifier, split, has_validation=validation is not None)

    def new(number: int) -> Classifier:
        if fresh is None:
            raise SupremeError(f"{name} starts from a new network of the same kind: give fresh=..., which makes one")
        with seeds.scoped(seeds.branch(number, "weights")):
            made = taken_apart(fresh(), **apart).to(place)
        if {key: value.shape for key, value in made.state_dict().items()} != shapes:
            raise SupremeError("fresh makes a network of another architecture than the one that is given")
        return made

    shapes = {key: value.shape for key, value in classifier.state_dict().items()}
    before = {key: value.clone() for key, value in classifier.state_dict().items()}
    if trained.channels_last:
        classifier = classifier.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    rng = torch.Generator().manual_seed(seeds.branch(stream, "method"))
    with (
        as_it_was(place, trained.precision, deterministic, threads),
        telling(name) as progress,
        seeds.scoped(seeds.branch(stream, "dropout")),
        autocast(torch.device(place).type, trained.precision),
    ):
        found = component(classifier, split, context_of(trained, rng, place, name, new, progress))
    if isinstance(found, Classifier) and all(torch.equal(found.state_dict()[key], old) for key, old in before.items()):
        log.warning("%s returned the network unchanged", name)
    return put_together(found, model, name)


def _check(component: Any, name: str, classifier: Classifier, split: Split, *, has_validation: bool) -> None:
    """Refuse what the method could not do, before it begins."""
    if getattr(component, "applies_to", "any") == "class" and not split.forget_classes:
        raise SupremeError(
            f"{name} forgets whole classes, and there are retained images of a class of the forget set: forget all "
            "images of a class, or name another method"
        )
    try:
        check_split(component, split)
        if hasattr(component, "check_model"):
            component.check_model(classifier, split)
    except SupremeError as error:
        more = "" if has_validation or "validation" not in str(error) else " (here: give validation=(x, y))"
        raise SupremeError(f"{error}{more}") from None
