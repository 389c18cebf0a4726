"""The history of an original's training, for methods that read it: replayed where it was not stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from supreme.core import SupremeError, seeds
from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.device import Measured
from supreme.pipeline.keys import SCHEMA
from supreme.pipeline.method_suitability import require_history
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.process_state import refuse_touched
from supreme.store.artefact import Contents
from supreme.store.files import digest


class _ReachedError(Exception):
    """The replay has taken its last step."""


@dataclass(frozen=True)
class StoredHistory:
    """See `supreme.core.History`. The training is replayed, bit for bit, for what was not stored while it ran."""

    _prepared: Prepared
    _work: Measured

    @property
    def epochs(self) -> int:
        return self._prepared.recipe.epochs

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        if not 0 <= epochs <= self.epochs:
            raise SupremeError(
                f"the original was trained for {self.epochs} epochs: there are no weights after {epochs}"
            )
        images = self._prepared.training_images
        last_step = epochs * self._prepared.recipe.steps_per_epoch(len(images))

        def create() -> Contents:
            model = self._initial()
            if last_step:
                self._replay(model, stop_after=last_step)
            if epochs == self.epochs:
                self._must_equal_original(model)
            return Contents(tensors=_copy(model.state_dict()), record=self._owner)

        return self._stored({"epochs": epochs}, create)

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        everything = self._prepared.training_images
        wanted = torch.isin(torch.tensor(everything.indices), torch.tensor(images.indices))

        def create() -> Contents:
            model = self._initial()
            before = _copy(dict(model.named_parameters()))
            sums = {name: torch.zeros_like(weight) for name, weight in before.items()}

            def add(_steps: int, positions: Tensor) -> None:
                counts = bool(wanted[positions].any())
                for name, weight in model.named_parameters():
                    if counts:
                        sums[name] += weight.detach() - before[name]
                    before[name].copy_(weight.detach())

            self._replay(model, add)
            self._must_equal_original(model)
            return Contents(tensors=sums, record=self._owner)

        return self._stored({"updates_of": sorted(images.indices.tolist())}, create)

    @property
    def _owner(self) -> dict[str, Any]:
        return {"of": {"original": self._prepared.cell.key("original")}}

    def _initial(self) -> Classifier:
        return self._prepared.fresh(self._seed)

    @property
    def _seed(self) -> int:
        return seeds.stream("train", self._prepared.cell.seed)

    def _replay(
        self,
        model: Classifier,
        after_step: Callable[[int, Tensor], None] = lambda steps, positions: None,
        stop_after: int | None = None,
    ) -> None:
        def follow(steps: int, positions: Tensor) -> None:
            after_step(steps, positions)
            if steps == stop_after:
                raise _ReachedError

        try:
            self._prepared.train(model, self._prepared.training_images, self._seed, follow)
        except _ReachedError:
            return

    def _must_equal_original(self, model: Classifier) -> None:
        stored = self._prepared.store.load("original", self._prepared.cell.key("original"))
        same = stored and all(
            torch.equal(model.state_dict()[name].cpu(), old) for name, old in stored.tensors().items()
        )
        if not same:
            raise SupremeError(
                "the training of the original cannot be repeated bit for bit here (it ran on another device, or with "
                "other versions); sweep in another output_dir"
            )

    def _stored(self, what: Mapping[str, Any], create: Callable[[], Contents]) -> dict[str, Tensor]:
        require_history("this method", self._prepared.cell)
        parts = {"schema": SCHEMA["history"], "original": self._prepared.cell.key("original"), **what}

        def alone() -> Contents:
            refuse_touched()
            return create()

        with self._work.paused():
            artefact, _ = self._prepared.store.get_or_create("history", digest(parts), alone)
            return {name: tensor.to(self._prepared.device) for name, tensor in artefact.tensors().items()}


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
