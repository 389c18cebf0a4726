"""Many photographs into one file of pixels: in parallel, and going on after a kill where it was.

The file is written part by part, and a journal beside it states the SHA-256 of every part that is done. So whatever
ended the process, a part counts only if its bytes are there. No more than a part for each thread is in memory.
"""

from __future__ import annotations

import hashlib
import io
import json
import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.core.canonical import parse
from supreme.data.files import read_image
from supreme.store.decoded.cache import JOURNAL, PIXELS

log = logging.getLogger(__name__)

PART = 128
"""Photographs in a part: 25 MB at 256 x 256."""
TOLD = 3
"""How many of the photographs that cannot be used are told of in full."""


def decode_into(
    folder: Path, paths: Sequence[Path], size: int, progress: Callable[[int, int], None] = lambda done, total: None
) -> np.ndarray:
    """Decode photographs into `images.npy` of this folder: uint8, N x 3 x size x size, in the order of their paths.

    Threads, not processes: Pillow lets other threads run while it decodes and resizes.

    Args:
        folder: perhaps with what an earlier call for the same photographs has left.
        progress: told, from the calling thread, how many of them are done.

    Returns:
        The file, memory-mapped, read-only.

    Raises:
        SupremeError: photographs cannot be used; it names the first of them, and says how many there are.
    """
    header = _header((len(paths), 3, size, size))
    done_before = _journal(folder / JOURNAL)
    descriptor = os.open(folder / PIXELS, os.O_RDWR | os.O_CREAT, 0o666)
    flaws: list[str] = []
    done = found = 0

    def part(start: int) -> tuple[int, int, str, list[str]]:
        """Where the part begins, its length, its digest ("" where it was done before), and what cannot be used."""
        some = paths[start : start + PART]
        length = len(some) * 3 * size * size
        place = len(header) + start * 3 * size * size
        stated = done_before.get(start)
        if stated and hashlib.sha256(os.pread(descriptor, length, place)).hexdigest() == stated:
            return start, len(some), "", []
        pixels, odd = np.empty((len(some), 3, size, size), dtype=np.uint8), list[str]()
        for position, path in enumerate(some):
            try:
                pixels[position] = read_image(path, size)
            except SupremeError as error:
                odd.append(str(error))
        if odd:
            return start, len(some), "", odd
        _write(descriptor, pixels.data.cast("B"), place)
        return start, len(some), hashlib.sha256(pixels.data).hexdigest(), []

    try:
        _write(descriptor, header, 0)
        with ThreadPoolExecutor() as threads, (folder / JOURNAL).open("a") as journal:
            for start, count, digest, odd in threads.map(part, range(0, len(paths), PART)):
                flaws += odd
                if digest:
                    journal.write(json.dumps([start, digest]) + "\n")
                    journal.flush()
                elif not odd:
                    found += count
                done += count
                progress(done, len(paths))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if found:
        log.info("%d of %d photographs had been decoded before", found, len(paths))
    if flaws:
        raise SupremeError(_told(flaws, len(paths)))
    return np.load(folder / PIXELS, mmap_mode="r")


def _told(flaws: Sequence[str], total: int) -> str:
    if len(flaws) == 1:
        return flaws[0]
    more = len(flaws) - TOLD
    tail = f"; and {more} more" if more > 0 else ""
    return f"{len(flaws):,} of {total:,} photographs cannot be used: {'; '.join(flaws[:TOLD])}{tail}"


def _header(shape: tuple[int, ...]) -> bytes:
    """What np.save writes before the pixels of an array of this shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return file.getvalue()


def _journal(path: Path) -> dict[int, str]:
    """The digest of each part that the journal states, by where the part begins."""
    stated: dict[int, str] = {}
    with suppress(FileNotFoundError):
        for line in path.read_text(errors="replace").splitlines():
            with suppress(ValueError, TypeError):  # the last line of a killed process may be cut
                start, digest = parse(line)
                stated[int(start)] = str(digest)
    return stated


def _write(descriptor: int, content: bytes | memoryview, place: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, place)
        content, place = content[written:], place + written
