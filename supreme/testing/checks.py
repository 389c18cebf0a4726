"""The promises of architectures, scenarios, data sources and metrics."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from supreme.core import SET_NAMES, Data, Evaluation, Metric, Model, Scenario, Series, Split, Undefined, seeds
from supreme.core.images import ImageData
from supreme.functional.classifier import Classifier
from supreme.testing.columns import check_columns
from supreme.testing.promises import (
    Promises,
    answers_of,
    digests,
    features_of,
    first_call,
    is_close,
    is_finite,
    is_within,
    predicted,
    same_state,
    state_of,
    undisturbed,
    watched_evaluation,
)
from supreme.testing.worlds import tiny_data

NEEDS = frozenset({"logits", "features", "models", "untrained", "images"})


def check_model(model: Model, num_classes: int = 5, image_size: int = 32) -> None:
    """Hold an architecture to its promises, at this number of classes and side of the images."""
    promise = Promises(type(model).__name__)

    def build() -> Classifier:
        return model(num_classes, image_size, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3))

    with first_call(promise, model, seed=0):
        built = build()
    promise("builds a Classifier", isinstance(built, Classifier), f"it built {type(built).__name__}")
    x = torch.rand(4, 3, image_size, image_size, generator=torch.Generator().manual_seed(0))
    answers, features = answers_of(built, x), features_of(built, x)
    shape = tuple(answers.shape)
    kept = shape == (4, num_classes) and is_finite(answers)
    promise("answers with one finite logit per class", kept, f"it gave {shape}, or what is not finite")
    promise("has a row of features per image", features.dim() == 2 and len(features) == 4, f"{tuple(features.shape)}")
    with torch.no_grad():
        promise("answers by its head from its features", is_close(built.head(features), answers), "forward() differs")
    with seeds.scoped(0):
        again = build()
    promise("starts from its seed", same_state(state_of(built), state_of(again)), "the same seed gave other weights")
    with seeds.scoped(1), undisturbed(promise, "draws from torch's generator only", ("random", "numpy")):
        other = build()
    kept = not same_state(state_of(built), state_of(other))
    promise("starts elsewhere with another seed", kept, "two seeds gave the same weights")
    alone = torch.cat([answers_of(built, image[None]) for image in x])
    detail = "in evaluation mode the rest of the batch changes the answer"
    promise("answers each image on its own", is_close(alone, answers), detail)
    other.load_state_dict(built.state_dict())
    same = torch.equal(answers_of(other, x), answers)
    promise("is all in its state", same, "another one that loads its state_dict answers otherwise")
    built.train()
    built(x).square().sum().backward()
    idle = [name for name, weight in built.named_parameters() if weight.requires_grad and weight.grad is None]
    promise("uses every weight", not idle, f"no gradient reaches {', '.join(idle)}")


def check_scenario(scenario: Scenario, data: ImageData | None = None) -> None:
    """Hold a scenario to its promises, on these data or on tiny ones that have subclasses."""
    promise = Promises(type(scenario).__name__)
    clean = data or tiny_data()
    before = digests(clean)

    def draw() -> Split:
        return scenario(clean, np.random.default_rng(0))

    with first_call(promise, scenario):
        split = draw()
    promise("leaves the data as they were", digests(clean) == before, "it changed an array of the data")
    kept = all(one.data is split.data for one in split.sets.values())
    promise("draws every set from the same images", kept, "two sets are views on different data")
    data = split.data
    if data is not clean:
        _check_poison(promise, clean, split)
    train = np.sort(np.concatenate([split.forget.indices, split.retain.indices]))
    detail = "forget and retain overlap, or are not all of the training images"
    promise("divides the training images", np.array_equal(train, np.sort(data.train)), detail)
    promise("forgets some and retains some", min(len(split.forget), len(split.retain)) > 0, "one set is empty")
    tests = np.sort(np.concatenate([split.forget_test.indices, split.retain_test.indices]))
    whole = np.array_equal(np.sort(split.test.indices), np.sort(data.test))
    held_out = np.array_equal(np.sort(split.validation.indices), np.sort(data.validation))
    detail = "a test or validation set is not the data's, or its two parts do not make the test set"
    kept = whole and held_out and np.array_equal(tests, np.sort(data.test))
    promise("keeps test and validation images in their places", kept, detail)
    kept = all(np.array_equal(one.targets, data.labels[one.indices]) for one in split.sets.values())
    promise("keeps every label", kept, "an image has another label than the data give it")
    forgotten = np.unique(data.labels[split.forget.indices])
    detail = f"it names {split.forget_classes} and forgets images of {tuple(forgotten.tolist())}"
    kept = not split.forget_classes or set(split.forget_classes) == set(forgotten.tolist())
    promise("names the classes it forgets from", kept, detail)
    drawn = split.digest, split.data.fingerprint
    with seeds.scoped(1):
        again = draw()
    kept = (again.digest, again.data.fingerprint) == drawn
    promise("draws the same twice", kept, "one seed gave two forget sets, or two poisons")
    with seeds.scoped(2), undisturbed(promise, "draws from rng only"):
        again = draw()
    kept = (again.digest, again.data.fingerprint) == drawn
    promise("draws from rng only", kept, "the split changes with a global seed")


def _check_poison(promise: Promises, clean: ImageData, split: Split) -> None:
    """Of data that a scenario made of those it was given."""
    data, size = split.data, len(clean.labels)
    facts = ("class_names", "fine_names", "group_names", "image_size", "mean", "std")
    kept = all(getattr(data, name) == getattr(clean, name) for name in facts)
    kept &= all(np.array_equal(getattr(data, name), getattr(clean, name)) for name in ("validation", "test"))
    kept &= np.array_equal(data.labels[:size], clean.labels)
    kept &= np.array_equal(np.asarray(data.pixels)[:size], np.asarray(clean.pixels))
    promise("poisons copies behind the last image", kept, "something of the clean data but `train` is another")
    replaced, copies = np.setdiff1d(clean.train, data.train), np.setdiff1d(data.train, clean.train)
    kept = len(copies) == len(replaced) > 0 and bool((copies >= size).all()) and len(data.train) == len(clean.train)
    detail = f"{len(copies)} copies train in place of {len(replaced)} images"
    promise("trains on each poisoned copy in place of its image", kept, detail)
    kept = data.fingerprint not in ("", clean.fingerprint)
    promise("gives poisoned data a fingerprint of their own", kept, "it is empty, or that of the clean data")
    kept = bool(split.planted) and all(np.isfinite(array).all() for array in split.planted.values())
    promise("says in finite numbers what it planted", kept, f"planted is {dict(split.planted)}")
    shared = [name for name, images in split.extra.items() if np.isin(images.indices, data.train).any()]
    kept = not shared and not set(split.extra) & set(SET_NAMES)
    promise("keeps its extra sets out of training", kept, f"of {', '.join(split.extra)}, {shared} are trained on")


def check_data(component: Data) -> None:
    """Hold a data source to its promises; decodes it twice."""
    promise = Promises(type(component).__name__)
    promise("signs its source", bool(component.signature()), "the signature is empty")
    promise("signs alike twice", component.signature() == component.signature(), "two signatures differ")
    with first_call(promise, component):
        data = component()
    shape, dtype = tuple(data.pixels.shape), str(data.pixels.dtype)
    square = len(shape) == 4 and shape[1] == 3 and shape[2] == shape[3] and dtype.endswith("uint8")
    promise("gives square RGB images of 8 bits", square, f"pixels are {dtype}, {shape}")
    promise("has room for its image_size", 1 <= data.image_size <= shape[-1], f"{data.image_size} of {shape[-1]}")
    named = {"class": (data.labels, data.class_names), "subclass": (data.fine_labels, data.fine_names)}
    for what, (labels, names) in {**named, "group": (data.groups, data.group_names)}.items():
        if labels is not None:
            kept = labels.shape == shape[:1] and labels.dtype == np.int64 and is_within(labels, len(names))
            promise(f"labels every image with a {what} it names", kept, f"{labels.dtype}, shape {labels.shape}")
    used = np.concatenate([data.train, data.validation, data.test])
    detail = "train, validation and test share images, or name images that do not exist"
    promise("divides its images", len(np.unique(used)) == len(used) and is_within(used, shape[0]), detail)
    seen = set(data.labels[data.train].tolist())
    promise("trains every class", seen == set(range(data.num_classes)), f"it trains {len(seen)} of {data.num_classes}")
    promise("has images to test", len(data.test) > 0, "the test set is empty")
    inside = np.asarray(data.pixels)[data.train].transpose(1, 0, 2, 3).reshape(3, -1) / 255
    measured = np.stack([inside.mean(1), inside.std(1)])
    detail = f"measured {measured.round(4).tolist()}, given {[data.mean, data.std]}"
    promise("measures its training images", np.allclose(measured, [data.mean, data.std], atol=1e-3), detail)
    promise("has a fingerprint", bool(data.fingerprint), "it is empty")
    with seeds.scoped(1), undisturbed(promise, "draws from its own seeds only"):
        again = component()
    kept = data.fingerprint == again.fingerprint and digests(data) == digests(again)
    promise("decodes alike twice", kept, "two decodings differ")


def check_metric(metric: Metric, evaluation: Evaluation) -> None:
    """Hold a metric to its promises, on this evaluation (its `rng` must start afresh whenever it is asked for)."""
    promise = Promises(type(metric).__name__)
    needs = getattr(metric, "needs", None)
    detail = f"needs is {needs!r}, and not a frozenset of some of {', '.join(sorted(NEEDS))}"
    promise("declares what it reads", isinstance(needs, frozenset) and needs <= NEEDS, detail)
    before = predicted(evaluation)

    watched = watched_evaluation(evaluation, promise.component, needs or frozenset())

    with first_call(promise, metric):
        columns = dict(metric(watched))
    promise("leaves the predictions as they were", predicted(evaluation) == before, "it changed logits in place")
    named = bool(columns) and all(isinstance(name, str) and name for name in columns)
    promise("names its columns", named, f"it gave {columns}")
    check_columns(promise, metric, columns)
    for name, value in columns.items():
        number = isinstance(value, int | float) and not isinstance(value, bool) and bool(np.isfinite(value))
        promise("gives numbers or reasons", number or isinstance(value, Undefined), f"{name} is {value!r}")
    check_series(promise, getattr(metric, "series", lambda evaluation: {})(watched))
    warnings = getattr(metric, "warnings", lambda evaluation: {})(watched)
    kept = warnings.keys() <= columns.keys() and all(isinstance(text, str) and text for text in warnings.values())
    promise("warns of its own columns, in words", kept, f"it gave {warnings}")
    with seeds.scoped(1):
        promise("measures the same twice", dict(metric(watched)) == columns, "two calls gave other values")
    with seeds.scoped(2), undisturbed(promise, "draws from evaluation.rng only"):
        kept = dict(metric(watched)) == columns
        promise("draws from evaluation.rng only", kept, "a value changes with a global seed")


def check_series(promise: Promises, found: Mapping[str, Series]) -> None:
    for name, series in found.items():
        kept = 0 < len(series.x) == len(series.y) and bool(np.isfinite(np.asarray(series.y, dtype=float)).all())
        promise("gives series of finite numbers, one for each place", kept, f"{name} is {series}")
