"""Methods that weigh weights, each against a plain transcription of its equations, one image at a time."""

from __future__ import annotations

import copy
from dataclasses import replace
from math import log
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
from supreme.functional import per_sample_gradients as per_sample
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import add_vector
from supreme.functional.importances import cross_entropies, importances, squared_gradients
from supreme.testing import World, tiny_data, tiny_model, tiny_world

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


def class_world(gone: int = 2) -> World:
    """The tiny world's model is to forget one of its four classes."""
    world, data = tiny_world(), tiny_data()
    forget, test = (part[data.labels[part] == gone] for part in (data.train, data.test))
    return replace(world, split=Split.of_training(data, forget, test, forget_classes=(gone,)))


def singles(images):
    """Its images one by one, in the order of the source."""
    return images.subset(np.argsort(images.indices)).batches(1)


def squared_norm(logits, y):
    return (logits**2).sum(1)


def gradients_one_by_one(model, images, loss):
    """For each image a list of gradients, a tensor for each weight."""
    for x, y in singles(images):
        model.zero_grad()
        loss(model(x), y).sum().backward()
        yield [weight.grad.clone() for weight in model.parameters()]


def mean(lists):
    lists = list(lists)
    return [sum(tensors) / len(lists) for tensors in zip(*lists, strict=True)]


def dampened(model, of_forget, of_all, alpha, dampening):
    with torch.no_grad():
        for weight, f, d in zip(model.parameters(), of_forget, of_all, strict=True):
            chosen = f > alpha * d
            weight[chosen] *= torch.minimum(dampening * d[chosen] / f[chosen], torch.ones(()))
    return model.state_dict()


# The importances themselves.


class Mixed(nn.Module):
    """Layers of each kind of formula, one that is called twice, and a weight that no layer owns."""

    def __init__(self):
        super().__init__()
        self.conv, self.twice = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3, padding=1, groups=2)
        self.norm, self.pool = nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(2)
        self.dense, self.last_norm = nn.Linear(16, 6), nn.LayerNorm(6)
        self.scale = nn.Parameter(torch.rand(6))

    def forward(self, x):
        x = self.norm(self.twice(F.relu(self.twice(self.conv(x)))))
        return self.last_norm(self.dense(self.pool(x).flatten(1))) * self.scale


def mixed_model() -> Classifier:
    torch.manual_seed(1)
    return Classifier(Mixed(), nn.Linear(6, 4), [0.4] * 3, [0.3] * 3).eval()


POWERS = {"square": lambda gradient: gradient**2, "absolute": lambda gradient: gradient.abs()}


@pytest.mark.parametrize("loss", [cross_entropies, squared_norm])
@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("batch_size", [1, 3, 8])
def test_importances_are_means_over_single_images_for_every_loss_power_and_batch_size(loss, power, batch_size):
    model, images = mixed_model(), tiny_data().view(range(7))
    each = gradients_one_by_one(model, images, loss)
    wanted = mean([POWERS[power](gradient) for gradient in gradients] for gradients in each)
    got = importances(model, images, batch_size, loss, power)
    for (name, weight), value in zip(model.named_parameters(), wanted, strict=True):
        assert got[name].shape == weight.shape
        assert (got[name] - value).abs().max() <= 1e-5 * value.abs().max(), name


def test_importances_in_small_parts_are_the_same(monkeypatch):
    model, images = mixed_model(), tiny_data().view(range(7))
    whole = importances(model, images, 7, squared_norm, "absolute")
    monkeypatch.setattr(per_sample, "MAX_ELEMENTS", 500)
    assert_same(importances(model, images, 7, squared_norm, "absolute"), whole, tolerance=1e-4)


def test_squared_gradients_are_the_importances_of_cross_entropy_squared():
    model, images = mixed_model(), tiny_data().view(range(7))
    one, other = squared_gradients(model, images, 4), importances(model, images, 4, cross_entropies, "square")
    assert all(torch.equal(value, other[name]) for name, value in one.items())


