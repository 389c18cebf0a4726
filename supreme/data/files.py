"""Files of a data source: how the photographs among them become pixels."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from supreme.core import SupremeError

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".pgm", ".ppm"})


def read_images(
    paths: Sequence[Path], size: int, progress: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Decode photographs to uint8, N x 3 x size x size, in the order of their paths.

    Args:
        size: the shorter side is resized to this, the longer one is cropped about its centre.
        progress: told, from the calling thread, how many of them are done.

    Raises:
        SupremeError: a file is broken, truncated, or no picture that this can read; it is named.
    """
    pixels = np.empty((len(paths), 3, size, size), dtype=np.uint8)

    def read(position: int) -> None:
        pixels[position] = read_image(paths[position], size)

    with ThreadPoolExecutor() as threads:  # Pillow lets other threads run while it decodes and resizes
        for done, _ in enumerate(threads.map(read, range(len(paths))), start=1):
            progress(done, len(paths))
    return pixels


def read_image(path: Path, size: int) -> np.ndarray:
    """One photograph as uint8, 3 x size x size: upright, in RGB, its central square, resized with antialiasing."""
    from PIL import Image, ImageOps

    try:
        with Image.open(path) as opened:
            if opened.mode.startswith("I") or opened.mode == "F":
                raise SupremeError(f"{path} has more than 8 bits a channel (mode {opened.mode}): convert it to 8 bits")
            image = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise SupremeError(f"{path} cannot be read as a picture ({error}): replace it or take it away") from error
    side = min(image.size)
    left, top = ((length - side) / 2 for length in image.size)
    square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(square).transpose(2, 0, 1)


@contextmanager
def shown(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress callback: a bar on a terminal, else a line in the log for every tenth of the work."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    if not console.is_terminal:
        yield _logged(what)
        return
    with Progress(*Progress.get_default_columns(), console=console, transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _logged(what: str) -> Callable[[int, int], None]:
    tenths = 0

    def progress(done: int, total: int) -> None:
        nonlocal tenths
        if done * 10 // total > tenths:
            tenths = done * 10 // total
            log.info("%s: %d of %d", what, done, total)

    return progress


def first(names: Sequence[str], told: int) -> str:
    """The first so many names, and how many more there are."""
    return ", ".join(names[:told]) + (f" and {len(names) - told:,} more" if len(names) > told else "")
