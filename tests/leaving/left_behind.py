"""Components that leave something behind in their process, one way for each name in `KINDS`.

They take modules from `sys.modules`, so that their keys hold every module of their folder: it has no other.
"""

from __future__ import annotations

import builtins
import ctypes
import decimal
import gc
import json
import logging
import math
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from supreme.core import Context, Evaluation, Split
from supreme.core.images import ImageData
from supreme.functional.classifier import Classifier

COUNT = 0
CACHE: dict[str, Any] = {}


def _keep(value: Any) -> None:
    """Let it live as long as the process, where nobody looks."""
    kept = vars(_keep).setdefault("kept", [])
    kept.append(value)


def _scaled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same function with other answers."""

    def changed(*arguments: Any, **more: Any) -> Any:
        return function(*arguments, **more) * 1.5

    return changed


def _raised(holder: Any, name: str) -> None:
    setattr(holder, name, _scaled(getattr(holder, name)))


def _other_distillation() -> None:
    from supreme.functional import distillation

    distillation.distillation_loss = _scaled(distillation.distillation_loss)


def _late_import() -> None:
    """A module of ours that nobody has imported here yet."""
    import supreme.methods.msg as late

    late.MSG.__call__ = lambda self, model, split, context: model


def _other_code() -> None:
    from supreme.metrics.arithmetic import answers

    answers.accuracy.__code__ = (lambda logits, labels: 0.5).__code__


def _stack(enter: Any) -> None:
    enter.__enter__()
    _keep(enter)


def _counter() -> None:
    global COUNT
    COUNT += 1


def _thread(daemon: bool) -> None:
    threading.Thread(target=time.sleep, args=(600,), daemon=daemon).start()


def _daemon() -> None:
    """A process that is nobody's child, in a session of its own."""
    subprocess.run(["sh", "-c", "setsid sleep 611 >/dev/null 2>&1 </dev/null &"], check=True)


def _denormals() -> None:
    torch.set_flush_denormal(True)


def _operator() -> None:
    library = torch.library.Library("aten", "IMPL")
    library.impl("relu", lambda x: x * 2, "CPU", allow_override=True)
    _keep(library)


class _Finder:
    def find_spec(self, *_: Any) -> None:
        return None


class OwnOptimizer(torch.optim.SGD):
    pass


class OwnStep(torch.optim.SGD):
    def step(self, closure: Any = None) -> None:
        super().step(closure)


def _optimizers() -> None:
    """Torch wraps `step` in the class of whatever optimizer is made for the first time."""
    for kind in (torch.optim.NAdam, torch.optim.RAdam, OwnOptimizer, OwnStep):
        kind([torch.zeros(1, requires_grad=True)], lr=0.1).step()


