"""The architectures: their published sizes, their one shape, their initialisation, and what timm cannot give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from safetensors.torch import save_file
from torch import Tensor, nn

from supreme.core import SupremeError, seeds
from supreme.core.registry import as_component, build
from supreme.functional.classifier import Classifier
from supreme.functional.residual import ZeroPadding
from supreme.models.cifar_resnet import CifarResNet
from supreme.models.resnet9 import ResNet9
from supreme.models.resnet18 import ResNet18
from supreme.models.small_cnn import SmallCNN
from supreme.models.stem import replace_stem
from supreme.models.timm import Timm
from supreme.models.vgg import VGG
from supreme.models.wide_resnet import WideResNet
from tests.conf_files import node_of

CONF = Path(__file__).parents[2] / "conf"
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)


def timm_model(arch: str, **changes: Any) -> Timm:
    return Timm(
        **{
            "arch": arch,
            "pretrained": False,
            "checkpoint": None,
            "image_size": None,
            "normalisation": "of_weights",
            **changes,
        }
    )


MODELS: dict[str, Callable[..., Classifier]] = {
    "small_cnn": SmallCNN(widths=[8, 16]),
    "resnet18": ResNet18(width=8),
    "timm convolutions": timm_model("resnet10t"),
    "timm transformer": timm_model("test_vit"),
    "timm with a hidden layer in its head": timm_model("mobilenetv3_small_050"),
}


def made(model: Callable[..., Classifier], seed: int = 0, num_classes: int = 5, image_size: int = 32) -> Classifier:
    with seeds.scoped(seed):
        return model(num_classes, image_size, MEAN, STD).eval()


def parameters(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def refusal(model: Callable[[], Callable[..., Classifier]], image_size: int = 32) -> str:
    """What is said, be it when the model is chosen or when it is made."""
    with pytest.raises(SupremeError) as caught:
        made(model(), image_size=image_size)
    return str(caught.value)


# Sizes.


@pytest.mark.parametrize(
    ("num_classes", "count"), [(10, 11_173_962), (20, 11_179_092), (100, 11_220_132), (105, 11_222_697)]
)
def test_resnet18_has_the_published_number_of_parameters(num_classes: int, count: int) -> None:
    model = build(OmegaConf.load(CONF / "model" / "resnet18.yaml"))
    assert parameters(model(num_classes, 32, MEAN, STD)) == count


PUBLISHED = {
    # He et al. 2016, table 6: 0.27, 0.46, 0.66, 0.85 and 1.7 million; github.com/akamaster/pytorch_resnet_cifar10
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet34": 21_282_122,  # github.com/kuangliu/pytorch-cifar
    "resnet50": 23_520_842,  # the same
    "preact_resnet18": 11_172_170,  # the same (11,171,146), and the paper's last normalisation
    "wrn_28_10": 36_479_194,  # Zagoruyko and Komodakis 2016, table 4: 36.5 million
    "vgg16_bn": 14_728_266,  # github.com/OPTML-Group/Unlearn-Saliency, VGG_LTH.py
    "allcnn": 1_620_010,  # counted from github.com/AdityaGolatkar/SelectiveForgetting, models.py
    "resnet9": 6_573_120 + 10,  # github.com/davidcpage/cifar10-fast, and the bias of the head
}


@pytest.mark.parametrize(("name", "count"), PUBLISHED.items())
def test_a_network_of_the_cifar_tables_has_the_published_number_of_parameters(name: str, count: int) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"), torch.device("meta"):
        model = build(compose(f"model/{name}").model)
        classifier = model(10, 32, MEAN, STD)
        assert parameters(classifier) == count
        assert classifier(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_a_shortcut_without_weights_skips_pixels_and_adds_channels_of_zeros() -> None:
    x = torch.rand(2, 4, 6, 6)
    out = ZeroPadding(stride=2, added=4)(x)
    assert torch.equal(out[:, 2:6], x[:, :, ::2, ::2])
    assert not out[:, :2].any()
    assert not out[:, 6:].any()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda: CifarResNet(depth=21, width=4),
            "depth=21 is not allowed: give 6n . 2 layers, as in model.depth=20 or 26",
        ),
        (lambda: WideResNet(depth=27, widening=1, dropout=0.0), "model.depth=22 or 28"),
        (lambda: VGG(convolutions=[1, 1, 1, 1, 1], width=4)(10, 8, MEAN, STD), "5 stages halve a side of 8"),
        (lambda: ResNet9(width=4)(10, 7, MEAN, STD), "a side of 7 is too small: take 8 or more"),
    ],
)
def test_a_depth_or_side_that_a_family_does_not_have_is_refused(make: Callable[[], object], told: str) -> None:
    with pytest.raises(SupremeError, match=told):
        make()


def test_small_cnn_has_the_94_thousand_parameters_that_its_yaml_tells() -> None:
    model = build(OmegaConf.load(CONF / "model" / "small_cnn.yaml"))
    assert parameters(model(10, 8, MEAN, STD)) == 94_762


@pytest.mark.slow
def test_vit_b16_has_the_published_number_of_parameters() -> None:
    node = OmegaConf.to_container(OmegaConf.load(CONF / "model" / "vit_b16.yaml"))
    model = build({**node, "pretrained": False})(105, 224, MEAN, STD)  # type: ignore[dict-item]
    assert parameters(model.body) == 85_798_656
    assert parameters(model) == 85_798_656 + 769 * 105
    assert model.image_size == 224
    assert model.mean.flatten().tolist() == model.std.flatten().tolist() == [0.5, 0.5, 0.5]


def test_resnet18_is_torchvisions_with_the_stem_for_small_images() -> None:
    import torchvision

    twin = torchvision.models.resnet18(num_classes=10)
    twin.conv1, twin.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()
    model = ResNet18(width=64)(10, 32, (0.0,) * 3, (1.0,) * 3)
    ours = {name: tensor for name, tensor in model.state_dict().items() if name not in ("mean", "std")}
    twin.load_state_dict(dict(zip(twin.state_dict(), ours.values(), strict=True)))
    x = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(model(x), twin(x), atol=1e-5)  # in training mode: batch statistics are the same too
    assert torch.allclose(model.eval()(x), twin.eval()(x), atol=1e-5)


def test_a_pixel_of_resnet18s_last_stage_stands_for_eight() -> None:
    sizes = []
    model = made(ResNet18(width=8))
    pooling = next(module for module in model.modules() if isinstance(module, nn.AdaptiveAvgPool2d))
    pooling.register_forward_pre_hook(lambda _, inputs: sizes.append(tuple(inputs[0].shape[1:])))
    model(torch.rand(1, 3, 32, 32))
    assert sizes == [(64, 4, 4)]


# The one shape.


@pytest.mark.parametrize("name", MODELS)
def test_the_logits_are_the_head_on_the_features(name: str) -> None:
    model, x = made(MODELS[name]), torch.rand(3, 3, 32, 32)
    features = model.features(x)
    assert features.shape == (3, model.head.in_features)
    assert torch.equal(model(x), model.head(features))
    assert model(x).shape == (3, 5)


@pytest.mark.parametrize("name", MODELS)
def test_an_image_of_the_mean_colour_enters_the_body_as_zeros_and_one_deviation_more_as_ones(name: str) -> None:
    entered: list[Tensor] = []
    model = made(MODELS[name])
    model.body.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    mean = model.mean.expand(1, 3, 32, 32).clone()
    model(mean)
    model(mean + model.std)
    assert entered[0].abs().max() < 1e-6
    assert (entered[1] - 1).abs().max() < 1e-5


@pytest.mark.parametrize("name", ["small_cnn", "resnet18"])
def test_our_models_normalise_by_the_data_they_are_made_for(name: str) -> None:
    model = made(MODELS[name])
    assert model.mean.flatten().tolist() == pytest.approx(MEAN)
    assert model.std.flatten().tolist() == pytest.approx(STD)


def test_normalisation_is_stored_with_the_weights_and_is_not_trained() -> None:
    model = made(MODELS["small_cnn"])
    assert {"mean", "std"} <= set(model.state_dict())
    assert not {"mean", "std"} & {name for name, _ in model.named_parameters()}


def test_images_of_another_size_are_resized_for_a_body_that_takes_one_size() -> None:
    entered: list[Tensor] = []
    body = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    body.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0]))
    model = Classifier(body, nn.Linear(3, 2), (0.0,) * 3, (1.0,) * 3, image_size=8)
    x = torch.rand(1, 3, 8, 8)
    for given in (x, torch.rand(1, 3, 5, 5), torch.full((1, 3, 20, 20), 0.3)):
        model(given)
    assert torch.equal(entered[0], x)
    assert [tuple(seen.shape[2:]) for seen in entered] == [(8, 8)] * 3
    assert torch.allclose(entered[2], torch.tensor(0.3))


@pytest.mark.parametrize("name", MODELS)
def test_initial_weights_are_those_of_the_seed(name: str) -> None:
    first, again, other = (made(MODELS[name], seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    for key in ("head.weight", next(key for key in first if key.startswith("body.") and first[key].ndim == 4)):
        assert not torch.equal(first[key], other[key])


@pytest.mark.parametrize("widths", [[], [8, 0]])
def test_small_cnn_refuses_stages_without_channels(widths: list[int]) -> None:
    with pytest.raises(SupremeError, match="widths="):
        SmallCNN(widths=widths)


def test_small_cnn_refuses_more_stages_than_the_image_can_be_halved() -> None:
    message = refusal(lambda: SmallCNN(widths=[4] * 5), image_size=8)
    assert "5 stages halve a side of 8 to nothing; give at most 4 widths" in message
    assert made(SmallCNN(widths=[4] * 4), image_size=8)(torch.rand(1, 3, 8, 8)).shape == (1, 5)


def test_resnet18_refuses_a_width_of_nothing() -> None:
    with pytest.raises(SupremeError, match="width=0 "):
        ResNet18(width=0)


# timm.


@pytest.mark.parametrize("arch", ["resnet10t", "test_vit"])
def test_a_timm_model_normalises_as_its_own_weights_were_trained(arch: str) -> None:
    model, config = made(timm_model(arch)), timm.get_pretrained_cfg(arch)
    assert model.mean.flatten().tolist() == pytest.approx(list(config.mean))
    assert model.std.flatten().tolist() == pytest.approx(list(config.std))


def test_architectures_of_timm_differ_in_their_normalisation() -> None:
    assert not torch.equal(made(timm_model("resnet10t")).mean, made(timm_model("test_vit")).mean)


@pytest.mark.parametrize(
    ("arch", "image_size", "resized_to"),
    [("test_vit", None, 160), ("test_vit", 32, 32), ("resnet10t", None, None), ("resnet10t", 64, 64)],
)
def test_a_timm_model_sees_the_size_it_insists_on_or_is_given(
    arch: str, image_size: int | None, resized_to: int | None
) -> None:
    entered: list[int] = []
    model = made(timm_model(arch, image_size=image_size))
    model.body.register_forward_pre_hook(lambda _, inputs: entered.append(inputs[0].shape[-1]))
    assert model(torch.rand(2, 3, 40, 40)).shape == (2, 5)
    assert model.image_size == resized_to
    assert entered == [resized_to or 40]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("num_classes", [0, 7])
def test_a_checkpoint_file_gives_its_weights_whatever_head_it_has(
    tmp_path: Path, num_classes: int, suffix: str
) -> None:
    with seeds.scoped(3):
        source = timm.create_model("test_vit", num_classes=num_classes).state_dict()
    path = tmp_path / f"weights{suffix}"
    save_file(source, path) if suffix == ".safetensors" else torch.save(source, path)
    model = made(timm_model("test_vit", pretrained=True, checkpoint=str(path)), seed=4)
    found = model.body.state_dict()
    assert {key for key in source if not key.startswith("head.")} == set(found)
    assert all(torch.equal(found[key], source[key]) for key in found)
    assert not torch.equal(model.body.pos_embed, made(timm_model("test_vit"), seed=4).body.pos_embed)


def test_a_checkpoint_is_taken_for_an_architecture_whose_own_weights_have_another_format(tmp_path: Path) -> None:
    arch = next(name for name in timm.list_pretrained("vit_tiny*") if timm.get_pretrained_cfg(name).custom_load)
    source = timm.create_model(arch, num_classes=0).state_dict()
    save_file(source, tmp_path / "weights.safetensors")
    model = made(timm_model(arch, pretrained=True, checkpoint=str(tmp_path / "weights.safetensors")))
    assert torch.equal(model.body.pos_embed, source["pos_embed"])


def test_a_checkpoint_that_would_execute_code_is_not_loaded(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[str]]:
            return Path.touch, (tmp_path / "executed",)  # type: ignore[return-value]

    torch.save({"weight": Trap()}, tmp_path / "weights.pth")
    with pytest.raises(SupremeError, match="would run code when opened"):
        made(timm_model("test_vit", pretrained=True, checkpoint=str(tmp_path / "weights.pth")))
    assert not (tmp_path / "executed").exists()


def test_a_checkpoint_without_pretrained_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.pth").touch()
    with pytest.raises(SupremeError, match=r"pretrained=false; add model\.pretrained=true"):
        timm_model("test_vit", checkpoint=str(tmp_path / "weights.pth"))


@pytest.mark.parametrize("image_size", [0, -224])
def test_an_image_without_a_side_is_refused(image_size: int) -> None:
    with pytest.raises(SupremeError, match=f"image_size={image_size} is not allowed"):
        timm_model("test_vit", image_size=image_size)


@pytest.mark.parametrize("image_size", [None, 224])
@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("vit_bse_patch16_224", "vit_base_patch16_224"),
        ("resnet-18", "resnet18"),
        ("ResNet18", "resnet18"),
        ("resnet_10t.c3_in1k", "resnet10t"),
        ("VIT_TINY_PATCH16", "vit_tiny_patch16_224"),
    ],
)
def test_an_unknown_architecture_is_refused_with_those_near(given: str, near: str, image_size: int | None) -> None:
    message = refusal(lambda: timm_model(given, image_size=image_size))
    assert f"no architecture {given.split('.')[0]} in timm " in message
    assert near in message.partition("near: ")[2].split(", ")


def test_a_name_like_no_other_is_still_refused_with_some_that_exist() -> None:
    near = refusal(lambda: timm_model("qqqq")).partition("near: ")[2].split(", ")
    assert len(near) == 5
    assert all(timm.is_model(name) for name in near)


def stemmed(arch: str, **changes: Any) -> Any:
    node = {**node_of(CONF / "model" / "timm.yaml"), "arch": arch, "stem": "cifar", **changes}
    return build(as_component(node, "model"), "model timm")


def test_a_resnet18_of_timm_with_the_stem_for_cifar_is_ours() -> None:
    ours, theirs = made(ResNet18(width=64)), made(stemmed("resnet18"))
    names = [name for name in theirs.state_dict() if name not in ("mean", "std")]
    values = [tensor for name, tensor in ours.state_dict().items() if name not in ("mean", "std")]
    theirs.load_state_dict(dict(zip(names, values, strict=True)), strict=False)
    x = torch.rand(2, 3, 32, 32)
    features = theirs.body((x - ours.mean) / ours.std)
    assert torch.allclose(ours.features(x), features, atol=1e-5)


SHALLOW = {"layers": (1, 1, 1, 1)}
FAMILIES: dict[str, dict[str, Any]] = {
    "resnet50d": SHALLOW,
    "resnext50_32x4d": SHALLOW,
    "resnetrs50": SHALLOW,
    "densenet121": {"block_config": (1, 1, 1, 1)},
    "resnetv2_50d": SHALLOW,
    "legacy_seresnet18": SHALLOW,
}


@pytest.mark.parametrize("arch", FAMILIES)
def test_with_the_stem_for_cifar_a_network_sees_four_times_the_side(arch: str) -> None:
    with torch.device("meta"):
        network, x = timm.create_model(arch, num_classes=0, **FAMILIES[arch]), torch.empty(1, 3, 64, 64)
        before = network.forward_features(x).shape[-1]
        replace_stem(network)
        assert (before, network.forward_features(x).shape[-1]) == (2, 8)


@pytest.mark.parametrize("arch", ["test_vit", "mobilenetv3_small_050", "vgg11", "resnetv2_50x1_bit", "convnext_atto"])
def test_a_network_without_such_a_stem_is_refused_by_name(arch: str) -> None:
    with torch.device("meta"), pytest.raises(SupremeError, match=r"has other first layers.*model\.stem=null"):
        replace_stem(timm.create_model(arch, num_classes=0))


def test_a_stem_and_pretrained_weights_exclude_one_another() -> None:
    assert "which the pretrained weights need" in refusal(lambda: stemmed("resnet10t.c3_in1k", pretrained=True))


def test_without_a_stem_a_model_of_timm_has_the_node_that_it_always_had() -> None:
    node = node_of(CONF / "model" / "timm.yaml")
    assert as_component(node, "model") == {name: value for name, value in node.items() if name != "stem"}


def test_an_unknown_tag_is_refused_with_those_there_are() -> None:
    assert refusal(lambda: timm_model("resnet10t.c4")).endswith("; there: resnet10t.c3_in1k")


def test_pretrained_weights_that_timm_does_not_have_are_refused() -> None:
    arch = next(name for name in timm.list_models() if not timm.is_model_pretrained(name))
    message = refusal(lambda: timm_model(arch, pretrained=True))
    assert f"has no pretrained weights of {arch}; give model.checkpoint=" in message


def test_without_a_network_the_user_is_told_to_give_a_checkpoint_or_random_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(*_: object, **__: object) -> None:
        raise LocalEntryNotFoundError("cannot reach the hub")

    monkeypatch.setattr(timm, "create_model", offline)
    message = refusal(lambda: timm_model("resnet10t", pretrained=True))
    assert "the pretrained weights of resnet10t cannot be fetched" in message
    assert "model.checkpoint=" in message
    assert "model.pretrained=false" in message
