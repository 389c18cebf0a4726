"""Data sets of Hugging Face, in the files that its library and its hub write."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.data.hf import HuggingFace
from supreme.testing import check_data
from tests.conf_files import CONF, node_of

RNG = np.random.default_rng(0)
PIXELS = {part: RNG.integers(0, 256, (count, 8, 8, 3), dtype=np.uint8) for part, count in (("train", 40), ("test", 12))}
NAMES = ["cat", "dog"]


def table(part: str, image: str = "image", label: str = "label", described: bool = True, **more: Any) -> pa.Table:
    def png(pixels: np.ndarray) -> bytes:
        Image.fromarray(pixels).save(file := io.BytesIO(), "PNG")
        return file.getvalue()

    images = [{"bytes": png(pixels), "path": None} for pixels in PIXELS[part]]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    labels = pa.array(np.arange(len(images)) % 2)
    found = pa.table({image: pa.array(images, kind), label: labels, **dict.fromkeys(more, labels)})
    features = {image: {"_type": "Image"}, label: {"_type": "ClassLabel", "names": NAMES}, **more}
    said = json.dumps({"info": {"features": features}}).encode()
    return found.replace_schema_metadata({b"huggingface": said}) if described else found


def parquet(path: Path, *arguments: Any, **changes: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table(*arguments, **changes), path, row_group_size=16)
    return path


def arrow(path: Path, part: str) -> None:
    """As `save_to_disk` writes it, with what its cache may leave beside."""
    path.parent.mkdir(parents=True)
    (path.parent / "state.json").write_text(json.dumps({"_data_files": [{"filename": path.name}]}))
    (path.parent / "cache-1.arrow").write_bytes(b"")
    content = table(part)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, content.schema) as stream:
        stream.write_table(content, max_chunksize=16)


def source(path: Path | str, folder: Path, **values: Any) -> HuggingFace:
    node = node_of(CONF / "data" / "hf.yaml") | {"path": str(path), "data_dir": str(folder)} | values
    return build(node, "data hf")


def hub(root: Path) -> None:
    parquet(root / "data" / "train-00000-of-00001.parquet", "train")
    parquet(root / "data" / "test-00000-of-00001.parquet", "test")


def converted(root: Path) -> None:
    parquet(root / "default" / "train" / "0000.parquet", "train")
    parquet(root / "default" / "test" / "0000.parquet", "test")


def saved(root: Path) -> None:
    arrow(root / "train" / "data-00000-of-00001.arrow", "train")
    arrow(root / "test" / "data-00000-of-00001.arrow", "test")


def plain(root: Path) -> None:
    parquet(root / "train.parquet", "train", image="img", described=False)
    parquet(root / "val.parquet", "test", image="img", described=False)


@pytest.mark.parametrize("write", [hub, converted, saved, plain])
def test_the_files_of_the_hub_and_of_the_library_are_the_same_data(write: Any, tmp_path: Path) -> None:
    write(tmp_path)
    data = source(tmp_path, tmp_path)()
    assert np.array_equal(np.asarray(data.pixels), np.concatenate([*PIXELS.values()]).transpose(0, 3, 1, 2))
    assert data.class_names == (("0", "1") if write is plain else ("cat", "dog"))
    assert (len(data.train), len(data.validation), data.test.tolist()) == (36, 4, list(range(40, 52)))


def test_one_table_is_dealt_and_keeps_the_promises_of_a_source(tmp_path: Path) -> None:
    parquet(tmp_path / "photographs.parquet", "train")
    component = source(tmp_path, tmp_path)
    data = component()
    assert (len(data.train), len(data.validation), len(data.test)) == (28, 4, 8)
    check_data(component)


def test_what_cannot_be_read_is_told_of_in_a_sentence(tmp_path: Path) -> None:
    two = parquet(tmp_path / "two" / "train.parquet", "train", fine={"_type": "ClassLabel", "names": NAMES}).parent
    nameless = parquet(tmp_path / "nameless" / "train.parquet", "train", image="a", described=False).parent
    several = parquet(tmp_path / "several" / "one" / "train" / "0.parquet", "train").parents[2]
    parquet(several / "two" / "train" / "0.parquet", "train")
    tests = parquet(tmp_path / "tests" / "test.parquet", "test").parent
    (tmp_path / "empty").mkdir()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "train.parquet").write_bytes(b"<html>")
    for path, values, message in [
        (tmp_path / "nowhere", {}, "there is no folder .*nowhere: type data.path="),
        ("owner/name", {}, "if it is a name on the hub, data.download=true"),
        (tmp_path / "empty", {}, "holds no .parquet or .arrow files"),
        (tmp_path / "damaged", {}, "train.parquet cannot be read as a table"),
        (two, {}, "label and fine are columns of the kind for the label: type data.label_column=..., one of image,"),
        (
            two,
            {"label_column": "lable"},
            "data.label_column=lable is not allowed: train.parquet has image, label",
        ),
        (two, {"label_column": "label", "image_column": "fine"}, "item 0 .* its image is of the type int"),
        (nameless, {}, "no column says that it is the one for the image: type data.image_column=..., one of a, label"),
        (several, {}, "holds 2 data sets: type data.path=.*several/one"),
        (tests, {}, "has no split train"),
    ]:
        with pytest.raises(SupremeError, match=message) as raised:
            source(path, tmp_path, **values)()
        assert "\n" not in str(raised.value)


def test_a_name_is_fetched_from_the_hub_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked = []

    def fetch(name: str, *, local_dir: Path, **more: Any) -> None:
        asked.append((name, more["revision"]))
        converted(local_dir)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    first = source("owner/name", tmp_path, download=True)
    assert first.signature() == source("owner/name", tmp_path).signature()
    assert asked == [("owner/name", "refs/convert/parquet")]
