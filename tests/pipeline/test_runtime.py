"""What is measured of work is what happened, and the switches that change bits are where they should be."""

from __future__ import annotations

import copy
import gc
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from supreme.core import Cost, seeds
from supreme.core.images import Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.device import Measured, autocast, configure, count_passes, on_device
from supreme.recipes import Recipe
from supreme.testing import tiny_data, tiny_model

MEGABYTE = 2**20


@pytest.fixture
def _restored() -> Iterator[None]:
    """Put the global switches back that `configure` sets."""
    threads, deterministic = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    benchmark, fill = torch.backends.cudnn.benchmark, torch.utils.deterministic.fill_uninitialized_memory
    tf32 = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    yield
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.benchmark, torch.utils.deterministic.fill_uninitialized_memory = benchmark, fill
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = tf32


def model_and_batch(count: int = 10) -> tuple[Classifier, Tensor, Tensor]:
    images = all_training_images()
    return tiny_model(images.data, 0), *next(images.batches(count))


def all_training_images() -> Images:
    data = tiny_data()
    return data.view(data.train)


# Passes.


def test_each_training_step_is_a_forward_and_a_backward_pass_of_its_samples() -> None:
    images = all_training_images()
    model, optimizer_steps = tiny_model(images.data, 0), 0
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    with count_passes() as passes:
        for x, y in (batch for _ in range(3) for batch in images.batches(7)):
            optimizer.zero_grad()
            F.cross_entropy(model(x), y).backward()
            optimizer.step()
            optimizer_steps += 1
    assert optimizer_steps == 3 * 18
    assert (passes.forward, passes.backward) == (360, 360)


def test_the_recipe_passes_every_image_once_each_epoch() -> None:
    images = all_training_images()
    fields = {"optimizer": "sgd", "schedule": "constant", "precision": "fp32", "milestones": [], "nesterov": False}
    numbers = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0, "gamma": 0.2, "warmup_epochs": 0.0}
    rest = {"label_smoothing": 0.0, "crop_padding": 0, "horizontal_flip": True, "rotation_degrees": 5.0}
    rest |= {"channels_last": False, "compile": None, "warmup_from_zero": False, "original_keeps": "last"}
    rest |= {"original_milestone_shift": 0, "reference_batch_size": None}
    recipe = Recipe(**fields, **numbers, **rest, batch_size=7, epochs=2)  # type: ignore[arg-type]
    with Measured("cpu", shared=False) as work:
        recipe(tiny_model(images.data, 0), images, torch.Generator().manual_seed(0))
    assert (work.cost.forward_samples, work.cost.backward_samples) == (240, 240)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_pass_without_gradients_is_a_forward_pass_only(mode: type) -> None:
    model, x, _ = model_and_batch(10)
    with count_passes() as passes, mode():
        model(x)
    assert (passes.forward, passes.backward) == (10, 0)


def test_a_frozen_copy_counts_forward_only_and_the_student_counts_both() -> None:
    model, x, _ = model_and_batch(10)
    with count_passes() as passes:
        teacher = copy.deepcopy(model).requires_grad_(False)
        F.mse_loss(model(x), teacher(x)).backward()
    assert (passes.forward, passes.backward) == (20, 10)


def test_a_copy_that_is_trained_counts_both() -> None:
    model, x, y = model_and_batch(10)
    with count_passes() as passes:
        model(x)
        F.cross_entropy(copy.deepcopy(model)(x), y).backward()
    assert (passes.forward, passes.backward) == (20, 10)


def test_gradients_that_are_asked_for_without_backward_are_counted() -> None:
    model, x, y = model_and_batch(10)
    with count_passes() as passes:
        torch.autograd.grad(F.cross_entropy(model(x), y), list(model.parameters()))
    assert (passes.forward, passes.backward) == (10, 10)


def test_two_backward_passes_of_one_forward_pass_are_two() -> None:
    model, x, y = model_and_batch(10)
    with count_passes() as passes:
        loss = F.cross_entropy(model(x), y)
        loss.backward(retain_graph=True)
        loss.backward()
    assert (passes.forward, passes.backward) == (10, 20)


