"""Files of weights: what is loaded is what the file holds, tensor by tensor; what does not fit or is none is refused.

Every file here is written as people's tools write it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import hydra
import numpy as np
import pytest
import timm
import torch
from conftest import Run
from hydra.core.global_hydra import GlobalHydra
from safetensors.torch import save_file
from torch import Tensor, nn

from supreme.cli import CONF
from supreme.core import SupremeError, seeds
from supreme.functional import checkpoints
from supreme.functional.classifier import Classifier, origin
from supreme.models import trial
from supreme.models.small_cnn import SmallCNN
from supreme.models.timm import Timm
from supreme.pipeline.workplace import Workplace
from supreme.sweep.plan.compose import Composer, Problems, compose_all
from supreme.sweep.plan.plan import Plan, make_plan, resolve

ARCH = "test_resnet"
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
State = dict[str, Tensor]


def component(checkpoint: Path, arch: str = ARCH, image_size: int | None = None) -> Timm:
    return Timm(
        arch=arch, pretrained=True, checkpoint=str(checkpoint), image_size=image_size, normalisation="of_weights"
    )


def made(checkpoint: Path, arch: str = ARCH, image_size: int | None = None) -> Classifier:
    with seeds.scoped(4):
        return component(checkpoint, arch, image_size)(5, 32, MEAN, STD)


def state_of(arch: str = ARCH, num_classes: int = 7, **options: Any) -> State:
    """Weights and statistics, none of which a new network has."""
    with seeds.scoped(3):
        state = timm.create_model(arch, num_classes=num_classes, **options).state_dict()
        return {name: _moved(tensor) for name, tensor in state.items()}


def _moved(tensor: Tensor) -> Tensor:
    return tensor + torch.rand_like(tensor) if tensor.is_floating_point() else tensor + 3


@pytest.fixture(scope="module")
def state() -> State:
    return state_of()


def under(prefix: str, state: Mapping[str, Tensor]) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def refusal(checkpoint: Path, arch: str = ARCH) -> str:
    """What is said, the same before the sweep and when the model is made; nothing of the file is executed."""
    with pytest.raises(SupremeError) as at_last:
        made(checkpoint, arch)
    with pytest.raises(SupremeError) as in_planning:
        component(checkpoint, arch).check(5, 32, MEAN, STD)
    assert str(in_planning.value) == str(at_last.value)
    assert "\n" not in str(at_last.value)
    return str(at_last.value)


# What is loaded.

WRAPPED: dict[str, Callable[[State], Any]] = {
    "a state dict": lambda s: s,
    "an ordered one": OrderedDict,
    "state_dict": lambda s: {"state_dict": s},
    "model": lambda s: {"model": s, "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{}]}},
    "net": lambda s: {"net": s, "acc": 93.1, "epoch": 200},
    "model_state_dict": lambda s: {"epoch": 3, "model_state_dict": s, "loss": torch.tensor(0.3)},
    "DeepSpeed's module": lambda s: {"module": s},
    "checkpoint/model": lambda s: {"checkpoint": {"model": s}},
    "module. of data parallel": lambda s: under("module.", s),
    "_orig_mod. of torch.compile": lambda s: under("_orig_mod.", s),
    "both, in either order": lambda s: under("module._orig_mod.", s),
    "model. of Lightning": lambda s: {"state_dict": under("model.", s), "pytorch-lightning_version": "2.5.0"},
    "net. of Lightning": lambda s: {"state_dict": under("net.", s), "hyper_parameters": {"lr": 0.1}},
    "backbone.": lambda s: under("backbone.", s),
    "encoder.": lambda s: under("encoder.", s),
    "all at once": lambda s: {"state_dict": under("model.module._orig_mod.backbone.", s)},
    "averaged weights of torch": lambda s: {"n_averaged": torch.tensor(9), **under("module.", s)},
    "timm's training script": lambda s: {"epoch": 1, "state_dict": s, "args": argparse.Namespace(lr=0.1)},
    "the moving average": lambda s: {"state_dict": _others(s), "state_dict_ema": s},
    "the moving average, by prefix": lambda s: {**under("model.", _others(s)), **under("ema_model.module.", s)},
    "no head": lambda s: {name: tensor for name, tensor in s.items() if not name.startswith("fc.")},
    "parameters, not tensors": lambda s: {
        name: nn.Parameter(tensor, requires_grad=tensor.is_floating_point()) for name, tensor in s.items()
    },
    "files without counts of batches": lambda s: {
        name: tensor for name, tensor in s.items() if not name.endswith("num_batches_tracked")
    },
    "tensors that are views": lambda s: {
        name: torch.stack([tensor, tensor], -1)[..., 0] for name, tensor in s.items()
    },
    "double precision": lambda s: {name: t.double() if t.is_floating_point() else t for name, t in s.items()},
}  # fmt: skip


def _others(state: State) -> State:
    return {name: tensor * 2 for name, tensor in state.items()}


@pytest.mark.parametrize("kind", WRAPPED)
def test_every_tensor_of_the_body_is_the_one_in_the_file(kind: str, state: State, tmp_path: Path) -> None:
    torch.save(WRAPPED[kind](state), tmp_path / "weights.pth")
    model = made(tmp_path / "weights.pth")
    found, fresh = model.body.state_dict(), timm.create_model(ARCH, num_classes=0).state_dict()
    assert found.keys() == fresh.keys() == {name for name in state if not name.startswith("fc.")}
    for name, tensor in found.items():
        if "without counts" in kind and name.endswith("num_batches_tracked"):
            continue
        assert torch.equal(tensor, state[name]), name
        assert not torch.equal(tensor, fresh[name]), name
    component(tmp_path / "weights.pth").check(5, 32, MEAN, STD)


@pytest.mark.parametrize("prefix", ["", "model.", "module._orig_mod."])
def test_a_safetensors_file_is_loaded_tensor_by_tensor(prefix: str, state: State, tmp_path: Path) -> None:
    save_file(under(prefix, state), tmp_path / "weights.safetensors")
    found = made(tmp_path / "weights.safetensors").body.state_dict()
    assert all(torch.equal(found[name], state[name]) for name in found)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_loaded_as_the_numbers_that_it_holds(
    dtype: torch.dtype, state: State, tmp_path: Path
) -> None:
    halves = {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}
    save_file(halves, tmp_path / "weights.safetensors")
    model = made(tmp_path / "weights.safetensors")
    found = model.body.state_dict()
    assert all(torch.equal(found[name], halves[name].to(found[name].dtype)) for name in found)
    told = origin(model)
    floats = sum(tensor.is_floating_point() for tensor in found.values())
    assert told is not None
    assert told["cast"] == {f"{str(dtype).removeprefix('torch.')} to float32": floats}


def test_weights_that_this_program_has_stored_are_loaded(tmp_path: Path) -> None:
    with seeds.scoped(1):
        stored = Timm(arch=ARCH, pretrained=False, checkpoint=None, image_size=None, normalisation="of_weights")
        before = stored(9, 32, MEAN, STD).state_dict()
    save_file(before, tmp_path / "weights.safetensors")
    model = made(tmp_path / "weights.safetensors")
    assert all(torch.equal(tensor, before[f"body.{name}"]) for name, tensor in model.body.state_dict().items())
    told = origin(model)
    assert told is not None
    assert (told["prefix"], told["left_out_count"]) == ("body.", 0)


def test_the_head_is_the_new_one_that_it_is_without_a_file(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "weights.pth")
    model = made(tmp_path / "weights.pth")
    with seeds.scoped(4):
        other = Timm(arch=ARCH, pretrained=False, checkpoint=None, image_size=None, normalisation="of_weights")
        assert torch.equal(other(5, 32, MEAN, STD).head.weight, model.head.weight)


def test_position_embeddings_of_another_image_size_are_resampled_as_timm_does(tmp_path: Path) -> None:
    source = state_of("test_vit")
    torch.save({"model": source}, tmp_path / "weights.pth")
    model = made(tmp_path / "weights.pth", "test_vit", image_size=32)
    same = [name for name, tensor in model.body.state_dict().items() if torch.equal(tensor, source[name])]
    assert len(same) == len(model.body.state_dict()) - 1
    assert model.body.pos_embed.shape == (1, 5, 64)
    assert source["pos_embed"].shape == (1, 101, 64)
    told = origin(model)
    assert told is not None
    assert told["converted"] is True
    component(tmp_path / "weights.pth", "test_vit", image_size=32).check(5, 32, MEAN, STD)


def test_what_was_done_with_the_file_is_told(state: State, tmp_path: Path) -> None:
    file = {"state_dict": under("model.", state), "swa": torch.ones(2)}
    torch.save(file, tmp_path / "weights.ckpt")
    model, size = made(tmp_path / "weights.ckpt"), len(state) - 2
    told = origin(model)
    assert told is not None
    assert json.loads(json.dumps(told)) == told
    assert told.pop("sha256") == hashlib.sha256((tmp_path / "weights.ckpt").read_bytes()).hexdigest()
    assert told == {
        "file": "weights.ckpt",
        "wrapper": "state_dict",
        "prefix": "model.",
        "loaded": size,
        "of_body": size,
        "in_file": len(state) + 1,
        "converted": False,
        "cast": {},
        "left_out": ["fc.weight", "fc.bias"],
        "left_out_count": 2,
        "head": "new",
    }
    assert origin(SmallCNN(widths=[4])(3, 8, MEAN, STD)) is None


# What does not fit.


def test_a_missing_tensor_is_named_with_how_many_are_there(state: State, tmp_path: Path) -> None:
    less = {name: tensor for name, tensor in state.items() if name != "layer2.0.bn1.running_var"}
    torch.save({"state_dict": under("model.", less)}, tmp_path / "weights.ckpt")
    counts = sum(name.endswith("num_batches_tracked") for name in state)
    needed = len(state) - 2 - counts
    message = refusal(tmp_path / "weights.ckpt")
    assert f"does not fit {ARCH}: {needed - 1} of the {needed} tensors of its body are there" in message
    assert "under the prefix state_dict/model.; the first that is missing is layer2.0.bn1.running_var" in message


def test_a_prefix_that_is_not_taken_off_is_named(state: State, tmp_path: Path) -> None:
    torch.save(under("student.", state), tmp_path / "weights.pth")
    message = refusal(tmp_path / "weights.pth")
    assert " 0 of the " in message
    assert "the first that is missing is conv1.0.weight" in message
    assert "All are there under the prefix student.; save what lies there alone" in message
    file = {"student": under("module.", state), "teacher": state}
    torch.save(file, tmp_path / "weights.pth")
    assert "under the prefix student/module. and teacher/; save" in refusal(tmp_path / "weights.pth")


def test_the_first_tensor_of_another_shape_is_named_with_both_shapes(state: State, tmp_path: Path) -> None:
    right = state["conv1.0.weight"].shape
    torch.save({**state, "conv1.0.weight": torch.rand(right[0], 1, 3, 3)}, tmp_path / "weights.pth")
    told = f"but conv1.0.weight is {right[0]} x 1 x 3 x 3 and should be {right[0]} x 3 x 3 x 3"
    assert told in refusal(tmp_path / "weights.pth")


def test_the_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    torch.save(state_of("test_vit"), tmp_path / "weights.pth")
    message = refusal(tmp_path / "weights.pth")
    assert f"does not fit {ARCH}: " in message
    assert "(the file begins with cls_token). Give weights of this architecture, or take the one they are of" in message


def test_two_models_in_one_file_are_refused(state: State, tmp_path: Path) -> None:
    torch.save({"model": state, "net": _others(state)}, tmp_path / "weights.pth")
    assert f"holds 2 models that fit {ARCH}: model/ and net/; keep one" in refusal(tmp_path / "weights.pth")


def test_a_moving_average_that_lacks_statistics_is_not_silently_passed_over(state: State, tmp_path: Path) -> None:
    parameters = {name: tensor for name, tensor in state.items() if "running" not in name}
    torch.save({"model": state, "ema": parameters}, tmp_path / "weights.pth")
    message = refusal(tmp_path / "weights.pth")
    assert "under the prefix ema/; the first that is missing is conv1.1.running_mean" in message
    assert "All are there under the prefix model/;" in message


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("name", ["layer1.0.conv1.weight", "layer1.0.bn1.running_var"])
def test_weights_and_statistics_that_are_not_finite_are_refused(
    name: str, value: float, state: State, tmp_path: Path
) -> None:
    spoilt = state[name].clone()
    spoilt.view(-1)[1] = value
    torch.save({**state, name: spoilt}, tmp_path / "weights.pth")
    assert f"{name} is not finite in 1 of {spoilt.numel()} values" in refusal(tmp_path / "weights.pth")


def test_a_number_too_large_for_the_models_precision_is_refused(state: State, tmp_path: Path) -> None:
    large = {name: t.double() if t.is_floating_point() else t for name, t in state.items()}
    large["layer1.0.conv1.weight"] += 1e300
    torch.save(large, tmp_path / "weights.pth")
    assert "layer1.0.conv1.weight is not finite in " in refusal(tmp_path / "weights.pth")


def test_a_head_that_is_not_finite_is_no_reason_to_refuse_a_body(state: State, tmp_path: Path) -> None:
    torch.save({**state, "fc.weight": state["fc.weight"] * float("nan")}, tmp_path / "weights.pth")
    made(tmp_path / "weights.pth")


def test_whole_numbers_are_no_weights(state: State, tmp_path: Path) -> None:
    torch.save({**state, "layer1.0.conv1.weight": state["layer1.0.conv1.weight"].to(torch.int8)}, tmp_path / "w.pth")
    assert "layer1.0.conv1.weight is torch.int8, torch.strided and should be torch.float32," in refusal(
        tmp_path / "w.pth"
    )


# What is no file of weights.


class Trap:
    """Its pickle makes a file when it is read."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self) -> tuple[Callable[..., object], tuple[Path]]:
        return Path.touch, (self.place,)


