"""Data that a Python session holds in memory, kept in a folder from which the workers of a sweep can read them."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import SupremeError
from supreme.core.images import ImageData, Images
from supreme.data import files
from supreme.data.array_files import NAMES, PARTS, Pairs
from supreme.data.foreign import TEST, TRAINING, VALIDATION, classes_of
from supreme.data.item_decoding import Items, decoded
from supreme.store.decoded.cache import JOURNAL, PIXELS

HOLDS_NO_ARITHMETIC = True  # what it writes is known by its content

FORMS = "a map-style data set of pairs of an image and a label, or a pair (images, labels) of arrays or tensors"


def keep(
    train: Any,
    test: Any = None,
    *,
    validation: Any = None,
    folder: Path,
    class_names: Sequence[str] | None = None,
    decode_size: int | None = None,
) -> dict[str, Any]:
    """Write these sets to a folder below `folder`, named by their content, and say how a sweep chooses them.

    What was kept before is found again, and nothing is written. Images are kept as squares of uint8.

    Args:
        train: a map-style data set whose items are pairs of an image and a label; a pair (images, labels) of arrays or
            tensors; `Images`; or `ImageData`, which brings its own test and validation images.
        test: the same; None: some of the training images of each class test (`data.test_fraction`).
        validation: the same; None: some of the training images validate (`data.validation_fraction`).
        class_names: of each label its class; None: what the training set says (`classes`), else the labels.
        decode_size: side of the squares; None: that of the images, which must all have the same.

    Returns:
        What to give the sweep, as the command line would: `{"data": "arrays", "data.root": ...}`, and what else of
        conf/data/arrays.yaml must be another.

    Raises:
        SupremeError: a set, an item or a label cannot be used.
    """
    chosen: dict[str, Any] = {"data": "arrays"}
    if isinstance(train, ImageData):
        if test is not None or validation is not None:
            raise SupremeError("ImageData bring their own test and validation images: give no others")
        source = train
        class_names = class_names or source.class_names
        train, validation, test = (source.view(part) for part in (source.train, source.validation, source.test))
        chosen |= {} if len(validation) else {"data.validation_fraction": 0.0}
        validation = validation if len(validation) else None
    if isinstance(train, Images):
        class_names = class_names or train.data.class_names
        chosen |= {"data.image_size": train.data.image_size}
    given = {TRAINING: train, VALIDATION: validation, TEST: test}
    sets = {name: _items(name, value) for name, value in given.items() if value is not None}
    names = list(class_names or classes_of(train) or [])
    return {**chosen, "data.root": str(_kept(sets, names, Path(folder).expanduser(), decode_size))}


def _items(name: str, given: Any) -> Items:
    if isinstance(given, Images):
        return Pairs(np.asarray(given.data.pixels)[given.indices], given.targets, where=name)
    if _is_pair(given):
        images, labels = given
        return Pairs(images, labels.tolist() if hasattr(labels, "tolist") else list(labels), where=name)
    if not hasattr(given, "__getitem__") or isinstance(given, str | bytes | Mapping):
        raise SupremeError(f"{name} is of the type {type(given).__name__}: give {FORMS}")
    return given


def _is_pair(given: Any) -> bool:
    """Whether it is (images, labels), and not a data set that is a list."""
    if not (isinstance(given, tuple | list) and len(given) == 2 and all(hasattr(part, "__len__") for part in given)):
        return False
    return isinstance(given, tuple) or hasattr(given[0], "shape")


def _kept(sets: Mapping[str, Items], class_names: Sequence[str], folder: Path, decode_size: int | None) -> Path:
    """The folder that holds these sets, under the digest of all that is in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".keeping-", dir=folder))
    except OSError as error:
        raise SupremeError(f"{folder} cannot be written to ({error.strerror}): name another folder") from error
    try:
        return _published(temporary, sets, class_names, folder, decode_size)
    except OSError as error:
        raise SupremeError(f"{folder} cannot be written to ({error.strerror}): free some space") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _published(
    temporary: Path, sets: Mapping[str, Items], class_names: Sequence[str], folder: Path, decode_size: int | None
) -> Path:
    digest = hashlib.sha256(json.dumps(class_names).encode())
    with files.shown("keeping the data") as progress:
        pixels, labels = decoded(sets, decode_size, temporary, progress)
    start = 0
    for part, name in zip(PARTS, (TRAINING, VALIDATION, TEST), strict=True):
        if name in labels:
            images = pixels[start : start + len(labels[name])]
            start += len(images)
            np.save(temporary / f"{part}_images.npy", images)
            np.save(temporary / f"{part}_labels.npy", np.array(labels[name]))
            digest.update(json.dumps([part, images.shape, labels[name]]).encode())
            digest.update(np.ascontiguousarray(images).data)
    (temporary / PIXELS).unlink()
    (temporary / JOURNAL).unlink()
    if class_names:
        (temporary / NAMES).write_text(json.dumps(list(class_names)), encoding="utf-8")
    place = folder / digest.hexdigest()[:32]
    if not place.is_dir():
        temporary.rename(place)
    return place
