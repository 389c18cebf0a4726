"""The shared verbs: squared gradients against one image at a time, losses against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy import stats
from torch import nn

from supreme.core import SupremeError
from supreme.core.images import ImageData, Images
from supreme.core.validation import OPTIMIZERS
from supreme.functional import per_sample_gradients as per_sample
from supreme.functional.classifier import Classifier
from supreme.functional.distillation import distillation_loss
from supreme.functional.importances import squared_gradients
from supreme.functional.labels import random_labels
from supreme.functional.layers import freeze
from supreme.functional.optimizers import make_optimizer
from supreme.models.resnet18 import ResNet18
from supreme.models.small_cnn import SmallCNN

CLASSES = 5


def images(count: int = 7, size: int = 32) -> Images:
    rng = np.random.default_rng(0)
    data = ImageData(
        pixels=rng.integers(0, 256, (count, 3, size, size), dtype=np.uint8),
        labels=rng.integers(0, CLASSES, count),
        class_names=tuple("abcde"),
        train=np.arange(count),
        validation=np.arange(0),
        test=np.arange(0),
        image_size=size,
    )
    return data.view(np.arange(count))


def classifier(body: nn.Module, width: int) -> Classifier:
    return Classifier(body, nn.Linear(width, CLASSES), [0.5] * 3, [0.25] * 3)


def small_cnn() -> Classifier:
    return SmallCNN(widths=[8, 12])(CLASSES, 32, [0.5] * 3, [0.25] * 3)


def resnet() -> Classifier:
    return ResNet18(width=4)(CLASSES, 32, [0.5] * 3, [0.25] * 3)


def vision_transformer() -> Classifier:
    import timm

    return classifier(timm.create_model("test_vit", num_classes=0, img_size=32), 64)


class Odd(nn.Module):
    """What a formula can get wrong: groups, strides, dilation, one-sided padding, layers used twice, shared weights,
    sequences in front, attention that goes around its layers, normalisation over several dimensions."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, (3, 2), stride=(2, 3), padding=(1, 0), dilation=(1, 2))
        self.relu = nn.ReLU(inplace=True)
        self.grouped = nn.Conv2d(8, 12, 3, stride=2, groups=4)
        self.reflecting = nn.Conv2d(12, 12, 3, padding=1, padding_mode="reflect", bias=False)
        self.twice = nn.Conv2d(12, 12, 3, padding=1)
        self.norm = nn.BatchNorm2d(12)
        self.layer_norm = nn.LayerNorm([12, 1])
        self.pool = nn.AdaptiveAvgPool2d((2, 1))
        self.first, self.second = nn.Linear(12, 12), nn.Linear(12, 12)
        self.second.weight = self.first.weight
        self.sequence = nn.Linear(12, 12)
        self.attention = nn.MultiheadAttention(12, 2)
        self.flat_norm = nn.BatchNorm1d(12)
        self.scale = nn.Parameter(torch.rand(12))
        self.frozen = nn.Linear(12, 12)
        self.frozen.bias.requires_grad_(False)
        self.idle = nn.Linear(3, 3)

    def forward(self, x):
        x = self.relu(self.stem(x))
        x = self.pool(self.relu(self.norm(self.reflecting(self.grouped(x)))))
        x = self.relu(self.twice(x) + self.twice(2 * x))
        x = self.layer_norm(x.transpose(1, 2)).transpose(1, 2)
        x = x.flatten(2).permute(2, 0, 1)  # 2 x B x 12: samples second
        x = self.attention(x, x, x)[0] + torch.tanh(self.sequence(x))
        x = torch.tanh(self.second(torch.tanh(self.first(x.transpose(0, 1))))).mean(1)
        return self.frozen(self.flat_norm(x) * self.scale)


def one_at_a_time(model: nn.Module, views: Images) -> dict[str, torch.Tensor]:
    weights = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    totals = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for x, y in views.batches(1):
        loss = F.cross_entropy(model(x), y)
        gradients = torch.autograd.grad(loss, list(weights.values()), allow_unused=True, materialize_grads=True)
        for name, gradient in zip(weights, gradients, strict=True):
            totals[name] += gradient.square() / len(views)
    return totals


def prepared(make_model) -> Classifier:
    torch.manual_seed(0)
    model = make_model().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.3, 0.3)
            nn.init.uniform_(module.running_var, 0.5, 2)
            nn.init.uniform_(module.weight, 0.5, 1.5)
    return model


def assert_close(got, wanted, tolerance=1e-5):
    assert got.keys() == wanted.keys()
    for name, value in wanted.items():
        assert got[name].shape == value.shape
        scale = value.abs().max().item() or 1.0
        assert (got[name] - value).abs().max().item() <= tolerance * scale, name


MODELS = [small_cnn, resnet, vision_transformer, lambda: classifier(Odd(), 12)]


@pytest.mark.parametrize("make_model", MODELS, ids=["small_cnn", "resnet", "vision_transformer", "odd"])
@pytest.mark.parametrize("batch_size", [1, 2, 4, 7])
def test_squared_gradients_are_those_of_single_images_at_every_batch_size(make_model, batch_size):
    model = prepared(make_model)
    assert_close(squared_gradients(model, images(), batch_size), one_at_a_time(model, images()))


@pytest.mark.parametrize("make_model", [small_cnn, lambda: classifier(Odd(), 12)], ids=["small_cnn", "odd"])
def test_squared_gradients_are_the_same_in_small_parts(make_model, monkeypatch):
    model = prepared(make_model)
    monkeypatch.setattr(per_sample, "MAX_ELEMENTS", 1000)
    assert_close(squared_gradients(model, images(), 7), one_at_a_time(model, images()))


