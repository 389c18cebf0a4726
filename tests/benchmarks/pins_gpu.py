"""The Pins workload at its full size on a GPU: throughput beside bare loops, and what the published grid would take.

17,534 generated images (no JPEG), ResNet-18 at 32 px and ViT-B/16 at 224 px as conf has them:

* images per second in training and in evaluation, over a bare uncompiled loop of the same model, optimiser and
  precision on tensors that lie on the device already (floor, ours, floor, in one run); beside them the aim, where there
  is one. With recipe.compile the compiler's own time does not count, as in a sweep;
* of training in bfloat16 the share of the device's peak (model FLOPs; a backward pass counts as two forward ones);
* 1, 2, 4 and 8 jobs of ResNet-18 on one device: total throughput;
* from these, the wall time of the published grid on 1 and 8 devices.

    python -m tests.benchmarks.pins_gpu                 # writes results/pins_gpu.md
    python -m tests.benchmarks.pins_gpu --tiny          # runs anywhere, writes nothing without CUDA
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from omegaconf import OmegaConf
from torch.utils.flop_counter import FlopCounterMode

from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.functional.classifier import Classifier
from supreme.pipeline.device import Measured, autocast, configure, on_device, synchronise
from supreme.pipeline.evaluation import BATCH, inference, predict
from supreme.recipes import Recipe
from tests.conf_files import node_of

CONF = Path(__file__).parents[2] / "conf"
RESULTS = Path(__file__).parent / "results" / "pins_gpu.md"
SEEDS, TARGETS = 10, 6
"""Of the published grid: training seeds; five identities and a random sample."""
PEAK_TFLOPS = {"H100": 989, "H200": 989, "A100": 312, "L40S": 362, "L4": 121, "4090": 165, "A10": 125}
"""Dense bfloat16, from the makers' data sheets (SXM cards); the first name found in the device's own."""


@dataclass(frozen=True)
class Size:
    images: int
    classes: int
    steps: int
    """Of training in each measurement."""
    jobs: tuple[int, ...]
    resnet18: dict[str, Any]
    vit: dict[str, Any]
    """What differs from conf/model."""
    vit_pixels: tuple[int, int]
    """As a model sees them, and as they are kept."""
    large_batch: int = 512


FULL = Size(17_534, 105, 100, (1, 2, 4, 8), {}, {"pretrained": False}, (224, 256))
TINY = Size(96, 5, 2, (1, 2), {"width": 4}, {"pretrained": False, "arch": "test_vit", "image_size": 32}, (32, 36), 80)


@dataclass(frozen=True)
class Case:
    """A model, a recipe and the sizes of its images."""

    name: str
    model: str
    changes: dict[str, Any]
    recipe: Recipe
    pixels: tuple[int, int]
    grid_epochs: int
    """Of each training in the published grid."""
    aim: str = "-"
    """What training is to reach on an H100."""

    def classifier(self, classes: int, device: str) -> Classifier:
        node = {**OmegaConf.to_container(OmegaConf.load(CONF / "model" / f"{self.model}.yaml")), **self.changes}  # type: ignore[dict-item]
        torch.manual_seed(0)
        model = build(node)(classes, self.pixels[0], [0.5] * 3, [0.25] * 3).to(device)
        return model.to(memory_format=torch.channels_last) if self.recipe.channels_last else model


def cases(size: Size) -> list[Case]:
    def resnet18(what: str, aim: str = "-", **changes: Any) -> Case:
        recipe = _recipe("pins-resnet18", **changes)
        return Case(f"ResNet-18 at 32 px, {what}", "resnet18", size.resnet18, recipe, (32, 32), 200, aim)

    def vit(what: str, aim: str = "-", **changes: Any) -> Case:
        recipe = _recipe("pins_224-vit_b16", **changes)
        return Case(f"ViT-B/16 at 224 px, {what}", "vit_b16", size.vit, recipe, size.vit_pixels, 8, aim)

    fast = {"precision": "bf16", "channels_last": True}
    return [
        resnet18("tf32"),
        resnet18("bf16 channels_last", "40,000 images/s", **fast),
        resnet18("bf16 channels_last, compiled", "40,000 images/s", **fast, compile="reduce-overhead"),
        resnet18("bf16 channels_last, batch 512", "40,000 images/s", **fast, batch_size=size.large_batch),
        vit("tf32"),
        vit("bf16", precision="bf16"),
        vit("bf16, compiled", "45 % of peak", precision="bf16", compile="default"),
    ]


def _recipe(name: str, **changes: Any) -> Recipe:
    """That of conf, for one epoch."""
    return replace(build(node_of(CONF / "recipe" / f"{name}.yaml")), epochs=1, **changes)


def generated(size: Size, side: int, folder: Path) -> ImageData:
    """Noise in a mapped file; a block of it over and over, for the arithmetic is the same whatever the picture."""
    path = folder / f"{side}.npy"
    if not path.exists():
        pixels = np.lib.format.open_memmap(path, "w+", np.uint8, (size.images, 3, side, side))
        block = np.random.default_rng(0).integers(0, 256, (min(256, size.images), 3, side, side), dtype=np.uint8)
        for start in range(0, size.images, len(block)):
            part = pixels[start : start + len(block)]
            part[:] = block[: len(part)]
        pixels.flush()
    everything = np.arange(size.images)
    return ImageData(
        pixels=np.load(path, mmap_mode="r"),
        labels=everything % size.classes,
        class_names=tuple(map(str, range(size.classes))),
        train=everything,
        validation=everything[:0],
        test=everything,
        image_size=side,
    )


def seconds(work: Callable[[], object], device: str) -> float:
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


def training(case: Case, data: ImageData, size: Size, device: str) -> tuple[float, float]:
    """Images per second: ours, with shuffling and augmentation, and the floor."""
    count = min(size.steps * case.recipe.batch_size, size.images)
    images = replace(data, image_size=case.pixels[0]).view(np.arange(count)).to(device)
    model, bare = (case.classifier(size.classes, device) for _ in range(2))
    rng, optimizer = torch.Generator().manual_seed(0), case.recipe.optimizer_of(bare)
    batch = case.recipe.batch_size
    x = torch.rand(batch, 3, case.pixels[0], case.pixels[0], device=device)
    y = torch.arange(batch, device=device) % size.classes

    def ours() -> float:
        with autocast(device, case.recipe.precision), Measured(device, shared=False) as work:
            case.recipe(model, images, rng, paused=work.paused)
        return work.cost.seconds

    def bare_loop() -> None:
        bare.train()
        with autocast(device, case.recipe.precision):
            for start in range(0, count, batch):
                part = min(batch, count - start)
                loss = F.cross_entropy(bare(x[:part]), y[:part])
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()

    return _rates(ours, lambda: seconds(bare_loop, device), count)


def evaluation(case: Case, data: ImageData, size: Size, device: str) -> tuple[float, float]:
    """Images per second: our pass over all images, answers on the host; and the floor."""
    model, count = case.classifier(size.classes, device), size.images
    shown = replace(data, image_size=case.pixels[0])
    x = torch.rand(BATCH, 3, case.pixels[0], case.pixels[0], device=device)

    def bare_loop() -> None:
        with inference(model):
            for start in range(0, count, BATCH):
                model(x[: min(BATCH, count - start)])

    return _rates(
        lambda: seconds(lambda: predict(model, shown, device), device), lambda: seconds(bare_loop, device), count
    )


def _rates(ours: Callable[[], float], floor: Callable[[], float], count: int) -> tuple[float, float]:
    """Images per second of two works that say how long they took; both run once before, to be warm."""
    for warm in (floor, ours):
        warm()
    before, own, after = floor(), ours(), floor()
    return count / own, count / ((before + after) / 2)


def forward_flops(case: Case, size: Size) -> int:
    """Floating-point operations of one image; a multiplication with its addition counts as two."""
    model = case.classifier(size.classes, "cpu").eval()
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad():
        model(torch.rand(1, 3, case.pixels[0], case.pixels[0]))
    return counter.get_total_flops()


def _job(number: int, size: Size, path: str, device: str, barrier: Any, rates: Any) -> None:
    case = cases(size)[0]
    configure(device, case.recipe.precision, True, 1)
    data = on_device(generated(size, case.pixels[1], Path(path)), device)
    images = data.view(np.arange(min(size.steps * case.recipe.batch_size, size.images))).to(device)
    model, rng = case.classifier(size.classes, device), torch.Generator().manual_seed(number)
    case.recipe(model, images, rng)
    barrier.wait(600)  # one that failed must not hold the others for ever
    rates[number] = len(images) / seconds(lambda: case.recipe(model, images, rng), device)


def together(jobs: int, size: Size, folder: Path, device: str) -> float:
    """Images per second of so many trainings of ResNet-18 at once, all together."""
    context = multiprocessing.get_context("spawn")
    barrier, rates = context.Barrier(jobs), context.Array("d", jobs)
    workers = [
        context.Process(target=_job, args=(number, size, str(folder), device, barrier, rates)) for number in range(jobs)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise SystemExit(f"{jobs} jobs at once: one of them failed")
    return sum(rates)


def grid_images(epochs: int, images: int) -> tuple[float, float]:
    """Images trained on and images only answered in the published grid of one model.

    Originals and references are trained for all epochs. Passes of the methods over the training data: fine-tuning 5,
    bad teaching 0.3 and twice as many forward, random labels 3, UNSIR 2, SSD and LFSSD one importance each, counted as
    two. Every model answers every image once.
    """
    trained = SEEDS * (1 + TARGETS) * epochs + SEEDS * TARGETS * (5 + 0.3 + 3 + 2 * 2) + SEEDS * (TARGETS - 1) * 2
    answered = SEEDS * (1 + TARGETS * (1 + 5) + TARGETS - 1) + SEEDS * TARGETS * 0.6
    return trained * images, answered * images


def measure(size: Size, device: str, folder: Path, peak_tflops: float | None) -> list[str]:
    """The report, as lines of Markdown."""
    rows, rates = [], {}
    for case in cases(size):
        configure(device, case.recipe.precision, True, torch.get_num_threads())
        data = on_device(generated(size, case.pixels[1], folder), device)
        trained, answered = training(case, data, size, device), evaluation(case, data, size, device)
        rates[case.name] = trained[0], answered[0]
        share = "-"
        if case.recipe.precision == "bf16" and peak_tflops:
            share = f"{3 * forward_flops(case, size) * trained[0] / (peak_tflops * 1e12):.1%}"
        for what, (own, floor) in (("training", trained), ("evaluation", answered)):
            told, aim = (share, case.aim) if what == "training" else ("-", "-")
            rows.append(f"| {case.name} | {what} | {own:,.0f} | {floor:,.0f} | {own / floor:.2f} | {told} | {aim} |")
    header = "| model | what | images/s | floor | ratio | share of peak | aim |"
    lines = [header, "|---|---|--:|--:|--:|--:|--:|", *rows, ""]
    totals = {jobs: together(jobs, size, folder, device) for jobs in size.jobs}
    lines += ["| jobs of ResNet-18 on one device | images/s together | over one job |", "|--:|--:|--:|"]
    lines += [f"| {jobs} | {total:,.0f} | {total / totals[1]:.2f} |" for jobs, total in totals.items()]
    return [*lines, "", *_projection(cases(size), rates, max(totals.values()) / totals[1], size.images)]


def _projection(
    measured: Sequence[Case], rates: dict[str, tuple[float, float]], packed: float, images: int
) -> Sequence[str]:
    lines = [
        "The published grid (ten seeds, six forget sets, six methods), projected from these rates: no device waits,",
        "one job on each device, and metrics cost nothing. ResNet-18 is to take 2 hours of one device. Several jobs of",
        f"it in tf32 on a device, measured above, would divide its line by {packed:.2f}.",
        "",
        "| model | 1 device, hours | 8 devices, hours |",
        "|---|--:|--:|",
    ]
    for case in measured:
        trained, answered = rates[case.name]
        train, answer = grid_images(case.grid_epochs, images)
        hours = (train / trained + answer / answered) / 3600
        lines.append(f"| {case.name} | {hours:.2f} | {hours / 8:.2f} |")
    return lines


def peak_of(name: str) -> float | None:
    return next((peak for part, peak in PEAK_TFLOPS.items() if part in name), None)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="The Pins workload on a GPU, beside bare loops.")
    parser.add_argument("--tiny", action="store_true", help="sizes that mean nothing, to see that it runs")
    parser.add_argument("--peak-tflops", type=float, help="of the device in bfloat16, where its name is not known here")
    arguments = parser.parse_args(argv)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # deterministic sums, as a sweep's workers have
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu" and not arguments.tiny:
        sys.stderr.write("there is no CUDA device here, and the full size would take days without: type --tiny\n")
        return 2
    name = torch.cuda.get_device_name() if device == "cuda" else "CPU"
    with tempfile.TemporaryDirectory() as folder:
        lines = measure(TINY if arguments.tiny else FULL, device, Path(folder), arguments.peak_tflops or peak_of(name))
    size = "tiny sizes, which mean nothing" if arguments.tiny else f"{FULL.images:,} generated images"
    told = [
        "# Pins on a GPU",
        "",
        f"{name}, torch {torch.__version__}, {datetime.now(UTC):%Y-%m-%d}, {size}. Written by",
        "`python -m tests.benchmarks.pins_gpu`, whose docstring says what is measured.",
        "",
        *lines,
        "",
    ]
    sys.stdout.write("\n".join(told))
    if device == "cuda" and not arguments.tiny:
        RESULTS.write_text("\n".join(told))
    else:
        sys.stderr.write("nothing is written to results/: that takes a CUDA device and the full size\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
