"""Weights that somebody else trained, in a whole classifier: its body, its head and what normalises its pixels.

The names in the file need not be ours. Usual wrappers and prefixes come off; a head may have any name; and where no
name of the body fits, tensors that `torch.save` kept in order are taken by order, if kind and shape of each agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional import checkpoints
from supreme.functional.classifier import Classifier, origin
from supreme.functional.weight_files import WeightFile, open_weights, printable

PIXELS = ("mean", "std")
"""The buffers of a classifier that normalise pixels."""


@dataclass(frozen=True, kw_only=True)
class Given:
    """What was done with a file of weights."""

    file: str
    """Its name, without the folder."""
    sha256: str
    by_order: bool
    """Whether tensors of the body were matched by their order, since their names are of other code."""
    head: str
    """The name of the head in the file."""
    normalisation: str
    """of the file, or of the model where the file says nothing of it."""


def load(model: Classifier, path: str, *, key: str) -> Given:
    """Copy every weight and buffer of the file into the classifier, in place; with meta tensors all is only checked.

    Args:
        path: .safetensors, or what `torch.save` wrote. Nothing in it is run.
        key: what the user typed before the path, for messages: `original`.

    Raises:
        SupremeError: it is no file of weights, or they are not those of a model of this kind, with as many classes.
    """
    try:
        with _quiet():  # it speaks of a training that begins there, with a new head
            checkpoints.load(model, path, of="this model", convert=lambda tensors: _by_order(tensors, model))
        with torch.device("cpu"):
            file = open_weights(path)
    except SupremeError as error:
        raise SupremeError(_named(str(error), path, key)) from error
    record = origin(model) or {}
    vars(model.body).pop("loaded_from", None)  # it says where a training began, and this model is not trained here
    levels = list(_levels(f"{record['wrapper']}/{record['prefix']}".removeprefix("/")))
    name, head = _head(file, levels, model, record["converted"], f"{key}={path}")
    pixels = _pixels(file, levels, f"{key}={path}")
    _copy(model.head, head, f"{key}={path}: {name}")
    for one, tensor in pixels.items():
        _copy_into(getattr(model, one), tensor.reshape(1, -1, 1, 1))
    return Given(
        file=record["file"],
        sha256=record["sha256"],
        by_order=record["converted"],
        head=name.rpartition("/")[2],
        normalisation="of the file" if pixels else "of the model",
    )


@contextmanager
def _quiet() -> Iterator[None]:
    before, checkpoints.log.disabled = checkpoints.log.disabled, True
    try:
        yield
    finally:
        checkpoints.log.disabled = before


def _named(told: str, path: str, key: str) -> str:
    """The sentence about a checkpoint as one about what the user typed."""
    return told.replace(f"checkpoint={path}", f"{key}={path}")


def _by_order(tensors: Mapping[str, Tensor], model: Classifier) -> Mapping[str, Tensor]:
    """The first tensors of the file under the names of the body; none where one is of another kind, or too many are."""
    wanted, given = _kinds(model.body.state_dict()), _kinds(tensors)
    if len(given) > len(wanted) + len(model.head.state_dict()):
        return {}
    if any("/" in name for name, _, _ in given) or _wrapped([name for name, _, _ in given]):
        return {}  # their order is looked at where they lie, and once
    found: dict[str, Tensor] = {}
    for want, have in zip_longest(wanted, given[: len(wanted)]):
        if have is None or want[1] != have[1] or want[2].shape != have[2].shape:
            return {}
        found[want[0]] = have[2]
    return found


def _wrapped(names: Sequence[str]) -> bool:
    """Whether all of these names begin with one that people give to a whole model, as `module.` of DataParallel."""
    first = {name.partition(".")[0] for name in names}
    return len(first) == 1 and {word for one in first for word in one.split("_") if word} <= checkpoints.WRAPPING


def _kinds(tensors: Mapping[str, Tensor]) -> list[tuple[str, str, Tensor]]:
    """Name, last part of the name, tensor; counts of batches, which old files lack, are left out."""
    parts = [(name, name.rpartition(".")[2], tensor) for name, tensor in tensors.items()]
    return [one for one in parts if one[1] != "num_batches_tracked" and one[1] not in PIXELS]


def _levels(place: str) -> Iterator[str]:
    """The prefix under which the body lies, and those around it, from the inside out; the top is empty."""
    yield place
    while place:
        cut = max(place.rstrip("./").rfind(mark) for mark in "./")
        place = place[: cut + 1]
        yield place


def _head(
    file: WeightFile, levels: Sequence[str], model: Classifier, by_order: bool, what: str
) -> tuple[str, dict[str, Tensor]]:
    """Where the head lies in the file, and its tensors by the names that they have in the head."""
    wanted = model.head.state_dict()
    body = set(model.body.state_dict())
    taken = len(_kinds(model.body.state_dict()))
    seen: list[str] = []
    for level in levels:
        inside = {name.removeprefix(level): tensor for name, tensor in file.tensors.items() if name.startswith(level)}
        if level == levels[0]:
            rest = {name for name, _, _ in _kinds(inside)[taken:]} if by_order else inside.keys() - body
        else:
            rest = {name for name in inside if not (level + name).startswith(levels[0])}
        modules = dict.fromkeys(_modules([name for name in inside if name in rest], wanted))
        whole = {one: {name: inside[f"{one}{name}"] for name in wanted} for one in modules if _has(inside, one, wanted)}
        fits = [one for one in whole if all(whole[one][name].shape == wanted[name].shape for name in wanted)]
        named = [one for one in fits if one == "head."] or fits
        if len(named) > 1:
            places = " and ".join(one.rstrip(".") for one in named)
            raise SupremeError(f"{what} holds {len(named)} layers that fit the head: {places}; keep one of them")
        if named:
            return level + named[0].rstrip("."), whole[named[0]]
        seen += [f"{one.rstrip('.')} of {_shape(whole[one])}" for one in whole]
    shape = _shape(wanted)
    if seen:
        raise SupremeError(
            f"{what} has no head for these data: it should be {shape}, and there is {printable(', '.join(seen[:5]))}; "
            f"the first number is that of the classes: give a model of the same data"
        )
    raise SupremeError(f"{what} holds a body without its head ({shape}); save the whole model, its last layer too")


def _modules(names: Sequence[str], wanted: Mapping[str, Tensor]) -> Iterator[str]:
    """The prefixes under which a first tensor of the head lies."""
    first = next(iter(wanted))
    yield from (name.removesuffix(first) for name in names if name == first or name.endswith(f".{first}"))


def _has(inside: Mapping[str, Tensor], module: str, wanted: Mapping[str, Tensor]) -> bool:
    """Whether all of the head's tensors lie there, each of as many dimensions, and no bias that it has not."""
    there = all(f"{module}{name}" in inside and inside[f"{module}{name}"].ndim == wanted[name].ndim for name in wanted)
    return there and not (f"{module}bias" in inside and "bias" not in wanted and "weight" in wanted)


