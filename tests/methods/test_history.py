"""The history of an original's training: what is replayed is the very training that made it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from supreme.core import SupremeError
from supreme.pipeline import stages
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.pipeline.device import Measured
from supreme.pipeline.history import StoredHistory
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.workplace import Workplace

CONF = Path(__file__).parents[2] / "conf"
SMALL = ["model.widths=[4,8]", "recipe.epochs=2", "metric=accuracy", "seed=3"]
NAMES = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "scenario": "random"}

States = dict[str, torch.Tensor]


def cell_of(directory: Path, *overrides: str, method: str = "original") -> Prepared:
    """A cell on digits with a small network trained for two epochs."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", [*SMALL, f"method={method}", *overrides]), resolve=True)
    cell = Cell.from_config(config, {**NAMES, "method": method})
    assert set(cell.names) == set(COMPONENTS)
    at = Workplace(output_dir=str(directory), device="cpu")
    at.store.prepare()
    return Prepared(cell.resolved(directory / "data"), at)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def trained(place: Path) -> tuple[Prepared, States]:
    prepared = cell_of(place)
    return prepared, stages.original(prepared).tensors()


def ask(prepared: Prepared, question: Callable[[StoredHistory], Any]) -> tuple[Any, Measured]:
    with Measured(prepared.device, prepared.place.shared) as work:
        answer = question(StoredHistory(prepared, work))
    return answer, work


def same(one: States, other: States) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def parameters(state: States) -> States:
    """Without the buffers."""
    return {name: tensor for name, tensor in state.items() if name.endswith(("weight", "bias"))}


def test_the_weights_after_all_epochs_are_the_original_s_to_the_bit(trained) -> None:
    prepared, original = trained
    assert same(ask(prepared, lambda history: history.weights_after(2))[0], original)


def test_the_weights_after_some_epochs_lie_on_the_way_of_the_whole_schedule(trained) -> None:
    prepared, original = trained
    first, last = (ask(prepared, lambda history, done=done: history.weights_after(done))[0] for done in (0, 1))
    assert not same(first, last)
    assert not same(last, original)
    assert int(first["body.1.num_batches_tracked"]) == 0
    assert int(last["body.1.num_batches_tracked"]) * 2 == int(original["body.1.num_batches_tracked"]) > 0


def test_the_updates_of_all_training_images_are_all_that_training_added(trained) -> None:
    prepared, original = trained
    updates, _ = ask(prepared, lambda history: history.updates_of(prepared.training_images))
    initial, _ = ask(prepared, lambda history: history.weights_after(0))
    assert updates.keys() == parameters(original).keys()
    for name, update in updates.items():
        assert update.abs().max() > 1e-3, name
        torch.testing.assert_close(update, original[name] - initial[name], rtol=0, atol=1e-5)


def test_the_updates_of_some_images_are_those_of_the_batches_that_held_them(trained) -> None:
    prepared, _ = trained
    images = prepared.training_images
    of_all, _ = ask(prepared, lambda history: history.updates_of(images))
    of_one, _ = ask(prepared, lambda history: history.updates_of(images.subset([0])))
    of_none, _ = ask(prepared, lambda history: history.updates_of(images.subset([])))
    assert all(not update.any() for update in of_none.values())
    for name, update in of_one.items():  # one of the seven batches of each epoch
        assert 0 < update.norm() < of_all[name].norm() * 2, name
        assert not torch.allclose(update, of_all[name], atol=1e-5)


def test_images_that_were_never_trained_on_have_no_updates(trained) -> None:
    prepared, _ = trained
    everything = prepared.training_images
    test_images = everything.data.view(everything.data.test)
    updates, _ = ask(prepared, lambda history: history.updates_of(test_images))
    assert all(not update.any() for update in updates.values())


def test_what_is_read_counts_as_stored_during_training_and_is_replayed_once(trained, monkeypatch) -> None:
    prepared, _ = trained
    replays = []
    replay = StoredHistory._replay
    monkeypatch.setattr(StoredHistory, "_replay", lambda *given, **more: replays.append(1) or replay(*given, **more))
    images = prepared.training_images.subset([5, 6])
    first, work = ask(prepared, lambda history: history.updates_of(images))
    assert (work.cost.forward_samples, work.cost.backward_samples) == (0, 0)
    again, _ = ask(prepared, lambda history: history.updates_of(images))
    assert same(first, again)
    assert len(replays) == 1


@pytest.mark.parametrize("epochs", [-1, 3])
def test_epochs_that_were_never_trained_are_refused(trained, epochs: int) -> None:
    prepared, _ = trained
    with pytest.raises(SupremeError, match=f"trained for 2 epochs: there are no weights after {epochs}"):
        ask(prepared, lambda history: history.weights_after(epochs))


def test_a_training_that_is_not_deterministic_has_no_history(place) -> None:
    prepared = cell_of(place, "deterministic=false")
    with pytest.raises(SupremeError, match="type deterministic=true"):
        ask(prepared, lambda history: history.weights_after(1))


# Methods that read it, in real cells of the same original.


def test_rewinding_all_of_the_training_leaves_nothing_of_it_but_the_first_weights(place, trained) -> None:
    _, original = trained
    prepared = cell_of(place, "method.fraction=1.0", "method.lr=1e-12", method="rewind_to_delete")
    unlearned = stages.unlearned(prepared).tensors()
    initial, _ = ask(prepared, lambda history: history.weights_after(0))
    for name, tensor in parameters(unlearned).items():
        torch.testing.assert_close(tensor, initial[name], rtol=0, atol=1e-6)
        assert not torch.allclose(tensor, original[name], atol=1e-3)


def test_amnesiac_unlearning_without_repair_is_the_original_less_the_forget_set_s_updates(place, trained) -> None:
    _, original = trained
    prepared = cell_of(place, "method.epochs=0", method="amnesiac")
    unlearned = stages.unlearned(prepared)
    forget = prepared.split.forget
    updates, _ = ask(prepared, lambda history: history.updates_of(forget))
    for name, tensor in unlearned.tensors().items():
        wanted = original[name] - updates[name] if name in updates else original[name]
        torch.testing.assert_close(tensor, wanted, rtol=0, atol=1e-6)
    assert unlearned.record["cost"]["forward_samples"] == 0
