"""Functions and classes that make a plain network, named in a model's YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from supreme.core import SupremeError, registry
from supreme.functional.network import as_network
from supreme.models.network import Network
from supreme.store.fingerprint import identity
from supreme.testing import check_model

LAB = """
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
"""
FACTS = 10, 8, (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


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


def test_components_and_other_groups_stay_as_they_are() -> None:
    ours = {"_target_": "supreme.models.resnet18.ResNet18", "width": 4}
    assert registry.as_component(ours, "model") is ours
    method = {"_target_": "torchvision.models.resnet18"}
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
        ("torch.nn.Linear", {"in_features": 3, "out_features": 10}, "cannot take the images"),
    ],
)
def test_what_makes_no_network_for_these_images_is_refused_before_any_training(
    lab: str, target: str, values: dict[str, Any], told: str
) -> None:
    with pytest.raises(SupremeError, match=told):
        model(target.replace("{lab}", lab), **values).check(*FACTS)
