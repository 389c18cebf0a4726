"""A method reads the sets that it declares; of every other set it is told how many images it has."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from supreme.core import SET_NAMES, Split, SupremeError
from supreme.core.images import Augmentation, Images
from supreme.pipeline.watched_split import declared_reads
from supreme.testing.worlds import tiny_class_world, tiny_world

RETAIN = frozenset({"retain"})


@cache
def whole() -> Split:
    """No set of it is empty."""
    return tiny_class_world().split


def method(needs: Any = RETAIN) -> SimpleNamespace:
    return SimpleNamespace(needs=needs)


def read(attempt: Callable[[Split], object], split: Split | None = None, needs: Any = RETAIN) -> str:
    """What is said of a method that declares retain and does this."""
    with (
        pytest.raises(SupremeError) as refused,
        declared_reads(split or whole(), method(needs), "method wrong") as given,
    ):
        attempt(given)
    return str(refused.value)


WAYS: dict[str, Callable[[Images], object]] = {
    "data": lambda images: images.data,
    "pixels": lambda images: images.data.pixels,
    "indices": lambda images: images.indices,
    "targets": lambda images: images.targets,
    "labels": lambda images: images.labels,
    "num_classes": lambda images: images.num_classes,
    "batches": lambda images: next(images.batches(4)),
    "numbered batches": lambda images: next(images.numbered_batches(4)),
    "a subset": lambda images: images.subset([0]),
    "other labels": lambda images: images.with_labels([0] * len(images)),
    "another device": lambda images: images.to("cpu", Augmentation()),
    "an image": lambda images: images[0],  # type: ignore[index]
    "each image": lambda images: list(images),  # type: ignore[call-overload]
    "a loader": lambda images: next(iter(torch.utils.data.DataLoader(images))),  # type: ignore[arg-type]
    "copy": lambda images: copy.copy(images).labels,
    "deepcopy": lambda images: copy.deepcopy(images).labels,
    "replace": lambda images: dataclasses.replace(images, device="cpu"),
    "asdict": dataclasses.asdict,
    "fields": lambda images: [getattr(images, field.name) for field in dataclasses.fields(images)],
    "vars": lambda images: vars(images).get("targets") or images.targets,
    "equality": lambda images: images == copy.copy(images),
}


@pytest.mark.parametrize("name", [name for name in SET_NAMES if name != "retain"])
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_of_a_set_that_is_not_declared_nothing_but_its_length_can_be_read(
    name: str, way: Callable[[Images], object]
) -> None:
    told = read(lambda split: way(getattr(split, name)))
    assert told.startswith(f"method wrong read split.{name}")
    assert ("and no method may read test images" if "test" in name else f"and does not declare {name}: write") in told
    assert "\n" not in told


def test_the_sentence_says_what_to_declare() -> None:
    assert read(lambda split: split.forget.labels) == (
        "method wrong read split.forget.labels, and does not declare forget: write needs = frozenset({'forget', "
        "'retain'}), or do without"
    )
    assert read(lambda split: split.test.labels) == (
        "method wrong read split.test.labels, and no method may read test images: those to choose by are "
        "split.validation, declared as needs = frozenset({'retain', 'validation'})"
    )


SOURCE: dict[str, Callable[[Split], object]] = {
    "pixels": lambda split: split.retain.data.pixels,
    "labels": lambda split: split.retain.data.labels,
    "fine labels": lambda split: split.retain.data.fine_labels,
    "test positions": lambda split: split.retain.data.test,
    "training positions": lambda split: split.retain.data.train,
    "a view": lambda split: split.retain.data.view([0]),
    "through a subset": lambda split: split.retain.subset([0]).data.labels,
    "replace": lambda split: dataclasses.replace(split.retain.data, image_size=8),
    "replace labels": lambda split: dataclasses.replace(split.retain.data, labels=np.zeros(3)),
    "copy": lambda split: copy.copy(split.retain.data).labels,
    "deepcopy": lambda split: copy.deepcopy(split.retain).data.labels,
    "asdict": lambda split: dataclasses.asdict(split.retain),
    "sealed": lambda split: split.retain.data.sealed(),
}


@pytest.mark.parametrize("way", SOURCE.values(), ids=SOURCE.keys())
def test_the_source_behind_a_declared_set_gives_no_image_away(way: Callable[[Split], object]) -> None:
    assert "of the whole source, which holds the images of every set" in read(way)


def test_positions_of_other_sets_give_no_image_away() -> None:
    wrong = whole().test.indices

    def attempt(split: Split) -> None:
        other = dataclasses.replace(split.retain, indices=wrong, targets=np.zeros(len(wrong), dtype=np.int64))
        next(other.batches(2))

    assert "read images of other sets than it declares" in read(attempt)


WHOLE: dict[str, Callable[[Split], object]] = {
    "sets": lambda split: split.sets["test"],
    "to": lambda split: split.to("cpu"),
    "mapped": lambda split: split.mapped(lambda images: images),
    "data": lambda split: split.data,
    "digest": lambda split: split.digest,
    "forget digest": lambda split: split.forget_digest,
    "extra": lambda split: len(split.extra),
    "planted": lambda split: "classes" in split.planted,
    "asdict": dataclasses.asdict,
    "copy": lambda split: copy.deepcopy(split).test.labels,
    "replace": lambda split: dataclasses.replace(split, num_classes=2).test.labels,
    "fields": lambda split: [len(getattr(split, field.name).labels) for field in dataclasses.fields(split)],
}


@pytest.mark.parametrize("way", WHOLE.values(), ids=WHOLE.keys())
def test_no_way_through_the_split_reads_what_is_not_declared(way: Callable[[Split], object]) -> None:
    assert read(way).startswith("method wrong read ")


def test_what_is_declared_is_what_it_was() -> None:
    split = whole()
    with declared_reads(split, method(), "method right") as given:
        own, other = split.retain, given.retain
        for name in SET_NAMES:
            assert len(getattr(given, name)) == len(getattr(split, name))
            assert bool(getattr(given, name)) == bool(getattr(split, name))
        assert isinstance(given.test, Images)
        assert isinstance(other, Images)
        assert (given.num_classes, given.forget_classes) == (split.num_classes, split.forget_classes)
        assert torch.equal(own.labels, other.labels)
        facts = ("class_names", "num_classes", "image_size", "fine_names", "mean", "std", "fingerprint")
        assert all(getattr(own.data, name) == getattr(other.data, name) for name in facts)
        views: list[Callable[[Images], Images]] = [
            lambda images: images,
            lambda images: images.subset([3, 1]),
            lambda images: images.with_labels(images.labels.flip(0)),
            lambda images: images.joined(images.subset([0])),
            lambda images: images.to("cpu", Augmentation(crop_padding=1, horizontal_flip=True)),
            lambda images: dataclasses.replace(images, targets=images.targets[::-1].copy()),
            copy.deepcopy,
        ]
        for view in views:
            streams = [torch.Generator().manual_seed(1) for _ in range(2)]
            passes = [
                view(images).batches(4, rng, augment=True) for images, rng in zip((own, other), streams, strict=True)
            ]
            for (x, y), (x_given, y_given) in zip(*passes, strict=True):
                assert torch.equal(x, x_given)
                assert torch.equal(y, y_given)


def test_a_read_that_the_method_hides_fails_it_all_the_same() -> None:
    def attempt(split: Split) -> None:
        with suppress(SupremeError):
            print(split.test.labels)

    assert "read split.test.labels" in read(attempt)

    def other_error(split: Split) -> None:
        try:
            print(split.test.labels)
        except SupremeError:
            raise ValueError("no loader") from None

    assert "read split.test.labels" in read(other_error)


def test_an_error_of_the_method_s_own_stays_its_own() -> None:
    with pytest.raises(ValueError, match="its own"), declared_reads(whole(), method(), "method wrong"):
        raise ValueError("its own")


@pytest.mark.parametrize(
    ("needs", "told"),
    [
        (None, "declares nothing as the sets it reads"),
        (["retain"], "declares ['retain'] as"),
        (frozenset({"test"}), "declares ['test'] as"),
    ],
)
def test_a_method_that_does_not_declare_what_it_reads_is_told_how(needs: Any, told: str) -> None:
    message = read(lambda split: None, needs=needs)
    assert message.startswith(f"method wrong {told}")
    assert message.endswith("with some of forget, retain, validation")


def test_an_empty_set_that_is_not_declared_is_refused_as_well() -> None:
    split = tiny_world().split
    assert len(split.forget_test) == 0
    assert "split.forget_test.labels" in read(lambda given: given.forget_test.labels, split)