def _shape(tensors: Mapping[str, Tensor]) -> str:
    return " x ".join(map(str, next(iter(tensors.values())).shape))


def _pixels(file: WeightFile, levels: Sequence[str], what: str) -> dict[str, Tensor]:
    """Mean and standard deviation of each channel where the file has both, for pixels in [0, 1]."""
    for level in levels:
        for place in (level, f"{level}normalize.", f"{level}normalization."):
            found = {name: file.tensors[place + name] for name in PIXELS if place + name in file.tensors}
            if len(found) == len(PIXELS):
                return {name: _channels(tensor, f"{what}: {place}{name}") for name, tensor in found.items()}
    return {}


def _channels(tensor: Tensor, what: str) -> Tensor:
    values = tensor.float().flatten()
    if len(values) != 3 or not values.isfinite().all() or (what.endswith("std") and not (values > 0).all()):
        raise SupremeError(f"{what} should be three numbers, of red, green and blue for pixels from 0 to 1")
    if (values.abs() > 1).any():
        raise SupremeError(f"{what} is of pixels from 0 to 255; divide it by 255")
    return values


def _copy(module: nn.Module, tensors: Mapping[str, Tensor], what: str) -> None:
    for name, own in module.state_dict().items():
        tensor = tensors[name]
        if tensor.is_floating_point() != own.is_floating_point() or tensor.is_quantized:
            raise SupremeError(f"{what}.{name} is {tensor.dtype} and should be {own.dtype}; save it as that")
        if tensor.is_floating_point() and not tensor.to(own.dtype).isfinite().all():
            raise SupremeError(f"{what}.{name} is not finite; take the weights of an earlier epoch")
        _copy_into(own, tensor)


@torch.no_grad()
def _copy_into(own: Tensor, tensor: Any) -> None:
    if not own.is_meta:
        own.copy_(tensor.to(own.dtype))
