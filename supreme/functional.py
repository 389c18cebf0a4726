"""Verbs that several components share."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from math import inf
from typing import TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from supreme.classifier import Classifier
from supreme.core import Split, SupremeError
from supreme.images import Images

Module = TypeVar("Module", bound=nn.Module)

NORMALISATION = (nn.BatchNorm1d, nn.BatchNorm2d, nn.GroupNorm, nn.LayerNorm)


def freeze(model: Module) -> Module:
    """A copy to compare with: in evaluation mode, asking for no gradient, sharing no storage with the model."""
    return copy.deepcopy(model).eval().requires_grad_(False)


def convolutions(component: object, model: nn.Module) -> list[nn.Conv2d]:
    """The two-dimensional convolutions of the model, in its order; refused where it has none."""
    found = [layer for layer in model.modules() if isinstance(layer, nn.Conv2d)]
    if not found:
        raise SupremeError(
            f"{type(component).__name__} changes convolutions and this model has none: type model=resnet18, say"
        )
    return found


def last_layers(model: Classifier, count: int) -> list[nn.Module]:
    """The head and the `count - 1` layers of the body before it, in the order in which they compute.

    A layer is a child of the body with weights of its own, sequences of children taken apart: a convolution, a
    residual block, a block of a transformer. Normalisation belongs to the layer that it follows.
    """
    layers: list[nn.ModuleList] = []
    for module in _in_sequence(model.body):
        if layers and isinstance(module, NORMALISATION):
            layers[-1].append(module)
        elif any(True for _ in module.parameters()):
            layers.append(nn.ModuleList([module]))
    layers.append(nn.ModuleList([model.head]))
    if count > len(layers):
        raise SupremeError(f"the model has {len(layers)} layers, and {count} were asked for: type method.layers=1, say")
    return list(layers[-count:])


def _in_sequence(module: nn.Module) -> Iterator[nn.Module]:
    for child in module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from _in_sequence(child)
        else:
            yield child


@contextmanager
def only_learning(model: nn.Module, layers: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, nothing but these layers of the model learns.

    The others keep their weights, and stay in evaluation mode whatever `model.train()` says, so that their batch
    normalisation keeps its statistics too.
    """
    learning = {id(module) for layer in layers for module in layer.modules()}
    fixed = [module for module in model.modules() if id(module) not in learning]
    weights = {id(weight) for layer in layers for weight in layer.parameters()}
    frozen = [weight for weight in model.parameters() if id(weight) not in weights and weight.requires_grad]

    def hold(_module: nn.Module, _inputs: object) -> None:
        for module in fixed:
            module.training = False

    handle = model.register_forward_pre_hook(hold)
    for weight in frozen:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        handle.remove()
        for weight in frozen:
            weight.requires_grad_(True)


def distillation_loss(student_logits: Tensor, teacher_logits: Tensor, temperature: float) -> Tensor:
    """T² · KL(softmax(teacher / T) ‖ softmax(student / T)) in nats, the mean over samples; logits are B x C.

    T² keeps the size of the gradient the same at every temperature (Hinton et al., 2015, https://arxiv.org/abs/1503.02531).
    """
    student = F.log_softmax(student_logits / temperature, dim=1)
    teacher = F.log_softmax(teacher_logits / temperature, dim=1)
    return F.kl_div(student, teacher, reduction="batchmean", log_target=True) * temperature**2


def random_labels(labels: Tensor, num_classes: int, rng: torch.Generator, wrong: bool) -> Tensor:
    """A class for each label (int64, N, on the CPU), drawn uniformly.

    Args:
        wrong: draw from the other classes only, so that no label stays.
    """
    shift = torch.randint(int(wrong), num_classes, labels.shape, generator=rng)
    return (labels + shift) % num_classes


def endless_batches(images: Images, size: int, rng: torch.Generator) -> Iterator[tuple[Tensor, Tensor]]:
    """Shuffled passes over the images, one after another, without end."""
    if len(images) == 0:
        raise SupremeError("batches without end need at least one image, and the set is empty")
    while True:
        yield from images.batches(size, rng)


