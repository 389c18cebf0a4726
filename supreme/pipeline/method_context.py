"""The `Context` of a cell: what a method may ask for beside the model and the split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from supreme.core import Context, Cost, Epoch, SupremeError, seeds
from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.cell import SCHEMA, Cell, Workplace
from supreme.pipeline.device import Measured
from supreme.pipeline.process_state import refuse_touched
from supreme.pipeline.training import fresh, train, training_images
from supreme.recipes import Recipe
from supreme.store.artefact import Contents
from supreme.store.files import digest
from supreme.store.fingerprint import code_of_functions


def context_of(cell: Cell, at: Workplace, rng: torch.Generator, work: Measured, curve: list[Epoch]) -> Context:
    """The context of the cell's method.

    Args:
        rng: the method's stream.
        work: what measures the method.
        curve: gets every epoch that the method trains with `fit`, one training after the other.
    """
    recipe: Recipe = cell.build("recipe").of_reference()

    def draw() -> int:
        return int(torch.randint(2**62, (), generator=rng))

    def fit(
        model: Classifier,
        images: Images,
        *,
        epochs: int | None = None,
        lr: float | None = None,
        batch_size: int | None = None,
        constant_schedule: bool = False,
        augment: bool = True,
    ) -> Classifier:
        given = {"epochs": epochs, "lr": lr, "batch_size": batch_size}
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if constant_schedule:
            changes |= {"schedule": "constant", "warmup_epochs": 0.0}
        changed = Recipe(**{**asdict(recipe), **changes})
        return changed(
            model, images, rng, augment=augment, progress=at.activity, after_epoch=curve.append, paused=work.paused
        )

    def once(name: str, settings: Mapping[str, Any], compute: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
        def create() -> Contents:
            with Measured(at.device, at.shared) as own:
                tensors = compute()
            refuse_touched()
            return Contents(
                tensors=tensors, record={"cost": asdict(own.cost), "of": {"original": cell.key("original")}}
            )

        parts = {
            "schema": SCHEMA["shared"],
            "original": cell.key("original"),
            "name": name,
            "settings": settings,
            "code": code_of_functions([compute]).digest,
        }
        with work.paused():
            artefact, _ = at.store.get_or_create("shared", digest(parts), create)
            tensors = {name: tensor.to(at.device) for name, tensor in artefact.tensors().items()}
        work.add(Cost(**artefact.record["cost"]))
        return tensors

    return Context(
        device=at.device,
        rng=rng,
        fresh=lambda: fresh(cell, at, draw()),
        untrained=lambda: fresh(cell, at, draw(), untrained=True),
        fit=fit,
        once=once,
        history=StoredHistory(cell, at, work),
        progress=at.activity,
    )


class _EnoughError(Exception):
    """The replay has come to where it was to go."""


@dataclass(frozen=True)
class StoredHistory:
    """See `supreme.core.History`. The training is replayed, bit for bit, for what was not stored while it ran."""

    cell: Cell
    at: Workplace
    work: Measured

    @property
    def epochs(self) -> int:
        return self.cell.build("recipe").epochs

    def weights_after(self, epochs: int) -> dict[str, Tensor]:
        if not 0 <= epochs <= self.epochs:
            raise SupremeError(
                f"the original was trained for {self.epochs} epochs: there are no weights after {epochs}"
            )
        images = training_images(self.cell, self.at)
        last_step = epochs * self.cell.build("recipe").steps_per_epoch(len(images))

        def create() -> Contents:
            model = self._initial()
            if last_step:
                self._replay(model, stop_after=last_step)
            if epochs == self.epochs:
                self._must_equal_original(model)
            return Contents(tensors=_copy(model.state_dict()), record=self._owner)

        return self._stored({"epochs": epochs}, create)

    def updates_of(self, images: Images) -> dict[str, Tensor]:
        everything = training_images(self.cell, self.at)
        wanted = torch.isin(torch.from_numpy(everything.indices), torch.from_numpy(images.indices))

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
        return {"of": {"original": self.cell.key("original")}}

    def _initial(self) -> Classifier:
        return fresh(self.cell, self.at, self._seed)

    @property
    def _seed(self) -> int:
        return seeds.stream("train", self.cell.seed)

    def _replay(
        self,
        model: Classifier,
        after_step: Callable[[int, Tensor], None] = lambda steps, positions: None,
        stop_after: int | None = None,
    ) -> None:
        def follow(steps: int, positions: Tensor) -> None:
            after_step(steps, positions)
            if steps == stop_after:
                raise _EnoughError

        try:
            train(self.cell, self.at, model, training_images(self.cell, self.at), self._seed, follow)
        except _EnoughError:
            return

    def _must_equal_original(self, model: Classifier) -> None:
        stored = self.at.store.load("original", self.cell.key("original"))
        same = stored and all(
            torch.equal(model.state_dict()[name].cpu(), old) for name, old in stored.tensors().items()
        )
        if not same:
            raise SupremeError(
                "the training of the original cannot be repeated bit for bit here (it ran on another device, or with "
                "other versions); sweep in another output_dir"
            )

    def _stored(self, what: Mapping[str, Any], create: Callable[[], Contents]) -> dict[str, Tensor]:
        if self.cell.build("recipe").original_keeps != "last":
            raise SupremeError(
                "a training of which one epoch was chosen has no history: type recipe.original_keeps=last"
            )
        if not self.cell.deterministic:
            raise SupremeError("training can be replayed only when it is deterministic: type deterministic=true")
        parts = {"schema": SCHEMA["history"], "original": self.cell.key("original"), **what}

        def alone() -> Contents:
            refuse_touched()
            return create()

        with self.work.paused():
            artefact, _ = self.at.store.get_or_create("history", digest(parts), alone)
            return {name: tensor.to(self.at.device) for name, tensor in artefact.tensors().items()}


def _copy(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}