def test_absolute_gradients_of_batches_take_the_absolute_value_of_the_mean():
    model, images = mixed_model(), tiny_data().view(range(6))
    got = importances(model, images, 3, squared_norm, "absolute", per_sample=False)
    halves = [mean(gradients_one_by_one(model, images.subset(part), squared_norm)) for part in ([0, 1, 2], [3, 4, 5])]
    wanted = mean([gradient.abs() for gradient in half] for half in halves)
    for (name, _), value in zip(model.named_parameters(), wanted, strict=True):
        assert (got[name] - value).abs().max() <= 1e-5 * value.abs().max(), name


def test_a_vector_is_laid_out_over_weights_as_torch_lays_weights_out():
    weights = [torch.zeros(2, 3), torch.zeros(4), torch.zeros(())]
    add_vector(weights, torch.arange(11.0))
    assert torch.equal(nn.utils.parameters_to_vector(weights), torch.arange(11.0))


# Loss-free selective synaptic dampening.


@pytest.mark.parametrize("batch_size", [1, 64])
def test_lfssd_dampens_by_the_mean_absolute_gradient_of_the_squared_norm_of_the_logits(batch_size):
    world, other = tiny_world(), tiny_world()
    model, split = other.model, other.split
    everything = split.forget.joined(split.retain)
    of_forget, of_all = (
        mean([g.abs() for g in gradients] for gradients in gradients_one_by_one(model, images, squared_norm))
        for images in (split.forget, everything)
    )
    wanted = dampened(model, of_forget, of_all, 1.5, 0.8)
    got = run("lfssd", world, alpha=1.5, dampening=0.8, batch_size=batch_size)
    assert_same(got, wanted)
    assert changed(world, got)
    for (name, before), f, d in zip(world.model.named_parameters(), of_forget, of_all, strict=True):
        left = f < 1.499 * d
        assert torch.equal(got[name][left], before[left]), name


def test_lfssd_needs_no_labels():
    world, other = tiny_world(), tiny_world()
    forget, retain = (images.with_labels([0] * len(images)) for images in (other.split.forget, other.split.retain))
    blind = replace(other, split=replace(other.split, forget=forget, retain=retain))
    got, again = run("lfssd", world, alpha=1.5), run("lfssd", blind, alpha=1.5)
    assert all(torch.equal(tensor, again[name]) for name, tensor in got.items())


@pytest.mark.parametrize("name", ["ssd", "lfssd", "assd"])
def test_dampening_never_enlarges_a_weight_nor_turns_its_sign(name):
    world = tiny_world()
    got = run(name, world)
    for key, before in world.model.named_parameters():
        assert ((got[key] * before >= 0) & (got[key].abs() <= before.abs())).all()


# Adaptive selective synaptic dampening.


def test_assd_takes_alpha_from_the_share_of_the_forget_set():
    world, other = tiny_world(), tiny_world()
    model, split = other.model, other.split
    cross_entropy = nn.CrossEntropyLoss()
    of_forget, of_all = (
        mean([g**2 for g in gradients] for gradients in gradients_one_by_one(model, images, cross_entropy))
        for images in (split.forget, split.forget.joined(split.retain))
    )
    ratios = torch.cat([(f / d).flatten() for f, d in zip(of_forget, of_all, strict=True)]).double()
    ratios = ratios[ratios.isfinite()].sort().values
    place = (100 - log(1 + 100 * 4 / 120)) / 100 * (len(ratios) - 1)
    low = int(place)
    alpha = ratios[low] + (place - low) * (ratios[low + 1] - ratios[low])
    got = run("assd", world)
    assert_same(got, dampened(model, of_forget, of_all, alpha.item(), 1.0))
    moved = sum(int((got[name] != weight).sum()) for name, weight in world.model.named_parameters())
    assert moved == len(ratios) - low - 1


def test_assd_leaves_out_weights_that_matter_to_no_image():
    world = tiny_world()
    with torch.no_grad():
        world.model.head.weight[:, 0] = 5.0
        world.model.body[1].weight[0], world.model.body[1].bias[0] = 0.0, -1.0  # the channel is off for all images
    got = run("assd", world)
    assert torch.equal(got["head.weight"][:, :4].isfinite(), torch.ones(4, 4, dtype=torch.bool))
    assert torch.equal(got["body.0.weight"][0], world.model.body[0].weight[0])
    assert changed(world, got)


