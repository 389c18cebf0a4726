"""Sums over samples of squared or absolute gradients, exact and without a loop over samples.

The gradient that one sample leaves in a layer is known in closed form from what entered the layer and from the
gradient of what left it: for a linear layer g xᵀ, summed over positions (Goodfellow, 2015, https://arxiv.org/abs/1510.01799);
a convolution is a linear layer on the patches that it reads; a normalisation layer with fixed statistics multiplies.
So one ordinary forward and backward pass of a batch gives the power of every sample's gradient. Weights that no such
layer owns (a class token, a weight that two layers share) are left to `torch.func`, in a second pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, TypeGuard

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

MAX_ELEMENTS = 2**26
"""How many numbers a working tensor may hold: 256 MiB in float32. Samples are taken in parts that respect it."""

Matrix = nn.Linear | nn.Conv2d
Scale = nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm

Layers = Mapping[Matrix | Scale, str]
"""Layers whose formula holds, each with the prefix of its parameters' names."""

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits B x C, labels B) -> one value per sample, B."""

PowerName = Literal["square", "absolute"]
Power = Callable[..., Tensor]
POWERS: Mapping[PowerName, Power] = {"square": torch.square, "absolute": torch.abs}
"""What gradients are raised to. The power of a product is the product of the powers: the formulas use that."""


def layers_with_formula(model: nn.Module, x: Tensor, y: Tensor) -> Layers:
    """The layers of the model whose formula is exact, found by trying two images of this batch.

    A layer counts when nobody shares its weights, it is called with samples in the first dimension and sample i alone
    decides row i there. (Attention over windows, say, folds other things into that dimension.)
    """
    uses = [id(weight) for _, weight in model.named_parameters(remove_duplicate=False)]
    candidates = {
        layer: f"{prefix}." if prefix else ""
        for prefix, layer in model.named_modules()
        if _has_formula(layer)
        and any(weight.requires_grad for weight in layer.parameters())
        and all(uses.count(id(weight)) == 1 for weight in layer.parameters())
    }
    x, y = x[:2], y[:2]
    with _recorded(candidates) as calls:
        first_loss = F.cross_entropy(model(x)[:1].float(), y[:1])
    edges = [edge for recorded in calls.values() for _, edge in recorded]
    gradients = iter(torch.autograd.grad(first_loss, edges, allow_unused=True) if edges else ())
    exact: dict[Matrix | Scale, str] = {}
    for layer, recorded in calls.items():
        pairs = [(entered, next(gradients)) for entered, _ in recorded]
        if pairs and all(_rows_are_samples(entered, gradient, len(x)) for entered, gradient in pairs):
            exact[layer] = candidates[layer]
    return exact


def sum_of_powers(
    model: nn.Module, layers: Layers, x: Tensor, y: Tensor, loss: Loss, power: PowerName
) -> dict[str, Tensor]:
    """For each trainable parameter, Σ_i of (∇ loss of sample i)² or |∇ loss of sample i|, of the parameter's shape.

    Args:
        model: in evaluation mode, so that samples do not meet in a batch.
        layers: from `layers_with_formula`, for this model.
        x, y: one batch.
        loss: of each sample on its own.
    """
    with _recorded(layers) as calls:
        total = loss(model(x).float(), y).sum()
    edges = [edge for recorded in calls.values() for _, edge in recorded]
    gradients = iter(torch.autograd.grad(total, edges) if edges else ())
    raised = POWERS[power]
    sums: dict[str, Tensor] = {}
    with torch.autocast(x.device.type, enabled=False):  # squares of 8-bit mantissas would be worth little
        for layer, prefix in layers.items():
            pairs = [(entered.to(layer.weight), next(gradients).to(layer.weight)) for entered, _ in calls[layer]]
            matrix = isinstance(layer, Matrix)
            own = _matrix_sums(layer, pairs, raised) if matrix else _scale_sums(layer, pairs, raised)
            sums |= {prefix + name: value for name, value in own.items() if getattr(layer, name).requires_grad}
    others = [name for name, weight in model.named_parameters() if weight.requires_grad and name not in sums]
    return sums | (_mapped_sums(model, others, x, y, loss, raised) if others else {})


def _has_formula(layer: nn.Module) -> TypeGuard[Matrix | Scale]:
    """Exact types only: a subclass may compute something else."""
    if type(layer) is nn.Conv2d:
        return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    if isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d):
        return type(layer) in (nn.BatchNorm1d, nn.BatchNorm2d) and layer.running_mean is not None
    return type(layer) in (nn.Linear, nn.LayerNorm)


@contextmanager
def _recorded(layers: Layers) -> Iterator[dict[Matrix | Scale, list[tuple[Tensor, GradientEdge]]]]:
    """What enters each layer in the passes inside, and where in the graph its output hangs.

    The place is noted before a later layer can change the output in place (`ReLU(inplace=True)`).
    """
    calls: dict[Matrix | Scale, list[tuple[Tensor, GradientEdge]]] = {layer: [] for layer in layers}

    def note(layer: Matrix | Scale, entered: tuple[Tensor, ...], left: Tensor) -> None:
        if left.requires_grad:
            calls[layer].append((entered[0].detach(), get_gradient_edge(left)))

    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield calls
    finally:
        for handle in handles:
            handle.remove()


def _rows_are_samples(entered: Tensor, first_gradient: Tensor | None, count: int) -> bool:
    """Whether, when only the first sample's loss is differentiated, only the first of `count` rows gets a gradient."""
    if first_gradient is None or not len(entered) == len(first_gradient) == count or entered.dim() < 2:
        return False
    return not first_gradient[1:].any()


