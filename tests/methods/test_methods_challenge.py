"""The solutions of the NeurIPS 2023 challenge against plain transcriptions, and the properties of each."""

from __future__ import annotations

import copy
import math
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
    """Some weights of a model, a velocity for each; `scales` multiply gradients, by the weight's position."""

    def __init__(self, weights, momentum=0.8, weight_decay=0.01, scales=()):
        self.weights, self.momentum, self.weight_decay = list(weights), momentum, weight_decay
        self.velocity, self.scales = [torch.zeros_like(weight) for weight in self.weights], dict(scales)

    def step(self, loss, lr):
        gradients = torch.autograd.grad(loss, self.weights)
        with torch.no_grad():
            for index, (weight, gradient) in enumerate(zip(self.weights, gradients, strict=True)):
                step = gradient * self.scales.get(index, 1.0) + self.weight_decay * weight
                self.velocity[index] = self.momentum * self.velocity[index] + step
                weight -= lr * self.velocity[index]


def cross_entropies(logits, y):
    return logits.exp().sum(1).log() - logits[torch.arange(len(y)), y]


def falling(lr, epoch, epochs):
    return lr * (1 + math.cos(math.pi * epoch / epochs)) / 2


# FCS.


def test_fcs_evens_forgotten_answers_then_contrasts_and_repairs_in_turn():
    world, other = tiny_world(), tiny_world()
    model, split, rng = other.model.train(), other.split, other.context.rng
    first = PlainSGD(model.parameters(), weight_decay=0.0)
    for x, _ in split.forget.batches(2, rng):
        p = F.softmax(model(x), 1)
        first.step((0.25 * (0.25 / p).log()).sum(1).mean(), 0.02)
    contrasting, repairing = PlainSGD(model.parameters(), weight_decay=0.0), PlainSGD(model.parameters())
    step = 0
    for _ in range(2):
        forgotten, retained = split.forget.batches(2, rng), split.retain.batches(50, rng)
        for _ in range(2):  # two batches of the forget set, three of the retain set
            forget, retain = next(forgotten)[0], next(retained)[0]
            z = model(forget)
            anchors = model(retain).detach()
            terms = []
            for row in z:
                likeness = torch.stack([row @ anchor for anchor in anchors]) / 1.5
                terms.append(likeness.exp().sum().log() - likeness)
            contrasting.step(torch.stack(terms).mean(), 0.001 + falling(0.029, step, 4))
            step += 1
        next(forgotten, None)
        for x, y in split.retain.batches(50, rng):
            repairing.step(cross_entropies(model(x), y).mean(), 0.03)
    lrs = {"uniform_lr": 0.02, "contrast_lr": 0.03, "contrast_lr_end": 0.001, "retain_lr": 0.03}
    got = run("fcs", world, epochs=2, temperature=1.5, forget_batch_size=2, retain_batch_size=50, **lrs, **SGD)
    assert_same(got, model.state_dict())


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


def test_msg_redraws_the_kernel_where_gradients_are_small_and_trains_the_rest_of_it_gently():
    world, other = tiny_world(), tiny_world()
    model, rng = other.model.eval(), other.context.rng
    mask = small_gradients(other, 0.4)
    assert mask.sum() == round(0.4 * 216)
    with torch.no_grad():
        fan_out = 8 * 3 * 3
        drawn = torch.empty(8, 3, 3, 3).normal_(0, math.sqrt(2 / fan_out), generator=rng)
        kernel = model.get_parameter(CONVOLUTION)
        kernel[mask] = drawn[mask]
    model.train()
    optimizer = PlainSGD(model.parameters(), scales={0: torch.where(mask, 1.0, 0.25)})
    for lr in (0.03, 0.06, 0.03):  # of three epochs, two rise
        for x, y in other.split.retain.batches(40, rng):
            optimizer.step(cross_entropies(model(x), y).mean(), lr)
    values = {"redrawn": 0.4, "kept_gradient": 0.25, "lr": 0.06, "epochs": 3, "batch_size": 40}
    assert_same(run("msg", world, **values, **SGD), model.state_dict())


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


