"""The benchmark for whoever has a GPU runs, here in sizes that mean nothing, and writes no result without one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.benchmarks import pins_gpu

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.exhaustive
def test_the_benchmark_runs_on_a_cpu_and_writes_nothing() -> None:
    before = sorted((ROOT / "tests" / "benchmarks" / "results").iterdir())
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "tests.benchmarks.pins_gpu", "--tiny"]
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    for told in (
        "| ResNet-18 at 32 px, tf32 | training |",
        "| ViT-B/16 at 224 px, bf16, compiled | evaluation |",
        "| 2 |",
    ):
        assert told in done.stdout
    assert "nothing is written" in done.stderr
    assert sorted((ROOT / "tests" / "benchmarks" / "results").iterdir()) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_the_full_size_is_refused_without_a_gpu(capsys: pytest.CaptureFixture[str]) -> None:
    assert pins_gpu.main([]) == 2
    assert "type --tiny" in capsys.readouterr().err


def test_the_projected_grid_is_the_published_one() -> None:
    """10 originals, 60 references, 200 epochs of 100 images; methods: 60 x (5 + .3 + 3 + 4) + 50 x 2 passes."""
    trained, answered = pins_gpu.grid_images(200, 100)
    assert trained == pytest.approx(100 * (70 * 200 + 60 * 12.3 + 100))
    # 10 originals, 60 references, 350 unlearned models: five methods six times and UNSIR five times, for each seed.
    assert answered == pytest.approx(100 * (10 + 60 + 350 + 60 * 0.6))


def test_the_peak_of_a_device_is_found_by_its_name() -> None:
    assert pins_gpu.peak_of("NVIDIA H100 80GB HBM3") == 989
    assert pins_gpu.peak_of("NVIDIA L40S") == 362
    assert pins_gpu.peak_of("NVIDIA A100-SXM4-80GB") == 312
    assert pins_gpu.peak_of("some other card") is None