def loss_of_one(weights: dict[str, Tensor], model: Classifier, x: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(functional_call(model, weights, (x[None],)), y[None])


def test_gradients_of_each_sample_count_every_sample_once() -> None:
    model, x, y = model_and_batch(10)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    with count_passes() as passes:
        vmap(grad(loss_of_one), in_dims=(None, None, 0, 0))(weights, model, x, y)
    assert (passes.forward, passes.backward) == (10, 10)


def test_gradients_of_each_sample_in_chunks_count_every_sample_once() -> None:
    model, x, y = model_and_batch(10)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    with count_passes() as passes:
        vmap(grad(loss_of_one), in_dims=(None, None, 0, 0), chunk_size=4)(weights, model, x, y)
    assert (passes.forward, passes.backward) == (10, 10)


def test_answers_that_are_mapped_over_samples_without_gradients_are_forward_passes() -> None:
    model, x, _ = model_and_batch(10)
    with count_passes() as passes, torch.no_grad():
        vmap(lambda one: model(one[None]))(x)
    assert (passes.forward, passes.backward) == (10, 0)


def test_answers_that_are_mapped_over_samples_and_then_differentiated_count_both() -> None:
    model, x, y = model_and_batch(10)
    with count_passes() as passes:
        logits = vmap(lambda one: model(one[None])[0])(x)
        F.cross_entropy(logits, y).backward()
    assert (passes.forward, passes.backward) == (10, 10)


def test_a_gradient_of_a_loss_that_is_mapped_over_samples_counts_both() -> None:
    model, x, y = model_and_batch(10)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    with count_passes() as passes:
        grad(lambda weights: vmap(loss_of_one, in_dims=(None, None, 0, 0))(weights, model, x, y).mean())(weights)
    assert (passes.forward, passes.backward) == (10, 10)


def test_samples_that_lie_in_the_last_dimension_are_counted_too() -> None:
    """Where vmap keeps the samples is its own business; here they come last."""

    class Exponential(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.exp()

    model = Classifier(Exponential(), nn.Identity(), (0.0,), (1.0,))
    with count_passes() as passes, torch.no_grad():
        vmap(model.body, in_dims=-1)(torch.rand(1, 3, 10))
    assert passes.forward == 10


def test_a_batch_gradient_in_functional_style_counts_both() -> None:
    model, x, y = model_and_batch(10)
    weights = {name: weight.detach() for name, weight in model.named_parameters()}
    with count_passes() as passes:
        grad(lambda weights: F.cross_entropy(functional_call(model, weights, (x,)), y))(weights)
    assert (passes.forward, passes.backward) == (10, 10)


def test_an_ensemble_counts_every_sample_for_every_member() -> None:
    data = tiny_data()
    members = [tiny_model(data, seed) for seed in range(3)]
    x, _ = next(data.view(data.train).batches(10))
    stacked = stack_module_state(members)  # type: ignore[arg-type]
    with count_passes() as passes, torch.no_grad():
        vmap(lambda *state: functional_call(members[0], state, (x,)))(*stacked)
    assert passes.forward == 30


def test_a_pass_counts_whether_logits_or_features_are_asked_for() -> None:
    model, x, _ = model_and_batch(10)
    with count_passes() as passes:
        model.head(model.features(x)).sum().backward()
    assert (passes.forward, passes.backward) == (10, 10)
    with count_passes() as passes:
        with torch.no_grad():
            features = model.features(x)
        model.head(features).sum().backward()
    assert (passes.forward, passes.backward) == (10, 0)


def test_counting_ends_with_its_block() -> None:
    model, x, y = model_and_batch(10)
    with count_passes() as passes:
        model(x)
    F.cross_entropy(model(x), y).backward()
    assert (passes.forward, passes.backward) == (10, 0)
    assert not torch.nn.modules.module._global_forward_hooks


def test_counting_ends_when_the_work_fails_and_the_failure_is_passed_on() -> None:
    model, x, _ = model_and_batch(10)
    work = Measured("cpu", shared=False)
    with pytest.raises(RuntimeError, match="cannot be multiplied"), work:
        model(x) @ model(x)
    assert work.cost.forward_samples == 20
    assert not torch.nn.modules.module._global_forward_hooks


def test_measurements_nest() -> None:
    model, x, _ = model_and_batch(10)
    with Measured("cpu", shared=False) as outer:
        model(x)
        with Measured("cpu", shared=False) as inner:
            model(x)
    assert (outer.cost.forward_samples, inner.cost.forward_samples) == (20, 10)


def test_what_runs_in_a_pause_is_not_counted() -> None:
    model, x, y = model_and_batch(10)
    with Measured("cpu", shared=False) as work:
        model(x)
        with work.paused():
            F.cross_entropy(model(x), y).backward()
        F.cross_entropy(model(x), y).backward()
    assert (work.cost.forward_samples, work.cost.backward_samples) == (20, 10)


def test_a_pause_that_fails_ends_all_the_same() -> None:
    model, x, _ = model_and_batch(10)
    with Measured("cpu", shared=False) as work:
        with pytest.raises(RuntimeError), work.paused():
            model(x) @ model(x)
        model(x)
    assert work.cost.forward_samples == 10


@pytest.mark.parametrize("shared", [(False, False), (True, False), (False, True)])
def test_what_was_measured_elsewhere_is_added(shared: tuple[bool, bool]) -> None:
    model, x, _ = model_and_batch(10)
    other = Cost(
        seconds=100.0,
        peak_memory_bytes=10**12,
        forward_samples=3,
        backward_samples=4,
        shared_device=shared[1],
    )
    with Measured("cpu", shared[0]) as work:
        model(x)
        work.add(other)
    assert 100 < work.cost.seconds < 110
    assert (work.cost.forward_samples, work.cost.backward_samples) == (13, 4)
    assert work.cost.peak_memory_bytes in (10**12, None)
    assert work.cost.shared_device is any(shared)


def test_memory_is_unknown_where_a_part_of_it_is() -> None:
    with Measured("cpu", shared=False) as work:
        work.add(Cost(seconds=1, peak_memory_bytes=None, forward_samples=0, backward_samples=0, shared_device=False))
    assert work.cost.peak_memory_bytes is None


# Time and memory.


def measured_allocation(megabytes: int) -> Cost:
    gc.collect()  # or what earlier tests left is given back inside, and hides what is taken
    with Measured("cpu", shared=False) as work:
        held = np.ones(megabytes * MEGABYTE, dtype=np.uint8)
        del held
    return work.cost


def test_the_peak_of_memory_is_what_the_work_held_at_once_even_if_it_gave_it_back() -> None:
    before, peak, after = (measured_allocation(megabytes).peak_memory_bytes for megabytes in (1, 200, 1))
    if peak is None:
        pytest.skip("this system does not let a process reset its peak of memory")
    assert 195 * MEGABYTE < peak < 230 * MEGABYTE
    assert before is not None
    assert before < 20 * MEGABYTE
    assert after is not None
    assert after < 20 * MEGABYTE


def test_memory_that_earlier_work_used_and_freed_counts_when_it_is_taken_again() -> None:
    """In pieces so small that the allocator keeps them when they are freed, and the last one stays: as a model's do."""
    peaks, last = [], []
    for _ in range(4):
        gc.collect()
        with Measured("cpu", shared=False) as work:
            held = [np.ones(100_000, dtype=np.uint8) for _ in range(1000)]
            last.append(held.pop())
            del held
        peaks.append(work.cost.peak_memory_bytes)
    if None in peaks:
        pytest.skip("this system does not let a process reset its peak of memory")
    assert all(peak is not None and 90e6 < peak < 140e6 for peak in peaks), peaks


@pytest.mark.parametrize(("outside", "inside"), [(200, 1), (1, 200), (60, 200), (200, 60)])
def test_the_peak_of_memory_is_that_of_the_work_outside_its_pauses(outside: int, inside: int) -> None:
    gc.collect()
    with Measured("cpu", shared=False) as work:
        held = np.ones(outside * MEGABYTE, dtype=np.uint8)
        del held
        with work.paused():
            measured_allocation(inside)
    peak = work.cost.peak_memory_bytes
    if peak is None:
        pytest.skip("this system does not let a process reset its peak of memory")
    assert (outside - 5) * MEGABYTE < peak < (outside + 30) * MEGABYTE


def test_the_seconds_of_a_pause_are_not_those_of_the_work() -> None:
    begun = time.perf_counter()
    with Measured("cpu", shared=False) as work:
        with work.paused():
            paused = time.perf_counter()
            time.sleep(0.5)
            paused = time.perf_counter() - paused
        time.sleep(0.1)
    assert 0.1 <= work.cost.seconds <= time.perf_counter() - begun - paused


def test_the_seconds_are_wall_time() -> None:
    begun = time.perf_counter()
    with Measured("cpu", shared=False) as work:
        time.sleep(0.1)
    assert 0.1 <= work.cost.seconds <= time.perf_counter() - begun


@pytest.mark.parametrize("shared", [True, False])
def test_the_cost_tells_whether_the_device_was_shared(shared: bool) -> None:
    with Measured("cpu", shared) as work:
        pass
    assert work.cost.shared_device is shared


# Precision.


def test_autocast_computes_in_bfloat16_only_where_it_is_asked_for() -> None:
    model, x, _ = model_and_batch()
    for precision, dtype in (("bf16", torch.bfloat16), ("tf32", torch.float32), ("fp32", torch.float32)):
        with autocast("cpu", precision):
            assert model(x).dtype == dtype


def test_autocast_never_answers_with_weights_from_before_a_step() -> None:
    model, x, y = model_and_batch()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    with autocast("cpu", "bf16"):
        before = model(x)
        F.cross_entropy(before, y).backward()
        optimizer.step()
        after = model(x)
    with autocast("cpu", "bf16"):
        fresh = copy.deepcopy(model)(x)
    assert torch.equal(after, fresh)
    assert not torch.equal(after, before)


# Switches.


@pytest.mark.usefixtures("_restored")
@pytest.mark.parametrize("device", ["cpu", "cuda"])
@pytest.mark.parametrize("precision", ["fp32", "tf32", "bf16"])
def test_configure_leaves_deterministic_algorithms_on(precision: str, device: str) -> None:
    torch.use_deterministic_algorithms(False)
    configure(device, precision, deterministic=True, threads=1)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.is_deterministic_algorithms_warn_only_enabled()
    assert not torch.backends.cudnn.benchmark
    assert torch.get_num_threads() == 1


@pytest.mark.usefixtures("_restored")
def test_determinism_can_be_given_up_for_speed() -> None:
    configure("cuda", "fp32", deterministic=False, threads=1)
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark


@pytest.mark.usefixtures("_restored")
def test_float32_means_float32_and_only_the_other_precisions_shorten_products() -> None:
    for precision, shortened in (("tf32", True), ("fp32", False), ("bf16", True), ("fp32", False)):
        configure("cuda", precision, deterministic=True, threads=1)
        assert torch.backends.cuda.matmul.allow_tf32 is shortened
        assert torch.backends.cudnn.allow_tf32 is shortened


@pytest.mark.usefixtures("_restored")
def test_a_stage_does_not_inherit_the_switches_of_the_one_before() -> None:
    configure("cuda", "tf32", deterministic=False, threads=2)
    configure("cpu", "fp32", deterministic=True, threads=1)
    assert torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.benchmark
    assert torch.get_num_threads() == 1


def test_configure_uses_nothing_that_torch_warns_about() -> None:
    """In a process of its own, where every warning that torch gives once is still to come."""
    script = (
        "import torch, warnings; from supreme.pipeline.device import configure\n"
        "warnings.simplefilter('error')\n"
        "for precision in ('fp32', 'tf32', 'bf16'):\n"
        "    for deterministic in (True, False):\n"
        "        for device in ('cpu', 'cuda'):\n"
        "            configure(device, precision, deterministic, 1)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_data_stays_where_it_is_for_work_on_the_cpu() -> None:
    data = tiny_data()
    assert on_device(data, "cpu") is data


def test_an_initialiser_inside_autocast_still_draws_float32_weights() -> None:
    with autocast("cpu", "bf16"), seeds.scoped(0):
        inside = nn.Linear(4, 4).weight
    with seeds.scoped(0):
        outside = nn.Linear(4, 4).weight
    assert torch.equal(inside, outside)
