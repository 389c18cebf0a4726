"""What every stage of a cell starts from: its data and split on the device, new models, and its training."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

import torch
from torch import Tensor

from supreme.core import Epoch, Split, seeds
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.cell import Cell, Workplace, open_data
from supreme.pipeline.device import Measured, autocast, configure, place
from supreme.pipeline.evaluation import BATCH, inference
from supreme.pipeline.process_state import untouched
from supreme.recipes import Recipe


def prepare(cell: Cell, at: Workplace) -> str:
    """Set this process up for the cell; returns the recipe's precision."""
    precision = cell.nodes["recipe"]["precision"]
    configure(at.device, precision, cell.deterministic, at.threads)
    return precision


@contextmanager
def evaluating(cell: Cell, at: Workplace) -> Iterator[None]:
    """Single precision for what is inside, whatever precision models are trained in; one inside another is fine."""
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    configure(at.device, "fp32", cell.deterministic, at.threads)
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before


def data_of(cell: Cell, at: Workplace) -> ImageData:
    """The cell's data, poisoned where its scenario poisons, on the device where they fit."""
    return _on_device(cell.split().data, cell, at)


def _on_device(data: ImageData, cell: Cell, at: Workplace) -> ImageData:
    source = open_data(cell.data_path)
    return _placed_source(cell.data_path, at.device) if data is source else _placed_last(data, at.device)


@cache
def _placed_source(path: str, device: str) -> ImageData:
    return place(open_data(path), device)


@lru_cache(maxsize=1)
def _placed_last(data: ImageData, device: str) -> ImageData:
    """Of poisoned data, which are others for every forget stream, the device holds one."""
    return place(data, device)


def training_images(cell: Cell, at: Workplace) -> Images:
    """All training data, forgotten or not."""
    data = data_of(cell, at)
    return data.view(data.train).to(at.device)


def split_of(cell: Cell, at: Workplace) -> Split:
    """The cell's split on the device, where a training pass augments as the recipe says."""
    split = cell.split()
    return split.with_data(_on_device(split.data, cell, at)).to(at.device, cell.build("recipe").augmentation)


def fresh(cell: Cell, at: Workplace, seed: int, *, untrained: bool = False) -> Classifier:
    """A newly initialised model on the device; its weights are drawn on the CPU, the same for every device.

    Args:
        untrained: random in all its weights, even where models of this kind start from pretrained ones.
    """
    data = open_data(cell.data_path)
    architecture = cell.build_model(untrained=untrained)
    with untouched(f"model {cell.names['model']}", architecture), seeds.scoped(seeds.branch(seed, "weights")):
        model: Classifier = architecture(data.num_classes, data.image_size, data.mean, data.std)
    if cell.nodes["recipe"]["channels_last"]:
        model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.to(at.device).eval()


def loaded(cell: Cell, at: Workplace, tensors: Mapping[str, Tensor]) -> Classifier:
    """A model of this kind with these weights and buffers, on the device."""
    model = fresh(cell, at, 0, untrained=True)
    model.load_state_dict(dict(tensors))
    return model


def train(
    cell: Cell,
    at: Workplace,
    model: Classifier,
    images: Images,
    seed: int,
    after_step: Callable[[int, Tensor], None] = lambda steps, positions: None,
    after_epoch: Callable[[Epoch], None] = lambda epoch: None,
    stage: str = "original",
    work: Measured | None = None,
) -> Classifier:
    """Train the model in place as the cell's recipe trains that of this stage, the draws all from this seed.

    Args:
        work: what measures the training; looking at test images, where the recipe does that, is no part of it.
    """
    recipe: Recipe = cell.build("recipe")
    recipe = recipe.of_original() if stage == "original" else recipe.of_reference()
    best = (
        BestOnTest(cell, at, model, work) if stage == "original" and recipe.original_keeps == "best_on_test" else None
    )

    def told(epoch: Epoch) -> None:
        after_epoch(epoch)
        if best:
            best.look()

    rng = torch.Generator().manual_seed(seeds.branch(seed, "batches"))
    watched = untouched(f"recipe {cell.names['recipe']}", recipe)
    with watched, seeds.scoped(seeds.branch(seed, "dropout")), autocast(at.device, recipe.precision):
        paused = work.paused if work else nullcontext
        recipe(model, images, rng, progress=at.activity, after_step=after_step, after_epoch=told, paused=paused)
    if best:
        model.load_state_dict(best.weights)
    return model


class BestOnTest:
    """Keeps the weights of the first of the epochs after which the model answers the most test images right.

    The reference keeps its last epoch: a fault of the published benchmark, here to see what it is worth.
    """

    def __init__(self, cell: Cell, at: Workplace, model: Classifier, work: Measured | None) -> None:
        data = data_of(cell, at)
        self._test, self._model, self._work, self._most = data.view(data.test).to(at.device), model, work, -1
        self.weights: dict[str, Tensor] = {}

    def look(self) -> None:
        with self._work.paused() if self._work else nullcontext():
            with inference(self._model):
                right = int(sum((self._model(x).argmax(1) == y).sum() for x, y in self._test.batches(BATCH)))
            if right > self._most:
                self._most = right
                self.weights = {name: tensor.clone() for name, tensor in self._model.state_dict().items()}


@dataclass(frozen=True)
class _Kind:
    """A model, a recipe and a device; the cell and its place are examples of it."""

    name: str
    cell: Cell = field(compare=False)
    at: Workplace = field(compare=False)


def warm_up(cell: Cell, at: Workplace) -> None:
    """Train a throwaway model on a few images, once in this process for each model and recipe.

    What the first use of a device and of its libraries takes would else count as the work of whoever comes first.
    """
    _warmed(_Kind(json.dumps([cell.data_path, cell.nodes["model"], cell.nodes["recipe"], at.device]), cell, at))


@cache
def _warmed(kind: _Kind) -> None:
    recipe: Recipe = kind.cell.build("recipe")
    images = training_images(kind.cell, kind.at)
    few = images.subset(range(min(8, len(images))))
    with seeds.scoped(0), autocast(kind.at.device, recipe.precision):
        model = fresh(kind.cell, kind.at, 0, untrained=True)
        replace(recipe, epochs=1, batch_size=8, compile=None)(model, few, torch.Generator().manual_seed(0))
