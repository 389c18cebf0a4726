"""Every component of conf/ keeps its promises, and the kit notices each promise that is broken."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import nn

from supreme.core import SET_NAMES, Column, SelfComparison, Series, Split, SupremeError, Undefined
from supreme.core.registry import as_component, build
from supreme.functional.classifier import Classifier
from supreme.sweep.plan.presets import with_fields
from supreme.testing import (
    BrokenPromise,
    check_data,
    check_method,
    check_metric,
    check_model,
    check_scenario,
    tiny_class_world,
    tiny_data,
    tiny_evaluation,
    tiny_model,
    tiny_world,
)
from tests.conf_files import node_of, small_values

CONF = Path(__file__).parents[2] / "conf"
METRICS = sorted(path.stem for path in (CONF / "metric").glob("*.yaml"))
METHODS = sorted(path.stem for path in (CONF / "method").glob("*.yaml") if path.stem != "given")  # which needs a file


def component(group: str, name: str, **changes: Any) -> Any:
    node = as_component(node_of(CONF / group / f"{name}.yaml"), group)
    return build(with_fields(node, changes), f"{group} {name}")


def broken_promise(check, *arguments) -> str:
    with pytest.raises(BrokenPromise) as caught:
        check(*arguments)
    return caught.value.promise


# What the project ships.


WORLDS = {"esc_t": tiny_class_world, "lotus": tiny_class_world, "pgu": tiny_class_world}
"""For methods that rightly do nothing in the tiny world, where the model answers the forget set wrong already."""

VALUES = {"hamu": {"constraint": 1e-3, "lr": 0.1}}
"""For methods whose other values are too weak to change anything in a world of some images."""


@pytest.mark.parametrize("name", METHODS)
def test_every_method_keeps_its_promises(name):
    check_method(component("method", name, **{**small_values(name), **VALUES.get(name, {})}), WORLDS.get(name))


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": "any", "redraw": True, "order": "forget_first", "optimizer": "sgd", "momentum": 0.9},
        {"labels": "any", "redraw": True, "order": "mixed", "optimizer": "sgd", "momentum": 0.9},
    ],
)
def test_every_form_of_random_labels_keeps_its_promises(changes):
    check_method(component("method", "random_label", **changes))


SMALL_MODELS: dict[str, dict[str, Any]] = {
    "small_cnn": {},
    "resnet18": {"width": 8},
    "resnet20": {"width": 4, "depth": 8},
    "resnet34": {"width": 4, "blocks": [1, 1]},
    "resnet50": {"width": 4, "blocks": [1, 1]},
    "preact_resnet18": {"width": 4, "blocks": [1, 1]},
    "wrn_28_10": {"depth": 10, "widening": 1},
    "vgg16_bn": {"width": 4, "convolutions": [1, 2]},
    "allcnn": {"channels": [4, 4, 8, 8, 8, 8]},
    "resnet9": {"width": 4},
    "timm": {"arch": "test_vit"},
}
"""Of each architecture a small one: resnet32 to resnet110 are resnet20 with more blocks, vit_b16 is timm's."""


@pytest.mark.parametrize(("name", "changes"), SMALL_MODELS.items())
def test_every_architecture_keeps_its_promises(name, changes):
    check_model(component("model", name, **changes))


@pytest.mark.parametrize("name", sorted(path.stem for path in (CONF / "scenario").glob("*.yaml")))
def test_every_scenario_keeps_its_promises(name, tmp_path):
    (tmp_path / "list.txt").write_text("3\n5\n")
    changes = {"file": str(tmp_path / "list.txt")} if name == "indices" else {}
    check_scenario(component("scenario", name, **changes))


@pytest.fixture(scope="module", params=[False, True], ids=["random", "class"])
def tiny(request):
    return tiny_evaluation(forgets_class=request.param)


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_keeps_its_promises(name, tiny):
    changes = {"max_steps": 3} if name == "relearn_time" else {}
    check_metric(component("metric", name, **changes), tiny)


def test_the_default_data_keep_their_promises():
    check_data(component("data", "digits"))


# Methods that break one promise each.


@dataclass(frozen=True, kw_only=True)
class Nudge:
    """Adds something small to every weight: keeps all promises."""

    needs: ClassVar[frozenset[str]] = frozenset({"forget"})

    def __call__(self, model, split, context):
        next(split.forget.batches(2))
        with torch.no_grad():
            for weight in model.parameters():
                weight.add_(self.amount(split, context))
        return model

    def amount(self, split, context):
        return torch.rand((), generator=context.rng)