KINDS: dict[str, tuple[Callable[[], object], str]] = {
    "default_dtype": (lambda: torch.set_default_dtype(torch.float64), "the default dtype of torch"),
    "default_device": (lambda: torch.set_default_device("meta"), "modes that torch's functions run in"),
    "grad_mode": (lambda: torch._C._set_grad_enabled(False), "the gradient mode"),
    "inference_mode": (lambda: _stack(torch.inference_mode()), "the inference mode"),
    "autocast": (lambda: _stack(torch.autocast("cpu", torch.bfloat16)), "autocast on cpu"),
    "nondeterministic": (lambda: torch.use_deterministic_algorithms(False), "torch.use_deterministic_algorithms"),
    "matmul_precision": (lambda: torch.set_float32_matmul_precision("medium"), "precision of matrix products"),
    "cudnn": (lambda: setattr(torch.backends.cudnn, "enabled", False), "cudnn.enabled"),
    "mkldnn": (lambda: setattr(torch.backends.mkldnn, "enabled", False), "mkldnn.enabled"),
    "threads": (lambda: torch.set_num_threads(3), "the number of threads"),
    "anomaly": (lambda: torch.autograd.set_detect_anomaly(True), "the detection of anomalies"),
    "saved_tensors": (
        lambda: _stack(torch.autograd.graph.saved_tensors_hooks(lambda x: x * 2, lambda x: x)),
        "the hooks of saved tensors",
    ),
    "module_hook": (
        lambda: nn.modules.module.register_module_forward_hook(lambda module, x, y: y * 1.01),
        "hooks on all modules",
    ),
    "optimizer_hook": (
        lambda: sys.modules["torch.optim.optimizer"].register_optimizer_step_pre_hook(lambda *_: None),
        "hooks on all modules (optimizer",
    ),
    "swap_parameters": (lambda: torch.__future__.set_swap_module_params_on_conversion(True), "torch.__future__"),
    "cross_entropy": (lambda: _raised(F, "cross_entropy"), "torch.nn.functional.cross_entropy replaced"),
    "tensor_method": (lambda: _raised(torch.Tensor, "float"), "torch.Tensor.float added"),
    "layer": (lambda: _raised(nn.Linear, "forward"), "torch.nn.modules.linear.Linear.forward replaced"),
    "other_function": (lambda: setattr(F, "nll_loss", F.l1_loss), "torch.nn.functional.nll_loss replaced"),
    "no_gradient": (lambda: setattr(F, "softmax", torch.no_grad()(F.softmax)), "torch.nn.functional.softmax replaced"),
    "inherited": (lambda: setattr(torch.optim.AdamW, "step", lambda self, closure=None: None), "AdamW.step added"),
    "other_layer": (lambda: setattr(nn.ReLU, "forward", nn.GELU.forward), "ReLU.forward replaced"),
    "optimizers": (_optimizers, ""),
    "optimizer": (lambda: setattr(torch.optim.SGD, "step", lambda self, closure=None: None), "SGD.step replaced"),
    "torch_function": (lambda: _raised(torch, "cat"), "torch.cat replaced"),
    "dtype_alias": (lambda: setattr(torch, "float32", torch.float64), "torch.float32 replaced"),
    "operator": (_operator, "operators of torch"),
    "numpy_function": (lambda: _raised(np, "mean"), "numpy.mean replaced"),
    "builtin": (lambda: setattr(builtins, "sorted", lambda found, **_: list(found)), "builtins.sorted replaced"),
    "constant": (lambda: setattr(math, "pi", 3.0), "math.pi replaced"),
    "random_module": (lambda: setattr(random, "random", lambda: 0.5), "random.random replaced"),
    "json": (lambda: setattr(json, "dumps", lambda value, **_: "{}"), "json.dumps replaced"),
    "our_function": (_other_distillation, "supreme.functional.distillation.distillation_loss replaced"),
    "our_code": (_other_code, "supreme.metrics.arithmetic.answers.accuracy"),
    "our_module": (_late_import, "supreme.methods.msg.MSG.__call__ replaced"),
    "our_constant": (
        lambda: sys.modules["supreme.pipeline.keys"].SCHEMA.update(row=7),
        "supreme.pipeline.keys.SCHEMA changed",
    ),
    "hidden_builtin": (
        lambda: setattr(sys.modules["supreme.pipeline.rows"], "float", int),
        "supreme.pipeline.rows.float added",
    ),
    "module_gone": (lambda: sys.modules.update({"supreme.functional": sys}), "the module supreme.functional replaced"),
    "own_counter": (_counter, "left_behind.COUNT replaced"),
    "own_cache": (lambda: CACHE.update(model=1), "left_behind.CACHE changed"),
    "environment": (lambda: os.environ.update(OMP_NUM_THREADS="7"), "the environment variable OMP_NUM_THREADS"),
    "folder": (lambda: os.chdir("/"), "the working folder changed"),
    "umask": (lambda: os.umask(0o777), "the umask changed"),
    "recursion": (lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 7), "the recursion limit changed"),
    "numpy_errors": (lambda: np.seterr(all="raise"), "numpy.seterr changed"),
    "bit_generator": (lambda: np.random.set_bit_generator(np.random.PCG64(1)), ""),
    "seeds": (lambda: (random.seed(1), np.random.seed(1), torch.manual_seed(1)), ""),
    "warnings": (lambda: warnings.simplefilter("error"), "warnings that are errors"),
    "decimal": (lambda: setattr(decimal.getcontext(), "prec", 5), "the context of decimal"),
    "gc": (lambda: gc.disable(), "garbage collection changed"),
    "sys_path": (lambda: sys.path.insert(0, "/nowhere"), "sys.path changed"),
    "meta_path": (lambda: sys.meta_path.insert(0, _Finder()), "sys.meta_path changed"),  # type: ignore[arg-type]
    "stdout": (lambda: setattr(sys, "stdout", open(os.devnull, "w")), "sys.stdout changed"),  # noqa: SIM115
    "descriptors": (lambda: os.close(1), "where output goes changed"),
    "excepthook": (lambda: setattr(sys, "excepthook", print), "sys.excepthook changed"),
    "logging": (lambda: logging.disable(logging.CRITICAL), "the level of logging"),
    "handler": (lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN), "signal handlers"),
    "mask": (lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}), "the mask of signals"),
    "timer": (lambda: signal.setitimer(signal.ITIMER_VIRTUAL, 500), "a timer"),
    "thread": (lambda: _thread(daemon=False), "a thread running"),
    "daemon_thread": (lambda: _thread(daemon=True), "a thread running"),
    "process": (lambda: _keep(subprocess.Popen(["sleep", "612"], start_new_session=True)), "(sleep 612)"),
    "daemon": (_daemon, "(sleep 611)"),
    "limits": (lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)), "the limits of the process"),
    "nice": (lambda: os.nice(1), "the priority"),
    "trace": (lambda: sys.setprofile(lambda *_: None), "the profiling function"),
    "denormals": (_denormals, "how the processor rounds"),
    "rounding": (lambda: ctypes.CDLL("libm.so.6").fesetround(0x800), "how the processor rounds"),
}
"""Name -> what it does, and what is told of it; nothing, where everything is put back."""


