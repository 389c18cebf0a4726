"""Weights of a file in a model's body: every tensor of the body is there, fits and is finite, or none is loaded.

A model component that starts from a file needs one line: `checkpoints.load(body, self.checkpoint)`.
"""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier
from supreme.functional.weight_files import WeightFile, open_weights, printable

log = logging.getLogger(__name__)

WRAPPING = frozenset(
    {"state", "dict", "model", "module", "net", "network", "backbone", "encoder", "body"}
    | {"weights", "params", "checkpoint", "ema", "orig", "mod"}
)
"""Words of the names that people give to a whole model: `model_state_dict`, `_orig_mod`, `ema_model`.

What lies under such names only, in dictionaries or in prefixes, in any combination, is found there.
"""

AVERAGED = "ema"
"""Of two whole sets of weights the one with this word in its place is taken: the moving average of the other."""

LISTED = 20
"""Names of tensors that a record lists of those that were left out."""

Convert = Callable[[dict[str, Tensor]], Mapping[str, Tensor]]


def load(model: nn.Module, checkpoint: str, *, of: str = "the model", convert: Convert | None = None) -> None:
    """Copy the weights and buffers of a file into a body, in place; `classifier.origin` then says what was done.

    On a body of meta tensors nothing is copied and everything is checked. What the file has and the body has not, the
    head of what it was trained for, say, is left out: a head is always new.

    Args:
        model: a classifier, whose body is meant, or the body itself.
        checkpoint: path of a .safetensors file, or of what `torch.save` wrote. Nothing in it is run.
        of: what the model is called when a file does not fit it.
        convert: from the names and shapes of other code to those of the body, for files that do not fit as they are.

    Raises:
        SupremeError: it is no file of weights; a tensor of the body, buffers that training moves included, is not
            there, has another shape or another kind of numbers, or is not finite; or two different sets fit.
    """
    body = model.body if isinstance(model, Classifier) else model
    wanted = body.state_dict()
    with torch.device("cpu"):  # wherever the model is being built
        file = open_weights(checkpoint)
        found = _chosen(file, wanted, convert, of)
        tensors = {name: _as(tensor, wanted[name], f"checkpoint={checkpoint}: {name}") for name, tensor in found.taken}
    if not any(tensor.is_meta for tensor in wanted.values()):
        body.load_state_dict({**wanted, **tensors})
    record = _record(file, found)
    object.__setattr__(body, "loaded_from", record)
    log.info("checkpoint %s: %s", checkpoint, ", ".join(f"{name}: {value}" for name, value in record.items() if value))


@dataclass(frozen=True, kw_only=True)
class _Set:
    """The tensors that lie under one prefix, compared with those of the body."""

    prefix: str
    tensors: Mapping[str, Tensor]
    wanted: Mapping[str, Tensor]
    converted: bool = False

    @property
    def wraps(self) -> bool:
        """Whether the prefix is one that is taken off by rule."""
        return all(word in WRAPPING for word in _words(self.prefix))

    @property
    def averaged(self) -> bool:
        return AVERAGED in _words(self.prefix)

    @property
    def missing(self) -> list[str]:
        return [name for name in self.wanted if name not in self.tensors and not _optional(name)]

    @property
    def misshapen(self) -> list[str]:
        return [name for name, tensor in self.taken if tensor.shape != self.wanted[name].shape]

    @property
    def taken(self) -> list[tuple[str, Tensor]]:
        return [(name, self.tensors[name]) for name in self.wanted if name in self.tensors]

    @property
    def fits(self) -> bool:
        return not self.missing and not self.misshapen

    def renamed(self, convert: Convert) -> _Set:
        """With the names and shapes that a library makes of them."""
        try:
            found = convert(dict(self.tensors))
        except Exception:  # made for other files than this one
            found = {}
        tensors = {name: tensor for name, tensor in found.items() if isinstance(tensor, Tensor)}
        return replace(self, tensors=tensors, converted=True)


def _optional(name: str) -> bool:
    """A count of batches: files of old versions have none, and nothing that torch computes by default reads it."""
    return name.endswith("num_batches_tracked")


def _words(prefix: str) -> list[str]:
    return [word for word in re.split(r"[./_]", prefix) if word]