def _cut(path: Path, size: float) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * size)])


def _truncated_safetensors(path: Path, state: State) -> None:
    save_file(state, path)
    _cut(path, 0.7)


def _truncated_torch(path: Path, state: State) -> None:
    torch.save(state, path)
    _cut(path, 0.7)


def _old_truncated_torch(path: Path, state: State) -> None:
    torch.save(state, path, _use_new_zipfile_serialization=False)
    _cut(path, 0.7)


def _script(path: Path, state: State) -> None:
    torch.jit.save(torch.jit.script(nn.Linear(2, 2)), path)


def _zip(path: Path, state: State) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "weights")


def _npz(path: Path, state: State) -> None:
    with path.open("wb") as file:
        np.savez(file, **{name: tensor.numpy() for name, tensor in state.items()})


def _npy(path: Path, state: State) -> None:
    with path.open("wb") as file:
        np.save(file, np.ones(3))


def _flipped_torch(path: Path, state: State) -> None:
    torch.save(state, path)
    content = bytearray(path.read_bytes())
    content[60:90] = b"\xff" * 30
    path.write_bytes(content)


def _meta(path: Path, state: State) -> None:
    with torch.device("meta"):
        torch.save(timm.create_model(ARCH).state_dict(), path)


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 44661\n"
PAGE = b"\n<!DOCTYPE html>\n<html><body>404 Not Found</body></html>"

