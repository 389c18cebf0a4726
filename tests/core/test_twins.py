"""Twins are images with the same pixels: counted, warned of, and kept on one side of a split on demand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from supreme.core import Split, SupremeError
from supreme.core.images import ImageData
from supreme.core.twins import group_numbers, has_twin, pixel_digests, together, twins_of, warning_of


def data_of(kinds: str, labels: Sequence[int], train: int, validation: int = 0, test: int | None = None) -> ImageData:
    """One image for each letter, equal for equal letters: first those that train, then validation, then test."""
    pixels = np.stack([np.full((3, 2, 2), ord(kind), dtype=np.uint8) for kind in kinds])
    at = np.arange(len(kinds))
    return ImageData(
        pixels=pixels,
        labels=np.asarray(labels, dtype=np.int64),
        class_names=("x", "y"),
        train=at[:train],
        validation=at[train : train + validation],
        test=at[train + validation : test],
        image_size=2,
    )


def groups_of(data: ImageData) -> np.ndarray:
    return group_numbers(pixel_digests(np.asarray(data.pixels)))


def told(data: ImageData) -> str:
    sets = {"train": data.train, "validation": data.validation, "test": data.test}
    return warning_of(sets, data.labels, groups_of(data))


def split_of(data: ImageData, forget: list[int], classes: tuple[int, ...] = ()) -> Split:
    return Split.of_training(data, np.array(forget), data.test[:0], classes)


def test_images_of_one_set_with_a_twin_in_another_are_counted() -> None:
    data = data_of("AABCA", [0, 0, 0, 1, 0], train=4)
    counted = twins_of(split_of(data, [0]), groups_of(data))
    assert counted == {"forget_retain": 1, "forget_test": 1, "train_test": 2}


def test_images_without_twins_count_nothing_and_warn_of_nothing() -> None:
    data = data_of("ABCDE", [0, 0, 0, 1, 0], train=3, validation=1)
    assert twins_of(split_of(data, [0]), groups_of(data)) == {}
    assert told(data) == ""


def test_twins_in_validation_images_and_under_another_label_are_counted() -> None:
    data = data_of("AABCBCA", [0, 1, 0, 0, 0, 0, 0], train=4, validation=1)
    assert twins_of(split_of(data, [0]), groups_of(data)) == {
        "forget_retain": 1,
        "forget_test": 1,
        "train_test": 3,
        "train_validation": 1,
        "train_other_class": 2,
    }


def test_an_image_that_trains_and_tests_is_no_twin_of_its_own() -> None:
    data = data_of("AABC", [0, 0, 0, 1], train=4)
    own = ImageData(**{**vars(data), "test": data.train})
    split = split_of(own, [2])
    assert twins_of(split, groups_of(own)) == {"train_test": 2}
    assert together(split, groups_of(own)).test.indices.tolist() == [0, 1, 2, 3]


def test_the_warning_says_how_many_within_and_across_sets_and_classes() -> None:
    data = data_of("AABCA", [0, 1, 0, 1, 0], train=4)
    assert told(data) == (
        "3 of 5 images are identical to another one (2 training images to a training image, 2 training images to a "
        "test image, 3 images to one with another label): what is forgotten may stay in the retain set; "
        "data.twins=together keeps identical images in one set"
    )


@given(st.lists(st.integers(0, 5), min_size=2, max_size=40), st.integers(0, 2**32 - 1))
def test_who_has_a_twin_is_who_has_one_by_comparing_all_pairs(kinds: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = np.stack([np.full((3, 2, 2), kind, dtype=np.uint8) for kind in kinds])
    groups = group_numbers(pixel_digests(pixels))
    first, second = (np.flatnonzero(rng.random(len(kinds)) < 0.5) for _ in range(2))
    slow = [any(i != j and (pixels[i] == pixels[j]).all() for j in second) for i in first]
    assert has_twin(first, second, groups).tolist() == slow


def test_one_changed_value_of_one_channel_makes_no_twin() -> None:
    pixels = np.zeros((3, 3, 32, 32), dtype=np.uint8)
    pixels[1, 2, 31, 31] = 1
    assert group_numbers(pixel_digests(pixels)).tolist() == [0, 1, 0]


def test_groups_do_not_depend_on_the_size_of_the_blocks_that_threads_take() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 2, (1500, 3, 2, 2), dtype=np.uint8)
    _, first, numbers = np.unique(pixels.reshape(1500, -1), axis=0, return_index=True, return_inverse=True)
    assert np.array_equal(group_numbers(pixel_digests(pixels)), first[numbers.ravel()])


# Kept together.


@given(st.lists(st.sampled_from("ABCDEFGHIJ"), min_size=12, max_size=40), st.integers(0, 2**32 - 1))
def test_together_no_two_sets_share_an_image_and_the_training_images_stay(kinds: list[str], seed: int) -> None:
    many = len(kinds) // 2
    data = data_of("".join(kinds) + "xyz", [0] * (len(kinds) + 3), train=many, validation=(len(kinds) - many) // 2)
    groups = groups_of(data)
    forget = np.random.default_rng(seed).permutation(many)[:2]
    if set(kinds[:many]) == {kinds[at] for at in forget}:
        with pytest.raises(SupremeError, match="nothing to retain"):
            together(split_of(data, forget.tolist()), groups)
        return
    split = together(split_of(data, forget.tolist()), groups)
    assert twins_of(split, groups) == {}
    train = np.concatenate([split.forget.indices, split.retain.indices])
    assert np.array_equal(np.sort(train), data.train)
    assert set(forget.tolist()) <= set(split.forget.indices.tolist())
    assert np.array_equal(split.retain_test.indices, split.test.indices)
    assert all(np.array_equal(images.targets, data.labels[images.indices]) for images in split.sets.values())
    assert np.all(np.diff(split.forget.indices) > 0)


def test_together_changes_nothing_where_no_set_shares_an_image() -> None:
    data = data_of("AABCD", [0, 0, 0, 1, 0], train=4)
    split = split_of(data, [0, 1])
    assert together(split, groups_of(data)).digest == split.digest


@pytest.mark.parametrize(
    ("kinds", "labels", "forget", "classes", "told"),
    [
        ("AABCD", [0, 1, 0, 1, 0], [0, 2], (0,), "the scenario forgets classes, and 1 other training images"),
        ("AAAAD", [0, 0, 0, 0, 0], [0], (), "leaves nothing to retain"),
        ("ABCDA", [0, 0, 0, 0, 0], [0], (), "leaves no test image"),
    ],
)
def test_together_refuses_what_cannot_be_done_and_says_what_to_type(kinds, labels, forget, classes, told) -> None:
    data = data_of(kinds, labels, train=4)
    with pytest.raises(SupremeError, match=told) as refusal:
        together(split_of(data, forget, classes), groups_of(data))
    assert "type data.twins=keep" in str(refusal.value)
