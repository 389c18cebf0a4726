"""What somebody's network answers: one pass in evaluation mode, on its own device, that leaves it as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from supreme.core import SupremeError, seeds
from supreme.core.images import ImageData
from supreme.functional.classifier import Classifier
from supreme.functional.network import as_classifier
from supreme.pipeline.evaluation import BATCH, inference

TWICE_TOLERANCE = 1e-3
"""Of two answers to the same images, relative to the largest: what a GPU may move, and what no dropout stays below."""


class Function(nn.Module):
    """A function from images to logits, as a module without weights."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x)


def checked_network(name: str, given: Any) -> nn.Module:
    """The network, in one sentence refused where it could answer nothing.

    Raises:
        SupremeError: it is no module but a class, a path, a state dict or the like; or its weights are not there.
    """
    if isinstance(given, type) and issubclass(given, nn.Module):
        raise SupremeError(f"{name} is the class {given.__name__} and not a model: give a trained instance of it")
    if isinstance(given, Mapping):
        raise SupremeError(f"{name} is a state dict: load it, model.load_state_dict(...), and give the model")
    if isinstance(given, str) or hasattr(given, "__fspath__"):
        raise SupremeError(f"{name} is the path {given}: load it, and give the model")
    if not isinstance(given, nn.Module) and callable(given):
        return Function(given)
    if not isinstance(given, nn.Module):
        raise SupremeError(
            f"{name} is a {type(given).__name__}: give a torch.nn.Module that returns logits, or its logits, as in "
            '{"forget": N x C, "retain": ..., "test": ...}'
        )
    if any(nn.parameter.is_lazy(weight) for weight in given.parameters()):
        raise SupremeError(f"{name} has lazy layers that have seen no image yet: run one batch through it first")
    if device_of(given).type == "meta":
        raise SupremeError(f"{name} has no weights yet: it lies on the meta device")
    return given


def device_of(network: nn.Module) -> torch.device:
    """Of its first weight; the CPU where it has none."""
    return next((tensor.device for tensor in (*network.parameters(), *network.buffers())), torch.device("cpu"))


def class_count(name: str, network: nn.Module, data: ImageData) -> int:
    """The number of classes, from the network's answer to two images.

    Raises:
        SupremeError: it takes no such images, or gives no logits.
    """
    with answering(network):
        x, _ = next(_batches(network, data, np.arange(min(2, len(data.labels)))))
        return _answer(name, network, x).shape[1]


def logits_of(
    name: str, network: nn.Module, data: ImageData, progress: Callable[[int], None] = lambda images: None
) -> np.ndarray:
    """Logits N x C, float32, of every image of the source in its order.

    The network answers in evaluation mode and on its own device; afterwards its mode and its buffers are as before, and
    so is every global generator.

    Args:
        progress: told of the number of images that were answered.

    Raises:
        SupremeError: it takes no such images, gives no logits N x C, or other ones when it is asked again; or a logit
            is NaN.
    """
    found: list[Tensor] = []
    with answering(network):
        for x, _ in _batches(network, data):
            answer = _answer(name, network, x)
            if not found:
                _refuse_random(name, answer, lambda x=x: _answer(name, network, x))
            elif answer.shape[1] != found[0].shape[1]:
                raise SupremeError(
                    f"{name} gives {found[0].shape[1]} logits for some images and {answer.shape[1]} for others"
                )
            found.append(answer.float().cpu())
            progress(len(answer))
    return checked_logits(name, torch.cat(found).numpy())


def features_of(name: str, network: nn.Module, data: ImageData, head: str | None = None) -> np.ndarray:
    """What the last layer reads, N x D, float32, of every image of the source in its order.

    Raises:
        SupremeError: that layer cannot be told; see `as_classifier`.
    """
    try:
        classifier = classifier_of(network, head)
    except SupremeError as error:
        raise SupremeError(f"{name}: {error}") from error
    with answering(classifier):
        return torch.cat([classifier.features(x).float().cpu() for x, _ in _batches(classifier, data)]).numpy()


def classifier_of(network: nn.Module, head: str | None = None) -> Classifier:
    """The network as a classifier with a body and a head; itself where it is one."""
    return network if isinstance(network, Classifier) else as_classifier(network, head=head)


@contextmanager
def answering(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; modes, buffers and generators are as before afterwards."""
    kept = [(buffer, buffer.detach().clone()) for buffer in network.buffers()]
    with seeds.scoped(seeds.stream("evaluate", 0)), inference(network):  # type: ignore[arg-type]  # any module will do
        yield
    with torch.no_grad():
        for buffer, before in kept:
            if not torch.equal(buffer, before):
                buffer.copy_(before)


def checked_logits(name: str, logits: np.ndarray) -> np.ndarray:
    """The logits, refused where one is NaN; minus infinity is a class that is masked."""
    wrong = np.isnan(logits).any(axis=1) | (logits == np.inf).any(axis=1) | (logits == -np.inf).all(axis=1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise SupremeError(
            f"{name} answers image {row} of {len(logits)} with a logit that is NaN or infinite "
            f"({int(wrong.sum())} such images): nothing can be measured of such a model"
        )
    return logits


def _batches(network: nn.Module, data: ImageData, places: np.ndarray | None = None) -> Iterator[tuple[Tensor, Tensor]]:
    places = np.arange(len(data.labels)) if places is None else places
    device = device_of(network)
    dtype = next((weight.dtype for weight in network.parameters() if weight.is_floating_point()), torch.float32)
    for x, y in data.view(places).to(str(device)).batches(BATCH):
        yield x.to(dtype), y


def _answer(name: str, network: nn.Module, x: Tensor) -> Tensor:
    shape = " x ".join(map(str, x.shape[1:]))
    try:
        answer = network(x)
    except Exception as error:  # somebody's own code
        first = (str(error).splitlines() or [""])[0]
        raise SupremeError(f"{name} cannot take images {shape} ({type(error).__name__}: {first})") from error
    answer = getattr(answer, "logits", answer)  # as Hugging Face's models answer
    if not isinstance(answer, Tensor):
        raise SupremeError(
            f"{name} returns a {type(answer).__name__} and not logits: give a module whose forward() returns one "
            "tensor, images x classes"
        )
    if answer.ndim != 2 or len(answer) != len(x) or answer.shape[1] < 2:
        given = " x ".join(map(str, answer.shape))
        raise SupremeError(
            f"{name} answers {len(x)} images with {given}: logits are images x classes, of 2 classes or more"
        )
    if not answer.is_floating_point():
        raise SupremeError(f"{name} answers with {answer.dtype}: give logits, and not classes")
    return answer


def _refuse_random(name: str, first: Tensor, again: Callable[[], Tensor]) -> None:
    second = again()
    scale = first.abs().nan_to_num(0, 0, 0).max().clamp_min(1)
    if not torch.allclose(first / scale, second / scale, atol=TWICE_TOLERANCE, rtol=0, equal_nan=True):
        raise SupremeError(
            f"{name} gives other logits when it is asked again, even in evaluation mode: look for a dropout that is "
            "not told so, as F.dropout(x) without training=self.training"
        )