class DeclaresTest(Nudge):
    needs = frozenset({"test"})


class DeclaresNothing(Nudge):
    needs = ["forget"]  # noqa: RUF012


class AppliesNowhere(Nudge):
    applies_to = "nothing"


class NudgesClasses(Nudge):
    """Keeps all promises, that of a method for classes too."""

    applies_to: ClassVar[str] = "class"

    def __call__(self, model, split, context):
        if not split.forget_classes:
            raise SupremeError("this forgets classes: type scenario=full_class")
        return super().__call__(model, split, context)

    def amount(self, split, context):
        return float(set(split.forget.labels.tolist()) == set(split.forget_classes))


class ForgetsAnything(NudgesClasses):
    def __call__(self, model, split, context):
        return Nudge.__call__(self, model, split, context)


class RefusesWithoutAWord(NudgesClasses):
    def __call__(self, model, split, context):
        if not split.forget_classes:
            raise SupremeError("no")
        return super().__call__(model, split, context)


class ReadsRetain(Nudge):
    def amount(self, split, context):
        return float(len(split.retain.labels))


class ReadsTestLabels(Nudge):
    def amount(self, split, context):
        return split.test.targets[0] + 1.0


class ReadsTestImages(Nudge):
    def amount(self, split, context):
        return next(split.forget_test.batches(1))[0].mean()


class ReadsTheSource(Nudge):
    def amount(self, split, context):
        return float(len(split.forget.data.view([0, 1])))


class ReadsTheSourceThroughASubset(Nudge):
    def amount(self, split, context):
        return float(split.forget.subset([0]).data.labels[-1] + 1)


class ReadsExtraSets(Nudge):
    def amount(self, split, context):
        return float(len(split.extra))


class LooksForWhatWasPlanted(Nudge):
    def amount(self, split, context):
        return 0.1 if split.planted else 0.2


class CountsTheRetainSet(Nudge):
    def amount(self, split, context):
        return float(len(split.retain))


class ReturnsWeights(Nudge):
    def __call__(self, model, split, context):
        return super().__call__(model, split, context).state_dict()


class ReturnsAnotherArchitecture(Nudge):
    def __call__(self, model, split, context):
        model.head = nn.Linear(32, split.num_classes + 1)
        return model


class ReturnsDoubles(Nudge):
    def __call__(self, model, split, context):
        return super().__call__(model, split, context).double()


class ReturnsNaN(Nudge):
    def amount(self, split, context):
        return float("nan")


class LeavesTheDevice(Nudge):
    def __call__(self, model, split, context):
        return model.to("meta")


class KeepsItsGraph(Nudge):
    def __call__(self, model, split, context):
        weight = model.head.weight
        del model.head.weight
        model.head.weight = weight * 0.9
        model.head._parameters["weight"] = model.head.__dict__.pop("weight")
        return model


class ChangesLabels(Nudge):
    def amount(self, split, context):
        split.forget.targets[:] = 0
        return 0.1


class ChangesPixels(Nudge):
    def amount(self, split, context):
        split.forget.data.pixels[0] = 0
        return 0.1


class CountsItsCalls(Nudge):
    def amount(self, split, context):
        object.__setattr__(self, "calls", 1)
        return 0.1


class LeavesAHook(Nudge):
    def __call__(self, model, split, context):
        model.head.register_forward_hook(lambda module, inputs, output: output * 2)
        return super().__call__(model, split, context)


class ChangesNothing(Nudge):
    def amount(self, split, context):
        return 0.0


class ChangesWithoutData(Nudge):
    needs = frozenset()

    def __call__(self, model, split, context):
        with torch.no_grad():
            model.head.weight.mul_(0.5)
        return model


class Remembers(Nudge):
    seen: ClassVar[list[int]] = []

    def amount(self, split, context):
        self.seen.append(0)
        return 0.1 * len(self.seen)


class DrawsFromTheSystem(Nudge):
    def amount(self, split, context):
        return random.SystemRandom().random() + 0.1


class DrawsFromTorch(Nudge):
    def amount(self, split, context):
        return torch.rand(())


class DrawsFromNumpy(Nudge):
    def amount(self, split, context):
        return float(np.random.rand()) + 0.1


class DrawsFromPython(Nudge):
    def amount(self, split, context):
        return random.random() + 0.1


class SeedsTorch(Nudge):
    def amount(self, split, context):
        torch.manual_seed(0)
        return 0.1