@pytest.mark.parametrize("class_weights", ["balanced", "equal"])
def test_cfw_disturbs_the_kernel_at_the_start_and_before_the_last_epoch_and_weights_classes(class_weights):
    world, other = tiny_world(), tiny_world()
    # One class with half of its images, so that balance has something to do.
    few = [position for position, label in enumerate(world.split.retain.targets) if label != 1 or position % 2]
    world, other = (replace(w, split=replace(w.split, retain=w.split.retain.subset(few))) for w in (world, other))
    model, retain, rng = other.model, other.split.retain, other.context.rng
    counts = [int((retain.targets == label).sum()) for label in range(4)]
    assert min(counts) < 0.7 * max(counts)
    weights = [1.0] * 4 if class_weights == "equal" else [len(retain) / (4 * count) for count in counts]
    kernel = model.get_parameter(CONVOLUTION)
    with torch.no_grad():
        kernel += 0.5 * torch.randn(8, 3, 3, 3, generator=rng)
    model.train()
    optimizer = PlainSGD(model.parameters())
    for epoch in range(3):
        if epoch == 2:
            with torch.no_grad():
                kernel += 0.2 * torch.randn(8, 3, 3, 3, generator=rng)
        for x, y in retain.batches(30, rng):
            losses = cross_entropies(model(x), y)
            weighted = [weights[int(label)] * loss for label, loss in zip(y, losses, strict=True)]
            optimizer.step(sum(weighted) / len(y), falling(0.04, epoch, 3))
    values = {"start_std": 0.5, "final_std": 0.2, "lr": 0.04, "epochs": 3, "batch_size": 30}
    assert_same(run("cfw", world, class_weights=class_weights, **values, **SGD), model.state_dict())


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


def pruned_state(model: Classifier, part: float, rng: torch.Generator) -> dict[str, torch.Tensor]:
    """The smallest weights of the convolution and the head drawn again, the smallest biases of the head at 0."""
    state = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    layers = (CONVOLUTION, *HEAD)
    sizes = torch.cat([state[name].abs().flatten() for name in layers]).sort().values
    threshold = sizes[round(part * len(sizes)) - 1]
    for name, bound in zip(layers, (27**-0.5, 32**-0.5, 0.0), strict=True):
        drawn = torch.zeros_like(state[name])
        if bound:
            drawn.uniform_(-bound, bound, generator=rng)
        small = state[name].abs() <= threshold
        state[name][small] = drawn[small]
    return state


def test_prmq_learns_again_from_the_largest_weights_and_matches_the_entropy_of_the_original():
    world, other = tiny_world(), tiny_world()
    model, original, rng = copy.deepcopy(other.model), other.model, other.context.rng
    model.load_state_dict(pruned_state(model, 0.9, rng))
    model.train()
    retain = other.split.retain
    class_weights = [int((retain.targets == label).sum()) ** -0.1 for label in range(4)]

    def entropies(logits):
        p = F.softmax(logits, 1)
        return -(p * p.log()).sum(1)

    optimizer = PlainSGD(model.parameters())
    for _ in range(2):
        for x, y in retain.batches(40, rng):
            logits, weights = model(x), torch.tensor([class_weights[int(label)] for label in y])
            loss = (weights * cross_entropies(logits, y)).sum() / weights.sum()
            gap = entropies(logits) - entropies(original(x)).detach()
            optimizer.step(loss + (gap**2).mean(), 0.03)
    values = {"pruned": 0.9, "quantise": False, "lr": 0.03, "epochs": 2, "batch_size": 40}
    assert_same(run("prmq", world, **values, **SGD), model.state_dict())


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


# CT.


def test_ct_transposes_every_kernel_and_fine_tunes():
    world, other = tiny_world(), tiny_world()
    model, rng = other.model, other.context.rng
    with torch.no_grad():
        model.get_parameter(CONVOLUTION).copy_(model.state_dict()[CONVOLUTION].permute(0, 1, 3, 2).clone())
    model.train()
    optimizer = PlainSGD(model.parameters())
    for epoch in range(3):
        for x, y in other.split.retain.batches(40, rng):
            optimizer.step(cross_entropies(model(x), y).mean(), falling(0.05, epoch, 3))
    assert_same(run("ct", world, lr=0.05, epochs=3, batch_size=40, **SGD), model.state_dict())


