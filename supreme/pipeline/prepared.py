"""A cell prepared at its workplace: what every stage starts from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from supreme.core import Epoch, Method, Metric, Split, seeds
from supreme.core.images import ImageData, Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.best_epoch import BestEpoch
from supreme.pipeline.cell import Cell
from supreme.pipeline.device import Measured, autocast, configure, on_device
from supreme.pipeline.judged import on_validation
from supreme.pipeline.process_cache import PROCESS_CACHE, built, node_key
from supreme.pipeline.process_state import untouched
from supreme.pipeline.workplace import Workplace
from supreme.recipes import Recipe
from supreme.store.store import Store


@dataclass(frozen=True, eq=False)
class Prepared:
    """A cell at a workplace, made once for each task. Its parts are computed when they are first asked for."""

    cell: Cell
    place: Workplace

    @property
    def device(self) -> str:
        """The device that the stages run on: cuda, mps or cpu."""
        return self.place.device

    @property
    def store(self) -> Store:
        """The artefact store of the output folder."""
        return self.place.store

    @cached_property
    def recipe(self) -> Recipe:
        """The recipe, as the cell's YAML gives it."""
        return self.cell.build("recipe")

    @cached_property
    def method(self) -> Method:
        """The method."""
        return self.cell.build("method")

    @cached_property
    def metrics(self) -> dict[str, Metric]:
        """The metrics, by name."""
        return {name: built(node, f"metric {name}") for name, node in self.cell.metrics.items()}

    @cached_property
    def data(self) -> ImageData:
        """The images, poisoned where the scenario poisons, on the device where they fit there."""
        data = self.cell.split().data
        if data is self.cell.decoded:
            kept, key = PROCESS_CACHE.on_device, (self.cell.data_path, self.device)
            return kept.get(key, lambda: on_device(data, self.device))
        return PROCESS_CACHE.poisoned_on_device.get((data, self.device), lambda: on_device(data, self.device))

    @cached_property
    def split(self) -> Split:
        """The split on the device; its training passes augment as the recipe says."""
        return self.own_split()

    @cached_property
    def judging_split(self) -> Split:
        """The split on the device whose test images judge: those of `data.evaluate_on`."""
        if not on_validation(self.cell.nodes["data"]):
            return self.split
        return self.cell.judging_split().with_data(self.data).to(self.device, self.recipe.augmentation)

    def own_split(self) -> Split:
        """Return a split whose arrays are the caller's: a method may write to its sets, and others must not see it."""
        return self.cell.split().with_data(self.data).to(self.device, self.recipe.augmentation)

    @property
    def training_images(self) -> Images:
        """All training images, forgotten or not, on the device and without augmentation."""
        return self.data.view(self.data.train).to(self.device)

    def configure(self) -> None:
        """Set this process up for the cell: threads, determinism, and the precision of its recipe."""
        self._configure(self.recipe.precision)

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Compute in single precision inside, whatever precision models are trained in; nesting is fine."""
        before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        self._configure("fp32")
        try:
            yield
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before

    def _configure(self, precision: str) -> None:
        configure(self.device, precision, self.cell.deterministic, self.place.threads)

    def fresh(self, seed: int, *, untrained: bool = False) -> Classifier:
        """Initialise a new model on the device; its weights are drawn on the CPU, the same for every device.

        Args:
            untrained: random in all its weights, even where models of this kind start from pretrained ones.
        """
        data, node, what = self.cell.decoded, self.cell.nodes["model"], f"model {self.cell.names['model']}"
        if untrained:
            random: dict[str, Any] = {"pretrained": False, "checkpoint": None}
            node = {**node, **{name: value for name, value in random.items() if name in node}}
        architecture = built(node, what)
        with untouched(what, architecture), seeds.scoped(seeds.branch(seed, "weights")):
            model: Classifier = architecture(data.num_classes, data.image_size, data.mean, data.std)
        if self.recipe.channels_last:
            model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.to(self.device).eval()

    def loaded(self, tensors: Mapping[str, Tensor]) -> Classifier:
        """Return a model of this kind with these weights and buffers, on the device."""
        model = self.fresh(0, untrained=True)
        model.load_state_dict(dict(tensors))
        return model

    def train(
        self,
        model: Classifier,
        images: Images,
        seed: int,
        after_step: Callable[[int, Tensor], None] = lambda steps, positions: None,
        after_epoch: Callable[[Epoch], None] = lambda epoch: None,
        stage: str = "original",
        work: Measured | None = None,
    ) -> Classifier:
        """Train the model in place as the recipe trains that of this stage, with all draws from this seed.

        Args:
            work: what measures the training; looking at other images, where the recipe does that, is no part of it.
        """
        recipe = self.recipe.of_original() if stage == "original" else self.recipe.of_reference()
        paused = work.paused if work else nullcontext
        best = None
        if stage == "original" and recipe.original_keeps != "last":
            judges = self.data.test if recipe.original_keeps == "best_on_test" else self.data.validation
            best = BestEpoch(model, self.data.view(judges).to(self.device), paused)

        def told(epoch: Epoch) -> None:
            after_epoch(epoch)
            if best:
                best.look()

        rng = torch.Generator().manual_seed(seeds.branch(seed, "batches"))
        watched = untouched(f"recipe {self.cell.names['recipe']}", recipe)
        with watched, seeds.scoped(seeds.branch(seed, "dropout")), autocast(self.device, recipe.precision):
            progress = self.place.activity
            recipe(model, images, rng, progress=progress, after_step=after_step, after_epoch=told, paused=paused)
        if best:
            model.load_state_dict(best.weights)
        return model

    def warm_up(self) -> None:
        """Train a throwaway model on a few images, once in this process for each model, recipe and device.

        What the first use of a device and of its libraries takes would else count as the work of whoever comes first.
        """
        nodes = self.cell.nodes
        kind = (self.cell.data_path, node_key(nodes["model"]), node_key(nodes["recipe"]), self.device)
        PROCESS_CACHE.warmed_up.get(kind, self._train_throwaway)

    def _train_throwaway(self) -> None:
        images = self.training_images
        few = images.subset(range(min(8, len(images))))
        with seeds.scoped(0), autocast(self.device, self.recipe.precision):
            model = self.fresh(0, untrained=True)
            throwaway = replace(self.recipe, epochs=1, batch_size=8, compile=None)
            throwaway(model, few, torch.Generator().manual_seed(0))