def test_methods_that_weigh_weights_alike_share_what_all_training_data_give():
    world, asked = tiny_world(), []

    def once(name, settings, compute):
        asked.append((name, dict(settings)))
        return compute()

    world = replace(world, context=replace(world.context, once=once))
    for name, values in (
        ("ssd", {"batch_size": 8}),
        ("assd", {}),
        ("lfssd", {}),
        ("ssd", {"compat": "reference"}),
        ("assd", {"compat": "reference"}),
    ):
        run(name, world, **values)
    assert asked[0] == asked[1]  # the batch size plays no part
    assert asked[3] == asked[4]
    assert len({str(one) for one in asked}) == 3


# Fisher forgetting.


def test_fisher_leaves_the_class_alone_of_which_only_a_part_is_forgotten():
    world, part = class_world(), class_world()
    images = part.split.forget
    kept = replace(part.split, forget=images.subset([0]), retain=part.split.retain.joined(images.subset([1])))
    whole = run("fisher", world, alpha=1e-12)["head.weight"][2]
    partly = run("fisher", replace(part, split=kept), alpha=1e-12)["head.weight"][2]
    assert whole.abs().max() < 0.2  # ten times 0.0001 is the variance of what is left
    assert (partly - world.model.head.weight[2]).abs().max() < 1e-3


# Influence.


def test_influence_moves_along_the_published_recursion():
    # Of an untrained model, where every image has a gradient worth the name.
    world, other = (replace(tiny_world(), model=tiny_model(tiny_data(), 5)) for _ in range(2))
    model, split = other.model, other.split
    cross_entropy = nn.CrossEntropyLoss(reduction="sum")

    def vector(images):
        for gradients in gradients_one_by_one(model, images, cross_entropy):
            yield torch.cat([gradient.flatten() for gradient in gradients]).double()

    n_f, n_r = 4, 116
    v = sum(vector(split.forget)) / 120 - n_f / (120 * n_r) * sum(vector(split.retain))
    drawn = torch.randperm(n_r, generator=other.context.rng)[:10]
    g = [next(vector(split.retain.subset([i]))) for i in drawn.tolist()]
    k, o = v, g[0]
    for gradient in g[1:]:
        divisor = 10 + o.dot(gradient)
        k, o = k - k.dot(gradient) / divisor * o, o - o.dot(gradient) / divisor * o
    weights = nn.utils.parameters_to_vector(model.parameters()).detach() + 3 * k
    got = method("influence", alpha=3.0, samples=10, batch_size=7)(world.model, world.split, world.context)
    assert (nn.utils.parameters_to_vector(got.parameters()) - weights).abs().max() < 1e-5
    assert (k - v).norm() > 1e-3 * v.norm()  # the recursion does something


def test_influence_uses_all_retained_images_where_there_are_fewer_than_it_asks_for():
    one, other = run("influence", tiny_world(), samples=116), run("influence", tiny_world(), samples=1000)
    assert all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_influence_raises_the_loss_of_the_forget_set():
    world = tiny_world()
    x, y = next(world.split.forget.batches(10))
    model = copy.deepcopy(world.model)
    before = F.cross_entropy(model(x), y)
    after = F.cross_entropy(method("influence", alpha=1.0)(model, world.split, world.context)(x), y)
    assert after > before


# The neural tangent kernel.


def linear_world(count: int = 12, forgotten: int = 2) -> World:
    """A linear classifier of 2 x 2 images, for which the linear approximation is exact."""
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

    class History:
        epochs = 1

        def weights_after(self, epochs):
            assert epochs == 0
            return {name: tensor * 0.5 for name, tensor in model.state_dict().items()}

    return World(model=model, split=split, context=replace(tiny_world().context, history=History()))