def test_ct_leaves_kernels_that_are_not_square_as_they_are():
    world = tiny_world()
    body = nn.Sequential(nn.Conv2d(3, 4, (1, 3)), nn.Conv2d(4, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    world = replace(world, model=Classifier(body, nn.Linear(4, 4), [0.5] * 3, [0.2] * 3).eval())
    got, before = run("ct", world, epochs=1, **STILL), world.model.state_dict()
    assert torch.equal(got["body.0.weight"], before["body.0.weight"])
    assert torch.equal(got["body.1.weight"], before["body.1.weight"].mT)


# KDE.


def test_kde_resets_both_ends_warms_up_on_validation_images_and_distils_on_retained_ones():
    world, other = tiny_world(), tiny_world()
    model, original, rng = copy.deepcopy(other.model), other.model, other.context.rng
    untrained = other.context.untrained().state_dict()
    with torch.no_grad():
        for name in (CONVOLUTION, *HEAD):
            model.get_parameter(name).copy_(untrained[name])
    model.train()

    def taught(x):
        return F.softmax(original(x).detach() / 3, 1)

    optimizer = PlainSGD(model.parameters())
    for _ in range(2):
        for x, _ in other.split.validation.batches(40, rng):
            p, q = taught(x), F.softmax(model(x) / 3, 1)
            optimizer.step((p * (p / q).log()).sum(1).mean(), 0.02)
    optimizer = PlainSGD(model.parameters())
    for epoch in range(3):
        for x, y in other.split.retain.batches(40, rng):
            logits, p = model(x), taught(x)
            q = F.softmax(logits / 3, 1)
            soft, distance = -(p * q.log()).sum(1), (p * (p / q).log()).sum(1)
            optimizer.step((cross_entropies(logits, y) + soft + distance).mean(), falling(0.03, epoch, 3))
    values = {"temperature": 3.0, "warmup_lr": 0.02, "warmup_epochs": 2, "lr": 0.03, "epochs": 3, "batch_size": 40}
    assert_same(run("kde", world, **values, **SGD), model.state_dict())


def test_kde_without_validation_images_says_so():
    world = tiny_world()
    empty = replace(world.split, validation=world.split.validation.subset([]))
    with pytest.raises(SupremeError, match="validation"):
        method("kde")(world.model, empty, world.context)


# RNI.


def test_rni_trains_picked_tensors_with_noise_then_everything():
    world, other = tiny_world(), tiny_world()
    model, rng = other.model, other.context.rng
    untrained = other.context.untrained().state_dict()
    parameters: dict[str, torch.Tensor] = dict(model.named_parameters())
    with torch.no_grad():
        for name in HEAD:
            parameters[name].copy_(untrained[name])
    model.train()
    others, norms = [CONVOLUTION, *HEAD], ["body.1.weight", "body.1.bias"]
    for epoch, lr in enumerate([0.02, 0.02, 0.02, 0.05, 0.01]):
        trained = [*others, *norms]
        if epoch < 3:
            picked = [others[index] for index in torch.randperm(3, generator=rng)[:2]]
            trained = [*picked, *norms]
            if epoch > 0:
                noisy = picked[int(torch.randperm(2, generator=rng)[0])]  # int(0.7 * 2) = 1
                with torch.no_grad():
                    shape = parameters[noisy].shape
                    parameters[noisy] += 0.1 * torch.randn(shape, generator=rng)
        optimizer = PlainSGD([parameters[name] for name in trained])
        for x, y in other.split.retain.batches(40, rng):
            optimizer.step(cross_entropies(model(x), y).mean(), lr)
    values = {"noisy_epochs": 3, "picked": 2, "noisy": 0.7, "std": 0.1, "lr": 0.02, "final_lrs": [0.05, 0.01]}
    assert_same(run("rni", world, batch_size=40, **values, **SGD), model.state_dict())


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
        ("cfw", "layers", "last"),
        ("cfw", "class_weights", "rare"),
        ("cfw", "start_std", -0.6),
        ("prmq", "pruned", float("nan")),
        ("prmq", "momentum", 1.0),
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
