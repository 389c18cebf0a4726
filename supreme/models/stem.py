"""The first layers of an ImageNet network in the form that the literature gives them for images of 32 pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from torch import nn

from supreme.core import SupremeError
from supreme.core.validation import OneOf, bounded
from supreme.functional.classifier import Classifier
from supreme.models import trial

POOLS = ("maxpool", "features.pool0", "stem.pool", "pool0")
"""Where ResNets and their relatives, DenseNets, pre-activation ResNets and timm's old SENets pool at first."""
KERNELS = (7, 3)


@bounded
@dataclass(frozen=True, kw_only=True)
class Stem:
    """A model of timm, or a plain network, that keeps the side of the image in its first layers: `model.stem=cifar`.

    The 7x7 convolution with stride 2 becomes a 3x3 one with stride 1, and the pooling behind it is left out, as He et
    al. (2016, section 4.2) have it for CIFAR, and https://github.com/kuangliu/pytorch-cifar for ResNets, ResNeXts,
    SENets and DenseNets. Of a first layer of three 3x3 convolutions, as in ResNet-D, only the stride becomes 1. New
    weights are drawn as in He et al. 2015 (normal, fan-out).
    """

    stem: Annotated[str, OneOf("cifar")]
    """cifar. Null in a YAML leaves the network as it is, and then there is no `Stem` around it."""
    wrapped: Any
    """The model, a component of its own."""

    def __post_init__(self) -> None:
        if getattr(self.wrapped, "pretrained", False):
            raise SupremeError(
                f"stem={self.stem} replaces the first layer, which the pretrained weights need: type model.stem=null, "
                "or take random weights"
            )

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        classifier: Classifier = self.wrapped(num_classes, image_size, mean, std)
        replace_stem(classifier.body)
        return classifier

    def check(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Refuse a network that has no such first layer, or is too large for these images, before any training."""
        trial.run(self, num_classes, image_size, mean, std)


def replace_stem(network: nn.Module) -> None:
    """Give it the first layers for small images, in place.

    Raises:
        SupremeError: it does not begin with a convolution and a pooling layer that each halve the image.
    """
    convolutions = ((name, module) for name, module in network.named_modules() if isinstance(module, nn.Conv2d))
    name, first = next(convolutions, ("", None))
    modules = dict(network.named_modules())
    pool = next((pool for pool in POOLS if not isinstance(modules.get(pool), nn.Identity | None)), None)
    if type(first) is not nn.Conv2d or first.stride != (2, 2) or first.kernel_size[0] not in KERNELS or pool is None:
        begins = f"{first.kernel_size[0]}x{first.kernel_size[1]}, stride {first.stride[0]}" if first else "none"
        raise SupremeError(
            "stem=cifar is for networks whose first convolution (7x7 or 3x3, stride 2) is followed by a pooling layer, "
            f"as in ResNets, ResNeXts, SENets and DenseNets; {type(network).__name__} has other first layers (its "
            f"first convolution: {begins}): type model.stem=null, and for small images model.image_size=64, say"
        )
    network.set_submodule(name, _small(first))
    network.set_submodule(pool, nn.Identity())
    if (padding := f"{pool.rpartition('.')[0]}.pad") in modules:  # for the pooling, in networks ported from TensorFlow
        network.set_submodule(padding, nn.Identity())


def _small(first: nn.Conv2d) -> nn.Conv2d:
    """A 3x3 convolution with stride 1 in place of this one."""
    small = nn.Conv2d(
        first.in_channels, first.out_channels, 3, padding=1, bias=first.bias is not None, device=first.weight.device
    )
    if first.kernel_size == small.kernel_size:
        small.weight, small.bias = first.weight, first.bias
    else:
        nn.init.kaiming_normal_(small.weight, mode="fan_out", nonlinearity="relu")
        if small.bias is not None:
            nn.init.zeros_(small.bias)
    return small
