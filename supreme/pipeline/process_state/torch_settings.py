"""The settings of torch that could move a number."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from supreme.pipeline.process_state.settings import Setting, attribute

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

PLACES = tuple(f"/{part}{device}" for part in ("", "Autograd") for device in ("CPU", "CUDA", "MPS"))
"""Where an operator runs, as torch names it."""


def of_torch(torch: Any) -> Iterator[Setting]:
    """Of torch, once something has imported it."""
    core, autograd, backends = torch._C, torch._C._autograd, torch.backends
    yield Setting(words="the default dtype of torch", get=torch.get_default_dtype, put=torch.set_default_dtype)
    yield Setting(words="the gradient mode", get=torch.is_grad_enabled, put=torch._C._set_grad_enabled, scoped=True)
    yield Setting(words="the inference mode", get=torch.is_inference_mode_enabled, scoped=True)
    for device in ("cpu", "cuda"):
        get, put = partial(torch.is_autocast_enabled, device), partial(torch.set_autocast_enabled, device)
        yield Setting(words=f"autocast on {device}", get=get, put=put, scoped=True)
        get, put = partial(torch.get_autocast_dtype, device), partial(torch.set_autocast_dtype, device)
        yield Setting(words=f"the dtype of autocast on {device}", get=get, put=put, scoped=True)
    yield Setting(
        words="the cache of autocast",
        get=torch.is_autocast_cache_enabled,
        put=torch.set_autocast_cache_enabled,
        scoped=True,
    )
    yield Setting(
        words="the modes that torch's functions run in, such as a default device",
        get=core._len_torch_function_stack,
        put=partial(_pop_to, core._len_torch_function_stack, core._pop_torch_function_stack),
        scoped=True,
    )
    yield Setting(words="the modes of dispatch", get=core._len_torch_dispatch_stack, scoped=True)
    yield Setting(words="the hooks of saved tensors", get=lambda: _saved_tensors_hooks(autograd), scoped=True)
    yield Setting(words="the profiler", get=autograd._profiler_enabled, scoped=True)
    yield Setting(
        words="torch.use_deterministic_algorithms",
        get=torch.get_deterministic_debug_mode,
        put=torch.set_deterministic_debug_mode,
        ours=True,
    )
    yield Setting(words="the number of threads", get=torch.get_num_threads, put=torch.set_num_threads, ours=True)
    yield Setting(words="the number of threads between operations", get=torch.get_num_interop_threads)
    yield Setting(
        words="the precision of matrix products",
        get=torch.get_float32_matmul_precision,
        put=torch.set_float32_matmul_precision,
        ours=True,
    )
    yield Setting(words="the detection of anomalies", get=torch.is_anomaly_enabled, put=torch.set_anomaly_enabled)
    yield Setting(
        words="threads in backward",
        get=core._is_multithreading_enabled,
        put=core._set_multithreading_enabled,
        scoped=True,
    )
    yield Setting(words="torch.set_warn_always", get=torch.is_warn_always_enabled, put=torch.set_warn_always)
    yield attribute("torch.utils.deterministic", torch.utils.deterministic, "fill_uninitialized_memory", ours=True)
    for label, holder, names in (
        (
            "cuda.matmul",
            backends.cuda.matmul,
            "allow_tf32 allow_fp16_reduced_precision_reduction allow_fp16_accumulation",
        ),
        ("cuda.matmul", backends.cuda.matmul, "allow_bf16_reduced_precision_reduction"),
        ("cudnn", backends.cudnn, "enabled benchmark benchmark_limit deterministic allow_tf32"),
        ("mkldnn", backends.mkldnn, "enabled deterministic fp32_precision"),
        ("opt_einsum", backends.opt_einsum, "enabled strategy"),
        ("quantized", backends.quantized, "engine"),
    ):
        for name in names.split():
            if hasattr(holder, name):
                yield attribute(f"torch.backends.{label}", holder, name, ours=name in ("allow_tf32", "benchmark"))
    for name in ("cudnn", "flash", "mem_efficient", "math"):
        if hasattr(core, f"_get_{name}_sdp_enabled"):
            put = getattr(core, f"_set_sdp_use_{name}", None)
            yield Setting(words=f"attention by {name}", get=getattr(core, f"_get_{name}_sdp_enabled"), put=put)
    for name in ("overwrite_module_params_on_conversion", "swap_module_params_on_conversion"):
        get, put = (getattr(torch.__future__, f"{verb}_{name}") for verb in ("get", "set"))
        yield Setting(words=f"torch.__future__: {name}", get=get, put=put)
    yield Setting(words="operators of torch", get=partial(_operators, torch.library, {}))
    for module in (torch.nn.modules.module, sys.modules["torch.optim.optimizer"]):
        for name, hooks in vars(module).items():
            if name.startswith("_global_") and isinstance(hooks, dict):
                yield Setting(
                    words=f"hooks on all modules ({name[8:]})",
                    get=partial(_hooks, hooks),
                    put=partial(_put_hooks, hooks),
                )
    if torch.cuda.is_available():
        yield Setting(
            words="the current CUDA device", get=lambda: torch.cuda.is_initialized() and torch.cuda.current_device()
        )
    if torch.distributed.is_available():
        yield Setting(words="torch.distributed", get=torch.distributed.is_initialized)


def _saved_tensors_hooks(autograd: Any) -> tuple[Any, ...]:
    return autograd._saved_tensors_hooks_is_enabled(), autograd._top_saved_tensors_default_hooks(True) is None


def _pop_to(length: Callable[[], int], pop: Callable[[], object], before: int) -> None:
    while length() > before:
        pop()


def _operators(library: Any, known: dict[int, Any]) -> Any:
    """Which operators of torch's own run other code on a device; thousands of other entries come with imports."""
    found = library._impls
    if len(found) not in known:
        known.clear()
        known[len(found)] = frozenset(
            name for name in list(found) if name.startswith("aten/") and name.endswith(PLACES)
        )
    return known[len(found)]


def _hooks(hooks: dict[Any, Any]) -> tuple[Any, ...]:
    """But for the one that counts passes, which is there while something is measured."""
    return tuple(hook for hook in hooks.values() if getattr(hook, "__module__", "") != "supreme.pipeline.device")


def _put_hooks(hooks: dict[Any, Any], before: tuple[Any, ...]) -> None:
    for key in [key for key, hook in hooks.items() if hook in _hooks(hooks) and hook not in before]:
        del hooks[key]
