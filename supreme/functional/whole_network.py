"""A network whose head cannot be told from its body: good for methods that need no features, and refused by others."""

from __future__ import annotations

from typing import NoReturn

from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier


class WholeNetwork(Classifier):
    """A classifier of which only the logits can be had: asking for its features or its head raises `SupremeError`.

    Its body is the whole network. Make one where `as_classifier` refuses to split, so that methods that read logits,
    gradients and weights alone still run, before anything is trained: a method asks for what it needs in its first
    step.

    Args:
        network: maps what is left after normalisation, B x 3 x S x S, to logits B x num_classes.
        why: what `as_classifier` said.
        mean, std, image_size: as of any classifier.
    """

    def __init__(
        self, network: nn.Module, why: str, mean: tuple[float, ...], std: tuple[float, ...], image_size: int | None
    ) -> None:
        super().__init__(network, nn.Identity(), mean, std, image_size)
        del self.head  # so that whoever asks for it comes to __getattr__
        self.why = why

    def features(self, x: Tensor) -> NoReturn:
        raise SupremeError(f"the method reads the network's features, and {self.why}")

    def forward(self, x: Tensor) -> Tensor:
        return super().features(x)

    def __getattr__(self, name: str) -> Tensor | nn.Module:
        if name == "head":
            raise SupremeError(f"the method needs the network's last layer, and {self.why}")
        return super().__getattr__(name)
