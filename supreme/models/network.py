"""A network that is no component: a function or class of torchvision, of timm or of one's own, named in a YAML."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import SupremeError, registry
from supreme.core.validation import PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.grey import Grey, are_grey, takes_one_channel
from supreme.functional.network import as_classifier
from supreme.functional.passes import first_line
from supreme.models import trial

CLASSES = ("num_classes", "n_classes", "nb_classes", "num_labels", "num_outputs", "classes")
"""Names under which a network takes the number of classes, the first of which a function with **options gets."""
SIDES = ("image_size", "img_size", "input_size")
"""Names under which it takes the side of the images."""
NO_WEIGHTS = {"weights": None, "pretrained": False}
"""Names under which it takes weights that were trained, and what says that there are none."""


@bounded
@dataclass(frozen=True, kw_only=True)
class Network:
    """Whatever makes an `nn.Module` that maps images to logits, split into its body and its head.

    `_target_: torchvision.models.resnet18` in a model's YAML becomes one of these; see `registry.as_component`.
    """

    network: dict[str, Any]
    """`_target_` and the values that it is called with; the number of classes is added."""
    head: str | None
    """Name of its last layer. Null: the layer whose output it returns."""
    mean: list[float] | None
    """Of each channel, of pixels in [0, 1]. Null: the data's own."""
    std: list[float] | None
    """The same."""
    image_size: PositiveInt | None
    """Side to which images are resized. Null: the data's own."""

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        return self._classifier(num_classes, image_size, mean, std, fetch=True)

    def check(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Refuse, before any training, what is no network for these images; weights are not fetched for that."""
        trial.build(partial(self._classifier, fetch=False), num_classes, image_size, mean, std)

    def _classifier(
        self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float], *, fetch: bool
    ) -> Classifier:
        center, spread = self._normalisation(mean, std)
        side = self.image_size or image_size
        network, head = self._made(num_classes, side, fetch=fetch), self.head
        if are_grey(mean, std) and takes_one_channel(network, side):
            network, head = Grey(network), head and f"network.{head}"
        example = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(0), device="cpu")
        classifier = as_classifier(
            network, head=head, mean=center, std=spread, image_size=self.image_size, example=example
        )
        return self._with_head_for(num_classes, classifier.eval(), example).train()

    @property
    def pretrained(self) -> bool:
        """Whether it is made with weights that were trained."""
        return any(self.network.get(name) for name in NO_WEIGHTS)

    def _normalisation(self, mean: Sequence[float], std: Sequence[float]) -> tuple[Sequence[float], Sequence[float]]:
        if self.mean is None and self.std is None and self.pretrained:
            raise SupremeError(
                "its weights were trained on normalised images: say how, as in "
                "model.mean=[0.485,0.456,0.406] model.std=[0.229,0.224,0.225] of ImageNet"
            )
        if (self.mean is None) != (self.std is None):
            raise SupremeError("model.mean and model.std belong together: give both, or neither for the data's own")
        return (mean, std) if self.mean is None or self.std is None else (self.mean, self.std)

    def _made(self, num_classes: int, side: int, *, fetch: bool) -> nn.Module:
        values = {name: value for name, value in self.network.items() if name != "_target_"}
        if not fetch:
            values |= {name: nothing for name, nothing in NO_WEIGHTS.items() if name in values}
        target = str(self.network["_target_"])
        make: Callable[..., object] = registry.imported(target, "its network")
        names = _parameters(make)
        if not self.pretrained and not set(values) & set(CLASSES) and (taken := _first(CLASSES, names)):
            values[taken] = num_classes  # with weights it is made for their classes, and gets a new head
        if (taken := _first(SIDES, names - {""})) and taken not in values:
            values[taken] = side
        try:
            made = make(**values)
        except (SupremeError, NotImplementedError):
            raise
        except Exception as error:  # of whoever wrote it
            raise SupremeError(f"{target} cannot be called ({first_line(error)})") from error
        if not isinstance(made, nn.Module):
            raise SupremeError(
                f"{target} gives a {type(made).__name__}, and a model must be an nn.Module that maps images "
                "B x 3 x S x S to logits B x num_classes, or a function or class (num_classes) that makes one"
            )
        return made

    def _with_head_for(self, num_classes: int, classifier: Classifier, example: Tensor) -> Classifier:
        """The classifier with a new last layer where weights were given; another one must answer for these classes."""
        head, kind = classifier.head, type(classifier.head).__name__
        if self.pretrained and isinstance(head, nn.Linear):
            with torch.device(head.weight.device):
                classifier.head = nn.Linear(head.in_features, num_classes)
            return classifier
        with torch.no_grad():
            made = classifier(example.to(classifier.mean.device)).shape[1]
        if made != num_classes:
            how = "let it take num_classes, as in def __init__(self, num_classes)"
            if self.pretrained:
                how = f"its last layer is a {kind}, of which no other can be made: let its YAML say so, as in "
                how += f"num_classes: {num_classes}"
            raise SupremeError(
                f"{self.network['_target_']} answers with {made} logits and the data have {num_classes} classes: {how}"
            )
        if self.pretrained:
            self._draw_again(head, kind)
        return classifier

    def _draw_again(self, head: nn.Module, kind: str) -> None:
        """Take the trained values out of a head of somebody's own type."""
        reset = getattr(head, "reset_parameters", None)
        if not callable(reset):
            raise SupremeError(
                f"{self.network['_target_']} comes with trained weights, of which the last layer is drawn anew, and a "
                f"{kind} has no reset_parameters(), as layers of torch have: write one, or make it an nn.Linear"
            )
        reset()


def _parameters(make: Callable[..., object]) -> set[str]:
    """The names that it takes, and an empty one where it takes any."""
    try:
        found = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):  # of compiled code
        return set()
    return {"" if one.kind is one.VAR_KEYWORD else one.name for one in found}


def _first(known: Sequence[str], names: set[str]) -> str | None:
    """The first of the known names that is among these, or the first of all where any is taken."""
    return next((name for name in known if name in names), known[0] if "" in names else None)
