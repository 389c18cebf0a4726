"""Methods that train on, rewind or replace parts of the model, against plain transcriptions of their definitions."""

from __future__ import annotations

import contextlib
import copy
import itertools
from dataclasses import replace
from math import sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from torch import nn

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.functional.layers import last_layers, last_weights, only_learning
from supreme.models.resnet18 import ResNet18
from supreme.models.small_cnn import SmallCNN
from supreme.testing import World, tiny_class_world, tiny_world

CONF = Path(__file__).parents[2] / "conf"


def method(name: str, **changes: Any) -> Any:
    return build(
        {**OmegaConf.to_container(OmegaConf.load(CONF / "method" / f"{name}.yaml")), **changes}, f"method {name}"
    )


def run(name: str, world: World, **changes: Any) -> dict[str, torch.Tensor]:
    model = copy.deepcopy(world.model)
    returned = method(name, **changes)(model, world.split, world.context)
    assert all(weight.requires_grad for weight in returned.parameters())
    return returned.state_dict()


def assert_same(got, wanted, tolerance=1e-5):
    for name, value in wanted.items():
        torch.testing.assert_close(
            got[name], value, rtol=0, atol=tolerance, msg=lambda text, name=name: f"{name}: {text}"
        )


def differing(one, other) -> set[str]:
    return {name for name, tensor in one.items() if not torch.equal(tensor, other[name])}


def mean_cross_entropy(logits, y):
    return -F.log_softmax(logits, 1)[torch.arange(len(y)), y].mean()


def sgd_step(weights, loss, lr, velocities=None, momentum=0.0, weight_decay=0.0):
    """One step of stochastic gradient descent with momentum, written out."""
    gradients = torch.autograd.grad(loss, weights)
    velocities = velocities or [torch.zeros_like(weight) for weight in weights]
    with torch.no_grad():
        for weight, gradient, velocity in zip(weights, gradients, velocities, strict=True):
            velocity.mul_(momentum).add_(gradient + weight_decay * weight)
            weight -= lr * velocity
    return velocities


def deeper(world: World, seed: int = 5) -> World:
    """The same world with an untrained model of three layers: convolution, convolution, head."""

    def build_model() -> Classifier:
        body = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU()),
            nn.Conv2d(4, 5, 3),
            nn.BatchNorm2d(5),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )
        return Classifier(body, nn.Linear(5, 4), (0.4,) * 3, (0.2,) * 3).eval()

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model, other = build_model(), build_model()
    return World(model=model, split=world.split, context=replace(world.context, fresh=lambda: copy.deepcopy(other)))


FIRST = {"body.0.0.weight", "body.0.1.weight", "body.0.1.bias"}
FIRST_STATISTICS = {"body.0.1.running_mean", "body.0.1.running_var", "body.0.1.num_batches_tracked"}
HEAD = {"head.weight", "head.bias"}


# Which layers are the last ones.


def test_normalisation_counts_with_the_layer_it_follows_and_the_head_is_the_last_layer():
    model = deeper(tiny_world()).model
    assert [module for layer in last_layers(model, 1) for module in layer.children()] == [model.head]
    assert [module for layer in last_layers(model, 2) for module in layer.children()] == [
        model.body[1],
        model.body[2],
        model.head,
    ]
    owned = {id(weight) for layer in last_layers(model, 3) for weight in layer.parameters()}
    assert owned == {id(weight) for weight in model.parameters()}


@pytest.mark.parametrize(
    ("architecture", "count"),
    [(ResNet18(width=4), 1 + 8 + 1), (SmallCNN(widths=[4, 8]), 2 + 1)],
    ids=["stem, residual blocks, head", "convolutions, head"],
)
def test_a_block_is_one_layer_and_more_layers_than_there_are_are_refused(architecture, count):
    model = architecture(4, 8, (0.5,) * 3, (0.2,) * 3)
    assert len(last_layers(model, count)) == count
    with pytest.raises(SupremeError, match=f"has {count} layers, and {count + 1} were asked for: type method.layers="):
        last_layers(model, count + 1)


