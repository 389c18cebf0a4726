"""Forgetting in the linear approximation of training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, jacrev, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from supreme.core import Context, Split, SupremeError
from supreme.core.images import Images
from supreme.core.validation import OneOf, PositiveFloat, PositiveInt, bounded
from supreme.functional.classifier import Classifier
from supreme.functional.gradients import add_vector


@bounded
@dataclass(frozen=True, kw_only=True)
class NTK:
    """NTK scrubbing: go from where linearised training on all data ends to where it ends on the retain set.

    Golatkar, Achille and Soatto, "Forgetting Outside the Box: Scrubbing Deep Networks of Information Accessible from
    Input-Output Observations", ECCV 2020, https://arxiv.org/abs/2003.02960, and the authors' code,
    AdityaGolatkar/SelectiveForgetting. With J the Jacobian of the logits of n images (n C x P), e = softmax(f(x)) -
    onehot(y) and L = weight_decay, linearised training moves the weights by w = -Jᵀ (J Jᵀ + n L I)⁻¹ e. The method adds
    w_retain - w_all, times a scale.

    The model is linearised where it is, in evaluation mode. `scale: trapezium` is the authors' correction for how far
    the approximation is off: 1 + 2 |d·m| / ‖d‖², with d = w_retain - w_all and m = (weights - initial weights -
    w_retain). `scale: one` leaves it out.
    Deviations: without the Fisher noise that the paper adds after the move.
    Where it applies: some hundred images and small networks, as J and J Jᵀ are held in memory.
    Cost: two forward passes and C backward passes over all training data, n² C² P multiplications, n³ C³ / 3 to solve.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})

    weight_decay: PositiveFloat
    """L, also what keeps the kernel invertible."""
    scale: Annotated[str, OneOf("trapezium", "one")]
    """trapezium (the authors' code) or one."""
    batch_size: PositiveInt
    """Images whose Jacobian is computed at once; a matter of memory only."""
    max_entries: PositiveInt
    """Of the Jacobian, and of the kernel, 4 bytes each: larger ones are refused."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        weights = {name: weight for name, weight in model.eval().named_parameters() if weight.requires_grad}
        images = split.retain.joined(split.forget)
        self._check_size(len(images), split.num_classes, sum(weight.numel() for weight in weights.values()))
        jacobian, error = _jacobian_and_error(model, weights, images, self.batch_size)
        kernel = (jacobian @ jacobian.T).double().cpu()
        retained = len(split.retain) * split.num_classes
        of_all = self._move(kernel, jacobian, error, len(images))
        of_retain = self._move(kernel[:retained, :retained], jacobian[:retained], error[:retained], len(split.retain))
        step = of_retain - of_all
        if self.scale == "trapezium":
            initial = context.history.weights_after(0)
            moved = torch.cat([(weight - initial[name]).detach().flatten() for name, weight in weights.items()])
            missing = moved - of_retain
            step = step * (1 + 2 * (step @ missing).abs() / (step @ step))
        add_vector(list(weights.values()), step)
        return model

    def _check_size(self, images: int, classes: int, weights: int) -> None:
        rows = images * classes
        for what, columns in (("Jacobian", weights), ("kernel", rows)):
            if rows * columns > self.max_entries:
                raise SupremeError(
                    f"NTK: the {what} of {images} images, {classes} classes and {weights} weights has "
                    f"{rows * columns} entries, and {self.max_entries} are allowed: take a smaller model or fewer "
                    f"training images, or, with {rows * columns * 4 / 2**30:.1f} GiB to spare, type "
                    f"method.max_entries={rows * columns}"
                )

    def _move(self, kernel: Tensor, jacobian: Tensor, error: Tensor, count: int) -> Tensor:
        """-Jᵀ (J Jᵀ + n L I)⁻¹ e; solved in float64 on the CPU, as some devices have none."""
        ridge = count * self.weight_decay * torch.eye(len(kernel), dtype=torch.float64)
        return -jacobian.T @ torch.linalg.solve(kernel + ridge, error.double().cpu()).to(jacobian)

    @property
    def needs_history(self) -> bool:
        """For the weights from which training began."""
        return self.scale == "trapezium"

    def check_model(self, model: Classifier, split: Split) -> None:
        weights = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
        self._check_size(len(split.retain) + len(split.forget), split.num_classes, weights)


def _jacobian_and_error(
    model: Classifier, weights: dict[str, torch.nn.Parameter], images: Images, batch_size: int
) -> tuple[Tensor, Tensor]:
    """n C x P and n C: a row for each image and class, images in their order."""
    at = {name: weight.detach() for name, weight in weights.items()}

    def logits(weights: dict[str, Tensor], image: Tensor) -> Tensor:
        return functional_call(model, weights, (image[None],))[0]

    rows, errors, first = None, [], 0
    for x, y in images.batches(batch_size):
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels of attention cannot be vectorised
            parts = vmap(jacrev(logits), in_dims=(None, 0))(at, x)
        part = torch.cat([entry.flatten(2) for entry in parts.values()], dim=2).flatten(0, 1)
        if rows is None:
            rows = part.new_empty(len(images) * len(part) // len(x), part.shape[1])
        rows[first : first + len(part)] = part
        first += len(part)
        with torch.no_grad():
            p = F.softmax(model(x), dim=1)
        errors.append((p - F.one_hot(y, p.shape[1])).flatten())
    assert rows is not None, "a split has images to retain"
    return rows, torch.cat(errors)
