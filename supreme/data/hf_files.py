"""Tables of a Hugging Face data set on disk, Parquet or Arrow, as map-style data sets; the library is not needed."""

from __future__ import annotations

import bisect
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from supreme.core import SupremeError

SPLITS: dict[str, tuple[str, ...]] = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
IMAGES = ("image", "img", "pixel_values")
LABELS = ("label", "labels", "target", "fine_label", "class")


def tables_below(folder: Path) -> list[Path]:
    """The Parquet files below a folder, or the Arrow files that `save_to_disk` left there; not those of its cache."""
    found = sorted(folder.rglob("*.parquet"))
    return found or [path for path in sorted(folder.rglob("*.arrow")) if not path.name.startswith("cache-")]


def split_of(path: Path, root: Path) -> str | None:
    """train, validation or test, by the start of a file's name or by a folder's; None: it does not say."""
    inside = path.relative_to(root)
    words = [inside.stem.lower().split("-")[0].split(".")[0], *(part.lower() for part in reversed(inside.parts[:-1]))]
    return next((split for word in words for split, names in SPLITS.items() if word in names), None)


class Table:
    """Some files of one split, as a data set of pairs of an image and a label; a few rows at a time are in memory."""

    def __init__(self, paths: Sequence[Path], image: str | None, label: str | None) -> None:
        self.groups = [group for path in paths for group in _groups(path)]
        self.ends = np.cumsum([rows for _, _, rows in self.groups]).tolist()
        schema = _schema(paths[0])
        features = _features(schema)
        self.image = _column(schema.names, image, "image", _typed(features, "Image"), IMAGES, paths[0])
        self.label = _column(schema.names, label, "label", _typed(features, "ClassLabel"), LABELS, paths[0])
        self.class_names: list[str] | None = features.get(self.label, {}).get("names")
        self._held: tuple[int, Any] = (-1, None)

    def __len__(self) -> int:
        return self.ends[-1] if self.ends else 0

    def __getitem__(self, position: int) -> tuple[Any, Any]:
        number = bisect.bisect_right(self.ends, position)
        path, group, rows = self.groups[number]
        if self._held[0] != number:
            self._held = (number, _rows(path, group, [self.image, self.label]))
        row = position - (self.ends[number] - rows)
        image, label = (self._held[1].column(name)[row].as_py() for name in (self.image, self.label))
        return _image(image, path.parent), label


def _parquet(path: Path) -> Any:
    import pyarrow.parquet

    return pyarrow.parquet.ParquetFile(path, memory_map=True)


def _stream(path: Path) -> Any:
    """An Arrow file: a stream, as `save_to_disk` writes it, or a file with an index."""
    import pyarrow as pa

    try:
        return pa.ipc.open_stream(pa.memory_map(str(path))).read_all()
    except pa.ArrowInvalid:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def _opened(path: Path) -> Any:
    try:
        return _parquet(path) if path.suffix == ".parquet" else _stream(path)
    except Exception as error:  # a damaged file can raise anything
        raise SupremeError(f"{path} cannot be read as a table ({error}): fetch or save it again") from error


def _groups(path: Path) -> list[tuple[Path, int, int]]:
    """The file, the number of each of its row groups, and how many rows that has."""
    opened = _opened(path)
    if path.suffix == ".parquet":
        return [(path, at, opened.metadata.row_group(at).num_rows) for at in range(opened.num_row_groups)]
    return [(path, 0, opened.num_rows)]


def _rows(path: Path, group: int, columns: list[str]) -> Any:
    opened = _opened(path)
    return opened.read_row_group(group, columns=columns) if path.suffix == ".parquet" else opened


def _schema(path: Path) -> Any:
    opened = _opened(path)
    return opened.schema_arrow if path.suffix == ".parquet" else opened.schema


def _features(schema: Any) -> Mapping[str, Any]:
    """What the library wrote of each column; nothing where another program made the table."""
    try:
        return json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"]
    except (KeyError, TypeError, ValueError):
        return {}


def _typed(features: Mapping[str, Any], kind: str) -> list[str]:
    return [name for name, one in features.items() if isinstance(one, Mapping) and one.get("_type") == kind]


def _column(
    names: list[str], given: str | None, what: str, typed: list[str], usual: tuple[str, ...], path: Path
) -> str:
    if given is not None:
        if given not in names:
            raise SupremeError(f"data.{what}_column={given} is not allowed: {path.name} has {', '.join(names)}")
        return given
    found = typed or [name for name in usual if name in names][:1]
    if len(found) != 1:
        told = f"{' and '.join(found)} are columns of the kind" if found else "no column says that it is the one"
        raise SupremeError(f"{told} for the {what}: type data.{what}_column=..., one of {', '.join(names)}")
    return found[0]


def _image(value: Any, beside: Path) -> Any:
    """The picture that the library stores as its bytes or as a path, upright as the library gives it; or an array."""
    from PIL import Image, ImageOps

    if isinstance(value, list):
        return np.asarray(value)
    content = value.get("bytes") if isinstance(value, Mapping) else value
    if content is None and isinstance(value, Mapping) and value.get("path"):
        content = (beside / value["path"]).read_bytes()
    if not isinstance(content, bytes):
        raise SupremeError(f"its image is of the type {type(content).__name__}, not the bytes of a picture")
    image = Image.open(io.BytesIO(content))
    image.load()
    return image if image.getexif().get(0x0112, 1) == 1 else ImageOps.exif_transpose(image)