class DrawsFromTorchInSecret(Nudge):
    def amount(self, split, context):
        with torch.random.fork_rng():
            return torch.rand(())


@pytest.mark.parametrize(
    ("method", "promise"),
    [
        (DeclaresTest, "declares the sets it reads"),
        (DeclaresNothing, "declares the sets it reads"),
        (AppliesNowhere, "declares where it applies"),
        (ForgetsAnything, "refuses to forget anything but classes"),
        (RefusesWithoutAWord, "refuses to forget anything but classes"),
        (ReadsRetain, "reads only the sets it needs"),
        (ReadsTestLabels, "reads only the sets it needs"),
        (ReadsTestImages, "reads only the sets it needs"),
        (ReadsTheSource, "reads only the sets it needs"),
        (ReadsTheSourceThroughASubset, "reads only the sets it needs"),
        (ReadsExtraSets, "reads only the sets it needs"),
        (LooksForWhatWasPlanted, "reads only the sets it needs"),
        (ReturnsWeights, "returns a model"),
        (ReturnsAnotherArchitecture, "keeps the architecture"),
        (ReturnsDoubles, "keeps the architecture"),
        (ReturnsNaN, "returns finite weights"),
        (LeavesTheDevice, "stays on its device"),
        (KeepsItsGraph, "returns weights without a history"),
        (ChangesLabels, "leaves the split as it was"),
        (ChangesPixels, "reads only the sets it needs"),
        (CountsItsCalls, "keeps nothing between calls"),
        (LeavesAHook, "puts all it does into the weights"),
        (ChangesNothing, "changes the model"),
        (Remembers, "leaves the process as it found it"),
        (DrawsFromTheSystem, "does the same twice"),
        (DrawsFromTorch, "draws from context.rng only"),
        (DrawsFromNumpy, "draws from context.rng only"),
        (DrawsFromPython, "draws from context.rng only"),
        (SeedsTorch, "draws from context.rng only"),
        (DrawsFromTorchInSecret, "draws from context.rng only"),
    ],
)
def test_a_method_that_breaks_a_promise_is_caught_by_that_promise(method, promise):
    assert broken_promise(check_method, method()) == promise


@pytest.mark.parametrize("method", [Nudge, CountsTheRetainSet, ChangesWithoutData, NudgesClasses])
def test_a_method_that_keeps_all_promises_passes(method):
    check_method(method())


def test_a_check_leaves_the_global_generators_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    check_method(Nudge())
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert random.getstate() == before[2]


def test_the_tiny_world_is_the_same_each_time_and_its_model_has_learnt_something():
    one, other = tiny_world(), tiny_world()
    assert one.split.digest == other.split.digest
    assert all(map(torch.equal, one.model.state_dict().values(), other.model.state_dict().values()))
    with torch.no_grad():
        x, y = next(one.split.test.batches(24))
        assert (one.model(x).argmax(1) == y).float().mean() > 0.8
        x, y = next(one.split.forget.batches(4))
        assert (one.model(x).argmax(1) == y).float().mean() < 0.5


# Architectures that break one promise each.


@dataclass(frozen=True, kw_only=True)
class Tiny:
    """Keeps all promises."""

    def __call__(self, num_classes, image_size, mean, std):
        body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        return Classifier(body, nn.Linear(4, num_classes), mean, std)


def changed(change):
    """An architecture whose model is Tiny's after a change: (model, num_classes) -> model."""

    @dataclass(frozen=True, kw_only=True)
    class Changed(Tiny):
        def __call__(self, num_classes, image_size, mean, std):
            return change(super().__call__(num_classes, image_size, mean, std), num_classes)

    return Changed()


class ForwardOfItsOwn(Classifier):
    def forward(self, x):
        return super().forward(x) * 2


def other_forward(model, num_classes):
    return ForwardOfItsOwn(model.body, model.head, [0.5] * 3, [0.5] * 3)


def extra_logit(model, num_classes):
    model.head = nn.Linear(4, num_classes + 1)
    return model


def no_flatten(model, num_classes):
    model.body = model.body[:3]
    model.head = nn.Sequential(nn.Flatten(), model.head)
    return model


def numpy_weights(model, num_classes):
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(np.random.rand(num_classes, 4)))
    return model


def os_weights(model, num_classes):
    with torch.no_grad():
        model.head.weight.fill_(random.SystemRandom().random())
    return model


def constant_weights(model, num_classes):
    with torch.no_grad():
        for weight in model.parameters():
            weight.fill_(0.1)
    return model


