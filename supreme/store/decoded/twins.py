"""The digest of each decoded image, kept beside the pixels: equal ones are twins (see `supreme.core.twins`)."""

from __future__ import annotations

import hashlib
import logging
from contextlib import suppress
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.core.canonical import Damaged, read_bytes
from supreme.core.images import ImageData
from supreme.core.twins import DIGEST_BYTES, group_numbers, pixel_digests, warning_of
from supreme.store.files import write_bytes

log = logging.getLogger(__name__)

NAME = "twins.digests"


def digests(folder: Path, data: ImageData) -> bytes:
    """16 bytes for each image of the data in this folder; made now, kept and told of, where the folder lacks them."""
    with suppress(OSError, Damaged):
        stated, _, content = read_bytes(folder / NAME).partition(b"\n")
        if stated == _stated(content, data) and len(content) == DIGEST_BYTES * len(data.labels):
            return content
    return keep(folder, data)


def keep(folder: Path, data: ImageData) -> bytes:
    """Make the digests of these data, keep them in this folder, and warn where two images are equal."""
    found = pixel_digests(np.asarray(data.pixels))
    with suppress(SupremeError):  # a place that cannot be written: they are made the next time again
        write_bytes(folder / NAME, _stated(found, data) + b"\n" + found)
    sets = {"train": data.train, "validation": data.validation, "test": data.test}
    if told := warning_of(sets, data.labels, group_numbers(found)):
        log.warning("%s", told)
    return found


def _stated(content: bytes, data: ImageData) -> bytes:
    """SHA-256 of the digests and of what they are of."""
    return hashlib.sha256(data.fingerprint.encode() + content).hexdigest().encode()