def _matrix_sums(layer: Matrix, pairs: list[tuple[Tensor, Tensor]], raised: Power) -> dict[str, Tensor]:
    """A sample's gradient is g xᵀ: G groups, g of G x O x T and x of G x I x T, T being all its positions."""
    weight = torch.zeros_like(layer.weight)
    bias = weight.new_zeros(len(weight))
    largest = max(weight.numel(), sum(_columns(layer, x[:1]).numel() for x, _ in pairs))
    size = max(1, MAX_ELEMENTS // largest)
    for start in range(0, len(pairs[0][0]), size):
        part = slice(start, start + size)
        entered = _joined([_columns(layer, x[part]) for x, _ in pairs])
        gradient = _joined([_gradient_columns(layer, g[part]) for _, g in pairs])
        if entered.shape[-1] == 1:  # one position, and nothing to sum before the power
            own = torch.einsum("bgot,bgit->goi", raised(gradient), raised(entered))
        else:
            product = torch.matmul(gradient, entered.transpose(-1, -2))
            own = raised(product, out=product).sum(0)
        weight += own.reshape(weight.shape)
        bias += raised(gradient.sum(-1)).sum(0).flatten()
    return {"weight": weight} if layer.bias is None else {"weight": weight, "bias": bias}


def _joined(calls: list[Tensor]) -> Tensor:
    """The positions of all calls of a layer side by side; most layers are called once."""
    return calls[0] if len(calls) == 1 else torch.cat(calls, dim=-1)


def _columns(layer: Matrix, x: Tensor) -> Tensor:
    """What the weights multiply: B x G x I x T."""
    if isinstance(layer, nn.Linear):
        return x.reshape(len(x), 1, -1, x.shape[-1]).transpose(-1, -2)
    patches = F.unfold(x, layer.kernel_size, layer.dilation, layer.padding, layer.stride)  # type: ignore[arg-type]
    return patches.reshape(len(x), layer.groups, -1, patches.shape[-1])


def _gradient_columns(layer: Matrix, gradient: Tensor) -> Tensor:
    """The gradient of what the weights produced: B x G x O x T."""
    if isinstance(layer, nn.Linear):
        return gradient.reshape(len(gradient), 1, -1, gradient.shape[-1]).transpose(-1, -2)
    return gradient.reshape(len(gradient), layer.groups, gradient.shape[1] // layer.groups, -1)


def _scale_sums(layer: Scale, pairs: list[tuple[Tensor, Tensor]], raised: Power) -> dict[str, Tensor]:
    """A sample's gradient is g times the normalised input, summed over positions; for the bias g alone."""
    scale = torch.stack([_summed(layer, gradient * _normalised(layer, x)) for x, gradient in pairs]).sum(0)
    shift = torch.stack([_summed(layer, gradient) for _, gradient in pairs]).sum(0)
    sums = {"weight": raised(scale).sum(0)}
    return sums if layer.bias is None else sums | {"bias": raised(shift).sum(0)}


def _normalised(layer: Scale, x: Tensor) -> Tensor:
    if isinstance(layer, nn.LayerNorm):
        return F.layer_norm(x, layer.normalized_shape, eps=layer.eps)
    return F.batch_norm(x, layer.running_mean, layer.running_var, eps=layer.eps)


def _summed(layer: Scale, values: Tensor) -> Tensor:
    """Sum over positions: B x (shape of the layer's weight)."""
    if isinstance(layer, nn.LayerNorm):
        return values.reshape(len(values), -1, *layer.normalized_shape).sum(1)
    return values.reshape(len(values), values.shape[1], -1).sum(2)


def _mapped_sums(
    model: nn.Module, names: list[str], x: Tensor, y: Tensor, loss: Loss, raised: Power
) -> dict[str, Tensor]:
    """The same for any parameters, by a vectorised gradient of one sample's loss: exact, slower, one pass more."""
    fixed = {name: weight.detach() for name, weight in model.named_parameters()}
    chosen = {name: fixed.pop(name) for name in names}

    def loss_of_one(weights: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        return loss(functional_call(model, fixed | weights, (image[None],)).float(), label[None]).sum()

    size = max(1, MAX_ELEMENTS // sum(weight.numel() for weight in chosen.values()))
    sums = {name: torch.zeros_like(weight) for name, weight in chosen.items()}
    for images, labels in zip(x.split(size), y.split(size), strict=True):
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention cannot be vectorised over samples
            gradients = vmap(grad(loss_of_one), in_dims=(None, 0, 0))(chosen, images, labels)
        for name, gradient in gradients.items():
            sums[name] += raised(gradient).sum(0)
    return sums