def batch_statistics(model, num_classes):
    model.body.insert(1, nn.BatchNorm2d(4, track_running_stats=False))
    return model


class Unsaved(nn.Module):
    def __init__(self):
        super().__init__()
        self.shift = torch.rand(4)

    def forward(self, x):
        return x + self.shift


def unsaved_shift(model, num_classes):
    model.body.append(Unsaved())
    return model


def idle_layer(model, num_classes):
    model.pooler = nn.Linear(4, 4)
    return model


@pytest.mark.parametrize(
    ("change", "promise"),
    [
        (lambda model, num_classes: nn.Sequential(model), "builds a Classifier"),
        (extra_logit, "answers with one finite logit per class"),
        (no_flatten, "has a row of features per image"),
        (other_forward, "answers by its head from its features"),
        (numpy_weights, "draws from torch's generator only"),
        (os_weights, "starts from its seed"),
        (constant_weights, "starts elsewhere with another seed"),
        (batch_statistics, "answers each image on its own"),
        (unsaved_shift, "is all in its state"),
        (idle_layer, "uses every weight"),
    ],
)
def test_an_architecture_that_breaks_a_promise_is_caught_by_that_promise(change, promise):
    assert broken_promise(check_model, changed(change)) == promise


# Scenarios that break one promise each.


DIFFERENT_DATA = "draws every set from the same images"


def few(data, rng):
    return np.sort(rng.choice(data.train, 9, replace=False))


def drawn(choose=few, change=lambda split, data: split):
    @dataclass(frozen=True, kw_only=True)
    class Drawn:
        def __call__(self, data, rng):
            return change(Split.of_training(data, choose(data, rng), data.test[:0]), data)

    return Drawn()


def global_draw(data, rng):
    return np.random.choice(data.train, 9, replace=False)


def global_draw_in_secret(data, rng):
    state = np.random.get_state()
    chosen = np.random.choice(data.train, 9, replace=False)
    np.random.set_state(state)
    return chosen


def system_draw(data, rng):
    return np.array(random.SystemRandom().sample(data.train.tolist(), 9))


WHAT = ("what", np.ones(1))


def poisoned(change=lambda data, clean: data, planted=(WHAT,), extra=()):
    """Three training images become copies with their label raised, unless the change does something else as well."""

    def draw(split, clean):
        chosen = split.forget.indices[:3]
        copies = clean.extended(chosen, clean.pixels[chosen], (clean.labels[chosen] + 1) % 4, training=3)
        data = change(copies, clean)
        drawn = Split.of_training(data, data.train[-3:], data.test[:0])
        extras = {name: data.view(positions) for name, positions in extra}
        return replace(drawn, planted=dict(planted), extra=extras)

    return drawn(change=draw)


def brightened(data, clean):
    return replace(data, pixels=np.asarray(data.pixels) + np.uint8(1))


def renamed(data, clean):
    return replace(data, fingerprint=str(random.SystemRandom().random()))


def relabel_source(split, data):
    data.labels[0] += 1
    return split


@pytest.mark.parametrize(
    ("scenario", "promise"),
    [
        (drawn(change=relabel_source), "leaves the data as they were"),
        (drawn(change=lambda split, data: replace(split, retain=data.view(data.train))), "divides the training images"),
        (
            drawn(change=lambda split, data: replace(split, forget=data.view([]), retain=data.view(data.train))),
            "forgets some and retains some",
        ),
        (
            drawn(change=lambda split, data: replace(split, retain_test=split.test.subset([0]))),
            "keeps test and validation images in their places",
        ),
        (
            drawn(change=lambda split, data: replace(split, validation=split.test)),
            "keeps test and validation images in their places",
        ),
        (
            drawn(change=lambda split, data: replace(split, forget=split.forget.with_labels([0] * 9))),
            "keeps every label",
        ),
        (drawn(change=lambda split, data: replace(split, forget_classes=(1,))), "names the classes it forgets from"),
        (drawn(change=lambda split, data: replace(split, test=tiny_data().view(data.test))), DIFFERENT_DATA),
        (poisoned(brightened), "poisons copies behind the last image"),
        (poisoned(lambda data, clean: replace(data, test=data.validation)), "poisons copies behind the last image"),
        (
            poisoned(lambda data, clean: replace(data, train=np.append(clean.train, data.train[-3:]))),
            "trains on each poisoned copy in place of its image",
        ),
        (
            poisoned(lambda data, clean: replace(data, fingerprint=clean.fingerprint)),
            "gives poisoned data a fingerprint of their own",
        ),
        (poisoned(planted=()), "says in finite numbers what it planted"),
        (poisoned(planted=[("noise", np.array([np.nan]))]), "says in finite numbers what it planted"),
        (poisoned(extra=[("seen", [162])]), "keeps its extra sets out of training"),
        (poisoned(extra=[("validation", [140])]), "keeps its extra sets out of training"),
        (poisoned(renamed), "draws the same twice"),
        (drawn(system_draw), "draws the same twice"),
        (drawn(global_draw), "draws from rng only"),
        (drawn(global_draw_in_secret), "draws from rng only"),
    ],
)
def test_a_scenario_that_breaks_a_promise_is_caught_by_that_promise(scenario, promise):
    assert broken_promise(check_scenario, scenario) == promise


