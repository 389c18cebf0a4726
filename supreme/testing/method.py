"""The promises of a method."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import Method, SupremeError, seeds
from supreme.core.suitability import check_split
from supreme.pipeline.watched_split import READABLE
from supreme.testing.promises import (
    Promises,
    answers_of,
    content,
    first_call,
    is_finite,
    same_state,
    state_of,
    undisturbed,
    watched_split,
)
from supreme.testing.worlds import World, tiny_class_world, tiny_world

NEEDS = frozenset(READABLE)
APPLIES_TO = ("any", "class")


def check_method(method: Method, make_world: Callable[[], World] | None = None) -> None:
    """Hold a method to its promises.

    Args:
        method: the component, with its values. One that forgets nothing but classes says so by `applies_to = "class"`.
        make_world: gives the same fresh world at every call; one that forgets a class where the method needs that.

    Raises:
        BrokenPromise: naming the first promise that it breaks.
    """
    promise = Promises(type(method).__name__)
    needs = getattr(method, "needs", None)
    detail = f"needs is {needs!r}, and not a frozenset of some of {', '.join(sorted(NEEDS))}"
    promise("declares the sets it reads", isinstance(needs, frozenset) and needs <= NEEDS, detail)

    applies_to = getattr(method, "applies_to", "any")
    detail = f"applies_to is {applies_to!r}, and not one of {', '.join(APPLIES_TO)}"
    promise("declares where it applies", applies_to in APPLIES_TO, detail)
    if applies_to == "class":
        _check_refusal(promise, method)
    make_world = make_world or (tiny_class_world if applies_to == "class" else tiny_world)
    world = make_world()
    before, split_before = state_of(world.model), content(world.split)
    promise("is planned where it works", not (why := _refused(method, world)), f"the plan would refuse it: {why}")
    with first_call(promise, method), _read_only(promise):
        returned = _unlearn(method, world)
    promise("returns a model", isinstance(returned, nn.Module), f"it returned {type(returned).__name__}")
    _check_weights(promise, returned, before, world.context.device)
    promise("leaves the split as it was", content(world.split) == split_before, "it changed images or labels")
    images = next(world.split.retain.batches(16))[0]
    rebuilt = copy.deepcopy(world.model)
    rebuilt.load_state_dict(returned.state_dict())
    same = torch.equal(answers_of(rebuilt, images), answers_of(returned, images))
    promise("puts all it does into the weights", same, "the original with these weights answers otherwise")
    result = state_of(returned)
    detail = f"it reads {', '.join(sorted(method.needs))} and returned the original's weights"
    promise("changes the model", not method.needs or not same_state(before, result), detail)

    only = "draws from context.rng only"
    with seeds.scoped(1), undisturbed(promise, only):
        again = state_of(_unlearn(method, make_world()))
    promise("does the same twice", same_state(result, again), "two calls in equal worlds gave other weights")
    with seeds.scoped(2):
        elsewhere = state_of(_unlearn(method, make_world()))
    detail = "the weights change with the seed of a global generator"
    promise(only, same_state(result, elsewhere), detail)


def _check_refusal(promise: Promises, method: Method) -> None:
    """A method for classes says, when it is given a random forget set, what to type instead."""
    what, said = "refuses to forget anything but classes", "it did not complain"
    try:
        _unlearn(method, tiny_world())
    except SupremeError as error:
        said = str(error)
    promise(what, "scenario=" in said, f"given a random forget set, {said}")
    planned = _refused(method, tiny_world())
    promise(what, "scenario=" in planned, f"planned with a random forget set, it said {planned or 'nothing'}")


@contextmanager
def _read_only(promise: Promises) -> Iterator[None]:
    """Tell a method that writes to its sets, whose arrays do not allow it, which promise it breaks."""
    try:
        yield
    except ValueError as error:
        promise("leaves the split as it was", "read-only" not in str(error), f"it writes to its sets: {error}")
        raise


def _refused(method: Method, world: World) -> str:
    """What the plan says of it; empty where it lets it run."""
    try:
        check_split(method, world.split)
        getattr(method, "check_model", lambda model, split: None)(world.model, world.split)
    except SupremeError as error:
        return str(error)
    return ""


def _unlearn(method: Method, world: World) -> Any:
    split = watched_split(world.split, type(method).__name__, method.needs)
    return method(copy.deepcopy(world.model), split, world.context)


def _check_weights(promise: Promises, model: nn.Module, before: Mapping[str, Tensor], device: str) -> None:
    state = model.state_dict()
    shapes = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in state.items()}
    wanted = {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in before.items()}
    odd = sorted({name for name, _ in shapes.items() ^ wanted.items()})
    promise("keeps the architecture", not odd, f"the state_dict differs in {', '.join(odd)}")
    away = [name for name, tensor in state.items() if tensor.device.type != torch.device(device).type]
    promise("stays on its device", not away, f"{', '.join(away)} left {device}")
    broken = [name for name, tensor in state.items() if not is_finite(tensor)]
    promise("returns finite weights", not broken, f"{', '.join(broken)} are not")
    hanging = [name for name, weight in model.named_parameters() if not weight.is_leaf]
    promise("returns weights without a history", not hanging, f"{', '.join(hanging)} carry a graph of gradients")
