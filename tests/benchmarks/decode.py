"""Decoding a folder as large as Pins into the cache over a bare sequential Pillow loop, and the second start.

105 classes and 17,534 JPEGs of about 180 x 190 pixels, kept at 256 x 256 as conf/data/pins_224.yaml does. The loop
reads every eighth photograph, before and after, in this process; wall time tells of the cores (and of whoever else uses
them), CPU time of the work. Largest anonymous memory is what the process holds beside the files that it maps.

    python -m tests.benchmarks.decode
"""

from __future__ import annotations

import io
import os
import platform
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from supreme.data.files import read_image
from supreme.data.image_folder import ImageFolder
from supreme.store.decoded import cache

CLASSES, PHOTOGRAPHS, SIZE, EVERY = 105, 17_534, 256, 8
RESULTS = Path(__file__).parent / "results" / "decode.md"


def make(root: Path) -> None:
    """Forty different photographs, smooth as photographs are, under as many names as Pins has."""
    rng, kinds = np.random.default_rng(0), []
    for number in range(40):
        noise = Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8))
        file = io.BytesIO()
        noise.resize((160 + number, 170 + number), Image.Resampling.BICUBIC).save(file, "JPEG", quality=90)
        kinds.append(file.getvalue())
    for number in range(CLASSES):
        (root / f"pins_{number:03d}").mkdir()
    for number in range(PHOTOGRAPHS):
        (root / f"pins_{number % CLASSES:03d}" / f"{number:05d}.jpg").write_bytes(kinds[number % len(kinds)])


def seconds(work: Callable[[], object]) -> tuple[float, float]:
    """Wall and CPU seconds of the work in this process."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - cpu


@contextmanager
def largest_memory() -> Iterator[list[int]]:
    """The largest anonymous memory of this process inside, in bytes, sampled; empty where the system does not tell."""
    found, stop = list[int](), threading.Event()

    def look() -> None:
        while not stop.wait(0.05):
            lines = Path("/proc/self/status").read_text().splitlines()
            now = [1024 * int(line.split()[1]) for line in lines if line.startswith("RssAnon")]
            found[:] = [max(found + now)] if found + now else []

    thread = threading.Thread(target=look, daemon=True)
    if sys.platform == "linux":
        thread.start()
    try:
        yield found
    finally:
        stop.set()


def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        root, kept = Path(directory, "pins"), Path(directory, "cache")
        root.mkdir()
        make(root)
        paths = sorted(root.glob("*/*"))[::EVERY]

        def loop() -> None:
            pixels = np.empty((len(paths), 3, SIZE, SIZE), dtype=np.uint8)
            for position, path in enumerate(paths):
                pixels[position] = read_image(path, SIZE)

        values = {"prefix": "pins_", "exclude": [], "expected_classes": CLASSES, "census": None, "download_hint": ""}
        values |= {"table": None, "split": None}
        parts = {"test": "held_out", "test_fraction": 0.2, "validation_fraction": 0.1, "split_seed": 0}
        source = ImageFolder(root=str(root), image_size=224, decode_size=SIZE, **values, **parts)  # type: ignore[arg-type]
        before = seconds(loop)
        with largest_memory() as memory:
            first = seconds(lambda: cache.prepare(source, {}, kept))
        after = seconds(loop)
        again = min(seconds(lambda: cache.prepare(source, {}, kept))[0] for _ in range(5))
    share = PHOTOGRAPHS / len(paths)
    wall, cpu = (share * (one + other) / 2 for one, other in zip(before, after, strict=True))
    cores = len(os.sched_getaffinity(0))
    lines = [
        "# Decoding a folder of photographs",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, CPU ({platform.machine()}), {cores} cores, load {os.getloadavg()[1]:.1f} over "
        "five minutes (where that is above the cores, others were at work); `python -m tests.benchmarks.decode`",
        "",
        f"* {PHOTOGRAPHS:,} JPEGs in {CLASSES} classes, kept at {SIZE} x {SIZE}: "
        f"{PHOTOGRAPHS * 3 * SIZE**2 / 1e9:.1f} GB",
        f"* bare sequential loop, from every {EVERY}th photograph before and after: {wall:.1f} s wall "
        f"({share * before[0]:.1f}, {share * after[0]:.1f}), {cpu:.1f} s CPU; it neither writes nor checks anything",
        f"* first start, with splits, statistics, fingerprint and synced files: {first[0]:.1f} s wall, "
        f"{first[1]:.1f} s CPU",
        f"* **ratio {first[0] / wall:.2f} in wall time, {first[1] / cpu:.2f} in CPU time**",
        f"* largest anonymous memory: {max(memory, default=0) / 1e6:.0f} MB",
        f"* second start, best of five: **{again:.2f} s**",
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
