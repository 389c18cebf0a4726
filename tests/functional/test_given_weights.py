"""Weights of other people's code in a whole classifier: every tensor is the file's, or the file is refused."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from supreme.core import SupremeError, seeds
from supreme.functional import given_weights
from supreme.functional.classifier import Classifier
from supreme.models.resnet18 import ResNet18
from supreme.models.small_cnn import SmallCNN

State = dict[str, Tensor]


class Foreign(nn.Module):
    """The layers of `small_cnn` under the names, and with the head, of somebody else."""

    def __init__(self, classes: int = 5, head: str = "fc", widths: tuple[int, ...] = (4, 8)) -> None:
        super().__init__()
        channels = 3
        for number, width in enumerate(widths):
            self.add_module(f"conv{number}", nn.Conv2d(channels, width, 3, padding=1, bias=False))
            self.add_module(f"bn{number}", nn.BatchNorm2d(width))
            channels = width
        self.add_module(head, nn.Linear(channels, classes))

    def forward(self, x: Tensor) -> Tensor:
        *layers, head = self.children()
        for conv, norm in zip(layers[::2], layers[1::2], strict=True):
            x = norm(conv(x)).relu()
            x = nn.functional.max_pool2d(x, 2) if conv is not layers[-2] else x
        return head(x.mean((2, 3)))


def ours(classes: int = 5) -> Classifier:
    with seeds.scoped(9):
        return SmallCNN(widths=[4, 8])(classes, 8, (0.5,) * 3, (0.25,) * 3).eval()


@pytest.fixture
def foreign() -> nn.Module:
    """Trained statistics, none of which a new network has."""
    with seeds.scoped(3):
        network = Foreign().train()
        network(torch.rand(16, 3, 8, 8))
    return network.eval()


def renamed(state: State) -> State:
    """Under our names, as a model that was trained here is stored."""
    names = [*(f"body.{name}" for name in ours().body.state_dict()), "head.weight", "head.bias"]
    return dict(zip(names, state.values(), strict=True))


def loaded(content: Any, folder: Path, name: str = "x.pt") -> tuple[Classifier, given_weights.Given]:
    path = folder / name
    save_file(content, path) if path.suffix == ".safetensors" else torch.save(content, path)
    model = ours()
    return model, given_weights.load(model, str(path), key="original")


def refusal(content: Any, folder: Path, name: str = "x.pt") -> str:
    """What is said; the model has its weights still, and one without values is refused alike."""
    path = folder / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    said = set[str]()
    for device in ("cpu", "meta"):
        with torch.device(device):
            model = SmallCNN(widths=[4, 8])(5, 8, (0.5,) * 3, (0.25,) * 3)
        with pytest.raises(SupremeError) as caught:
            given_weights.load(model, str(path), key="original")
        said.add(str(caught.value))
    (sentence,) = said
    assert sentence.startswith(f"original={path}")
    assert "\n" not in sentence
    assert "checkpoint=" not in sentence
    return sentence


def under(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


WRAPPED: dict[str, Callable[[State], Any]] = {
    "a state dict": lambda s: s,
    "under our names": renamed,
    "ours under module.": lambda s: under("module.", renamed(s)),
    "state_dict": lambda s: {"state_dict": s, "epoch": 3},
    "net of pytorch-cifar": lambda s: {"net": under("module.", s), "acc": 93.0},
    "with its optimizer": lambda s: {"model": s, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(5, 8)}}}},
    "torch.compile": lambda s: under("_orig_mod.", s),
    "Lightning": lambda s: {"state_dict": under("model.", s), "pytorch-lightning_version": "2.5.0"},
    "old, without counts": lambda s: {n: t for n, t in s.items() if "num_batches" not in n},
    "half precision": lambda s: {n: t.half() if t.is_floating_point() else t for n, t in s.items()},
    "a Parameter": lambda s: {n: nn.Parameter(t) if t.is_floating_point() else t for n, t in s.items()},
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED)
def test_a_model_of_other_code_answers_here_as_it_does_there(
    wrapped: Callable[[State], Any], foreign: nn.Module, tmp_path: Path
) -> None:
    model, told = loaded(wrapped(foreign.state_dict()), tmp_path)
    x = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    tolerance = 2e-2 if wrapped is WRAPPED["half precision"] else 1e-6
    torch.testing.assert_close(model(x), foreign((x - 0.5) / 0.25), rtol=tolerance, atol=tolerance)
    assert told.by_order == (wrapped not in (WRAPPED["under our names"], WRAPPED["ours under module."]))
    assert told.normalisation == "of the model"


@pytest.mark.parametrize("head", ["fc", "linear", "classifier", "head", "last_layer"])
def test_a_head_may_have_any_name(head: str, foreign: nn.Module, tmp_path: Path) -> None:
    *body, weight, bias = foreign.state_dict().items()
    model, told = loaded({**dict(body), f"{head}.weight": weight[1], f"{head}.bias": bias[1]}, tmp_path)
    assert torch.equal(model.head.get_parameter("weight"), weight[1])
    assert told.head == head


def test_our_own_artefact_keeps_the_normalisation_that_it_was_trained_with(tmp_path: Path) -> None:
    state = ours().state_dict() | {"mean": torch.full((1, 3, 1, 1), 0.3), "std": torch.full((1, 3, 1, 1), 0.2)}
    model, told = loaded({name: tensor.contiguous() for name, tensor in state.items()}, tmp_path, "x.safetensors")
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert (told.by_order, told.head, told.normalisation) == (False, "head", "of the file")


@pytest.mark.parametrize("place", ["", "normalize."])
def test_a_file_may_say_how_its_pixels_are_normalised(place: str, foreign: nn.Module, tmp_path: Path) -> None:
    pixels = {f"{place}mean": torch.tensor([0.1, 0.2, 0.3]), f"{place}std": torch.tensor([0.4, 0.5, 0.6])}
    model, told = loaded({**pixels, **foreign.state_dict()}, tmp_path)
    assert model.mean.flatten().tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert model.std.flatten().tolist() == pytest.approx([0.4, 0.5, 0.6])
    assert told.normalisation == "of the file"


def test_resnet18_of_torchvision_with_the_small_stem_is_ours_in_every_layer(tmp_path: Path) -> None:
    """As kuangliu's and OPTML's, whose layers come in the same order."""
    from torchvision.models import resnet18

    with seeds.scoped(5):
        network = resnet18(num_classes=5)
        network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    torch.save({"state_dict": network.eval().state_dict()}, tmp_path / "x.pth")
    model = ResNet18(width=64)(5, 32, (0.0,) * 3, (1.0,) * 3).eval()
    given_weights.load(model, str(tmp_path / "x.pth"), key="original")
    x = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(model(x), network(x), rtol=1e-5, atol=1e-5)


class _Evil:
    def __reduce__(self) -> Any:
        return (print, ("run",))


def _two_heads(s: State) -> State:
    return {n.replace("head.", f"fc{two}."): t for two in ("", "2") for n, t in s.items()}


REFUSED: dict[str, tuple[Callable[[State], Any], str]] = {
    "a web page": (lambda s: b"<!DOCTYPE html><html>404</html>", "is a web page"),
    "nothing": (lambda s: b"", "is empty"),
    "no file": (lambda s: None, "is no file"),
    "an evil pickle": (lambda s: {"state_dict": s, "x": _Evil()}, "would run code"),
    "an evil raw pickle": (lambda s: pickle.dumps(_Evil()), "would run code"),
    "a whole network": (lambda s: Foreign(), "would run code"),
    "cut off": (lambda s: b"PK\x03\x04 and no more", "is cut off"),
    "text": (lambda s: b"epoch,loss\n1,2\n", "is text"),
    "LFS": (lambda s: b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    "no tensors": (lambda s: {"epoch": 3}, "holds no state dict"),
    "an optimizer": (lambda s: {"optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}}}, "of the 10 tensors"),
    "other classes": (lambda s: Foreign(classes=7).state_dict(), "it should be 5 x 8, and there is fc of 7 x 8"),
    "no head": (lambda s: {n: t for n, t in s.items() if "fc" not in n}, "a body without its head (5 x 8)"),
    "a head without bias": (lambda s: {n: t for n, t in s.items() if n != "fc.bias"}, "without its head"),
    "two heads": (lambda s: _two_heads(renamed(s)), "2 layers that fit the head: fc and fc2"),
    "in order, 2 heads": (
        lambda s: s | {"fc2.weight": s["fc.weight"], "fc2.bias": s["fc.bias"]},
        "of the 10 tensors",
    ),
    "wider": (lambda s: Foreign(widths=(4, 16)).state_dict(), "of the 10 tensors"),
    "deeper": (lambda s: Foreign(widths=(4, 8, 8)).state_dict(), "of the 10 tensors"),
    "ours, wider": (lambda s: renamed(s) | {"body.4.weight": torch.ones(9, 4, 3, 3)}, "4.weight is 9 x 4 x 3 x 3"),
    "not finite": (lambda s: s | {"fc.bias": s["fc.bias"] / 0}, "fc.bias is not finite"),
    "a body that is not": (lambda s: s | {"conv0.weight": s["conv0.weight"] / 0}, "is not finite"),
    "whole numbers": (lambda s: s | {"fc.weight": s["fc.weight"].long()}, "fc.weight is torch.int64"),
    "two whole models": (lambda s: {"model": s, "net": {n: t + 1 for n, t in s.items()}}, "holds 2 models that fit"),
    "of 0 to 255": (
        lambda s: s | {"mean": torch.full((3,), 127.0), "std": torch.full((3,), 60.0)},
        "divide it by 255",
    ),
    "grey": (lambda s: s | {"mean": torch.tensor([0.5]), "std": torch.tensor([0.5])}, "three numbers"),
    "no spread": (lambda s: s | {"mean": torch.zeros(3), "std": torch.zeros(3)}, "three numbers"),
    "meta": (lambda s: {n: t.to("meta") for n, t in s.items()}, "without values"),
}


@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_model_of_this_kind_is_refused_in_one_sentence(
    content: Callable[[State], Any], why: str, foreign: nn.Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert why in refusal(content(foreign.state_dict()), tmp_path)
    assert "run" not in capsys.readouterr().out