@dataclass(frozen=True, kw_only=True)
class Leaves:
    """Fine-tunes by one step of its own stream, and leaves these behind."""

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    kinds: list[str]
    raises: bool

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.01 * torch.randn(weight.shape, generator=context.rng)
        for kind in self.kinds:
            KINDS[kind][0]()
        if self.raises:
            raise RuntimeError("after it has left something")
        return model


@dataclass(frozen=True, kw_only=True)
class Writes:
    """Writes to the labels of its own set, which cells share; those of other images it does not get to see."""

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        split.forget.targets[:] = 0
        return model


@dataclass(frozen=True, kw_only=True)
class Draws:
    """Changes the model by what every global generator gives."""

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    def __call__(self, model: Classifier, split: Split, context: Context) -> nn.Module:
        with torch.no_grad():
            for weight in model.parameters():
                weight += 0.01 * (random.random() + np.random.rand() + torch.rand(weight.shape))
        return model


@dataclass(frozen=True, kw_only=True)
class LeavingMetric:
    needs: ClassVar[frozenset[str]] = frozenset()

    kind: str

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        return ("leaving/one",)

    def __call__(self, evaluation: Evaluation) -> dict[str, float]:
        KINDS[self.kind][0]()
        return {"leaving/one": 1.0}


@dataclass(frozen=True, kw_only=True)
class LeavingScenario:
    kind: str

    def __call__(self, data: ImageData, rng: np.random.Generator) -> Split:
        KINDS[self.kind][0]()
        return Split.of_training(data, rng.choice(data.train, 100, replace=False), data.test[:0])


# What runs in a worker.


def unwatched(kind: str) -> int:
    """Leave something where no component runs, as nothing of ours should."""
    KINDS[kind][0]()
    return os.getpid()


def watched(kind: str, then: str = "") -> int:
    """Leave something as a component, then go on, raise, or die."""
    from supreme.pipeline import process_state

    with process_state.watching("it", object()):
        KINDS[kind][0]()
        if then == "raise":
            raise RuntimeError("after it has left something")
        if then == "die":
            os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def own_pid() -> int:
    return os.getpid()


def fails_where(kind: str, once: str) -> int:
    """Find the process changed by nobody knows whom, the first time, and fail of it."""
    first = not os.path.exists(once)
    open(once, "w").close()
    if first:
        KINDS[kind][0]()
        raise RuntimeError("the process is not as it should be")
    return os.getpid()


# What is told of each kind.


def _told(kind: str) -> list[str]:
    """What is said of this kind, in a process of its own."""
    from supreme.core import seeds
    from supreme.pipeline import process_state

    torch.set_deterministic_debug_mode("error")
    ctypes.CDLL(None).prctl(36, 1)  # as in a worker: PR_SET_CHILD_SUBREAPER
    with process_state.watching("it", object()) as watch, seeds.scoped(1):
        KINDS[kind][0]()
    return watch.left


def _in_fork(kind: str) -> list[str]:
    reading, writing = os.pipe()
    if pid := os.fork():
        os.close(writing)
        with open(reading) as file:
            found = file.read()
        os.waitpid(pid, 0)
        return found.splitlines()
    put, leave = os.write, os._exit
    try:
        put(writing, "\n".join(_told(kind)).encode())
    finally:
        leave(0)


def main() -> None:
    """What is told of each kind, as JSON; one import of torch serves all."""
    import left_behind

    from supreme.pipeline import rows  # noqa: F401

    found = {kind: left_behind._in_fork(kind) for kind in KINDS}
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
