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
from supreme.pipeline.cell import COMPONENTS, Cell, Workplace
from supreme.pipeline.device import Measured
from supreme.pipeline.method_context import StoredHistory
from supreme.pipeline.training import training_images

CONF = Path(__file__).parents[1] / "conf"
SMALL = ["model.widths=[4,8]", "recipe.epochs=2", "metric=accuracy", "seed=3"]
NAMES = {"data": "digits", "model": "small_cnn", "recipe": "digits-small_cnn", "scenario": "random"}

States = dict[str, torch.Tensor]


def cell_of(directory: Path, *overrides: str, method: str = "original") -> tuple[Cell, Workplace]:
    """A cell on digits with a small network trained for two epochs, and a place to run it."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", [*SMALL, f"method={method}", *overrides]), resolve=True)
    cell = Cell.from_config(config, {**NAMES, "method": method})
    assert set(cell.names) == set(COMPONENTS)
    at = Workplace(output_dir=str(directory), device="cpu")
    at.store.prepare()
    return cell.resolved(directory / "data"), at


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("history")


@pytest.fixture(scope="module")
def trained(place: Path) -> tuple[Cell, Workplace, States]:
    cell, at = cell_of(place)
    return cell, at, stages.original(cell, at).tensors()


def ask(cell: Cell, at: Workplace, question: Callable[[StoredHistory], Any]) -> tuple[Any, Measured]:
    with Measured(at.device, at.shared) as work:
        answer = question(StoredHistory(cell, at, work))
    return answer, work


def same(one: States, other: States) -> bool:
    return one.keys() == other.keys() and all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def parameters(state: States) -> States:
    """Without the buffers."""
    return {name: tensor for name, tensor in state.items() if name.endswith(("weight", "bias"))}


def test_the_weights_after_all_epochs_are_the_original_s_to_the_bit(trained) -> None:
    cell, at, original = trained
    assert same(ask(cell, at, lambda history: history.weights_after(2))[0], original)


def test_the_weights_after_some_epochs_lie_on_the_way_of_the_whole_schedule(trained) -> None:
    cell, at, original = trained
    first, last = (ask(cell, at, lambda history, done=done: history.weights_after(done))[0] for done in (0, 1))
    assert not same(first, last)
    assert not same(last, original)
    assert int(first["body.1.num_batches_tracked"]) == 0
    assert int(last["body.1.num_batches_tracked"]) * 2 == int(original["body.1.num_batches_tracked"]) > 0


def test_the_updates_of_all_training_images_are_all_that_training_added(trained) -> None:
    cell, at, original = trained
    updates, _ = ask(cell, at, lambda history: history.updates_of(training_images(cell, at)))
    initial, _ = ask(cell, at, lambda history: history.weights_after(0))
    assert updates.keys() == parameters(original).keys()
    for name, update in updates.items():
        assert update.abs().max() > 1e-3, name
        torch.testing.assert_close(update, original[name] - initial[name], rtol=0, atol=1e-5)


def test_the_updates_of_some_images_are_those_of_the_batches_that_held_them(trained) -> None:
    cell, at, _ = trained
    images = training_images(cell, at)
    of_all, _ = ask(cell, at, lambda history: history.updates_of(images))
    of_one, _ = ask(cell, at, lambda history: history.updates_of(images.subset([0])))
    of_none, _ = ask(cell, at, lambda history: history.updates_of(images.subset([])))
    assert all(not update.any() for update in of_none.values())
    for name, update in of_one.items():  # one of the seven batches of each epoch
        assert 0 < update.norm() < of_all[name].norm() * 2, name
        assert not torch.allclose(update, of_all[name], atol=1e-5)


def test_images_that_were_never_trained_on_have_no_updates(trained) -> None:
    cell, at, _ = trained
    everything = training_images(cell, at)
    test_images = everything.data.view(everything.data.test)
    updates, _ = ask(cell, at, lambda history: history.updates_of(test_images))
    assert all(not update.any() for update in updates.values())


def test_what_is_read_counts_as_stored_during_training_and_is_replayed_once(trained, monkeypatch) -> None:
    cell, at, _ = trained
    replays = []
    replay = StoredHistory._replay
    monkeypatch.setattr(StoredHistory, "_replay", lambda *given, **more: replays.append(1) or replay(*given, **more))
    images = training_images(cell, at).subset([5, 6])
    first, work = ask(cell, at, lambda history: history.updates_of(images))
    assert (work.cost.forward_samples, work.cost.backward_samples) == (0, 0)
    again, _ = ask(cell, at, lambda history: history.updates_of(images))
    assert same(first, again)
    assert len(replays) == 1


@pytest.mark.parametrize("epochs", [-1, 3])
def test_epochs_that_were_never_trained_are_refused(trained, epochs: int) -> None:
    cell, at, _ = trained
    with pytest.raises(SupremeError, match=f"trained for 2 epochs: there are no weights after {epochs}"):
        ask(cell, at, lambda history: history.weights_after(epochs))


def test_a_training_that_is_not_deterministic_has_no_history(place) -> None:
    cell, at = cell_of(place, "deterministic=false")
    with pytest.raises(SupremeError, match="type deterministic=true"):
        ask(cell, at, lambda history: history.weights_after(1))


# Methods that read it, in real cells of the same original.


def test_rewinding_all_of_the_training_leaves_nothing_of_it_but_the_first_weights(place, trained) -> None:
    _, _, original = trained
    cell, at = cell_of(place, "method.fraction=1.0", "method.lr=1e-12", method="rewind_to_delete")
    unlearned = stages.unlearned(cell, at).tensors()
    initial, _ = ask(cell, at, lambda history: history.weights_after(0))
    for name, tensor in parameters(unlearned).items():
        torch.testing.assert_close(tensor, initial[name], rtol=0, atol=1e-6)
        assert not torch.allclose(tensor, original[name], atol=1e-3)


def test_amnesiac_unlearning_without_repair_is_the_original_less_the_forget_set_s_updates(place, trained) -> None:
    _, _, original = trained
    cell, at = cell_of(place, "method.epochs=0", method="amnesiac")
    unlearned = stages.unlearned(cell, at)
    forget = stages.split_of(cell, at).forget
    updates, _ = ask(cell, at, lambda history: history.updates_of(forget))
    for name, tensor in unlearned.tensors().items():
        wanted = original[name] - updates[name] if name in updates else original[name]
        torch.testing.assert_close(tensor, wanted, rtol=0, atol=1e-6)
    assert unlearned.record["cost"]["forward_samples"] == 0