def test_weights_are_counted_inside_blocks_too_with_the_normalisation_after_each():
    model = SmallCNN(widths=[4, 8])(4, 8, (0.5,) * 3, (0.2,) * 3)
    convolutions = [layer for layer in model.body if isinstance(layer, torch.nn.Conv2d)]
    norms = [layer for layer in model.body if isinstance(layer, torch.nn.BatchNorm2d)]
    assert last_weights(model, 1) == [model.head]
    assert last_weights(model, 2) == [convolutions[1], norms[1], model.head]
    assert len(last_weights(ResNet18(width=4)(4, 8, (0.5,) * 3, (0.2,) * 3), 3)) == 5
    with pytest.raises(SupremeError, match=r"has 3 layers, and 4 were asked for: type method\.layers="):
        last_weights(model, 4)


def test_what_does_not_learn_is_fixed_in_training_mode_too_and_everything_is_put_back():
    model = deeper(tiny_world()).model
    before = copy.deepcopy(model.state_dict())
    x = torch.rand(9, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with contextlib.suppress(KeyError), only_learning(model, last_layers(model, 2)):
        model.train()(x).sum().backward()
        assert {name for name, weight in model.named_parameters() if weight.grad is None} == FIRST
        raise KeyError
    assert not differing(before, model.state_dict()) & FIRST_STATISTICS
    assert "body.2.running_mean" in differing(before, model.state_dict())
    assert all(weight.requires_grad for weight in model.parameters())
    model.train()(x)
    assert differing(before, model.state_dict()) >= FIRST_STATISTICS


# CF-k and EU-k.


def transcribed_tail(world: World, model: Classifier, lr: float, epochs: int, batch_size: int, augment: bool = False):
    """SGD with momentum 0.9, as the tiny world's recipe has it, of the second convolution and the head."""
    weights = [*model.body[1].parameters(), *model.body[2].parameters(), *model.head.parameters()]
    model.train()
    model.body[0].eval()
    velocities = None
    for _ in range(epochs):
        for x, y in world.split.retain.batches(batch_size, world.context.rng, augment):
            velocities = sgd_step(weights, mean_cross_entropy(model(x), y), lr, velocities, momentum=0.9)
    return model.state_dict()


def test_cf_k_fine_tunes_the_last_layers_and_keeps_the_others_to_the_bit():
    world, other = deeper(tiny_world()), deeper(tiny_world())
    before = copy.deepcopy(world.model.state_dict())
    wanted = transcribed_tail(other, other.model, lr=0.02, epochs=2, batch_size=40)
    got = run("cf_k", world, layers=2, lr=0.02, epochs=2, batch_size=40, augment=False)
    assert_same(got, wanted)
    assert not differing(before, got) & (FIRST | FIRST_STATISTICS)
    assert differing(before, got) > HEAD


def test_cf_k_of_one_layer_trains_the_head_alone():
    world = deeper(tiny_world())
    assert differing(world.model.state_dict(), run("cf_k", world, layers=1)) == HEAD


def test_eu_k_trains_new_last_layers_by_the_whole_recipe_and_keeps_the_others_to_the_bit():
    world, other = deeper(tiny_world()), deeper(tiny_world())
    before = copy.deepcopy(world.model.state_dict())
    fresh = other.context.fresh()
    for name in ("body.1", "body.2", "head"):
        other.model.get_submodule(name).load_state_dict(fresh.get_submodule(name).state_dict())
    # What the tiny world's recipe does by itself.
    wanted = transcribed_tail(other, other.model, lr=0.1, epochs=6, batch_size=32, augment=True)
    got = run("eu_k", world, layers=2)
    assert_same(got, wanted)
    assert not differing(before, got) & (FIRST | FIRST_STATISTICS)


def test_eu_k_owes_nothing_to_the_original_s_last_layers():
    world, other = deeper(tiny_world()), deeper(tiny_world())
    with torch.no_grad():
        other.model.head.weight.zero_()
        other.model.body[1].weight.mul_(3)
    assert not differing(run("eu_k", world, layers=2), run("eu_k", other, layers=2))


def test_eu_k_takes_another_number_of_epochs():
    world, other = deeper(tiny_world()), deeper(tiny_world())
    assert differing(run("eu_k", world, layers=1, epochs=2), run("eu_k", other, layers=1)) == HEAD


# Sparsity.


def body_weights(model_or_state) -> torch.Tensor:
    return torch.cat([model_or_state[name].flatten() for name in ("body.0.0.weight", "body.1.weight")])


def test_pruned_weights_are_the_smallest_of_the_body_and_stay_zero():
    world = deeper(tiny_world())
    before = copy.deepcopy(world.model.state_dict())
    got = run("prune_then_unlearn", world, sparsity=0.7, epochs=3)
    sizes = body_weights(before).abs()
    pruned = sizes < sizes.sort().values[round(0.7 * len(sizes))]
    after = body_weights(got)
    assert torch.equal(after == 0, pruned)
    assert (got["head.weight"] != 0).all()
    assert not torch.equal(after[~pruned], body_weights(before)[~pruned])


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.AdamW])
def test_pruned_weights_stay_zero_under_momentum_and_weight_decay(optimizer):
    world = deeper(tiny_world())
    options = {"momentum": 0.9} if optimizer is torch.optim.SGD else {}

    def fit(model, images, **values):
        steps = optimizer(model.parameters(), lr=0.1, weight_decay=0.1, **options)
        for x, y in images.batches(30, world.context.rng):
            steps.zero_grad()
            F.cross_entropy(model(x), y).backward()
            steps.step()
        return model.eval()

    got = run("prune_then_unlearn", replace_fit(world, fit), sparsity=0.5)
    assert int((body_weights(got) == 0).sum()) == round(0.5 * body_weights(got).numel())