def test_a_scenario_that_keeps_all_promises_passes():
    check_scenario(drawn())
    check_scenario(poisoned(extra=[("tested otherwise", [140])]))


# Data sources that break one promise each.


def source(change=lambda data: data, signature=lambda: "tiny"):
    @dataclass(frozen=True, kw_only=True)
    class Source:
        def signature(self):
            return signature()

        def __call__(self):
            return change(tiny_data())

    return Source()


def noisy(data):
    pixels = data.pixels.copy()
    pixels[0, 0, 0, 0] = random.SystemRandom().randrange(256)
    return replace(data, pixels=pixels, fingerprint=str(random.SystemRandom().random()))


def global_noise(data):
    np.random.rand()
    return data


@pytest.mark.parametrize(
    ("data", "promise"),
    [
        (source(signature=lambda: ""), "signs its source"),
        (source(signature=lambda: str(random.SystemRandom().random())), "signs alike twice"),
        (source(global_noise), "draws from its own seeds only"),
        (source(lambda data: replace(data, pixels=data.pixels / 255)), "gives square RGB images of 8 bits"),
        (source(lambda data: replace(data, pixels=data.pixels[:, :1])), "gives square RGB images of 8 bits"),
        (source(lambda data: replace(data, image_size=11)), "has room for its image_size"),
        (source(lambda data: replace(data, labels=data.labels + 1)), "labels every image with a class it names"),
        (source(lambda data: replace(data, fine_names=("a",))), "labels every image with a subclass it names"),
        (source(lambda data: replace(data, test=data.train[:3])), "divides its images"),
        (source(lambda data: replace(data, train=data.train[data.labels[:120] > 0])), "trains every class"),
        (source(lambda data: replace(data, test=data.test[:0])), "has images to test"),
        (source(lambda data: replace(data, mean=(0.5, 0.5, 0.5))), "measures its training images"),
        (source(lambda data: replace(data, fingerprint="")), "has a fingerprint"),
        (source(noisy), "decodes alike twice"),
    ],
)
def test_a_data_source_that_breaks_a_promise_is_caught_by_that_promise(data, promise):
    assert broken_promise(check_data, data) == promise


def test_a_data_source_that_keeps_all_promises_passes():
    check_data(source())


# Metrics that break one promise each.


@dataclass(frozen=True)
class Answers:
    model: Classifier
    split: Split

    def logits(self, name):
        return self.table[name]

    @property
    def table(self):
        return self.__dict__.setdefault("_table", {name: self._logits(name) for name in SET_NAMES})

    @torch.no_grad()
    def _logits(self, name):
        return torch.cat([torch.empty(0, 4), *(self.model(x) for x, _ in getattr(self.split, name).batches(50))])

    @torch.no_grad()
    def features(self, name):
        return torch.cat([self.model.features(x) for x, _ in getattr(self.split, name).batches(50)])


class Judged:
    """An evaluation of the tiny world's original as if it were unlearned."""

    def __init__(self):
        world = tiny_world()
        self.split = world.split
        self.subject = Answers(world.model, world.split)
        self.untrained = [Answers(tiny_model(tiny_data(), 9), world.split)]
        self.sets = ("forget", "retain", "test")
        self.forgets_class = False

    @property
    def reference(self):
        raise SelfComparison("itself")

    @property
    def rng(self):
        return np.random.default_rng(0)

    def labels(self, name):
        return getattr(self.split, name).labels


@dataclass(frozen=True, kw_only=True)
class Size:
    """Keeps all promises."""

    needs: ClassVar[frozenset[str]] = frozenset({"logits"})

    def __call__(self, evaluation) -> Mapping[str, float | Undefined]:
        return {"size/forget": self.value(evaluation), "size/why": Undefined("there is no reason")}

    def value(self, evaluation) -> Any:
        return float(evaluation.subject.logits("forget").abs().mean()) + float(evaluation.rng.random())


