"""What the newest methods promise in words that a closed form can check; the rest is in tests/golden."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import dot
from supreme.methods.cup import _pivoted
from supreme.testing import World, tiny_world
from tests.conf_files import node_of

METHODS = Path(__file__).parents[2] / "conf" / "method"
STANDSTILL = 1e-30
"""A learning rate that changes no weight."""


def method(name: str, **changes: Any) -> Any:
    return build({**node_of(METHODS / f"{name}.yaml"), **changes}, f"method {name}")


def run(name: str, world: World, **changes: Any) -> Classifier:
    changes = {"augment": False, **changes}
    return method(name, **changes)(copy.deepcopy(world.model), world.split, world.context)


class Embedded(nn.Module):
    """Patches and where each of them is, as a vision transformer has them."""

    def __init__(self) -> None:
        super().__init__()
        self.patch_embed = nn.Conv2d(3, 4, 4, stride=4)
        self.pos_embed = nn.Parameter(torch.randn(1, 4, 1))
        self.mixer = nn.Conv2d(4, 32, 1)

    def forward(self, x):
        tokens = self.patch_embed(x)
        return self.mixer(tokens + self.pos_embed[..., None]).mean((2, 3))


@pytest.mark.parametrize("transformer", [False, True])
def test_weight_negation_turns_the_first_layer_and_nothing_else(transformer):
    world = tiny_world()
    if transformer:
        world.model.body = Embedded()
    before = copy.deepcopy(world.model)
    after = dict(run("weight_negation", world, lr=STANDSTILL, final_lr=0.0, epochs=1).named_parameters())
    first = next(name for name, layer in before.named_modules() if isinstance(layer, nn.Conv2d))
    turned = {f"{first}.weight", *(["body.pos_embed"] if transformer else [])}
    for name, weight in before.named_parameters():
        assert torch.equal(after[name], -weight if name in turned else weight), name


def test_weight_negation_repairs_the_model_by_sgd_with_a_cosine_over_epochs():
    world, other = tiny_world(), tiny_world()
    model = copy.deepcopy(other.model).train()
    with torch.no_grad():
        next(layer for layer in model.modules() if isinstance(layer, nn.Conv2d)).weight.neg_()
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 3, eta_min=0.005)
    for _ in range(3):
        for x, y in other.split.retain.batches(40, other.context.rng):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
        schedule.step()
    values = {"lr": 0.02, "final_lr": 0.005, "weight_decay": 0.01, "epochs": 3, "batch_size": 40}
    got = run("weight_negation", world, **values).state_dict()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(got[name], value, rtol=0, atol=1e-5)


def test_the_steps_that_forget_leave_no_trace_in_the_moments_of_those_that_retain():
    world, other = tiny_world(), tiny_world()
    model = copy.deepcopy(other.model).train()
    optimizer = torch.optim.SGD(model.parameters(), 0.02, momentum=0.9, weight_decay=5e-4)
    for _ in range(3):
        list(other.split.forget.batches(2, other.context.rng))
        for x, y in other.split.retain.batches(40, other.context.rng):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
    forget = {"forget_lr": STANDSTILL, "forget_weight_decay": 0.0, "forget_batch_size": 2}
    retain = {"retain_optimizer": "sgd", "retain_lr": 0.02, "retain_weight_decay": 5e-4, "retain_batch_size": 40}
    values = {"epochs": 3, "alpha": 0.0, "gamma": 1.0, "momentum": 0.9}
    got = dict(run("dualoptim_scrub", world, **forget, **retain, **values).named_parameters())
    for name, value in model.named_parameters():
        torch.testing.assert_close(got[name], value, rtol=0, atol=1e-5)


def test_dualoptim_salun_keeps_the_weights_outside_its_mask_to_the_bit():
    world = tiny_world()
    after = run("dualoptim_salun", world, compat="paper", density=0.25, epochs=2, retain_weight_decay=0.1)
    pairs = list(zip(world.model.parameters(), after.parameters(), strict=True))
    changed = sum(int((a != b).sum()) for a, b in pairs)
    assert 0 < changed <= 0.25 * sum(a.numel() for a, _ in pairs)


@pytest.mark.parametrize(("intensity", "leaves_alone"), [(0.0, "forget"), (1.0, "retain")])
def test_a_pivoted_step_of_either_end_leaves_the_other_loss_alone(intensity, leaves_alone):
    rng = torch.Generator().manual_seed(0)
    forget, retain = ([torch.randn(shape, generator=rng).double() for shape in ((3, 4), (5,))] for _ in range(2))
    step = _pivoted(forget, retain, intensity)
    wanted = dot(*[[(a + b) / 2 for a, b in zip(forget, retain, strict=True)]] * 2).sqrt()
    torch.testing.assert_close(dot(step, step).sqrt(), wanted, rtol=1e-5, atol=0)
    assert abs(float(dot(step, forget if leaves_alone == "forget" else retain))) < 1e-4
    assert float(dot(step, retain if leaves_alone == "forget" else forget)) > 0.1


@pytest.mark.parametrize(
    ("name", "changes", "field"),
    [
        ("weight_negation", {"lr": 0.01, "final_lr": 0.02}, "final_lr"),
        ("cup", {"intensity": 1.1}, "intensity"),
        ("dualoptim_scrub", {"momentum": 0.9}, "momentum"),
        ("dualoptim_salun", {"density": 0.0}, "density"),
        ("dualoptim_sfron", {"forget_optimizer": "adam"}, "forget_optimizer"),
    ],
)
def test_an_impossible_value_is_refused_with_what_to_type_instead(name, changes, field):
    with pytest.raises(SupremeError) as caught:
        method(name, **changes)
    assert f"{field}={changes[field]!r} is not allowed" in str(caught.value)
    assert "method." in str(caught.value)