def replace_fit(world: World, fit) -> World:
    return World(model=world.model, split=world.split, context=replace(world.context, fit=fit))


# Noise.


def test_the_noise_of_noisy_sgd_has_its_variance():
    quiet, noisy = tiny_world(), tiny_world()
    values = {"lr": 1e-4, "epochs": 1, "batch_size": 200}
    one, other = run("noisy_sgd", quiet, noise=0.0, **values), run("noisy_sgd", noisy, noise=3.0, **values)
    names = dict(quiet.model.named_parameters())
    noise = torch.cat([(other[name] - one[name]).flatten() for name in names])
    assert noise.numel() > 350
    assert float(noise.std()) == pytest.approx(sqrt(2 * 1e-4) * 3.0, rel=0.15)
    assert abs(float(noise.mean())) < 0.01


def test_without_a_radius_nothing_is_projected():
    world, other = tiny_world(), tiny_world()
    far = run("noisy_sgd", world, noise=10.0, radius=None)
    near = run("noisy_sgd", other, noise=10.0, radius=1.0)
    parameters = [name for name, _ in world.model.named_parameters()]
    assert torch.cat([near[name].flatten() for name in parameters]).norm() == pytest.approx(1.0, abs=1e-4)
    assert torch.cat([far[name].flatten() for name in parameters]).norm() > 10


# History.


@pytest.mark.parametrize(("fraction", "undone"), [(0.5, 3), (0.05, 1), (1.0, 6)])
def test_rewind_to_delete_trains_the_undone_epochs_again_on_the_retain_set(fraction, undone):
    world, other = tiny_world(), tiny_world()
    model = other.model
    model.load_state_dict(other.context.history.weights_after(6 - undone))
    model.train()
    weights, velocities = list(model.parameters()), None
    for _ in range(undone):
        for x, y in other.split.retain.batches(40, other.context.rng):
            velocities = sgd_step(weights, mean_cross_entropy(model(x), y), 0.03, velocities, momentum=0.9)
    got = run("rewind_to_delete", world, fraction=fraction, lr=0.03, batch_size=40, augment=False)
    assert_same(got, model.state_dict())


def test_rewind_to_delete_owes_nothing_to_the_original_s_weights():
    world, other = tiny_world(), tiny_world()
    with torch.no_grad():
        other.model.head.weight.zero_()
    assert not differing(run("rewind_to_delete", world), run("rewind_to_delete", other))


def test_the_noise_of_rewind_to_delete_has_its_deviation_and_comes_last():
    quiet, noisy = tiny_world(), tiny_world()
    one, other = run("rewind_to_delete", quiet, noise=0.0), run("rewind_to_delete", noisy, noise=0.5)
    names = [name for name, _ in quiet.model.named_parameters()]
    assert differing(one, other) == set(names)
    noise = torch.cat([(other[name] - one[name]).flatten() for name in names])
    assert float(noise.std()) == pytest.approx(0.5, rel=0.15)


class Updates:
    """A history that tells what it was asked for and gives updates that can be recognised."""

    def __init__(self, model):
        self.given = {
            name: torch.full_like(weight, 0.1 * number)
            for number, (name, weight) in enumerate(model.named_parameters(), 1)
        }
        self.asked = []

    def updates_of(self, images):
        self.asked.append(images)
        return self.given


def with_updates(world: World) -> tuple[World, Updates]:
    history: Any = Updates(world.model)
    return World(model=world.model, split=world.split, context=replace(world.context, history=history)), history


