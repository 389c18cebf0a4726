"""Data that a session holds in memory: kept once, by content, and read from there as any source is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.data.digits import Digits
from supreme.data.in_memory import keep
from tests.conf_files import CONF, node_of

NOISE = np.random.default_rng(0).integers(0, 256, (40, 3, 8, 8), dtype=np.uint8)
LABELS = np.arange(40) % 4


def read(chosen: dict[str, Any]) -> ImageData:
    """What a sweep with these choices reads."""
    values = {name.removeprefix("data."): value for name, value in chosen.items() if name.startswith("data.")}
    return build(node_of(CONF / "data" / f"{chosen['data']}.yaml") | values, f"data {chosen['data']}")()


def tensors() -> tuple[Any, Any]:
    import torch

    return torch.from_numpy(NOISE), torch.from_numpy(LABELS)


def torch_dataset() -> Any:
    from torch.utils.data import TensorDataset

    images, labels = tensors()
    return TensorDataset(images.float() / 255, labels)


FORMS = {
    "arrays": lambda: (NOISE, LABELS),
    "channels last": lambda: (NOISE.transpose(0, 2, 3, 1), LABELS.tolist()),
    "floats": lambda: (NOISE / 255, LABELS.astype(float)),
    "tensors": tensors,
    "a torch data set": torch_dataset,
    "a list of pairs": lambda: list(zip(NOISE, LABELS, strict=True)),
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_the_same_images_in_any_form_are_the_same_data(form: Any, tmp_path: Path) -> None:
    chosen = keep(form(), form(), folder=tmp_path)
    assert chosen == keep((NOISE, LABELS), (NOISE, LABELS), folder=tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    data = read(chosen)
    assert np.array_equal(np.asarray(data.pixels), np.concatenate([NOISE, NOISE]))
    assert data.labels.tolist() == [*LABELS, *LABELS]
    assert data.test.tolist() == list(range(40, 80))
    assert len(data.validation) == 4  # a tenth of each class of ten


def test_a_set_that_is_given_is_taken_whole_and_one_that_is_not_is_dealt(tmp_path: Path) -> None:
    data = read(keep((NOISE, LABELS), validation=(NOISE[:8], LABELS[:8]), folder=tmp_path, class_names=list("abcd")))
    assert data.validation.tolist() == list(range(40, 48))
    assert np.bincount(data.labels[data.test]).tolist() == [2] * 4
    assert not set(data.test) & set(data.train)
    assert data.class_names == ("a", "b", "c", "d")


def test_our_own_data_keep_their_sets_names_and_size(tmp_path: Path) -> None:
    digits = Digits(image_size=8, train_per_class=20, validation_per_class=0, split_seed=0)()
    kept = read(keep(digits, folder=tmp_path))
    for part in ("train", "validation", "test"):
        first, second = getattr(digits, part), getattr(kept, part)
        assert np.array_equal(np.asarray(digits.pixels)[first], np.asarray(kept.pixels)[second])
        assert np.array_equal(digits.labels[first], kept.labels[second])
    assert (kept.class_names, kept.image_size) == (digits.class_names, 8)
    assert (kept.mean, kept.std) == (digits.mean, digits.std)


def test_other_content_lies_in_another_folder(tmp_path: Path) -> None:
    other = NOISE.copy()
    other[0, 0, 0, 0] ^= 1
    places = {
        str(keep(*sets, folder=tmp_path)["data.root"])
        for sets in [
            ((NOISE, LABELS), None),
            ((other, LABELS), None),
            ((NOISE, LABELS[::-1]), None),
            ((NOISE, LABELS), (NOISE, LABELS)),
        ]
    }
    assert len(places) == 4


BAD = {
    "a string": ("photographs", "the training set is of the type str: give a map-style data set"),
    "a number": (3, "the training set is of the type int: give a map-style data set"),
    "fewer labels": ((NOISE, LABELS[1:]), "holds 40 images and 39 labels"),
    "empty": ((NOISE[:0], LABELS[:0]), "holds 0 images and 0 labels"),
    "normalised": ((NOISE / 127.5 - 1, LABELS), r"item 0 .* run from -1 to 0.9.*, but floats must lie in \[0, 1\]"),
    "not a number": ((NOISE * np.nan, LABELS), "item 0 .* run from nan to nan"),
    "three parts": ([(NOISE[0], 0, 0)] * 4, "item 0 of the training set is 3 parts: give a pair"),
    "one-hot labels": ((NOISE, np.eye(4)[LABELS]), "item 0 .* its label has 4 numbers: give one"),
    "half labels": ((NOISE, LABELS + 0.5), "item 0 .* its label is 0.5"),
    "lists of numbers": ((NOISE.tolist(), LABELS), "item 0 .* it gives a list where the image is expected"),
    "two channels": ((NOISE[:, :2], LABELS), "its image has the shape 2 x 8 x 8"),
    "16 bits": ((NOISE.astype(np.uint16) * 256, LABELS), "item 0 .* whole numbers must lie in 0 to 255"),
}


@pytest.mark.parametrize(("given", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_used_is_told_of_and_leaves_nothing_behind(given: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=message):
        keep(given, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
