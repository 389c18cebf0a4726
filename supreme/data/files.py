"""Files of a data source: how the photographs among them become pixels."""

from __future__ import annotations

import logging
import os
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from supreme.core import SupremeError
from supreme.core.canonical import open_regular

if TYPE_CHECKING:
    from PIL import Image

log = logging.getLogger(__name__)

IMAGE_SUFFIXES = frozenset(
    {*(".jpg", ".jpeg", ".jfif", ".png", ".webp", ".bmp", ".pgm", ".ppm"), *(".tif", ".tiff", ".gif")}
)
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "PPM", "TIFF", "GIF", "AVIF", "JPEG2000")
"""What a file may be, whatever its name says; left out are those that Pillow hands to another program, as EPS."""
ORIENTATION = 0x0112
"""The EXIF tag that says how the camera was held."""


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
    """One photograph as uint8, 3 x size x size: upright, in RGB, its central square, resized with antialiasing.

    Raises:
        SupremeError: it is no regular file, or cannot be decoded; it is named.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        with os.fdopen(open_regular(path), "rb") as file, Image.open(file, formats=_formats()) as opened:
            if opened.mode.startswith("I") or opened.mode == "F":
                bits = f"more than 8 bits a channel (mode {opened.mode})"
                raise SupremeError(f"{told(path)} has {bits}: convert it to 8 bits")
            image = _upright(opened).convert("RGB")
        side = min(image.size)
        left, top = ((length - side) / 2 for length in image.size)
        square = image.resize((size, size), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    except SupremeError:
        raise
    except Exception as error:  # the decoder of a damaged file can raise anything
        why = f"it is none of {', '.join(FORMATS)}" if isinstance(error, UnidentifiedImageError) else _reason(error)
        raise SupremeError(f"{told(path)} cannot be read as a picture ({why}): replace it or take it away") from error
    return np.asarray(square).transpose(2, 0, 1)


def _upright(image: Image.Image) -> Image.Image:
    """The picture turned as its EXIF asks; as it is where the EXIF asks for nothing or cannot be read.

    Pillow's own function writes the EXIF again, which fails for much that can be read.
    """
    from PIL.Image import Transpose

    image.load()
    try:
        orientation = image.getexif().get(ORIENTATION, 1)
        turn = {
            2: Transpose.FLIP_LEFT_RIGHT,
            3: Transpose.ROTATE_180,
            4: Transpose.FLIP_TOP_BOTTOM,
            5: Transpose.TRANSPOSE,
            6: Transpose.ROTATE_270,
            7: Transpose.TRANSVERSE,
            8: Transpose.ROTATE_90,
        }.get(orientation)
    except Exception:  # EXIF is written by every camera and editor, and not always well; the pixels are whole
        turn = None
    return image if turn is None else image.transpose(turn)


@cache
def _formats() -> list[str]:
    """Those of the formats that this build of Pillow decodes."""
    from PIL import Image

    Image.init()
    return [name for name in FORMATS if name in Image.OPEN]


def _reason(error: Exception) -> str:
    """One line that says what went wrong."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(words.split()) or type(error).__name__


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


def first(names: Sequence[str], told_of: int) -> str:
    """The first so many names, and how many more there are."""
    more = f" and {len(names) - told_of:,} more" if len(names) > told_of else ""
    return ", ".join(map(told, names[:told_of])) + more


def told(path: Path | str) -> str:
    """A path or a name as a sentence can hold it: line ends, other control characters and what is no UTF-8 escaped."""
    name = str(path)
    if not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name):
        return name
    printable = (letter if unicodedata.category(letter) not in ("Cc", "Cs") else ascii(letter)[1:-1] for letter in name)
    return "".join(printable)
