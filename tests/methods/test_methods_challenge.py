"""Properties of the solutions of the NeurIPS 2023 challenge; what they compute is held against code in tests/golden."""

from __future__ import annotations

import copy
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch import nn

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.testing import World, tiny_world

METHODS = Path(__file__).parents[2] / "conf" / "method"
NAMES = ["fcs", "msg", "cfw", "prmq", "ct", "kde", "rni"]
CONVOLUTION, HEAD = "body.0.weight", ("head.weight", "head.bias")
SGD = {"momentum": 0.8, "weight_decay": 0.01}
STILL = {"lr": 1e-60, "weight_decay": 0.0}
"""Training that moves no weight, so that what came before it shows."""


def method(name: str, **changes: Any) -> Any:
    values: Any = OmegaConf.to_container(OmegaConf.load(METHODS / f"{name}.yaml"))
    return build({**values, **changes}, f"method {name}")


def run(name: str, world: World, **changes: Any) -> dict[str, torch.Tensor]:
    model = copy.deepcopy(world.model)
    return method(name, **changes)(model, world.split, world.context).state_dict()


def assert_same(got, wanted, tolerance=1e-5):
    for name, value in wanted.items():
        torch.testing.assert_close(
            got[name], value, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


class PlainSGD:
    """Some weights of a model, a velocity for each."""

    def __init__(self, weights, momentum=0.8, weight_decay=0.01):
        self.weights, self.momentum, self.weight_decay = list(weights), momentum, weight_decay
        self.velocity = [torch.zeros_like(weight) for weight in self.weights]

    def step(self, loss, lr):
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            for index, (weight, gradient) in enumerate(zip(self.weights, gradients, strict=True)):
                self.velocity[index] = self.momentum * self.velocity[index] + gradient + self.weight_decay * weight
                weight -= lr * self.velocity[index]


def cross_entropies(logits, y):
    return logits.exp().sum(1).log() - logits[torch.arange(len(y)), y]


# FCS.


def test_the_first_pass_of_fcs_makes_answers_to_forgotten_images_more_even():
    world = tiny_world()
    x, _ = next(world.split.forget.batches(10))

    def entropy(model):
        p = F.softmax(model.eval()(x), 1)
        return -(p * p.log()).sum(1).mean()

    model = copy.deepcopy(world.model)
    still = {"contrast_lr": 1e-60, "contrast_lr_end": 0.0, "retain_lr": 1e-60, "weight_decay": 0.0, "epochs": 1}
    before = entropy(world.model)
    assert entropy(method("fcs", uniform_lr=0.1, **still)(model, world.split, world.context)) > before + 0.01


# MSG.


def small_gradients(world: World, part: float) -> torch.Tensor:
    """Where the kernel's retain gradient minus its forget gradient is smallest."""
    model, split = world.model, world.split
    picked = torch.randperm(len(split.retain), generator=world.context.rng)[: len(split.forget)]
    kernel = model.get_parameter(CONVOLUTION)
    gradients = []
    for images in (split.retain.subset(picked), split.forget):
        x, y = next(images.batches(len(images)))
        gradients += torch.autograd.grad(cross_entropies(model(x), y).mean(), [kernel])
    size = (gradients[0] - gradients[1]).abs()
    return size <= size.flatten().sort().values[round(part * size.numel()) - 1]


def test_msg_keeps_every_other_weight_to_the_bit_before_it_trains():
    world, other = tiny_world(), tiny_world()
    mask = small_gradients(other, 0.3)
    got, before = run("msg", world, kept_gradient=0.0, **STILL), world.model.state_dict()
    assert torch.equal(got[CONVOLUTION][~mask], before[CONVOLUTION][~mask])
    assert not (got[CONVOLUTION] == before[CONVOLUTION])[mask].any()
    assert all(torch.equal(got[name], before[name]) for name in HEAD)


def test_msg_leaves_no_hook_on_the_model_that_it_returns():
    world = tiny_world()
    model = method("msg", kept_gradient=0.0)(copy.deepcopy(world.model), world.split, world.context)
    model.train()
    x, y = next(world.split.retain.batches(40))
    F.cross_entropy(model(x), y).backward()
    assert (model.get_parameter(CONVOLUTION).grad != 0).all()


# CFW.


def test_cfw_by_the_text_weights_each_image_by_its_class():
    world, other = tiny_world(), tiny_world()
    # One class with half of its images, so that balance has something to do.
    few = [position for position, label in enumerate(world.split.retain.targets) if label != 1 or position % 2]
    world, other = (replace(w, split=replace(w.split, retain=w.split.retain.subset(few))) for w in (world, other))
    model, retain, rng = other.model, other.split.retain, other.context.rng
    counts = [int((retain.targets == label).sum()) for label in range(4)]
    assert min(counts) < 0.7 * max(counts)
    weights = [len(retain) / (4 * count) for count in counts]
    with torch.no_grad():
        model.get_parameter(CONVOLUTION).add_(0.5 * torch.randn(8, 3, 3, 3, generator=rng))
    model.train()
    optimizer = PlainSGD(model.parameters())
    for x, y in retain.batches(30, rng):
        losses = cross_entropies(model(x), y)
        weighted = [weights[int(label)] * loss for label, loss in zip(y, losses, strict=True)]
        optimizer.step(sum(weighted) / len(y), 0.04)
    values = {"start_std": 0.5, "class_weights": "balanced", "compat": "paper", "lr": 0.04}
    assert_same(run("cfw", world, **values, epochs=1, batch_size=30, **SGD), model.state_dict())


def two_convolutions(world: World) -> World:
    torch.manual_seed(0)
    body = nn.Sequential(
        nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return replace(world, model=Classifier(body, nn.Linear(16, 4), [0.5] * 3, [0.2] * 3).eval())


@pytest.mark.parametrize("layers", ["first", "all"])
def test_the_noise_of_cfw_has_its_variance_on_the_layers_that_it_names_and_none_elsewhere(layers):
    world = two_convolutions(tiny_world())
    got = run("cfw", world, layers=layers, start_std=0.6, final_std=0.0, epochs=1, **STILL)
    for name, weight in world.model.named_parameters():
        noise = got[name] - weight
        if name == "body.0.weight" or (name == "body.3.weight" and layers == "all"):
            assert abs(noise.std() - 0.6) < 0.06, name
            assert abs(noise.mean()) < 0.1, name
        else:
            assert torch.equal(got[name], weight), name


# PRMQ.


def test_prmq_prunes_the_given_part_over_all_layers_together_and_keeps_the_rest_to_the_bit():
    world, other = two_convolutions(tiny_world()), two_convolutions(tiny_world())
    with torch.no_grad():  # tiny weights in one layer: it is pruned whole, others hardly
        for one in (world, other):
            one.model.get_parameter("head.weight").mul_(0.001)
    got, before = run("prmq", world, pruned=0.3, quantise=False, epochs=1, **STILL), other.model.state_dict()
    names = ("body.0.weight", "body.0.bias", "body.3.weight", "body.3.bias", *HEAD)
    total = sum(before[name].numel() for name in names)
    assert sum(int((got[name] != before[name]).sum()) for name in names) == round(0.3 * total)
    assert not (got["head.weight"] == before["head.weight"]).any()
    largest_pruned = max(before[name][got[name] != before[name]].abs().max() for name in names if name != HEAD[1])
    smallest_kept = min(
        before[name][got[name] == before[name]].abs().min() for name in ("body.0.weight", "body.3.weight")
    )
    assert largest_pruned <= smallest_kept
    assert abs(got["head.weight"]).max() <= 16**-0.5


def test_prmq_returns_single_precision_numbers_that_half_precision_can_hold():
    world, other = tiny_world(), tiny_world()
    got, unrounded = run("prmq", world, quantise=True), run("prmq", other, quantise=False)
    for name, tensor in unrounded.items():
        wanted = tensor if name in ("mean", "std") else tensor.half().to(tensor.dtype)
        assert got[name].dtype == tensor.dtype
        assert torch.equal(got[name], wanted), name
    assert not torch.equal(got[CONVOLUTION], unrounded[CONVOLUTION])


def test_prmq_trains_a_part_of_an_epoch_in_whole_batches():
    world, steps = tiny_world(), []
    model = copy.deepcopy(world.model)
    model.register_forward_hook(lambda *_: steps.append(torch.is_grad_enabled()))
    method("prmq", epochs=1.5, batch_size=len(world.split.retain) // 4)(model, world.split, world.context)
    assert sum(steps) in (6, 7)  # of four or five batches


# CT.


def test_ct_leaves_kernels_that_are_not_square_as_they_are():
    world = tiny_world()
    body = nn.Sequential(nn.Conv2d(3, 4, (1, 3)), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    world = replace(world, model=Classifier(body, nn.Linear(4, 4), [0.5] * 3, [0.2] * 3).eval())
    got, before = run("ct", world, epochs=1, **STILL), world.model.state_dict()
    assert torch.equal(got["body.0.weight"], before["body.0.weight"])
    assert torch.equal(got["body.1.weight"], before["body.1.weight"].mT)


# KDE.


def test_kde_without_validation_images_says_so():
    world = tiny_world()
    empty = replace(world.split, validation=world.split.validation.subset([]))
    with pytest.raises(SupremeError, match="validation"):
        method("kde")(world.model, empty, world.context)


# RNI.


def test_rni_keeps_resting_tensors_to_the_bit_and_gives_every_weight_back_trainable():
    world, seen = tiny_world(), []
    original = type(world.split.retain).batches

    def batches(images, *arguments):
        resting = [name for name, weight in model.named_parameters() if not weight.requires_grad]
        seen.append((resting, {name: weight.detach().clone() for name, weight in model.named_parameters()}))
        return original(images, *arguments)

    model = copy.deepcopy(world.model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(world.split.retain), "batches", batches)
        method("rni", picked=1, std=0.0, noisy_epochs=4)(model, world.split, world.context)
    assert [len(resting) for resting, _ in seen] == [2, 2, 2, 2, 0, 0, 0, 0]
    for (resting, before), (_, after) in pairwise(seen):
        for name, weight in before.items():
            assert torch.equal(weight, after[name]) == (name in resting), name
    assert all(weight.requires_grad for weight in model.parameters())


# All of them.


@pytest.mark.parametrize("name", NAMES)
def test_another_stream_gives_other_weights(name):
    world, other = tiny_world(), tiny_world()
    other.context.rng.manual_seed(99)
    one, two = (run(name, w, **({"retain_batch_size": 40} if name == "fcs" else {})) for w in (world, other))
    assert any(not torch.equal(tensor, two[key]) for key, tensor in one.items())


@pytest.mark.parametrize("name", NAMES)
def test_a_model_without_convolutions_is_refused_where_they_are_what_changes_and_unlearned_elsewhere(name):
    def linear():
        torch.manual_seed(0)
        return Classifier(nn.Flatten(), nn.Linear(192, 4), [0.5] * 3, [0.2] * 3).eval()

    world = tiny_world()
    world = replace(world, model=linear(), context=replace(world.context, untrained=linear))
    if name in ("msg", "cfw", "ct"):
        with pytest.raises(SupremeError, match="convolutions"):
            run(name, world)
    else:
        assert not torch.equal(run(name, world)["head.weight"], world.model.state_dict()["head.weight"])


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("fcs", "epochs", 0),
        ("fcs", "temperature", 0.0),
        ("fcs", "contrast_lr_end", 1.0),
        ("fcs", "retain_lr", float("nan")),
        ("msg", "redrawn", 0.0),
        ("msg", "redrawn", 1.1),
        ("msg", "kept_gradient", -0.1),
        ("msg", "compat", "code"),
        ("cfw", "layers", "last"),
        ("cfw", "class_weights", "rare"),
        ("cfw", "start_std", -0.6),
        ("prmq", "pruned", float("nan")),
        ("prmq", "momentum", 1.0),
        ("prmq", "epochs", 0.0),
        ("ct", "lr", 0.0),
        ("ct", "momentum", -0.1),
        ("kde", "temperature", -1.0),
        ("kde", "warmup_epochs", 0),
        ("rni", "picked", 0),
        ("rni", "noisy", 1.1),
        ("rni", "final_lrs", [0.0]),
        ("rni", "std", -0.1),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, field, value):
    with pytest.raises(SupremeError) as caught:
        method(name, **{field: value})
    message = str(caught.value)
    assert f"{field}={value!r} is not allowed" in message
    assert f"method.{field}=" in message
