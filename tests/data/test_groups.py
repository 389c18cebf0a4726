"""What a source may know of each image beside its label: the group, the file; and its official training set."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.core.content import content_digest
from supreme.core.images import ImageData
from supreme.data.finish import finish
from supreme.data.partition import Partition
from supreme.store.decoded import cache

NAMES = [f"{label}/ü {number}.png" for label in "ab" for number in range(4)]
GROUPS = {"groups": np.array([0, 1, 2, 2] * 2), "group_names": ("Ann", "Bob", "Cy")}


def made(**values: Any) -> ImageData:
    """Eight images of two classes; four train, the first ones of each."""
    given = {
        "pixels": np.random.default_rng(0).integers(0, 256, (8, 3, 4, 4), dtype=np.uint8),
        "labels": np.repeat([0, 1], 4),
        "class_names": ("a", "b"),
        "partition": Partition(np.array([0, 1, 4, 5]), np.array([2, 6]), np.array([3, 7])),
        "image_size": 4,
    }
    return finish(**{**given, **values})


class Source:
    def signature(self) -> str:
        return "eight"

    def __call__(self) -> ImageData:
        return made(**GROUPS, file_names=NAMES, official_train=6)


def test_groups_file_names_and_the_official_training_set_come_out_of_the_cache_as_they_went_in(tmp_path: Path) -> None:
    path = cache.prepare(Source(), {"a": 1}, tmp_path / "cache")
    data, written = cache.open(path), Source()()
    for field in dataclasses.fields(ImageData):
        assert np.array_equal(getattr(data, field.name), getattr(written, field.name)), field.name
    assert [name.decode() for name in data.file_names.tolist()] == NAMES
    assert not data.groups.flags.writeable


def test_groups_that_rot_in_the_cache_are_decoded_again(tmp_path: Path) -> None:
    path = cache.prepare(Source(), {"a": 1}, tmp_path / "cache")
    for name in ("groups", "file_names"):
        file = path / f"{name}.npy"
        content = bytearray(file.read_bytes())
        content[-1] ^= 1
        file.write_bytes(content)
        with pytest.raises(cache.DamagedCacheError, match=rf"{name}\.npy does not fit its SHA-256"):
            cache.open(path)
        path = cache.prepare(Source(), {"a": 1}, tmp_path / "cache")
        assert np.array_equal(cache.open(path).groups, GROUPS["groups"])


def test_groups_are_part_of_the_fingerprint_and_names_of_files_are_not() -> None:
    plain, grouped = made(), made(**GROUPS)
    assert plain.fingerprint == made(file_names=NAMES, official_train=6).fingerprint
    others = [
        {**GROUPS, "groups": np.array([0, 1, 2, 0] * 2)},
        {**GROUPS, "group_names": ("Ann", "Bob", "Di")},
        {"groups": np.zeros(8, dtype=np.int64), "group_names": ("Ann",)},
    ]
    assert len({data.fingerprint for data in (plain, grouped, *(made(**one) for one in others))}) == 5
    assert content_digest(grouped) == grouped.fingerprint


def test_a_poisoned_copy_keeps_the_group_and_the_file_of_its_image() -> None:
    data = Source()()
    origins = np.array([5, 0])
    poisoned = data.extended(origins, np.zeros((2, 3, 4, 4), np.uint8), np.array([0, 0]), training=2).sealed()
    assert poisoned.groups[8:].tolist() == data.groups[origins].tolist() == [1, 0]
    assert poisoned.file_names[8:].tolist() == data.file_names[origins].tolist()


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"groups": np.zeros(7, np.int64), "group_names": ("Ann",)}, "groups must be one for each of the 8 images"),
        ({"groups": np.full(8, 3), "group_names": ("Ann", "Bob", "Cy")}, "from 0 to 2"),
        ({"groups": np.full(8, -1), "group_names": ("Ann",)}, "from 0 to 0"),
        ({"groups": np.zeros(8, np.int64), "group_names": ("Ann", "Ann")}, "two groups have the same name: Ann"),
        ({"file_names": NAMES[:7]}, "file names must differ, and be one for each of the 8 images"),
        ({"file_names": NAMES[:7] + NAMES[:1]}, "file names must differ"),
        ({"official_train": 9}, "official_train=9 is not allowed: there are 8 images"),
        ({"official_train": -1}, "official_train=-1 is not allowed"),
    ],
)
def test_what_does_not_fit_the_images_is_refused(values: dict[str, Any], told: str) -> None:
    with pytest.raises(SupremeError, match=told):
        made(**values)
