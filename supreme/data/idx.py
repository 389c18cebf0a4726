"""The IDX format, in which MNIST and its successors are published."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

from supreme.core import SupremeError

UNSIGNED_BYTES = 8


def read(path: Path) -> np.ndarray:
    """The uint8 array in a gzipped IDX file: two zero bytes, the type, the number of dimensions, their sizes, the data.

    Raises:
        SupremeError: the file is damaged, or holds something else.
    """
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError, zlib.error) as error:
        raise SupremeError(f"{path} cannot be read as a gzipped file ({error}): download it again") from error
    dimensions = content[3] if len(content) > 3 else 0
    start = 4 + 4 * dimensions
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, start, 4)]
    if content[:3] != bytes([0, 0, UNSIGNED_BYTES]) or not dimensions or len(content) != start + math.prod(shape):
        raise SupremeError(f"{path} is no IDX file of bytes, or is incomplete: download it again")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