@torch.no_grad()
def features_of(model: Classifier, images: Images, batch_size: int) -> tuple[Tensor, Tensor]:
    """What the head reads (N x D) and the labels (N), of the images in their order; leaves evaluation mode behind."""
    model.eval()
    pairs = [(model.features(x), y) for x, y in images.batches(batch_size)]
    return torch.cat([features for features, _ in pairs]), torch.cat([y for _, y in pairs])


@torch.no_grad()
def accuracy(model: nn.Module, images: Images, batch_size: int) -> float:
    """The part of the images that the model, in evaluation mode, gets right; its mode is left as it was."""
    if len(images) == 0:
        raise SupremeError("an accuracy needs at least one image, and the set is empty")
    was_training = model.training
    model.eval()
    right = torch.stack([(model(x).argmax(1) == y).sum() for x, y in images.batches(batch_size)]).sum()
    model.train(was_training)
    return right.item() / len(images)


def nearest_wrong(distances: Tensor, classes: Tensor, labels: Tensor) -> Tensor:
    """For each image the nearest class but its own: its place among the classes (int64, N).

    Args:
        distances: N x K, to K classes.
        classes: K, the labels of these classes.
        labels: N, those of the images.
    """
    if len(classes) < 2:
        raise SupremeError("the nearest wrong class needs retained images of two classes, and there is one")
    return distances.masked_fill(labels[:, None] == classes, inf).argmin(1)


def forgotten_accuracy(model: nn.Module, split: Split, batch_size: int) -> float:
    """The accuracy on the forget set below which DUCK and SCAR call it forgotten.

    Where no image of the forgotten classes is retained: 1 %. Elsewhere: the model's accuracy on images it never saw.
    """
    if set(split.forget.targets.tolist()).isdisjoint(split.retain.targets.tolist()):
        return 0.01
    return accuracy(model, split.validation, batch_size)


def input_gradients(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Logits (B x C) and, for each image, the gradient of its cross entropy by its pixels (B x 3 x H x W).

    The model is in evaluation mode, so that images do not meet in a batch; its own gradients are not touched.
    """
    x = x.detach().requires_grad_(True)
    logits = model(x)
    (gradient,) = torch.autograd.grad(F.cross_entropy(logits, y, reduction="sum"), x)
    return logits.detach(), gradient


def step_in_ball(x: Tensor, direction: Tensor, step: float, origin: Tensor, radius: float) -> Tensor:
    """Each image moved by `step` (L2) along its direction, then back into the ball around its origin and into [0, 1].

    The step of projected gradient descent (Madry et al., 2018, https://arxiv.org/abs/1706.06083) in the L2 norm; an
    image without a direction (all zeros) stays. All tensors are B x 3 x H x W.
    """
    tiny = torch.finfo(x.dtype).tiny
    length = torch.linalg.vector_norm(direction, dim=(1, 2, 3), keepdim=True)
    moved = x + step * direction / length.clamp_min(tiny) - origin
    distance = torch.linalg.vector_norm(moved, dim=(1, 2, 3), keepdim=True)
    return (origin + moved * (radius / distance.clamp_min(tiny)).clamp(max=1)).clamp(0, 1)


def scrub_epoch(
    student: nn.Module,
    teacher: nn.Module,
    optimizer: torch.optim.Optimizer,
    forget: Iterable[tuple[Tensor, Tensor]],
    retain: Iterable[tuple[Tensor, Tensor]],
    *,
    alpha: float,
    gamma: float,
    temperature: float,
) -> None:
    """One epoch of SCRUB (Kurmanji et al., 2023, equation 3): leave the teacher on these forget batches, then obey it.

    The distance to the teacher is maximised on the forget batches (none: give an empty tuple); on the retain batches
    gamma · cross entropy + alpha · distance is minimised. The student trains in training mode.
    """
    student.train()
    for x, _ in forget:
        with torch.no_grad():
            taught = teacher(x)
        loss = -distillation_loss(student(x), taught, temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    for x, y in retain:
        with torch.no_grad():
            taught = teacher(x)
        answer = student(x)
        loss = gamma * F.cross_entropy(answer, y) + alpha * distillation_loss(answer, taught, temperature)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
