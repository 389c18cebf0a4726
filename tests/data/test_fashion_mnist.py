"""Fashion-MNIST: where its files are found, what is read from them, and how they are split."""

from __future__ import annotations

import dataclasses
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.data import fashion_mnist, idx
from supreme.data.fashion_mnist import CLASSES, TEST, TRAIN, FashionMNIST
from supreme.store.decoded import cache

PER_CLASS = 6


def written(path: Path, array: np.ndarray) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(gzip.compress(bytes([0, 0, 8, array.ndim]) + sizes + array.tobytes(), mtime=0))
    return array


def write(folder: Path) -> Path:
    """Six training images and two test images of each class, all of noise."""
    rng = np.random.default_rng(0)
    for (images, labels), count in ((TRAIN, PER_CLASS), (TEST, 2)):
        written(folder / images, rng.integers(0, 256, (10 * count, 28, 28), dtype=np.uint8))
        written(folder / labels, rng.permutation(np.repeat(np.arange(10, dtype=np.uint8), count)))
    return folder


def source(folder: Path | None, root: Path = Path("nowhere"), **changes: Any) -> FashionMNIST:
    values = {"train_per_class": None, "validation_per_class": 1, "split_seed": 0}
    return FashionMNIST(folder=None if folder is None else str(folder), root=str(root), **values | changes)


@pytest.fixture
def without_debian(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the Debian package would be, on every machine that the test runs on."""
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")
    return tmp_path / "debian"


def per_class(labels: np.ndarray) -> list[int]:
    return np.bincount(labels, minlength=10).tolist()


def test_every_image_and_its_label_are_those_of_the_files_in_their_order(tmp_path: Path) -> None:
    data = source(write(tmp_path))()
    images = np.concatenate([idx.read(tmp_path / images) for images, _ in (TRAIN, TEST)])
    labels = np.concatenate([idx.read(tmp_path / labels) for _, labels in (TRAIN, TEST)])
    assert data.pixels.shape == (80, 3, 28, 28)
    for channel in range(3):
        assert np.array_equal(np.asarray(data.pixels)[:, channel], images)
    assert data.labels.tolist() == labels.tolist()
    assert (data.class_names, data.image_size) == (CLASSES, 28)


def test_an_idx_file_is_read_row_by_row_with_its_sizes_in_the_order_of_the_network(tmp_path: Path) -> None:
    content = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255])
    (tmp_path / "a.gz").write_bytes(gzip.compress(content))
    assert idx.read(tmp_path / "a.gz").tolist() == [[1, 2, 3], [4, 5, 255]]


def test_the_authors_test_images_test_and_all_others_train_or_validate(tmp_path: Path) -> None:
    data = source(write(tmp_path))()
    assert data.test.tolist() == list(range(60, 80))
    assert per_class(data.labels[data.validation]) == [1] * 10
    assert per_class(data.labels[data.train]) == [PER_CLASS - 1] * 10
    assert np.array_equal(np.sort(np.concatenate([data.train, data.validation])), np.arange(60))


def test_fewer_training_images_are_some_of_more_and_leave_the_validation_images_as_they_are(tmp_path: Path) -> None:
    write(tmp_path)
    everything, some, few = (source(tmp_path, train_per_class=count)() for count in (None, 3, 2))
    assert per_class(few.labels[few.train]) == [2] * 10
    assert set(few.train) < set(some.train) < set(everything.train)
    assert few.validation.tolist() == some.validation.tolist() == everything.validation.tolist()


def test_every_training_image_may_be_asked_for_by_its_number_and_no_more(tmp_path: Path) -> None:
    write(tmp_path)
    assert source(tmp_path, train_per_class=5)().fingerprint == source(tmp_path)().fingerprint
    message = "class 'T-shirt/top' has too few images for the split: 6; it needs 6 to train, 1 to validate"
    with pytest.raises(SupremeError, match=message):
        source(tmp_path, train_per_class=6)()
    with pytest.raises(SupremeError, match="it needs at least 1 to train, 6 to validate"):
        source(tmp_path, validation_per_class=6)()


@pytest.mark.parametrize("changes", [{"train_per_class": 0}, {"validation_per_class": -1}, {"split_seed": -1}])
def test_impossible_values_are_refused(changes: dict[str, int]) -> None:
    with pytest.raises(SupremeError, match="is not allowed"):
        source(None, **changes)


def test_the_debian_package_is_found_before_the_layout_of_torchvision(tmp_path: Path, without_debian: Path) -> None:
    raw = write(tmp_path / "data" / "FashionMNIST" / "raw")
    assert source(None, tmp_path / "data").files() == (raw, [raw / name for name in (*TRAIN, *TEST)])
    write(without_debian)
    assert source(None, tmp_path / "data").files()[0] == without_debian
    assert source(raw, tmp_path / "data").files()[0] == raw


def test_the_same_files_elsewhere_are_the_same_data(tmp_path: Path) -> None:
    first, second = source(write(tmp_path / "one")), source(write(tmp_path / "two"))
    nodes = [dataclasses.asdict(each) for each in (first, second)]
    assert cache.prepare(first, nodes[0], tmp_path / "cache") == cache.prepare(second, nodes[1], tmp_path / "cache")


def test_missing_files_are_named_with_what_to_install_download_or_type(tmp_path: Path, without_debian: Path) -> None:
    raw = write(tmp_path / "FashionMNIST" / "raw")
    (raw / TEST[1]).unlink()
    message = (
        rf"{without_debian} lacks {TRAIN[0]}, .* and {raw} lacks {TEST[1]}: install the Debian package "
        rf"dataset-fashion-mnist, .* put them in {raw}, or type data\.folder=\.\.\. to say"
    )
    with pytest.raises(SupremeError, match=message):
        source(None, tmp_path).signature()
    with pytest.raises(SupremeError, match=rf"^{tmp_path} lacks .* put them in {tmp_path}, or"):
        source(tmp_path).signature()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (TRAIN[0], b"text", "cannot be read as a gzipped file"),
        (TRAIN[0], gzip.compress(b"\0" * 100)[:-9], "cannot be read as a gzipped file"),
        (TRAIN[1], gzip.compress(b""), "is no IDX file of bytes, or is incomplete"),
        (TRAIN[1], gzip.compress(bytes([0, 0, 13, 1, 0, 0, 0, 1, 7, 7, 7, 7])), "is no IDX file of bytes"),
        (TRAIN[1], gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 60]) + bytes(59)), "or is incomplete"),
        (TEST[1], gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 0, 1])), "do not fit together"),
    ],
    ids=["no gzip", "cut gzip", "empty", "floats", "cut", "too few"],
)
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    write(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SupremeError, match=message):
        source(tmp_path, validation_per_class=0)()
