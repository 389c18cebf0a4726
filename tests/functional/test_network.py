from __future__ import annotations

import copy
from collections.abc import Callable

import pytest
import torch
import torchvision.models as tv
from torch import Tensor, nn

from supreme.core import SupremeError
from supreme.functional.classifier import Classifier
from supreme.functional.network import as_classifier, as_network
from supreme.functional.whole_network import WholeNetwork


class Own(nn.Module):
    """A network whose forward ends as it is told."""

    def __init__(self, ending: Callable[[Tensor], object] = lambda logits: logits) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(3, 4, 3)
        self.hidden = nn.Linear(4, 8)
        self.classes = nn.Linear(8, 5)
        self.ending = ending

    def forward(self, x: Tensor) -> object:
        return self.ending(self.classes(self.hidden(self.convolution(x).mean((2, 3))).relu()))


def _images(side: int = 32) -> Tensor:
    return torch.rand(3, 3, side, side, generator=torch.Generator().manual_seed(7))


def _timm(name: str) -> nn.Module:
    import timm

    return timm.create_model(name)


@pytest.mark.parametrize(
    ("make", "head", "features"),
    [
        (lambda: tv.resnet18(), "fc", 512),
        (lambda: tv.mobilenet_v3_small(num_classes=10), "classifier.3", 1024),
        (lambda: tv.efficientnet_b0(num_classes=10), "classifier.1", 1280),
        (lambda: _timm("resnet10t"), "fc", 512),
        (lambda: _timm("convnext_atto"), "head.fc", 320),
        (Own, "classes", 8),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 32, 7)), "1", 3 * 32 * 32),
    ],
    ids=["torchvision", "in a sequence", "after dropout", "timm", "in a block", "own", "sequential"],
)
def test_a_network_answers_alike_as_a_classifier_and_comes_back(
    make: Callable[[], nn.Module], head: str, features: int
) -> None:
    network = make().eval()
    before, drawn = copy.deepcopy(network.state_dict()), torch.get_rng_state()

    classifier = as_classifier(network)
    with torch.no_grad():
        assert classifier.features(_images()).shape == (3, features)
        assert torch.equal(classifier(_images()), network(_images()))
        for weight in classifier.parameters():
            weight.add_(0.01)  # a method at work
        back = as_network(copy.deepcopy(classifier))
        assert torch.equal(back(_images()), classifier(_images()))
    assert type(back) is type(network)
    assert back.state_dict().keys() == before.keys()
    assert torch.equal(back.get_parameter(f"{head}.weight"), classifier.head.get_parameter("weight"))
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    assert torch.equal(torch.get_rng_state(), drawn)


def test_normalisation_and_size_stand_before_the_network() -> None:
    network = Own().eval()
    mean, std = torch.tensor([0.4, 0.5, 0.6]), torch.tensor([0.2, 0.25, 0.3])
    classifier = as_classifier(network, mean=mean.tolist(), std=std.tolist(), image_size=16)
    normalised = (_images(16) - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
    with torch.no_grad():
        assert torch.equal(classifier(_images(16)), network(normalised))
        assert classifier(_images(40)).shape == (3, 5)


def test_a_wrapped_network_is_unwrapped_and_keeps_its_mode() -> None:
    network = Own().train()
    classifier = as_classifier(nn.DataParallel(network))
    assert type(as_network(classifier)) is Own
    assert classifier.training
    assert not as_classifier(network.eval()).training


@pytest.mark.parametrize(
    ("make", "options", "told"),
    [
        (
            lambda: Own(lambda y: y.log_softmax(1)),
            {},
            'computes on after its last layer.*head="classes", head="hidden"',
        ),
        (lambda: Own(lambda y: y * 2), {"head": "classes"}, "the network computes on after it"),
        (lambda: Own(lambda y: {"logits": y, "loss": 0}), {}, r"returns a dict \(logits, loss\).*logits alone"),
        (lambda: Own(lambda y: (y, y)), {}, "returns a tuple"),
        (lambda: Own(lambda y: y[:, :1]), {}, "returns 2 x 1 for 2 images"),
        (lambda: tv.googlenet(init_weights=False), {}, "while it is trained.*aux_logits=False"),
        (lambda: tv.squeezenet1_1(), {}, "it has no linear layer"),
        (lambda: _timm("deit_tiny_distilled_patch16_224"), {}, 'head="head_dist"'),
        (Own, {"head": "class"}, "has no such layer; did you mean classes"),
        (Own, {"head": "hidden"}, 'without it the rest cannot run.*name another layer.*head="classes"'),
        (Own, {"mean": [0.5, 0.5, 0.5]}, "belong together"),
        (Own, {"mean": [0.5], "std": [0.5]}, "three numbers each"),
        (Own, {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.0, 0.2]}, "those of std above 0"),
        (Own, {"example": torch.zeros(3, 32, 32)}, "B x 3 x S x S"),
        (lambda: nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten(), nn.LazyLinear(3)), {}, "run one batch"),
        (
            lambda: nn.Sequential(nn.Conv2d(1, 2, 32), nn.Flatten(), nn.Linear(2, 3)),
            {},
            "its first convolution takes 1 channel ",
        ),
        (lambda: nn.Sequential(nn.Flatten(), nn.Linear(12, 3)), {}, "cannot take the images.*image_size=224"),
        (lambda: Own().half(), {}, "torch.float16: give network.float()"),
        (nn.Flatten, {}, "no weights"),
        (lambda: Classifier(nn.Flatten(), nn.Linear(3, 3), (0, 0, 0), (1, 1, 1)), {"head": "fc"}, "already"),
    ],
)
def test_what_is_no_classifier_is_refused_in_a_sentence(
    make: Callable[[], nn.Module], options: dict[str, object], told: str
) -> None:
    with pytest.raises(SupremeError, match=told):
        as_classifier(make(), **options)  # type: ignore[arg-type]


def test_a_network_that_cannot_be_split_gives_logits_and_refuses_features() -> None:
    network = Own(lambda logits: logits.log_softmax(1)).eval()
    whole = copy.deepcopy(WholeNetwork(network, "its head is hidden", (0, 0, 0), (1, 1, 1), None))
    with torch.no_grad():
        assert torch.equal(whole(_images()), network(_images()))  # type: ignore[arg-type]
    for ask in (lambda: whole.features(_images()), lambda: whole.head):
        with pytest.raises(SupremeError, match=r"the method .*, and its head is hidden"):
            ask()
    assert type(as_network(whole)) is Own
    with pytest.raises(SupremeError, match="cannot be put back"):
        as_network(Classifier(nn.Flatten(), nn.Linear(3, 3), (0, 0, 0), (1, 1, 1)))
