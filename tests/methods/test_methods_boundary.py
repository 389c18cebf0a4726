"""Methods that move decision boundaries, against plain transcriptions written here without their helpers."""

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

from supreme.core import Split, SupremeError
from supreme.core.registry import build
from supreme.functional.adversarial import step_in_ball
from supreme.testing import World, tiny_world

METHODS = Path(__file__).parents[2] / "conf" / "method"

SGD = {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.01, "epochs": 2, "batch_size": 2}


def method(name: str, **changes: Any) -> Any:
    return build({**OmegaConf.to_container(OmegaConf.load(METHODS / f"{name}.yaml")), **changes}, f"method {name}")


def unlearned(name: str, world: World, **changes: Any) -> Any:
    return method(name, **changes)(copy.deepcopy(world.model), world.split, world.context)


def assert_same_state(got, wanted, tolerance=1e-5):
    for name, value in wanted.state_dict().items():
        torch.testing.assert_close(
            got.state_dict()[name], value, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def sgd(model, **changes):
    values = {**{name: SGD[name] for name in ("lr", "momentum", "weight_decay")}, **changes}
    return torch.optim.SGD(model.parameters(), **values)


def descend(optimizer, loss):
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def rows_of(images):
    return next(images.batches(len(images)))


def pixel_gradient(model, image, label) -> Any:
    """Of one image, C x H x W."""
    image = image.clone().requires_grad_(True)
    (-F.log_softmax(model(image[None]), 1)[0, label]).backward()
    model.zero_grad()
    return image.grad


def correct_world(label: int | None = None, count: int = 4) -> World:
    """The tiny world, to forget some images, of this class or of any, that the original answers right."""
    world = tiny_world()
    x, y = rows_of(world.split.retain)
    with torch.no_grad():
        right = world.model(x).argmax(1) == y
    chosen = (right if label is None else right & (y == label)).nonzero()[:count, 0]
    data = world.split.retain.data
    forget = world.split.retain.indices[chosen.numpy()]
    return replace(world, split=Split.of_training(data, forget, data.test[:0]))


def class_world(subclass: int | None = None) -> World:
    """The tiny world, to forget class 2 or one of its two subclasses (4 and 5)."""
    world = tiny_world()
    data = world.split.retain.data
    assert data.fine_labels is not None
    wanted = data.labels == 2 if subclass is None else (data.fine_labels == subclass) & (data.labels == 2)
    forget, forget_test = (part[wanted[part]] for part in (data.train, data.test))
    return replace(world, split=Split.of_training(data, forget, forget_test, forget_classes=(2,)))


# Boundary shrink.


def nearest_classes(world: World, radius: float) -> list[int]:
    classes = []
    for image, label in zip(*rows_of(world.split.forget), strict=True):
        crossed = (image + radius * pixel_gradient(world.model, image, label).sign()).clamp(0, 1)
        logits = world.model(crossed[None])[0].detach()
        logits[label] = -1e9
        classes.append(int(logits.argmax()))
    return classes


@pytest.mark.parametrize("make_world", [tiny_world, correct_world])
def test_boundary_shrink_trains_towards_the_nearest_wrong_class(make_world):
    world, other = make_world(), make_world()
    labels = nearest_classes(other, 0.1)
    model, optimizer = other.model.train(), sgd(other.model)
    for _ in range(2):
        for x, y in other.split.forget.with_labels(labels).batches(2, other.context.rng):
            descend(optimizer, -F.log_softmax(model(x), 1)[torch.arange(len(y)), y].mean())
    assert_same_state(unlearned("boundary_shrink", world, radius=0.1, **SGD), model)


def test_boundary_shrink_never_teaches_the_true_class_even_where_the_step_is_too_short_but_for_its_authors():
    world = correct_world()
    x, y = rows_of(world.split.forget)
    nearest = {compat: method("boundary_shrink", radius=1e-6, compat=compat) for compat in ("paper", "reference")}
    assert not (nearest["paper"]._nearest_class(world.model.eval(), x, y) == y).any()
    assert (nearest["reference"]._nearest_class(world.model.eval(), x, y) == y).all()


# Just in Time.


def test_jit_descends_the_lipschitz_ratio_through_the_clean_image_only():
    world, other = tiny_world(), tiny_world()
    for weight in world.model.parameters():
        weight.grad = torch.full_like(weight, 7.0)  # left behind by whatever came before; no part of any sum
    model, rng = other.model.eval(), other.context.rng
    weights, steps = list(model.parameters()), []
    for _ in range(2):
        for x, _ in other.split.forget.batches(2, rng):
            noisy = [(x + 0.3 * torch.randn(x.shape, generator=rng)).clamp(0, 1) for _ in range(5)]
            total = 0.0
            for i, image in enumerate(x):
                for copies in noisy:
                    change = model(image[None])[0] - model(copies[i][None])[0].detach()
                    total = total + change.pow(2).sum().sqrt() / (copies[i] - image).pow(2).sum().sqrt()
            steps.append(torch.autograd.grad(total / 5, weights))
            with torch.no_grad():
                for weight, along in zip(weights, steps[-1], strict=True):
                    weight -= 0.003 * along
    assert len(steps) == 4
    got = unlearned("jit", world, sigma=0.3, samples=5, lr=0.003, epochs=2, batch_size=2)
    assert_same_state(got, model)
    assert torch.equal(got.body[1].running_mean, world.model.body[1].running_mean)


# LoTUS.


def unseen_accuracy(world: World) -> float:
    x, y = rows_of(world.split.validation)
    return float((world.model.eval()(x).argmax(1) == y).double().mean())


def test_lotus_asks_the_validation_set_when_siblings_of_a_forgotten_subclass_are_retained():
    world = class_world(subclass=4)
    assert method("lotus")._unseen_accuracy(world.model, world.split) == unseen_accuracy(world) > 0
    whole = class_world()
    assert method("lotus")._unseen_accuracy(whole.model, whole.split) == 0


def test_lotus_leaves_a_forget_set_alone_that_is_answered_worse_than_unseen_images():
    world = tiny_world()  # the four images are mislabelled
    assert_same_state(unlearned("lotus", world), world.model, tolerance=0.0)


# AMUN.


def transcribed_attack(model, image, label, radius, doublings, steps):
    """One image at a time: (the first wrong point, the answer there), or None."""
    x = image
    for doubling in range(doublings + 1):
        for _ in range(steps):
            if model(x[None])[0].argmax() != label:
                break
            gradient = pixel_gradient(model, x, label)
            x = x + 0.2 * radius * 2**doubling * gradient / gradient.norm()
            away = x - image
            if away.norm() > radius * 2**doubling:
                away = away * (radius * 2**doubling / away.norm())
            x = (image + away).clamp(0, 1)
        answer = int(model(x[None])[0].argmax())
        if answer != label:
            return x, answer
    return None


ATTACK = {"radius": 0.05, "doublings": 8, "steps": 6, "step_fraction": 0.2}


def test_amun_leaves_out_images_that_no_radius_fools():
    world, other = correct_world(), correct_world()
    images, labels = rows_of(other.split.forget)
    needed = []
    for image, label in zip(images, labels, strict=True):
        reach = [n for n in range(9) if transcribed_attack(other.model, image, int(label), 0.05, n, 6)]
        needed.append(reach[0])
    doublings = min(needed)
    assert doublings < max(needed)
    kept = [
        (position, found)
        for position, (image, label) in enumerate(zip(images, labels, strict=True))
        if (found := transcribed_attack(other.model, image, int(label), 0.05, doublings, 6))
    ]
    x, y = torch.stack([found[0] for _, found in kept]), torch.tensor([found[1] for _, found in kept])
    optimizer = sgd(other.model.train())
    for part in torch.randperm(len(y), generator=other.context.rng).split(20):
        descend(optimizer, F.cross_entropy(other.model(x[part]), y[part]))
    values = {**SGD, "epochs": 1, "batch_size": 20, "with_retain": False, "with_forget": False, "augment": False}
    got = unlearned("amun", world, **{**ATTACK, "doublings": doublings}, **values)
    assert_same_state(got, other.model)


def test_amun_that_finds_nothing_says_how_to_look_further():
    with pytest.raises(SupremeError, match=r"no adversarial example .* type method\.doublings=4"):
        unlearned("amun", correct_world(), radius=1e-6, doublings=0)


# Adversarial negative gradient.


def transcribed_importance(world: World) -> list[torch.Tensor]:
    model, weights = world.model, list(world.model.parameters())
    totals = [torch.zeros_like(weight) for weight in weights]
    for image in rows_of(world.split.forget)[0]:
        gradients = torch.autograd.grad(model(image[None]).pow(2).sum().sqrt(), weights)
        for total, gradient in zip(totals, gradients, strict=True):
            total += gradient.abs() / len(world.split.forget)
    return [1 - (total - total.min()) / (total.max() - total.min()) for total in totals]


@pytest.mark.parametrize("importance_weight", [0.0, 30.0])
def test_advneggrad_climbs_on_the_forget_set_and_holds_on_to_adversarial_examples(importance_weight):
    world, other = correct_world(), correct_world()
    model, forget, rng = other.model, other.split.forget, other.context.rng
    images, labels = rows_of(forget)

    def near(image, x):
        away = x.clamp(0, 1) - image
        return image + away * min(1.0, 0.6 / float(away.norm()))

    adversarial, targets = [], []
    for part in torch.arange(4).split(3):
        for _ in range(3):
            targets.append((labels[part] + torch.randint(1, 4, (len(part),), generator=rng)) % 4)
            noise = torch.rand(len(part), 3, 8, 8, generator=rng)
            for image, target, start in zip(images[part], targets[-1], noise, strict=True):
                x = near(image, start)
                for _ in range(4):
                    gradient = pixel_gradient(model, x, target)
                    x = near(image, x - 0.25 * gradient / gradient.norm())
                adversarial.append(x)
    adversarial, targets = torch.stack(adversarial), torch.cat(targets)
    unused, before = transcribed_importance(other), [weight.detach().clone() for weight in model.parameters()]
    optimizer = sgd(model.train())

    def endless():
        while True:
            yield from forget.batches(3, rng)

    forgotten = endless()
    for _ in range(2):
        for part in torch.randperm(12, generator=rng).split(5):
            x, y = next(forgotten)
            held = F.cross_entropy(model(adversarial[part]), targets[part])
            lost = F.cross_entropy(model(x), y)
            loss = (len(part) * held - len(y) * lost) / (len(part) + len(y))
            for share, weight, start in zip(unused, model.parameters(), before, strict=True):
                loss = loss + importance_weight * (share * (weight - start) ** 2).sum() / 2
            descend(optimizer, loss)
    values = {name: SGD[name] for name in ("lr", "momentum", "weight_decay", "epochs")}
    got = unlearned(
        "advneggrad",
        world,
        **values,
        adversarial_per_image=3,
        radius=0.6,
        attack_step=0.25,
        attack_steps=4,
        importance_weight=importance_weight,
        stop_accuracy=0.0,
        forget_batch_size=3,
        adversarial_batch_size=5,
        augment=False,
    )
    assert_same_state(got, model, tolerance=3e-5)


def test_advneggrad_ends_once_the_forget_set_is_wrong_enough():
    attack = {"adversarial_per_image": 3, "attack_steps": 4}
    many = unlearned("advneggrad", tiny_world(), **attack, stop_accuracy=1.0, epochs=5)
    one = unlearned("advneggrad", tiny_world(), **attack, stop_accuracy=0.0, epochs=1)
    assert_same_state(many, one, tolerance=0.0)


def test_a_step_in_a_ball_keeps_to_the_ball_and_to_pixels():
    rng = torch.Generator().manual_seed(0)
    origin = torch.rand(6, 3, 4, 4, generator=rng)
    direction = torch.randn(6, 3, 4, 4, generator=rng)
    direction[0] = 0
    short = step_in_ball(origin, direction, 0.01, origin, 0.5)
    assert torch.equal(short[0], origin[0])
    lengths = (short - origin).flatten(1).norm(dim=1)[1:]
    assert (lengths <= 0.01 + 1e-6).all()
    assert (lengths > 0.008).all()  # less than 0.01 only where a pixel was at its limit
    far = step_in_ball(short, direction, 100.0, origin, 0.5)
    assert ((far - origin).flatten(1).norm(dim=1) <= 0.5 + 1e-6).all()
    assert far.min() >= 0
    assert far.max() <= 1


# UNSIR.


UNSIR = {
    "noise_images": 3,
    "noise_steps": 4,
    "noise_lr": 0.1,
    "noise_penalty": 0.02,
    "noise_copies": 2,
    "retain_per_class": 7,
    "impair_lr": 0.004,
    "impair_batch_size": 9,
    "repair_lr": 0.002,
    "repair_batch_size": 10,
}


def test_unsir_repairs_with_every_subclass_but_the_forgotten_one(monkeypatch):
    world, seen = class_world(subclass=4), []
    images = type(world.split.retain)
    numbered = images.numbered_batches

    def watched(self, size, rng=None, augment=False):
        seen.append((size, self.indices))
        return numbered(self, size, rng, augment)

    monkeypatch.setattr(images, "numbered_batches", watched)
    unlearned("unsir", world, **{**UNSIR, "retain_per_class": 1000})
    data = world.split.retain.data
    (repaired,) = [indices for size, indices in seen if size == 10]
    assert np.array_equal(np.sort(repaired), np.sort(world.split.retain.indices))
    of_class = repaired[data.labels[repaired] == 2]
    assert 4 not in data.fine_labels[of_class]
    assert 5 in data.fine_labels[of_class]


def test_the_noise_of_unsir_is_worse_than_where_it_started():
    world = class_world()
    component, rng = method("unsir", noise_penalty=0.0), torch.Generator().manual_seed(0)
    start, labels = torch.randn(8, 3, 8, 8, generator=rng), torch.full((8,), 2)
    model = world.model
    with torch.no_grad():
        before = F.cross_entropy(model(model.mean + model.std * start), labels)
    noise = component._error_maximising(model, start, labels)
    with torch.no_grad():
        after = F.cross_entropy(model(noise), labels)
    assert after > before + 0.5


def test_unsir_refuses_a_random_forget_set():
    with pytest.raises(SupremeError, match="scenario=full_class"):
        unlearned("unsir", tiny_world())


# SCRUB with rewinding.


@pytest.mark.parametrize("name", ["scrub_rewind", "lotus"])
def test_methods_that_compare_with_validation_images_say_when_there_are_none(name):
    world = correct_world()
    split = replace(world.split, validation=world.split.validation.subset([]))
    with pytest.raises(SupremeError, match="validation images"):
        method(name)(world.model, split, world.context)


# All of them.


@pytest.mark.parametrize(
    "name",
    ["boundary_shrink", "boundary_expand", "delete", "jit", "lotus", "scrub_rewind", "amun", "advneggrad"],
)
def test_another_stream_gives_other_weights(name):
    world, other = correct_world(), correct_world()
    other.context.rng.manual_seed(99)
    values: dict[str, Any] = {} if name in ("scrub_rewind", "advneggrad") else {"batch_size": 2, "epochs": 1}
    values |= {"steps": 5, "radius": 0.5} if name == "amun" else {}
    values |= {"adversarial_per_image": 3, "attack_steps": 4, "epochs": 1} if name == "advneggrad" else {}
    assert any(
        not torch.equal(tensor, other_tensor)
        for tensor, other_tensor in zip(
            unlearned(name, world, **values).state_dict().values(),
            unlearned(name, other, **values).state_dict().values(),
            strict=True,
        )
    )


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("boundary_shrink", "radius", 0.0),
        ("boundary_shrink", "compat", "code"),
        ("boundary_shrink", "lr", float("nan")),
        ("boundary_shrink", "momentum", 1.0),
        ("boundary_expand", "epochs", 0),
        ("boundary_expand", "weight_decay", -1.0),
        ("delete", "batch_size", 0),
        ("delete", "momentum", -0.1),
        ("jit", "compat", "code"),
        ("jit", "sigma", 0.0),
        ("jit", "samples", 0),
        ("lotus", "retain_fraction", 0.0),
        ("lotus", "alpha", -1.0),
        ("lotus", "tolerance", float("inf")),
        ("lotus", "smoothing", "none"),
        ("lotus", "lr", 0.0),
        ("amun", "radius", float("inf")),
        ("amun", "doublings", -1),
        ("amun", "doublings", 61),
        ("amun", "step_fraction", 1.1),
        ("amun", "steps", 0),
        ("advneggrad", "adversarial_per_image", 0),
        ("advneggrad", "attack_step", 0.0),
        ("advneggrad", "importance_weight", -1.0),
        ("advneggrad", "stop_accuracy", 1.5),
        ("unsir", "noise_penalty", -0.1),
        ("unsir", "noise_copies", 0),
        ("unsir", "repair_lr", 0.0),
        ("scrub_rewind", "max_epochs", 11),
        ("scrub_rewind", "decay_epochs", [0]),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, field, value):
    with pytest.raises(SupremeError) as caught:
        method(name, **{field: value})
    assert f"{field}={value!r} is not allowed" in str(caught.value)
    assert f"method.{field}=" in str(caught.value)
