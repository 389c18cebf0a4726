"""What a method may ask for beside the model and the split."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from supreme.core.images import Images

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from supreme.functional.classifier import Classifier


@dataclass(frozen=True, kw_only=True)
class Epoch:
    """What one epoch of a training came to."""

    loss: float
    """Mean over the images as they were trained on: augmented, in training mode, between steps. May be not finite."""
    accuracy: float
    """The same way, so neither is that of the model after the epoch."""
    lr: float
    """Of its last step."""
    seconds: float


class Fit(Protocol):
    def __call__(
        self,
        model: Classifier,
        images: Images,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        constant_schedule: bool = False,
        augment: bool = True,
    ) -> Classifier: ...


class History(Protocol):
    """How the original came about. What is read here counts as stored during training: it costs a method no time."""

    @property
    def epochs(self) -> int:
        """Of the original's training."""
        ...

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        """The state dict after so many epochs, on the device; 0: as it was initialised."""
        ...

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        """For every parameter, the sum of what the training steps added whose batch held one of these images."""
        ...


class Once(Protocol):
    def __call__(
        self, name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]
    ) -> dict[str, Tensor]: ...


@dataclass(frozen=True, kw_only=True)
class Context:
    """Where and with what a method runs; never what it computes."""

    device: str
    rng: torch.Generator
    """This stage's own stream, on the CPU: the same draws on every device."""
    fresh: Callable[[], Classifier]
    """A newly initialised model of this kind, on the device; each call draws other weights from the stream."""
    untrained: Callable[[], Classifier]
    """The same, but random in all its weights even where models of this kind start from pretrained ones."""
    fit: Fit
    """The one training loop, with the original's recipe but for what is given; trains in place, returns the model."""
    once: Once
    """What `compute` returns, kept in the store for every method, scenario and seed that asks for the same original.

    It may depend on the original, all training data, the name and the settings, and on nothing else. Its cost counts
    for each method that asks, found or computed.
    """
    history: History
    progress: Callable[[int, int, str], None] = lambda done, total, what: None
    """Tell how far the work is, for people who watch."""

    def epochs(self, count: int, what: str = "epoch") -> Iterator[int]:
        """1, 2, ..., count, reporting each."""
        for epoch in range(1, count + 1):
            self.progress(epoch - 1, count, what)
            yield epoch
        self.progress(count, count, what)
