"""Functions and classes that make a plain network, named in a model's YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from supreme.core import SupremeError, registry
from supreme.functional.classifier import Classifier
from supreme.functional.network import as_network
from supreme.models.network import Network
from supreme.store.fingerprint import identity
from supreme.testing import check_model

LAB = """
import torch
from torch import nn

class Plain(nn.Module):
    def __init__(self, num_classes, hidden=16):
        super().__init__()
        self.convolution = nn.Conv2d(3, hidden, 3)
        self.classes = nn.Linear(hidden, num_classes)

    def forward(self, x):
        return self.classes(self.convolution(x).relu().mean((2, 3)))

class Fixed(nn.Module):
    def __init__(self):
        super().__init__()
        self.classes = nn.Linear(192, 7)

    def forward(self, x):
        return self.classes(x.flatten(1))

def number(num_classes):
    return 3

class Cosine(nn.Module):
    def __init__(self, features, classes):
        super().__init__()
        self.directions = nn.Parameter(torch.empty(classes, features))
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.normal_(self.directions)

    def forward(self, x):
        return x @ self.directions.T

class Fixedly(Cosine):
    reset_parameters = None

    def __init__(self, features, classes):
        nn.Module.__init__(self)
        self.directions = nn.Parameter(torch.ones(classes, features))

class OwnHead(Plain):
    def __init__(self, num_classes=7, weights=None, kind="Cosine"):
        super().__init__(num_classes)
        self.classes = globals()[kind](16, num_classes)
        if weights:
            nn.init.ones_(self.classes.directions)

class OneChannel(Plain):
    def __init__(self, num_classes):
        super().__init__(num_classes)
        self.convolution = nn.Conv2d(1, 16, 3)

class Perceptron(nn.Module):
    def __init__(self, num_classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, num_classes))

    def forward(self, x):
        return self.layers(x)
"""
FACTS = 10, 8, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
GREY = 10, 8, (0.4, 0.4, 0.4), (0.2, 0.2, 0.2)
WITH_WEIGHTS = {"weights": "own", "mean": [0.5] * 3, "std": [0.5] * 3}


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a module of a user's."""
    name = f"lab_{tmp_path.name}"
    (tmp_path / f"{name}.py").write_text(LAB)
    monkeypatch.syspath_prepend(tmp_path)
    return name


def model(target: str, **values: Any) -> Any:
    return registry.build(registry.as_component({"_target_": target, **values}, "model"), "model own")


def test_a_class_of_ones_own_becomes_a_model_that_keeps_all_promises(lab: str) -> None:
    own = model(f"{lab}.Plain", hidden=4)
    assert isinstance(own, Network)
    check_model(own)
    classifier = own(*FACTS)
    assert classifier.head.out_features == 10
    assert torch.allclose(classifier.mean.flatten(), torch.tensor(FACTS[2]))
    assert type(as_network(classifier)).__name__ == "Plain"


def test_a_function_of_torchvision_becomes_a_model() -> None:
    own = model("torchvision.models.mobilenet_v3_small", mean=[0.5, 0.5, 0.5], std=[0.5, 0.5, 0.5], image_size=32)
    own.check(*FACTS)
    assert own(*FACTS)(torch.rand(2, 3, 8, 8)).shape == (2, 10)


def test_a_last_layer_of_ones_own_type_is_drawn_anew_where_weights_are_given(lab: str) -> None:
    own = model(f"{lab}.OwnHead", **WITH_WEIGHTS, num_classes=10)
    own.check(*FACTS)
    head = own(*FACTS).head
    assert type(head).__name__ == "Cosine"
    assert (head.directions != 1).all()


@pytest.mark.parametrize("kind", ["OneChannel", "Perceptron"])
def test_a_network_for_one_channel_takes_grey_images_and_no_others(lab: str, kind: str) -> None:
    own = model(f"{lab}.{kind}")
    own.check(*GREY)
    classifier = own(*GREY)
    grey = torch.rand(2, 1, 8, 8)
    assert torch.equal(classifier(grey.repeat(1, 3, 1, 1)), own_logits(classifier, grey))
    with pytest.raises(SupremeError, match="cannot take the images"):
        own.check(*FACTS)


def own_logits(classifier: Classifier, grey: torch.Tensor) -> torch.Tensor:
    """What the network says to one channel by itself."""
    return classifier.head(classifier.body.network((grey - 0.4) / torch.tensor(0.2)))


def test_components_and_other_groups_stay_as_they_are() -> None:
    ours = {"_target_": "supreme.models.resnet18.ResNet18", "width": 4}
    assert registry.as_component(ours, "model") is ours
    method = {"_target_": "torchvision.models.ResNet"}
    assert registry.as_component(method, "method") is method
    with pytest.raises(SupremeError, match="must be a dataclass"):
        registry.build(method, "method own")


def test_its_identity_holds_its_values_and_the_version_of_its_library(lab: str) -> None:
    nodes = [
        {"_target_": f"{lab}.Plain"},
        {"_target_": f"{lab}.Plain", "hidden": 4},
        {"_target_": f"{lab}.Fixed"},
        {"_target_": "torchvision.models.resnet18"},
        {"_target_": "torchvision.models.resnet34"},
    ]
    known = [str(identity(registry.as_component(node, "model"))) for node in nodes]
    assert len(set(known)) == len(nodes)


@pytest.mark.parametrize(
    ("target", "values", "told"),
    [
        ("torchvision.models.resnet18", {"weights": "DEFAULT"}, r"say how, as in model\.mean=\[0\.485"),
        ("torchvision.models.resnet18", {"num_clases": 3}, "cannot be called .*num_clases"),
        ("torchvision.models.inception_v3", {"init_weights": False}, "cannot take the images.*image_size=224"),
        ("{lab}.Plain", {"head": "class"}, "has no such layer; did you mean classes"),
        ("{lab}.Plain", {"mean": [0.5, 0.5, 0.5]}, "belong together"),
        ("{lab}.Plain", {"image_size": 0}, "image_size=0 is not allowed"),
        ("{lab}.Fixed", {}, "answers with 7 logits and the data have 10 classes.*num_classes"),
        ("{lab}.number", {}, "gives a int, and a model must be an nn.Module"),
        ("{lab}.Nothing", {}, "cannot be imported"),
        ("torchvision.models", {}, "as a model, a function or class that makes an nn.Module"),
        ("{lab}.OwnHead", WITH_WEIGHTS, "7 logits .* its last layer is a Cosine.*num_classes: 10"),
        ("{lab}.OwnHead", {**WITH_WEIGHTS, "num_classes": 10, "kind": "Fixedly"}, "Fixedly has no reset_parameters"),
        ("{lab}.OneChannel", {}, r"takes 1 channel and .*nn\.Conv2d\(3, .*x\.mean\(1, keepdim=True\)"),
        ("{lab}.Plain", {"stem": "imagenet"}, "stem='imagenet' is not allowed"),
        ("{lab}.Plain", {"stem": "cifar"}, "Plain has other first layers .*3x3, stride 1.*model.stem=null"),
        ("torch.nn.Linear", {"in_features": 3, "out_features": 10}, "cannot take the images"),
    ],
)
def test_what_makes_no_network_for_these_images_is_refused_before_any_training(
    lab: str, target: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(SupremeError, match=told):
        model(target.replace("{lab}", lab), **values).check(*FACTS)