def test_amnesiac_takes_back_what_the_forget_set_s_batches_added_and_nothing_else():
    world, history = with_updates(tiny_world())
    got = run("amnesiac", world, epochs=0)
    assert len(history.asked) == 1
    assert history.asked[0] is world.split.forget
    for name, tensor in world.model.state_dict().items():
        wanted = tensor - history.given[name] if name in history.given else tensor
        assert torch.equal(got[name], wanted), name


# Anchors and controls.


def test_random_init_shares_nothing_with_the_original():
    world = tiny_world()
    got = run("random_init", world)
    assert differing(got, world.model.state_dict()) >= {name for name, _ in world.model.named_parameters()}


def test_random_init_is_random_even_where_models_start_from_pretrained_weights():
    world, other = tiny_world(), tiny_world()

    def never():
        raise AssertionError("it asked for a model that may be pretrained")

    context = replace(world.context, fresh=never)
    got = run("random_init", World(model=world.model, split=world.split, context=context))
    assert not differing(got, other.context.untrained().state_dict())


def test_a_masked_class_is_never_answered_and_the_other_logits_are_the_same_to_the_bit():
    world = tiny_class_world()
    masked = method("mask_class")(copy.deepcopy(world.model), world.split, world.context)
    x = torch.rand(50, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        before, after = world.model(x), masked(x)
    assert torch.equal(after[:, 1], torch.full((50,), -1e4))
    assert torch.equal(after[:, [0, 2, 3]], before[:, [0, 2, 3]])
    assert (before.argmax(1) == 1).any()
    assert not (after.argmax(1) == 1).any()
    assert F.softmax(after, 1).isfinite().all()


def test_mask_class_refuses_a_random_forget_set_and_a_head_that_it_cannot_edit():
    world = tiny_world()
    with pytest.raises(SupremeError, match="MaskClass forgets classes: type scenario=full_class"):
        run("mask_class", world)
    world = tiny_class_world()
    world.model.head = nn.Sequential(world.model.head)
    with pytest.raises(SupremeError, match="linear layer with a bias"):
        run("mask_class", world)


def test_head_only_trains_a_new_head_on_the_features_of_the_retain_set():
    world, other = tiny_world(), tiny_world()
    before = copy.deepcopy(world.model.state_dict())
    model, rng = other.model, other.context.rng
    model.head = other.context.fresh().head
    weights, velocities = list(model.head.parameters()), None
    x, y = next(other.split.retain.batches(1000))
    for _ in range(2):
        for part in torch.randperm(len(y), generator=rng).split(50):
            features = model.eval().features(x[part]).detach()
            loss = mean_cross_entropy(model.head(features), y[part])
            velocities = sgd_step(weights, loss, 0.05, velocities, momentum=0.8, weight_decay=0.01)
    values = {"optimizer": "sgd", "lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "epochs": 2, "batch_size": 50}
    got = run("head_only", world, **values)
    assert_same(got, model.state_dict())
    assert differing(before, got) == HEAD


# NegGrad+.


def test_neggrad_plus_can_leave_the_statistics_of_batch_normalisation_alone():
    world = tiny_world()
    changed = differing(world.model.state_dict(), run("neggrad_plus", world, freeze_batchnorm=True))
    assert changed == {name for name, _ in world.model.named_parameters()}


# Successive random labels: the class is tested with the other forms of random labels.


def test_successive_random_labels_are_any_labels_drawn_again_in_every_epoch_before_the_retain_set():
    srl = method("successive_random_label")
    assert type(srl) is type(method("random_label"))
    assert (srl.labels, srl.redraw, srl.order) == ("any", True, "forget_first")


# Chains.


def node(name: str, **changes: Any) -> dict[str, Any]:
    return {**OmegaConf.to_container(OmegaConf.load(CONF / "method" / f"{name}.yaml")), **changes}


def chain(first: dict[str, Any], second: dict[str, Any]) -> Any:
    return build({"_target_": "supreme.methods.chain.Chain", "first": first, "second": second})


def test_the_second_method_of_a_chain_starts_from_what_the_first_returned_in_evaluation_mode():
    world, other = tiny_world(), tiny_world()
    got = chain(node("neggrad", lr=0.1), node("finetune", epochs=2))(world.model, world.split, world.context)
    between = method("neggrad", lr=0.1)(other.model, other.split, other.context).eval()
    wanted = method("finetune", epochs=2)(between, other.split, other.context)
    assert not differing(got.state_dict(), wanted.state_dict())


def test_the_second_method_of_a_chain_never_takes_what_was_stored_for_the_original():
    world, other = tiny_world(), tiny_world()
    shared: dict[str, Any] = {}

    def once(name, settings, compute):
        return shared.setdefault(name, compute()) if name not in shared else shared[name]

    context = replace(world.context, once=once)
    values = {"alpha": 0.5, "dampening": 0.5}
    method("ssd", **values)(copy.deepcopy(world.model), world.split, context)  # fills what is shared
    assert shared
    got = chain(node("neggrad", lr=0.2), node("ssd", **values))(world.model, world.split, context)
    between = method("neggrad", lr=0.2)(other.model, other.split, other.context).eval()
    wanted = method("ssd", **values)(between, other.split, other.context)
    assert not differing(got.state_dict(), wanted.state_dict())


def test_a_chain_needs_what_its_methods_need_and_applies_where_both_do():
    both = chain(node("neggrad"), node("finetune"))
    assert both.needs == frozenset({"forget", "retain"})
    assert both.applies_to == "any"
    assert chain(node("finetune"), node("mask_class")).applies_to == "class"
    assert chain(node("mask_class"), node("finetune")).applies_to == "class"
    assert chain(node("original"), node("original")).needs == frozenset()


def test_a_chain_of_three_is_a_chain_in_a_chain():
    inner = {"_target_": "supreme.methods.chain.Chain", "first": node("neggrad"), "second": node("cf_k")}
    world, other = tiny_world(), tiny_world()
    got = chain(inner, node("finetune"))(world.model, world.split, world.context)
    wanted = other.model
    for step in ("neggrad", "cf_k", "finetune"):
        wanted = method(step)(wanted.eval(), other.split, other.context)
    assert not differing(got.state_dict(), wanted.state_dict())


def test_what_is_no_method_is_refused_with_what_to_type():
    with pytest.raises(SupremeError, match=r"first=.* is not allowed: give a method, as in method@method\.first="):
        chain({"a": 1}, node("finetune"))


def test_the_command_line_chooses_the_methods_of_a_chain_and_their_values():
    typed = ["method=chain", "method@method.first=ssd", "method.first.alpha=5", "method.second.epochs=2"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("config", overrides=typed)
    built = build(composed.method, "method chain")
    assert [type(part).__name__ for part in (built.first, built.second)] == ["SSD", "Finetune"]
    assert (built.first.alpha, built.second.epochs) == (5.0, 2)
    assert built.second.lr == method("finetune").lr


# What is refused.


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *itertools.product(["cf_k", "eu_k"], ["layers"], [0]),
        *itertools.product(["cf_k", "eu_k"], ["compat"], ["code"]),
        ("cf_k", "lr", 0.0),
        ("cf_k", "epochs", 0),
        ("eu_k", "epochs", 0),
        ("l1_sparse", "gamma", -1e-4),
        ("l1_sparse", "gamma", float("nan")),
        ("l1_sparse", "plain_epochs", 10),
        ("l1_sparse", "plain_epochs", -1),
        ("l1_sparse", "optimizer", "adamw"),
        ("l1_sparse", "batch_size", 0),
        ("prune_then_unlearn", "sparsity", 0.0),
        ("prune_then_unlearn", "sparsity", 1.0),
        ("prune_then_unlearn", "lr", float("inf")),
        ("noisy_sgd", "noise", -0.1),
        ("noisy_sgd", "radius", 0.0),
        ("noisy_sgd", "weight_decay", -1.0),
        ("rewind_to_delete", "fraction", 0.0),
        ("rewind_to_delete", "fraction", 1.5),
        ("rewind_to_delete", "noise", -0.1),
        ("amnesiac", "epochs", -1),
        ("amnesiac", "lr", 0.0),
        ("mask_class", "logit", 0.0),
        ("mask_class", "logit", float("-inf")),
        ("head_only", "momentum", 0.9),
        ("head_only", "epochs", 0),
        ("neggrad_plus", "alpha", 1.0),
        ("neggrad_plus", "alpha", 0.0),
        ("neggrad_plus", "weight_decay", -0.1),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, field, value):
    with pytest.raises(SupremeError) as caught:
        method(name, **{field: value})
    message = str(caught.value)
    assert f"{field}={value!r} is not allowed" in message
    assert f"method.{field}=" in message