def _chosen(file: WeightFile, wanted: Mapping[str, Tensor], convert: Convert | None, of: str) -> _Set:
    """The tensors that are the body's, as they lie there or, where none fit so, converted."""
    sets = list(_sets(file, wanted))
    known = [one for one in sets if one.wraps]
    pool = [one for one in known if one.averaged and one.taken] or known  # an average that lacks a tensor is no reason
    fitting = [one for one in pool if one.fits]  # to take silently what it is the average of
    if not fitting and convert:
        fitting = [new for one in known if (new := one.renamed(convert)).fits]
        fitting = [one for one in fitting if one.averaged] or fitting
    if len(fitting) > 1:
        places = " and ".join(one.prefix or "the top" for one in fitting)
        raise SupremeError(f"checkpoint={file.path} holds {len(fitting)} models that fit {of}: {places}; keep one")
    if not fitting:
        raise SupremeError(f"checkpoint={file.path} does not fit {of}: {printable(_misfit(file, pool, sets))}")
    return fitting[0]


def _sets(file: WeightFile, wanted: Mapping[str, Tensor]) -> Iterator[_Set]:
    """What lies under each prefix under which there is a tensor of the body, or which may wrap a model."""
    prefixes = {"": True}
    for name in file.tensors:
        steps = re.split(r"(?<=[./])", name)
        for count in range(1, len(steps)):
            prefix = "".join(steps[:count])
            prefixes[prefix] = prefixes.get(prefix, False) or name.removeprefix(prefix) in wanted
    for prefix, holds in prefixes.items():
        under = {name.removeprefix(prefix): file.tensors[name] for name in file.tensors if name.startswith(prefix)}
        one = _Set(prefix=prefix, tensors=under, wanted=wanted)
        if holds or one.wraps:
            yield one


def _misfit(file: WeightFile, pool: Sequence[_Set], sets: Sequence[_Set]) -> str:
    """How far the best of the pool is from the body, and where else a whole one lies."""
    best = max(pool, key=lambda one: len(one.taken))
    needed = sum(not _optional(name) for name in best.wanted)
    where = f" under the prefix {best.prefix}" if best.prefix else ""
    there = f"{needed - len(best.missing)} of the {needed} tensors of its body are there{where}"
    if best.missing:
        told = f"{there}; the first that is missing is {best.missing[0]}"
    else:
        name = best.misshapen[0]
        told = f"{there}; but {name} is {_shape(best.tensors[name])} and should be {_shape(best.wanted[name])}"
    if places := " and ".join([one.prefix or "nothing" for one in sets if one.fits][:LISTED]):
        return f"{told}. All are there under the prefix {places}; save what lies there alone, without it"
    first = next(iter(file.tensors))[:80]
    return f"{told} (the file begins with {first}). Give weights of this architecture, or take the one they are of"


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "a single number"


def _as(tensor: Tensor, like: Tensor, what: str) -> Tensor:
    """The tensor with the numbers of the other one; refused where they are of another kind, or not finite."""
    if tensor.is_meta:  # a conversion's, of a model without values
        return tensor
    if tensor.layout != torch.strided or tensor.is_quantized or _kind(tensor) != _kind(like):
        held = f"{tensor.dtype}, {tensor.layout}"
        raise SupremeError(f"{what} is {held} and should be {like.dtype}, {like.layout}; save it as that")
    cast = tensor.to(like.dtype)
    if cast.is_floating_point() and not cast.isfinite().all():
        odd = int((~cast.isfinite()).sum())
        raise SupremeError(f"{what} is not finite in {odd} of {cast.numel()} values; take those of an earlier epoch")
    return cast


def _kind(tensor: Tensor) -> tuple[bool, bool]:
    return tensor.is_floating_point(), tensor.is_complex()


def _record(file: WeightFile, found: _Set) -> dict[str, Any]:
    wrapper, _, prefix = found.prefix.rpartition("/")
    casts = Counter(f"{t.dtype} to {found.wanted[name].dtype}" for name, t in found.taken)
    left_out = [name for name in found.tensors if name not in found.wanted]
    return {
        "file": Path(file.path).name,
        "sha256": file.sha256,
        "wrapper": wrapper,
        "prefix": prefix,
        "loaded": len(found.taken),
        "of_body": len(found.wanted),
        "in_file": len(file.tensors),
        "converted": found.converted,
        "cast": {cast.replace("torch.", ""): count for cast, count in casts.items() if len({*cast.split(" to ")}) > 1},
        "left_out": left_out[:LISTED],
        "left_out_count": len(left_out),
        "head": "new",
    }
