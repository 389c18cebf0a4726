"""Each method against a plain transcription of its equations, written here without the method's own helpers."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import nn

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.methods import bad_teacher, scrub, ssd
from supreme.testing import World, tiny_world

METHODS = Path(__file__).parents[2] / "conf" / "method"


def method(name: str, **changes: Any) -> Any:
    return build({**OmegaConf.to_container(OmegaConf.load(METHODS / f"{name}.yaml")), **changes}, f"method {name}")


def run(name: str, world: World, **changes: Any) -> dict[str, torch.Tensor]:
    model = copy.deepcopy(world.model)
    return method(name, **changes)(model, world.split, world.context).state_dict()


def assert_same(got, wanted, tolerance=1e-5):
    for name, value in wanted.items():
        torch.testing.assert_close(
            got[name], value, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def changed(world: World, state) -> bool:
    return any(not torch.equal(tensor, state[name]) for name, tensor in world.model.state_dict().items())


def mean_cross_entropy(logits, y):
    return -F.log_softmax(logits, 1)[torch.arange(len(y)), y].mean()


def mean_divergence(teacher, student, temperature=1.0):
    """KL(teacher || student), the mean over rows."""
    p, q = F.softmax(teacher / temperature, 1), F.softmax(student / temperature, 1)
    return (p * (p.log() - q.log())).sum(1).mean()


class PlainSGD:
    def __init__(self, model, lr, momentum, weight_decay):
        self.model, self.lr, self.momentum, self.weight_decay = model, lr, momentum, weight_decay
        self.velocity = [torch.zeros_like(weight) for weight in model.parameters()]

    def step(self, loss):
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        with torch.no_grad():
            for weight, gradient, velocity in zip(self.model.parameters(), gradients, self.velocity, strict=True):
                velocity.mul_(self.momentum).add_(gradient + self.weight_decay * weight)
                weight -= self.lr * velocity


class PlainAdam:
    """Kingma and Ba, algorithm 1, with the decay in the gradient."""

    def __init__(self, model, lr, weight_decay):
        self.model, self.lr, self.weight_decay, self.count = model, lr, weight_decay, 0
        self.first = [torch.zeros_like(weight) for weight in model.parameters()]
        self.second = [torch.zeros_like(weight) for weight in model.parameters()]

    def step(self, loss):
        gradients = torch.autograd.grad(loss, list(self.model.parameters()))
        self.count += 1
        with torch.no_grad():
            for weight, gradient, m, v in zip(self.model.parameters(), gradients, self.first, self.second, strict=True):
                gradient = gradient + self.weight_decay * weight
                m.mul_(0.9).add_(0.1 * gradient)
                v.mul_(0.999).add_(0.001 * gradient**2)
                weight -= self.lr * (m / (1 - 0.9**self.count)) / ((v / (1 - 0.999**self.count)).sqrt() + 1e-8)


# Anchors.


def test_original_returns_the_very_bits_it_was_given():
    world = tiny_world()
    assert not changed(world, run("original", world))


def test_retrain_depends_on_nothing_of_the_original():
    world, other = tiny_world(), tiny_world()
    with torch.no_grad():
        for tensor in other.model.state_dict().values():
            tensor.zero_()
    got, again = run("retrain", world), run("retrain", other)
    assert all(torch.equal(tensor, again[name]) for name, tensor in got.items())
    for name, tensor in world.model.named_parameters():
        assert not torch.equal(tensor, got[name]), name


def test_retrain_is_a_fresh_model_fitted_to_the_retain_set_by_the_whole_recipe():
    world, other = tiny_world(), tiny_world()
    wanted = other.context.fit(other.context.fresh(), other.split.retain).state_dict()
    got = run("retrain", world)
    assert all(torch.equal(tensor, got[name]) for name, tensor in wanted.items())


# Fine-tuning.


def test_finetune_trains_on_the_retain_set_with_the_recipe_and_its_own_values():
    world, calls = tiny_world(), []

    def fit(model, images, **values):
        calls.append((model, images, values))
        return model

    model = copy.deepcopy(world.model)
    finetune = method("finetune", lr=0.3, epochs=4, batch_size=7, augment=True)
    assert finetune(model, world.split, replace(world.context, fit=fit)) is model
    assert len(calls) == 1
    assert calls[0][0] is model
    assert calls[0][1] is world.split.retain
    assert calls[0][2] == {"lr": 0.3, "epochs": 4, "batch_size": 7, "constant_schedule": True, "augment": True}


# Gradient ascent.


def test_neggrad_raises_the_loss_of_the_forget_set():
    world = tiny_world()
    x, y = next(world.split.forget.batches(10))
    model = copy.deepcopy(world.model)
    before = F.cross_entropy(model(x), y)
    after = F.cross_entropy(method("neggrad", lr=0.01)(model, world.split, world.context).eval()(x), y)
    assert after > before + 0.01


# Random labels.


def test_random_label_never_teaches_a_forgotten_image_its_own_label(monkeypatch):
    world, seen = tiny_world(), []
    true = dict(zip(world.split.forget.indices.tolist(), world.split.forget.targets.tolist(), strict=True))
    original = type(world.split.forget).batches

    def batches(images, *arguments):
        seen.append({i: t for i, t in zip(images.indices.tolist(), images.targets.tolist(), strict=True) if i in true})
        return original(images, *arguments)

    monkeypatch.setattr(type(world.split.forget), "batches", batches)
    run("random_label", world, epochs=3)
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]  # drawn once
    assert seen[0].keys() == true.keys()
    assert all(seen[0][index] != label for index, label in true.items())


# Bad teaching.


@pytest.mark.parametrize(("name", "module"), [("bad_teacher", bad_teacher), ("scrub", scrub)])
def test_teachers_share_no_storage_with_the_student_and_stay_as_they_were(name, module, monkeypatch):
    world, teachers, freeze = tiny_world(), [], module.freeze

    def watched(model):
        teacher = freeze(model)
        teachers.append((teacher, {name: tensor.clone() for name, tensor in teacher.state_dict().items()}))
        return teacher

    monkeypatch.setattr(module, "freeze", watched)
    student = run(name, world)
    storages = {tensor.data_ptr() for tensor in student.values()}
    original = world.model.state_dict()
    assert all(torch.equal(tensor, original[name]) for name, tensor in teachers[0][1].items())
    for teacher, before in teachers:
        assert all(torch.equal(tensor, before[name]) for name, tensor in teacher.state_dict().items())
        assert storages.isdisjoint(tensor.data_ptr() for tensor in teacher.state_dict().values())
    assert changed(world, student)


# Selective synaptic dampening.


def linear_world(count: int = 12, forgotten: int = 2) -> World:
    """A linear classifier of 2 x 2 images, whose per-image gradient is (p - onehot) x^T."""
    rng = np.random.default_rng(3)
    data = ImageData(
        pixels=rng.integers(0, 256, (count, 3, 2, 2), dtype=np.uint8),
        labels=np.arange(count) % 3,
        class_names=("a", "b", "c"),
        train=np.arange(count),
        validation=np.arange(0),
        test=np.arange(0),
        image_size=2,
    )
    torch.manual_seed(0)
    model = Classifier(nn.Flatten(), nn.Linear(12, 3), [0.5] * 3, [0.5] * 3)
    split = Split.of_training(data, np.arange(1, 1 + forgotten), data.test)
    return World(model=model, split=split, context=tiny_world().context)


def closed_form_importances(world: World, positions) -> tuple[np.ndarray, np.ndarray]:
    data, head = world.split.forget.data, world.model.head
    x = ((data.pixels[positions] / 255 - 0.5) / 0.5).reshape(len(positions), -1)
    z = x @ head.weight.detach().double().numpy().T + head.bias.detach().double().numpy()
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    error = p - np.eye(3)[data.labels[positions]]
    return (error[:, :, None] * x[:, None, :]) ** 2, error**2


@pytest.mark.parametrize("batch_size", [1, 5, 64])
def test_ssd_dampens_a_linear_model_by_the_closed_form(batch_size):
    world = linear_world()
    got = run("ssd", world, alpha=1.2, dampening=0.9, batch_size=batch_size)
    for index, name in enumerate(("head.weight", "head.bias")):
        of_all = closed_form_importances(world, np.arange(12))[index].mean(0)
        of_forget = closed_form_importances(world, np.arange(1, 3))[index].mean(0)
        before = world.model.state_dict()[name]
        factor = np.where(of_forget > 1.2 * of_all, np.minimum(0.9 * of_all / of_forget, 1), 1)
        assert np.abs(got[name].numpy() - before.numpy() * factor).max() < 1e-5
        untouched = torch.from_numpy(factor == 1)
        assert torch.equal(got[name][untouched], before[untouched])
        if name == "head.weight":
            assert 3 < untouched.sum() < 33  # both kinds are there
            assert not (got[name] == before)[~untouched].any()


def test_ssd_never_enlarges_a_weight():
    world = linear_world()
    got = run("ssd", world, alpha=0.5, dampening=100.0)
    assert not changed(world, got)


def test_ssd_that_selects_nothing_returns_the_very_bits():
    world = tiny_world()
    count = len(world.split.forget) + len(world.split.retain)
    assert not changed(world, run("ssd", world, alpha=1.001 * count / len(world.split.forget)))
    assert changed(world, run("ssd", world, alpha=10.0))


def test_ssd_selects_no_weight_by_rounding_that_matters_to_forget_images_alone(monkeypatch):
    world = tiny_world()
    of_forget = {name: torch.full_like(tensor, 3.0) for name, tensor in world.model.named_parameters()}
    of_all = {name: tensor / 10 * (1 - 1e-6) for name, tensor in of_forget.items()}  # a tenth, but for rounding
    monkeypatch.setattr(ssd, "of_forget_and_all", lambda *_: (of_forget, of_all))
    assert not changed(world, run("ssd", world, alpha=10.0))
    assert changed(world, run("ssd", world, alpha=9.99))


# All of them.


@pytest.mark.parametrize("name", ["neggrad", "random_label", "bad_teacher", "scrub", "retrain"])
def test_another_stream_gives_other_weights(name):
    world, other = tiny_world(), tiny_world()
    other.context.rng.manual_seed(99)
    values = {"batch_size": 2} if name == "neggrad" else {}  # of four images one batch would hold all
    one, two = run(name, world, **values), run(name, other, **values)
    assert any(not torch.equal(tensor, two[key]) for key, tensor in one.items())


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("finetune", "lr", 0.0),
        ("finetune", "epochs", 0),
        ("finetune", "batch_size", 0),
        ("neggrad", "lr", float("nan")),
        ("neggrad", "lr", float("inf")),
        ("neggrad", "momentum", 1.0),
        ("neggrad", "weight_decay", -0.1),
        ("neggrad", "epochs", -1),
        ("random_label", "labels", "right"),
        ("random_label", "order", "retain_first"),
        ("random_label", "optimizer", "adamw"),
        ("random_label", "momentum", 0.9),
        ("random_label", "lr", -1e-3),
        ("bad_teacher", "retain_fraction", 0.0),
        ("bad_teacher", "retain_fraction", 1.1),
        ("bad_teacher", "temperature", 0.0),
        ("bad_teacher", "compat", "classes"),
        ("scrub", "max_epochs", 11),
        ("scrub", "max_epochs", -1),
        ("scrub", "alpha", -0.5),
        ("scrub", "gamma", float("nan")),
        ("scrub", "decay_rate", 0.0),
        ("scrub", "decay_epochs", [0]),
        ("scrub", "forget_batch_size", 0),
        ("ssd", "alpha", 0.0),
        ("ssd", "dampening", -1.0),
        ("ssd", "compat", "hessian"),
        ("ssd", "batch_size", 0),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, field, value):
    with pytest.raises(SupremeError) as caught:
        method(name, **{field: value})
    message = str(caught.value)
    assert f"{field}={value!r} is not allowed" in message
    assert f"method.{field}=" in message