REFUSED: dict[str, tuple[str, Callable[[Path, State], object], str]] = {
    "a page of the web": ("x.safetensors", lambda p, s: p.write_bytes(PAGE), "is a web page and no file of weights"),
    "the same as .pth": ("x.pth", lambda p, s: p.write_bytes(PAGE), "is a web page and no file of weights"),
    "a page with a byte order mark": ("x.pth", lambda p, s: p.write_bytes(b"\xef\xbb\xbf" + PAGE), "is a web page"),
    "nothing": ("x.safetensors", lambda p, s: p.touch(), "is empty (0 bytes); download or copy it again"),
    "nothing, as .pth": ("x.pth", lambda p, s: p.touch(), "is empty (0 bytes); download or copy it again"),
    "a pointer of Git LFS": ("x.safetensors", lambda p, s: p.write_bytes(LFS), "type `git lfs pull`"),
    "text": ("x.ckpt", lambda p, s: p.write_text('{"weight_map": {}}'), 'is text ({"weight_map": {}}) and no file of'),
    "noise": ("x.pth", lambda p, s: p.write_bytes(bytes(range(256)) * 9), "is damaged, or no file that torch"),
    "noise, as .safetensors": ("x.safetensors", lambda p, s: p.write_bytes(b"\xff" * 99), "no whole safetensors file"),
    "half a safetensors file": ("x.safetensors", _truncated_safetensors, "is no whole safetensors file"),
    "half a torch file": ("x.pth", _truncated_torch, "is cut off or damaged; download or copy it again"),
    "half an old torch file": ("x.pth", _old_truncated_torch, "is a pickle that is cut off, or that would"),
    "a damaged torch file": ("x.pth", _flipped_torch, "is damaged, or no file that torch.save wrote"),
    "a torch file under a wrong name": ("x.safetensors", lambda p, s: torch.save(s, p), "rename it to .pth"),
    "safetensors under a wrong name": ("x.bin", lambda p, s: save_file(s, p), "rename it to .safetensors"),
    "a folder": ("x.pth", lambda p, s: p.mkdir(), "is a folder; give the file of weights that is in it"),
    "a pipe that nobody writes into": ("x.pth", lambda p, s: os.mkfifo(p), "is no file; give the path of a weights"),
    "a pickled trap": (
        "x.pth",
        lambda p, s: torch.save({"state_dict": Trap(p.parent / "executed")}, p),
        "would run code when opened (",
    ),
    "an old pickled trap": (
        "x.pth",
        lambda p, s: torch.save({"a": Trap(p.parent / "executed")}, p, _use_new_zipfile_serialization=False),
        "would run code when opened",
    ),
    "a trap of plain pickle": (
        "x.pth",
        lambda p, s: p.write_bytes(pickle.dumps(Trap(p.parent / "executed"))),
        "would run code when opened",
    ),
    "a trap beside weights": (
        "x.pth",
        lambda p, s: torch.save({**s, "note": Trap(p.parent / "executed")}, p),
        "would run code when opened (",
    ),
    "a whole module": (
        "x.pth",
        lambda p, s: torch.save(timm.create_model(ARCH), p),
        "would run code when opened (timm.",
    ),
    "a TorchScript program": ("x.pt", _script, "is a TorchScript program; give torch.save(torch.jit.load("),
    "another zip archive": ("x.pth", _zip, "is a zip archive that torch.save did not write"),
    "arrays of numpy": ("x.npz", _npz, "is an archive of numpy arrays (.npz); give what torch.save("),
    "an array of numpy": ("x.npy", _npy, "is a numpy array and no state dict"),
    "one tensor": ("x.pth", lambda p, s: torch.save(torch.ones(3), p), "holds no state dict (Tensor)"),
    "a list": ("x.pth", lambda p, s: torch.save([*s.values()], p), "holds no state dict (list)"),
    "settings only": ("x.pth", lambda p, s: torch.save({"lr": 0.1, "epoch": 3}, p), "holds no state dict (lr, epoch)"),
    "an empty state dict": ("x.pth", lambda p, s: torch.save({}, p), "holds no state dict (nothing)"),
    "an empty safetensors file": ("x.safetensors", lambda p, s: save_file({}, p), "holds no state dict (nothing)"),
    "tensors without values": ("x.pth", _meta, "holds tensors without values"),
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_file_of_weights_is_refused_in_a_sentence_that_names_it(
    kind: str, state: State, tmp_path: Path
) -> None:
    name, write, sentence = REFUSED[kind]
    write(tmp_path / name, state)
    message = _said(tmp_path / name)
    assert message.startswith(f"checkpoint={tmp_path / name} ")
    assert sentence in message
    assert "\n" not in message
    assert "weights_only" not in message  # torch advises to switch it off
    assert not (tmp_path / "executed").exists()


def _said(path: Path) -> str:
    if not path.is_file():  # refused when the component is made
        with pytest.raises(SupremeError) as caught:
            component(path)
        return str(caught.value)
    return refusal(path)


def test_a_state_dict_that_holds_itself_is_read_to_its_end(state: State, tmp_path: Path) -> None:
    file: dict[str, Any] = {"model": state}
    file["self"] = file
    torch.save(file, tmp_path / "weights.pth")
    made(tmp_path / "weights.pth")


def test_what_a_file_says_of_itself_moves_no_terminal(state: State, tmp_path: Path) -> None:
    torch.save({"\x1b[2Jx": {"\n": torch.ones(2)}}, tmp_path / "weights.pth")
    assert "(the file begins with ?[2Jx/?)" in refusal(tmp_path / "weights.pth")


def test_timm_is_never_given_a_file(state: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    create, given = timm.create_model, []

    def watched(*arguments: Any, **options: Any) -> Any:
        given.append(options)
        return create(*arguments, **options)

    monkeypatch.setattr(timm, "create_model", watched)
    torch.save(state, tmp_path / "weights.pth")
    made(tmp_path / "weights.pth")
    assert given == [{"pretrained": False, "num_classes": 0}]


# Models of others, and planning.


@dataclass(frozen=True, kw_only=True)
class Theirs:
    """A third party's model: one line loads the file, another has it looked at before a sweep."""

    checkpoint: str

    check = trial.build

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        model = Classifier(body, nn.Linear(4, num_classes), mean, std)
        checkpoints.load(model, self.checkpoint)
        return model


def test_a_model_of_ones_own_loads_in_one_line(tmp_path: Path) -> None:
    weights = {"0.weight": torch.rand(4, 3, 3, 3), "0.bias": torch.rand(4)}
    torch.save({"net": weights}, tmp_path / "weights.pth")
    model = Theirs(checkpoint=str(tmp_path / "weights.pth"))(2, 8, MEAN, STD)
    assert torch.equal(model.body[0].weight, weights["0.weight"])
    told = origin(model)
    assert told is not None
    assert (told["wrapper"], told["loaded"]) == ("net", 2)


@pytest.fixture
def composer() -> Iterator[Composer]:
    with hydra.initialize_config_dir(str(CONF), version_base="1.3"):
        config = hydra.compose("config", return_hydra_config=True)
        yield Composer(SimpleNamespace(config_loader=GlobalHydra.instance().config_loader()), config)


def planned(composer: Composer, output_dir: Path, jobs: Sequence[Sequence[str]], **model: Any) -> Plan:
    problems = Problems()
    cells, _ = compose_all(composer, [["recipe=sgd", "method=original", *job] for job in jobs], problems)
    if model:
        cells = [replace(cell, nodes={**cell.nodes, "model": model}) for cell in cells]
    return make_plan(resolve(cells, output_dir, problems), Workplace(output_dir=str(output_dir), device=""), problems)


def test_the_plan_refuses_a_file_that_does_not_fit_once_for_all_cells(
    composer: Composer, state: State, tmp_path: Path
) -> None:
    torch.save({"student": state}, tmp_path / "w.pth")
    model = ("model=timm", f"model.arch={ARCH}", "model.pretrained=true", f"model.checkpoint={tmp_path / 'w.pth'}")
    with pytest.raises(SupremeError) as caught:
        planned(composer, tmp_path, [[*model, f"seed={seed}"] for seed in range(3)])
    assert str(caught.value).startswith(f"model timm: checkpoint={tmp_path / 'w.pth'} does not fit {ARCH}: 0 of the ")
    assert str(caught.value).endswith(
        "All are there under the prefix student/; save what lies there alone, without it (3 cells)"
    )
    torch.save(state, tmp_path / "w.pth.new")
    model = (*model[:3], f"model.checkpoint={tmp_path / 'w.pth.new'}")
    assert len(planned(composer, tmp_path, [[*model, "seed=0"]]).tasks) == 3


def test_the_plan_refuses_the_file_of_a_model_that_it_does_not_know(composer: Composer, tmp_path: Path) -> None:
    torch.save({"0.weight": torch.rand(4, 3, 3, 3)}, tmp_path / "weights.pth")
    theirs = {"_target_": f"{__name__}.Theirs", "checkpoint": str(tmp_path / "weights.pth")}
    with pytest.raises(SupremeError, match=r"does not fit the model: 1 of the 2 tensors .* missing is 0\.bias"):
        planned(composer, tmp_path, [["seed=0"]], **theirs)
    torch.save({"0.weight": torch.rand(4, 3, 3, 3), "0.bias": torch.rand(4)}, tmp_path / "good.pth")
    assert planned(composer, tmp_path, [["seed=0"]], **{**theirs, "checkpoint": str(tmp_path / "good.pth")}).tasks


def test_the_plan_refuses_an_architecture_too_large_for_the_images(composer: Composer, tmp_path: Path) -> None:
    model = ("model=timm", "model.arch=inception_v3")
    with pytest.raises(SupremeError, match="it cannot take images of 8 x 8 ") as caught:
        planned(composer, tmp_path, [model])
    assert str(caught.value).endswith("; give model.image_size=299, say")
    assert planned(composer, tmp_path, [[*model, "model.image_size=96"]]).tasks
    with pytest.raises(SupremeError, match=r"model timm: it cannot take images of 30 x 30 .*divisible"):
        planned(composer, tmp_path, [["model=timm", "model.arch=test_vit", "model.image_size=30"]])
    with pytest.raises(SupremeError, match="5 stages halve a side of 8 to nothing; give at most 4 widths"):
        planned(composer, tmp_path, [["model=small_cnn", "model.widths=[4,4,4,4,4]"]])


class NeedsValues:
    """Looks at its own weights, which tensors without values do not allow."""

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        head = nn.Linear(3, num_classes)
        if head.weight.sum().item() > 1e9:
            raise ValueError("never")
        return Classifier(body, head, mean, std)


def test_a_model_that_cannot_be_built_without_values_is_tried_with_them_and_draws_nothing() -> None:
    before = torch.get_rng_state()
    trial.run(NeedsValues(), 2, 8, MEAN, STD)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow
def test_a_sweep_names_every_bad_file_before_it_trains_anything(supreme: Run, state: State, tmp_path: Path) -> None:
    (tmp_path / "page.safetensors").write_bytes(PAGE)
    torch.save({"state_dict": Trap(tmp_path / "executed")}, tmp_path / "trap.pth")
    torch.save({"student": state}, tmp_path / "other.ckpt")
    files = "page.safetensors,trap.pth,other.ckpt"
    model = ("model=timm", f"model.arch={ARCH}", "model.pretrained=true", f"model.checkpoint={files}")
    done = supreme("-m", *model, "recipe=sgd", "recipe.epochs=1", "method=original")
    assert done.returncode == 1
    assert "model timm: checkpoint=page.safetensors is a web page and no file of weights" in done.stderr
    assert "model timm: checkpoint=trap.pth would run code when opened (" in done.stderr
    assert "model timm: checkpoint=other.ckpt does not fit test_resnet: 0 of the " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "executed").exists()
    assert not (tmp_path / "outputs" / "store" / "original").exists()


@pytest.mark.slow
def test_the_row_says_what_file_its_models_started_from(supreme: Run, state: State, tmp_path: Path) -> None:
    torch.save({"state_dict": under("model.", state)}, tmp_path / "w.ckpt")
    model = ("model=timm", f"model.arch={ARCH}", "model.pretrained=true", "model.checkpoint=w.ckpt")
    done = supreme(*model, "recipe=sgd", "recipe.epochs=1", "method=original", "metric=[accuracy]")
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "outputs" / "rows").glob("*.json")
    for stage in ("original", "reference"):
        told = json.loads(path.read_text())["provenance"]["stages"][stage]["checkpoint"]
        assert told["sha256"] == hashlib.sha256((tmp_path / "w.ckpt").read_bytes()).hexdigest()
        assert (told["wrapper"], told["prefix"], told["loaded"]) == ("state_dict", "model.", len(state) - 2)