@pytest.mark.parametrize("make_model", [small_cnn, resnet], ids=["small_cnn", "resnet"])
def test_convolutional_networks_need_no_second_pass(make_model, monkeypatch):
    model = prepared(make_model)
    monkeypatch.setattr(per_sample, "_mapped_sums", None)
    assert len(squared_gradients(model, images(), 4)) == len(list(model.parameters()))


def test_formulas_serve_every_matrix_of_a_vision_transformer():
    model = prepared(vision_transformer)
    x, y = next(images().batches(4))
    prefixes = per_sample.layers_with_formula(model, x, y).values()
    left = [name for name, _ in model.named_parameters() if not name.startswith(tuple(prefixes))]
    # timm's layer norm is a class of its own, which might compute something else.
    assert [name for name in left if "norm" not in name] == ["body.cls_token", "body.pos_embed"]


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_layers_whose_rows_are_not_samples_have_no_formula(count):
    # The sequence in front has 2 rows, as many as images in one of these batches.
    model = prepared(lambda: classifier(Odd(), 12))
    x, y = next(images().batches(count))
    prefixes = set(per_sample.layers_with_formula(model, x, y).values())
    expected = {"body.stem.", "body.grouped.", "body.twice.", "body.norm.", "body.layer_norm.", "body.flat_norm."}
    assert prefixes == expected | {"body.frozen.", "head."}


def test_squares_of_batch_means_are_those_of_the_published_code():
    model, views = prepared(small_cnn), images()
    wanted = {name: torch.zeros_like(weight) for name, weight in model.named_parameters()}
    for x, y in views.batches(3):  # 3, 3 and 1 images count alike
        model.zero_grad()
        F.cross_entropy(model(x), y).backward()
        for name, weight in model.named_parameters():
            wanted[name] += weight.grad**2 / 3
    assert_close(squared_gradients(model, views, 3, per_sample=False), wanted)
    assert not torch.allclose(wanted["head.weight"], one_at_a_time(model, views)["head.weight"], rtol=0.1)


def test_squared_gradients_leave_the_model_as_it_was():
    model = prepared(small_cnn)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    squared_gradients(model.train(), images(), 4)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())
    assert not model.training


def test_squared_gradients_stay_float32_and_close_where_the_forward_pass_is_in_bfloat16():
    model = prepared(small_cnn)
    with torch.autocast("cpu", torch.bfloat16, cache_enabled=False):
        rough = squared_gradients(model, images(), 4)
    assert_close(rough, one_at_a_time(model, images()), tolerance=0.1)
    assert {square.dtype for square in rough.values()} == {torch.float32}


def test_squared_gradients_of_no_image_are_refused():
    with pytest.raises(SupremeError, match="at least one image"):
        squared_gradients(prepared(small_cnn), images().data.view([]), 4)


def test_a_frozen_copy_shares_nothing_and_learns_nothing():
    model = small_cnn().train()
    copy = freeze(model)
    storages = {tensor.data_ptr() for tensor in model.state_dict().values()}
    assert storages.isdisjoint(tensor.data_ptr() for tensor in copy.state_dict().values())
    assert not copy.training
    assert not any(weight.requires_grad for weight in copy.parameters())
    assert model.training
    assert all(weight.requires_grad for weight in model.parameters())


def test_distillation_loss_has_the_hand_computed_value_and_weighs_temperature():
    # At T = 2 the teacher is (3/4, 1/4) and the student (1/2, 1/2); the other image agrees.
    teacher = torch.tensor([[2 * np.log(3.0), 0.0], [1.0, 1.0]])
    student = torch.tensor([[5.0, 5.0], [7.0, 7.0]])
    divergence = 0.75 * np.log(1.5) + 0.25 * np.log(0.5)
    assert distillation_loss(student, teacher, 2.0).item() == pytest.approx(4 * divergence / 2, rel=1e-6)


def test_distillation_loss_of_certain_answers_is_finite():
    loss = distillation_loss(torch.tensor([[500.0, -500.0]]), torch.tensor([[-500.0, 500.0]]), 1.0)
    assert loss.item() == pytest.approx(1000)


def test_wrong_labels_are_never_right_and_uniform_over_the_others():
    labels = torch.arange(4).repeat(3000)
    drawn = random_labels(labels, 4, torch.Generator().manual_seed(0), wrong=True)
    shifts = torch.bincount((drawn - labels) % 4, minlength=4)
    assert shifts[0] == 0
    assert stats.chisquare(shifts[1:].numpy()).pvalue > 0.001
    for label in range(4):
        assert (
            stats.chisquare(
                torch.bincount(drawn[labels == label], minlength=4)[[c for c in range(4) if c != label]]
            ).pvalue
            > 0.001
        )


def test_any_labels_are_uniform_over_all_classes():
    drawn = random_labels(torch.full((8000,), 2), 4, torch.Generator().manual_seed(0), wrong=False)
    assert stats.chisquare(torch.bincount(drawn, minlength=4)).pvalue > 0.001


def test_optimizers_leave_frozen_weights_out():
    model = small_cnn()
    model.head.requires_grad_(False)
    for name in OPTIMIZERS:
        chosen = make_optimizer(name, model, 0.1, 0.0, 0.0).param_groups[0]["params"]
        assert len(chosen) == len(list(model.body.parameters()))
