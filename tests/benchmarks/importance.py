"""Time of per-sample squared gradients over that of one batched backward pass on the same samples, on the CPU.

Floor, importance, floor, again and again in one run, because machines drift; each ratio is to the floors beside it.

    python -m tests.benchmarks.importance
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import torch
import torch.nn.functional as F

from supreme.functional.importances import cross_entropies
from supreme.functional.per_sample_gradients import layers_with_formula, sum_of_powers
from supreme.models.resnet18 import ResNet18

SAMPLES, REPEATS, AIM = 64, 5, 3.0
RESULTS = Path(__file__).parent / "results" / "importance.md"


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = ResNet18(width=64)(10, 32, [0.5] * 3, [0.25] * 3).eval()
    x, y = torch.rand(SAMPLES, 3, 32, 32), torch.randint(0, 10, (SAMPLES,))
    weights = list(model.parameters())

    def floor() -> object:
        return torch.autograd.grad(F.cross_entropy(model(x), y), weights)

    def importance() -> object:
        layers = layers_with_formula(model, x, y)
        return sum_of_powers(model, layers, x, y, cross_entropies, "square")

    floor(), importance()
    floors, times = [seconds(floor)], []
    for _ in range(REPEATS):
        times.append(seconds(importance))
        floors.append(seconds(floor))
    ratios = [time / ((floors[i] + floors[i + 1]) / 2) for i, time in enumerate(times)]
    lines = [
        "# Per-sample squared gradients over a batched backward pass",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, CPU ({platform.machine()}), one thread, torch {torch.__version__}; "
        "`python -m tests.benchmarks.importance`",
        "",
        f"* ResNet-18, {SAMPLES} images of 32 x 32, {REPEATS} repetitions",
        f"* forward and backward pass of the batch: median {statistics.median(floors):.2f} s",
        f"* squared gradients of every image, layers looked up included: median {statistics.median(times):.2f} s",
        f"* **ratio: median {statistics.median(ratios):.2f}**, from {min(ratios):.2f} to {max(ratios):.2f} "
        f"(aim: at most {AIM:g})",
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
