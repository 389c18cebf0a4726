"""A model's forward pass, compiled by torch for batches of one size; the model itself stays as it is."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from supreme.core import SupremeError, seeds
from supreme.functional.classifier import Classifier

log = logging.getLogger(__name__)

MODES = ("default", "reduce-overhead")
"""Those of torch.compile that choose the same code each time; max-autotune takes what was fastest this time."""


class Compiled:
    """The forward pass of a classifier in training: compiled for batches of this size, plain for all others.

    Models of one architecture share the code in a process, since their weights are arguments of it.
    """

    def __init__(self, model: Classifier, mode: str, batch_size: int) -> None:
        self._model, self._mode, self._batch_size = model, mode, batch_size
        self._call = _compiled(mode, torch.are_deterministic_algorithms_enabled())

    def __call__(self, x: Tensor) -> Tensor:
        """B x 3 x S x S -> logits B x C."""
        if len(x) != self._batch_size:  # each forget set leaves another last batch: none of them is worth the wait
            return self._model(x)
        torch.compiler.cudagraph_mark_step_begin()
        with _without_hooks() as hooks, _in_one_sentence(self._mode):
            logits = self._call(self._model, x)
        for hook in hooks:
            hook(self._model.body, (x,), logits)
        return logits

    def warm_up(self, x: Tensor) -> None:
        """Compile for what looks like x: passes forward and backward that change no weight, buffer or generator."""
        before = {name: buffer.clone() for name, buffer in self._model.named_buffers()}
        with seeds.scoped(0):
            for _ in range(3):  # CUDA graphs: the first runs, the second is recorded, the third is replayed
                with _in_one_sentence(self._mode):
                    self(x).float().mean().backward()
                self._model.zero_grad(set_to_none=True)
        with torch.no_grad():
            for name, buffer in self._model.named_buffers():
                buffer.copy_(before[name])


@cache
def _compiled(mode: str, deterministic: bool) -> Callable[[Classifier, Tensor], Tensor]:
    import torch._dynamo.config  # here: the compiler takes seconds to import
    import torch._inductor.config

    # What does not fit any more would run uncompiled, with other bits: what came before in a process must not matter.
    torch._dynamo.config.recompile_limit = 256
    torch._dynamo.config.accumulated_recompile_limit = 4096
    torch._dynamo.config.fail_on_recompile_limit_hit = True
    options: dict[str, Any] = {"triton.cudagraphs": mode == "reduce-overhead", "deterministic": deterministic}
    return torch.compile(_forward, dynamic=False, options=options)


def _forward(model: Classifier, x: Tensor) -> Tensor:
    return model(x)


@contextmanager
def _without_hooks() -> Iterator[list[Callable[[nn.Module, Any, Tensor], object]]]:
    """Without the hooks on all modules, which count passes: compiled along, each new one would mean compiling again."""
    hooks = nn.modules.module._global_forward_hooks
    held = dict(hooks)
    hooks.clear()
    try:
        yield list(held.values())
    finally:
        hooks.update(held)


@contextmanager
def _in_one_sentence(mode: str) -> Iterator[None]:
    """The compiler's page-long failures, most of all of one that lacks its tools."""
    import torch._dynamo.exc as failures

    try:
        yield
    except (failures.TorchDynamoException, failures.FailOnRecompileLimitHit) as failure:
        told = next((line for line in str(failure).splitlines() if line.strip()), type(failure).__name__)
        raise SupremeError(
            f"recipe.compile={mode} failed, which takes a C++ compiler (g++) on a CPU and Triton on CUDA; "
            f"type recipe.compile=null to do without; torch says: {told[:200]}"
        ) from failure
