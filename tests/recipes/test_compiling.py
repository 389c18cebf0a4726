"""A compiled training: compiled once for all models of a kind, counted right, repeatable, and refused in a sentence."""

from __future__ import annotations

import copy
import hashlib
import os
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from supreme.core import Augmentation, Images
from supreme.functional.classifier import Classifier
from supreme.pipeline.device import Measured
from supreme.recipes import Recipe
from supreme.testing import tiny_data, tiny_model
from tests.recipes.test_recipes import recipe

ROOT = Path(__file__).parents[2]


def training_images(count: int = 120) -> Images:
    data = tiny_data()
    return data.view(data.train[:count])


def plan(mode: str | None = "default") -> Recipe:
    return recipe(compile=mode, batch_size=16, epochs=2, crop_padding=1, horizontal_flip=True)


def trained(images: Images, mode: str | None = "default", work: Measured | None = None, seed: int = 0) -> Classifier:
    paused = work.paused if work else nullcontext
    return plan(mode)(tiny_model(images.data, seed), images, torch.Generator().manual_seed(1), paused=paused)


def weights(model: Classifier) -> str:
    return hashlib.sha256(b"".join(one.detach().numpy().tobytes() for one in model.state_dict().values())).hexdigest()


class Script:
    """What another process prints: the compiled model's weights after a training."""

    text = (
        "from tests.recipes.test_compiling import *; "
        "torch.set_num_threads(1); print(weights(trained(training_images())))"
    )

    @classmethod
    def run(cls, cache: Path, **environment: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        told = {**os.environ, "PYTHONPATH": path, "TORCHINDUCTOR_CACHE_DIR": str(cache), **environment}
        return subprocess.run(
            [sys.executable, "-c", cls.text], env=told, capture_output=True, text=True, timeout=240, check=False
        )


@pytest.mark.slow
def test_models_of_a_kind_are_compiled_once_and_every_image_is_counted() -> None:
    from torch._dynamo.utils import counters

    counters.clear()
    for count, seed in ((120, 0), (119, 1), (103, 2)):  # other last batches, other models
        images = training_images(count)
        with Measured("cpu", shared=False) as work:
            model = trained(images, work=work, seed=seed)
        assert (work.cost.forward_samples, work.cost.backward_samples) == (2 * count, 2 * count)
        assert counters["stats"]["unique_graphs"] == 1
        assert not counters["graph_break"]
    assert type(copy.deepcopy(model)) is Classifier
    assert list(model.state_dict()) == list(tiny_model(images.data, 0).state_dict())
    assert all(weight.grad is None for weight in model.parameters())
    far = torch.cat([one.flatten() for one in trained(images, None, seed=2).state_dict().values()])
    near = torch.cat([one.flatten() for one in model.state_dict().values()])
    torch.testing.assert_close(near, far, rtol=1e-3, atol=1e-4)  # the same training but for the last bits


@pytest.mark.slow
@pytest.mark.exhaustive
def test_processes_with_a_cold_and_a_warm_cache_of_the_compiler_train_to_the_same_bits(tmp_path: Path) -> None:
    cold, warm, other = (Script.run(tmp_path / name) for name in ("one", "one", "two"))
    assert cold.returncode == 0, cold.stderr
    assert len(cold.stdout.strip()) == 64
    assert cold.stdout == warm.stdout == other.stdout


@pytest.mark.slow
@pytest.mark.exhaustive
def test_a_missing_c_compiler_is_told_in_one_sentence(tmp_path: Path) -> None:
    done = Script.run(tmp_path, CXX="/no/such/compiler")
    last = done.stderr.strip().splitlines()[-1]
    assert "SupremeError" in last
    assert "type recipe.compile=null" in last
    assert len(last) < 500


class Asked(TorchDispatchMode):
    """Counts what makes the host wait for a device: numbers read from it, and copies to it that are not free to lag."""

    def __init__(self) -> None:
        super().__init__()
        self.reads, self.waits = 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        kwargs = kwargs or {}
        self.reads += func.overloadpacket.__name__ in ("_local_scalar_dense", "nonzero", "masked_select", "equal")
        if func is torch.ops.aten._to_copy.default:
            device = kwargs.get("device")
            self.waits += device is not None and device != args[0].device and not kwargs.get("non_blocking")
        return func(*args, **kwargs)


def test_an_epoch_asks_the_device_for_no_more_numbers_when_it_has_more_steps() -> None:
    asked = []
    for batch_size in (60, 4):
        images, model = training_images(), tiny_model(tiny_data(), 0)
        with Asked() as told:
            recipe(batch_size=batch_size, epochs=1)(model, images, torch.Generator().manual_seed(0))
        asked.append(told.reads)
    assert asked[0] == asked[1]


def test_no_copy_to_the_device_waits_for_it() -> None:
    """A meta tensor stands for one on a device: it has no numbers that anything could wait for."""
    from dataclasses import replace

    images = training_images()
    pixels = torch.empty(images.data.pixels.shape, dtype=torch.uint8, device="meta")
    every = Augmentation(crop_padding=1, horizontal_flip=True, rotation_degrees=10.0)
    there = replace(images, data=replace(images.data, pixels=pixels)).to("meta", every)
    with Asked() as told:
        batches = list(there.batches(16, torch.Generator().manual_seed(0), augment=True))
    assert {x.device.type for x, _ in batches} == {y.device.type for _, y in batches} == {"meta"}
    assert (told.waits, told.reads) == (0, 0)
