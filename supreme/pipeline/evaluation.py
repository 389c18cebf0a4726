"""What metrics look at: the answers of each model, from one pass in evaluation mode, cut into named sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from supreme.core import Cost, SelfComparison, Split, seeds
from supreme.core.errors import COMPARED_WITH_ITSELF
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier

BATCH = 256
"""Images in a batch of evaluation; part of the meaning of "predictions" because it can move the last bits."""


@contextmanager
def inference(model: Classifier) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every module is in the mode it was in."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        with torch.inference_mode():
            yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def predict(model: Classifier, data: ImageData, device: str, what: str = "logits") -> np.ndarray:
    """Logits N x C, or features N x D, float32, of every image of the source in its order, from one pass."""
    answer = {"logits": model, "features": model.features}[what]
    with inference(model):
        batches = data.view(np.arange(len(data.labels))).to(device).batches(BATCH)
        return torch.cat([answer(x).float() for x, _ in batches]).cpu().numpy()


@dataclass(frozen=True)
class StoredPredictions:
    """The answers of one model to every image of the source, and the model itself for those who need it."""

    split: Split
    load: Callable[[str], np.ndarray]
    """"logits" or "features" -> the array for the whole source."""
    load_model: Callable[[], Classifier]

    def logits(self, name: str) -> Tensor:
        return self._rows("logits", name)

    def features(self, name: str) -> Tensor:
        return self._rows("features", name)

    @cached_property
    def model(self) -> Classifier:
        return self.load_model()

    def _rows(self, what: str, name: str) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self.load(what)[self.split.sets[name].indices]))


@dataclass(frozen=True, kw_only=True)
class CellEvaluation:
    """The `Evaluation` of one subject; see `supreme.core.Evaluation`."""

    subject_name: str
    """unlearned, reference or original."""
    split: Split
    subject: StoredPredictions
    all: dict[str, StoredPredictions]
    costs: dict[str, Cost]
    load_untrained: Callable[[], Sequence[StoredPredictions]]
    stream: tuple[int, int]
    """The training seed, and the number of the evaluation's draw inside it."""
    unknown_costs: frozenset[str] = frozenset()
    """The subjects that were made elsewhere, the numbers of whose costs are NaN."""

    @property
    def reference(self) -> StoredPredictions:
        return self._other("reference")

    @property
    def original(self) -> StoredPredictions:
        return self._other("original")

    def _other(self, name: str) -> StoredPredictions:
        if self.subject_name == name:
            raise SelfComparison(COMPARED_WITH_ITSELF.format(name))
        return self.all[name]

    @cached_property
    def untrained(self) -> Sequence[StoredPredictions]:
        return self.load_untrained()

    @property
    def cost(self) -> Cost:
        return self.costs[self.subject_name]

    @property
    def reference_cost(self) -> Cost:
        return self.costs["reference"]

    def labels(self, name: str) -> Tensor:
        return self.split.sets[name].labels

    def images(self, name: str) -> Images:
        return self.split.sets[name]

    @property
    def sets(self) -> tuple[str, ...]:
        return tuple(name for name, images in self.split.sets.items() if len(images))

    @property
    def forgets_class(self) -> bool:
        return bool(self.split.forget_classes)

    @property
    def planted(self) -> Mapping[str, np.ndarray]:
        return self.split.planted

    @property
    def rng(self) -> np.random.Generator:
        return seeds.numpy_generator("evaluate", *self.stream)