def sized(value, needs=frozenset({"logits"})):
    return type("Sized", (Size,), {"value": lambda self, evaluation: value(evaluation), "needs": needs})()


def with_series(*series):
    return type(
        "Curved", (Size,), {"series": lambda self, evaluation: {"size/curve": Series(x=series[0], y=series[1])}}
    )()


def warned(warnings):
    return type("Warned", (Size,), {"warnings": lambda self, evaluation: warnings})()


def declaring(columns):
    return type("Declaring", (Size,), {"declared_columns": columns})()


class NamesNothing(Size):
    def __call__(self, evaluation):
        return {}


def global_numpy(evaluation):
    return float(np.random.rand())


def global_numpy_in_secret(evaluation):
    state = np.random.get_state()
    value = float(np.random.rand())
    np.random.set_state(state)
    return value


@pytest.mark.parametrize(
    ("metric", "promise"),
    [
        (sized(lambda evaluation: 1.0, needs={"logits"}), "declares what it reads"),
        (sized(lambda evaluation: 1.0, needs=frozenset({"logit"})), "declares what it reads"),
        (sized(lambda evaluation: float(evaluation.subject.features("forget").sum())), "reads only what it needs"),
        (sized(lambda evaluation: float(evaluation.subject.model.mean.sum())), "reads only what it needs"),
        (sized(lambda evaluation: float(len(evaluation.untrained))), "reads only what it needs"),
        (
            sized(lambda evaluation: float(evaluation.untrained[0].logits("forget").sum()), frozenset({"untrained"})),
            "reads only what it needs",
        ),
        (
            sized(lambda evaluation: float(evaluation.subject.logits("test").zero_().sum())),
            "leaves the predictions as they were",
        ),
        (NamesNothing(), "names its columns"),
        (sized(lambda evaluation: float("nan")), "gives numbers or reasons"),
        (sized(lambda evaluation: None), "gives numbers or reasons"),
        (sized(lambda evaluation: torch.ones(())), "gives numbers or reasons"),
        (with_series([0.0, 1.0], [1.0]), "gives series of finite numbers, one for each place"),
        (with_series([0.0, 1.0], [1.0, float("nan")]), "gives series of finite numbers, one for each place"),
        (warned({"size/other": "few"}), "warns of its own columns, in words"),
        (warned({"size/forget": ""}), "warns of its own columns, in words"),
        (declaring({"size/forget": "mean size"}), "declares its columns"),
        (declaring({"size/forget": Column(), "length/forget": Column()}), "declares columns that it has"),
        (declaring({"size/*_test": Column()}), "declares columns that it has"),
        (declaring({"size/*": Column(title="size")}), "gives each column a title of its own"),
        (
            declaring({"size/forget": Column(title="size"), "size/why": Column(title="size")}),
            "gives each column a title of its own",
        ),
        (sized(lambda evaluation: float(len(evaluation.images("forget")))), "reads only what it needs"),
        (sized(lambda evaluation: random.SystemRandom().random()), "measures the same twice"),
        (sized(global_numpy), "draws from evaluation.rng only"),
        (sized(global_numpy_in_secret), "draws from evaluation.rng only"),
    ],
)
def test_a_metric_that_breaks_a_promise_is_caught_by_that_promise(metric, promise):
    assert broken_promise(check_metric, metric, Judged()) == promise


def test_a_metric_that_keeps_all_promises_passes():
    check_metric(Size(), Judged())
    check_metric(with_series(["a", "b"], [0.5, 1.0]), Judged())
    check_metric(warned({"size/forget": "fewer than 100 images in forget"}), Judged())
    check_metric(
        declaring({"size/*": Column(unit="fraction"), "size/test": Column(title="size", shown=True)}), Judged()
    )


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ({"unit": "percent"}, "unit='percent' is not allowed: give one of fraction, nats, bits"),
        ({"direction": "up"}, "direction='up' is not allowed: give one of reference, lower, higher, none"),
        ({"format": ".2q"}, "format='.2q' is not allowed: give one for numbers, as .3f or .2%"),
        ({"format": "d"}, "format='d' is not allowed"),
    ],
)
def test_a_column_has_a_unit_a_direction_and_a_format_that_are_known(field, told):
    with pytest.raises(SupremeError, match=re.escape(told)):
        Column(**field)
