"""Time to evaluate one more method's model over that of one forward pass over all images, on the CPU.

What a further method of a sweep costs: its predictions and the default metrics on them. The models beside it are there
already, with their answers, as they are after the first method; ZRF's untrained models too. Floor, evaluation, floor,
again and again in one run, because machines drift; each ratio is to the floors beside it.

    python -m tests.benchmarks.evaluation
"""

from __future__ import annotations

import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from omegaconf import OmegaConf

from supreme.core import Cost, Split, seeds
from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.data.digits import Digits
from supreme.functional.classifier import Classifier
from supreme.models.resnet18 import ResNet18
from supreme.models.small_cnn import SmallCNN
from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions, predict
from supreme.pipeline.rows import UNTRAINED_MODELS, measure

AIM = 1.5
CONF = Path(__file__).parents[2] / "conf"
RESULTS = Path(__file__).parent / "results" / "evaluation.md"


def default_metrics() -> dict[str, Any]:
    (names,) = (entry["metric"] for entry in OmegaConf.load(CONF / "config.yaml").defaults if "metric" in entry)
    return {name: build(OmegaConf.load(CONF / "metric" / f"{name}.yaml"), name) for name in names}


def synthetic(count: int) -> ImageData:
    """Noise, 32 x 32, ten classes, a sixth of it to test."""
    rng = np.random.default_rng(0)
    train = count * 5 // 6
    return ImageData(
        pixels=rng.integers(0, 256, (count, 3, 32, 32), dtype=np.uint8),
        labels=np.arange(count) % 10,
        class_names=tuple("0123456789"),
        train=np.arange(train),
        validation=np.arange(0),
        test=np.arange(train, count),
        image_size=32,
    )


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def world(data: ImageData, make: Callable[[], Classifier]) -> Callable[[], CellEvaluation]:
    """A function to the evaluation of an unlearned model whose predictions are yet to be made."""
    split = Split.of_training(data, data.train[::10], data.test[:0])
    with seeds.scoped(0):
        models = {name: make().eval() for name in ("unlearned", "reference", "original")}
    rng = np.random.default_rng(0)
    noise = [rng.normal(0, 3, (len(data.labels), 10)).astype(np.float32) for _ in range(2 + UNTRAINED_MODELS)]
    cost = Cost(seconds=1.0, peak_memory_bytes=None, forward_samples=0, backward_samples=0, shared_device=False)

    def known(index: int, name: str) -> StoredPredictions:
        return StoredPredictions(split, lambda what: noise[index], lambda: models[name])

    def evaluation() -> CellEvaluation:
        answers: dict[str, np.ndarray] = {}

        def load(what: str) -> np.ndarray:
            if what not in answers:
                answers[what] = predict(models["unlearned"], data, "cpu", what)
            return answers[what]

        subject = StoredPredictions(split, load, lambda: models["unlearned"])
        everything = {"unlearned": subject, "reference": known(0, "reference"), "original": known(1, "original")}
        return CellEvaluation(
            subject_name="unlearned",
            split=split,
            subject=subject,
            all=everything,
            costs=dict.fromkeys(everything, cost),
            load_untrained=lambda: [known(2 + number, "original") for number in range(UNTRAINED_MODELS)],
            stream=0,
        )

    return evaluation


def shares(metrics: Mapping[str, Any], evaluation: CellEvaluation) -> dict[str, float]:
    """Seconds of each metric alone, the predictions being there."""
    evaluation.subject.logits("test")
    return {name: seconds(lambda metric=metric: measure({"": metric}, evaluation)) for name, metric in metrics.items()}


def report(title: str, data: ImageData, make: Callable[[], Classifier], repeats: int) -> list[str]:
    metrics, fresh = default_metrics(), world(data, make)
    model = fresh().subject.model

    def floor() -> object:
        return predict(model, data, "cpu")

    first = fresh()
    measure(metrics, first)  # imports
    floors, times = [seconds(floor)], []
    for _ in range(repeats):
        times.append(seconds(lambda: measure(metrics, fresh())))
        floors.append(seconds(floor))
    ratios = [time / ((floors[i] + floors[i + 1]) / 2) for i, time in enumerate(times)]
    found = shares(metrics, first)
    floor_seconds = statistics.median(floors)
    parts = ", ".join(f"{name} {1000 * part:.0f}" for name, part in sorted(found.items(), key=lambda one: -one[1]))
    return [
        f"* {title}, {len(data.labels)} images, {repeats} repetitions",
        f"  * forward pass: median {floor_seconds:.3f} s; with the metrics {statistics.median(times):.3f} s",
        f"  * **ratio: median {statistics.median(ratios):.2f}**, from {min(ratios):.2f} to {max(ratios):.2f}",
        f"  * metrics alone, over a forward pass: {sum(found.values()) / floor_seconds:.3f}; in milliseconds: {parts}",
    ]


def small_cnn() -> Classifier:
    return SmallCNN(widths=[32, 64, 128])(10, 8, [0.3] * 3, [0.3] * 3)


def resnet18() -> Classifier:
    return ResNet18(width=64)(10, 32, [0.5] * 3, [0.25] * 3)


def main() -> None:
    torch.set_num_threads(1)
    scans = Digits(image_size=8, train_per_class=20, validation_per_class=10, split_seed=0)()
    lines = [
        "# Evaluation of a further method over one forward pass",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, 2-core CPU ({platform.machine()}), one thread, torch {torch.__version__}; "
        f"`python -m tests.benchmarks.evaluation` (aim: {AIM:g})",
        "",
        *report("digits, small_cnn", scans, small_cnn, 15),
        *report("noise of 32 x 32, ResNet-18", synthetic(2000), resnet18, 2),
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
