"""A split as JSON: which images are in which set and what their labels are, and no image. Its digest proves it."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, TypedDict

import numpy as np

from supreme.core import SET_NAMES, ImageData, Images, Split
from supreme.core.canonical import Damaged, parse
from supreme.core.typed import flaw


class _Set(TypedDict):
    indices: list[int]
    targets: list[int]


class _Planted(TypedDict):
    dtype: str
    shape: list[int]
    base64: str


class _Record(TypedDict):
    data: str
    """Fingerprint of the data, with what the scenario made of them when it poisons."""
    num_classes: int
    forget_classes: list[int]
    sets: Mapping[str, _Set]
    planted: Mapping[str, _Planted]


def as_json(split: Split) -> bytes:
    """The split without its images."""
    record = {
        "data": split.data.fingerprint,
        "num_classes": split.num_classes,
        "forget_classes": list(map(int, split.forget_classes)),
        "sets": {
            name: {"indices": one.indices.tolist(), "targets": one.targets.tolist()} for name, one in split.sets.items()
        },
        "planted": {
            name: {
                "dtype": array.dtype.str,
                "shape": list(array.shape),
                "base64": base64.b64encode(np.ascontiguousarray(array).tobytes()).decode(),
            }
            for name, array in split.planted.items()
        },
    }
    return json.dumps(record, separators=(",", ":")).encode()


def from_json(content: bytes, digest: str) -> Split:
    """The split that `as_json` wrote; its images cannot be asked for.

    Raises:
        Damaged: it is no such record, or its digest is another one.
    """
    record = parse(content)
    if wrong := flaw(record, _Record):
        raise Damaged(f"it is no split: {wrong}")
    try:
        split = _split(record)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise Damaged(f"it is no split: {error}") from error
    if split.digest != digest:
        raise Damaged(f"it is another split than its name says, {split.digest[:12]}")
    return split


def _split(record: Mapping[str, Any]) -> Split:
    classes = record["num_classes"]
    sets = {
        name: (np.array(one["indices"], np.int64), np.array(one["targets"], np.int64))
        for name, one in record["sets"].items()
    }
    for name, (indices, targets) in sets.items():
        if indices.shape != targets.shape or (len(indices) and indices.min() < 0):
            raise ValueError(f"{name} has {len(indices)} positions and {len(targets)} labels, or positions below 0")
        if len(targets) and not 0 <= targets.min() <= targets.max() < classes:
            raise ValueError(f"{name} has labels that none of {classes} classes has")
    nothing = np.empty(0, np.int64)
    data = ImageData(
        pixels=np.empty((0, 3, 1, 1), np.uint8),
        labels=nothing,
        class_names=tuple(map(str, range(classes))),
        train=nothing,
        validation=nothing,
        test=nothing,
        image_size=1,
        fingerprint=record["data"],
    )
    views = {name: Images(data=data, indices=indices, targets=targets) for name, (indices, targets) in sets.items()}
    return Split(
        **{name: views[name] for name in SET_NAMES},
        num_classes=classes,
        forget_classes=tuple(record["forget_classes"]),
        extra={name: one for name, one in views.items() if name not in SET_NAMES},
        planted={name: _array(one) for name, one in record["planted"].items()},
    )


def _array(one: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    if not re.fullmatch(r"[<|][biuf]\d", one["dtype"]):
        raise ValueError(f"an array of {one['dtype']!r}")
    return np.frombuffer(base64.b64decode(one["base64"], validate=True), one["dtype"]).reshape(one["shape"])