def linear_move(world: World, images, weight_decay: float) -> np.ndarray:
    """The minimiser of |e + J w|² + n L |w|² by its normal equations, rather than by the kernel."""
    rows, errors = [], []
    for x, y in images.batches(1):
        z = ((x.double().flatten().numpy() - 0.5) / 0.5).tolist()
        logits = world.model(x)[0].detach().double().numpy()
        for label in range(3):
            weight, bias = np.zeros((3, 12)), np.zeros(3)
            weight[label], bias[label] = z, 1
            rows.append(np.concatenate([weight.ravel(), bias]))
            errors.append(np.exp(logits[label]) / np.exp(logits).sum() - float(label == y))
    jacobian, error = np.stack(rows), np.array(errors)
    return -np.linalg.solve(jacobian.T @ jacobian + len(images) * weight_decay * np.eye(39), jacobian.T @ error)


@pytest.mark.parametrize("scale", ["one", "trapezium"])
@pytest.mark.parametrize("batch_size", [1, 5])
def test_ntk_moves_a_linear_model_by_the_difference_of_two_ridge_regressions(scale, batch_size):
    world = linear_world()
    split, start = world.split, nn.utils.parameters_to_vector(world.model.parameters()).detach().double().numpy()
    of_retain = linear_move(world, split.retain, 0.02)
    step = of_retain - linear_move(world, split.forget.joined(split.retain), 0.02)
    if scale == "trapezium":
        missing = start - 0.5 * start - of_retain
        angle = np.arccos(step @ missing / np.linalg.norm(step) / np.linalg.norm(missing))
        longer = abs(np.cos(angle)) * np.linalg.norm(missing)
        step = step * (np.linalg.norm(step) + 2 * longer) / np.linalg.norm(step)
    got = run("ntk", world, weight_decay=0.02, scale=scale, batch_size=batch_size)
    moved = torch.cat([got["head.weight"].flatten(), got["head.bias"]]).double().numpy()
    assert np.abs(moved - start - step).max() < 1e-5
    assert np.abs(step).max() > 1e-2


@pytest.mark.parametrize(("allowed", "what", "entries"), [(174_000, "Jacobian", 174_720), (200_000, "kernel", 230_400)])
def test_ntk_refuses_what_does_not_fit_before_it_computes_anything(allowed, what, entries):
    world = tiny_world()  # 120 images, 4 classes, 364 weights

    def forward(*_):
        raise AssertionError("it has begun")

    world.model.register_forward_hook(forward)
    with pytest.raises(SupremeError) as caught:
        method("ntk", max_entries=allowed)(world.model, world.split, world.context)
    message = str(caught.value)
    assert f"the {what} of 120 images, 4 classes and 364 weights has {entries} entries" in message
    assert f"{allowed} are allowed" in message
    assert f"method.max_entries={entries}" in message


# All of them.


@pytest.mark.parametrize("name", ["fisher", "influence"])
def test_another_stream_gives_other_weights(name):
    world, other = tiny_world(), tiny_world()
    other.context.rng.manual_seed(99)
    one, two = run(name, world), run(name, other)
    assert any(not torch.equal(tensor, two[key]) for key, tensor in one.items())


@pytest.mark.parametrize("name", ["lfssd", "assd", "fisher", "influence", "ntk"])
def test_frozen_weights_stay_as_they_are(name):
    world = tiny_world()
    world.model.body.requires_grad_(False)
    got = run(name, world, **({"alpha": 1.1} if name == "lfssd" else {}))
    for key, before in world.model.body.state_dict().items():
        assert torch.equal(got[f"body.{key}"], before), key
    assert changed(world, got)


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        ("lfssd", "alpha", 0.0),
        ("lfssd", "dampening", float("nan")),
        ("lfssd", "compat", "hessian"),
        ("lfssd", "batch_size", 0),
        ("assd", "compat", "det"),
        ("assd", "overall", "forget"),
        ("assd", "batch_size", 0),
        ("fisher", "alpha", -1e-6),
        ("fisher", "batch_size", 0),
        ("influence", "compat", "code"),
        ("influence", "alpha", 0.0),
        ("influence", "samples", 0),
        ("influence", "batch_size", 0),
        ("ntk", "weight_decay", 0.0),
        ("ntk", "scale", "two"),
        ("ntk", "batch_size", 0),
        ("ntk", "max_entries", 0),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, field, value):
    with pytest.raises(SupremeError) as caught:
        method(name, **{field: value})
    message = str(caught.value)
    assert f"{field}={value!r} is not allowed" in message
    assert f"method.{field}=" in message
