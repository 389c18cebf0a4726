"""Forgetting a class by projecting each layer's inputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from supreme.core import Context, Split
from supreme.core.images import Images
from supreme.core.validation import PositiveFloat, PositiveInt, bounded, require_class_scenario
from supreme.functional.classifier import Classifier
from supreme.functional.layer_inputs import LinearMap, rows_of, shown_inputs


@bounded
@dataclass(frozen=True, kw_only=True)
class KodgeSVD:
    """SVD class forgetting: take out of each layer's inputs what the forgotten class uses and the others do not.

    Kodge, Saha and Roy, "Deep Unlearning: Fast and Efficient Gradient-free Approach to Class Forgetting", TMLR 2024,
    https://openreview.net/forum?id=BmI5p6wBi0, and sangamesh-kodge/class_forgetting. The inputs of a linear layer, or
    the patches under the kernel of a convolution, make a matrix R with the singular vectors U and the shares σ² of its
    energy. M = U Λ Uᵀ is its space, where Λ = alpha σ² / ((alpha - 1) σ² + 1): M_r of some images of each retained
    class, M_f of some of the forgotten one. The weights become W (I - M_f + M_f M_r)ᵀ. Biases and normalisation stay
    as they are. Nothing is trained. Of a map more than three kernels wide only one square of three kernels is read,
    drawn for all images, and of its patches `patches`.

    Deviations: M is computed as alpha C ((alpha - 1) C + I)⁻¹ with C = RᵀR / tr RᵀR, which is the same matrix without
    a decomposition. The authors' demo and tuning script search both alphas on training images, their scripts for CIFAR
    and ImageNet set them, as here. With several forgotten classes their code takes the second and later ones for
    retained. Of a transformer's tokens all are read (theirs: `patches` of them before and in attention). Convolutions
    in groups stay as they are.
    Cost: one forward pass over `samples` images of each side, all in one batch, and one linear system per layer and
    side, of the size of its inputs.
    """

    needs: ClassVar[frozenset[str]] = frozenset({"forget", "retain"})
    applies_to: ClassVar[str] = "class"

    alpha_r: PositiveFloat
    """Scale of the retain space: the higher, the more of it is kept."""
    alpha_f: PositiveFloat
    """Scale of the forget space: the higher, the more of it is taken out."""
    samples: PositiveInt
    """Images of the forgotten class, and of all retained classes together."""
    patches: PositiveInt
    """Patches read per convolution and side, at most."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        require_class_scenario(self, split)
        model.eval()
        of_forget = torch.randperm(len(split.forget), generator=context.rng)[: self.samples]
        retain = self._spaces(model, split.retain.subset(self._first_of_classes(split.retain)), self.alpha_r, context)
        forget = self._spaces(model, split.forget.subset(of_forget), self.alpha_f, context)
        with torch.no_grad():
            for layer, gone in forget.items():
                weight = layer.weight.flatten(1)
                layer.weight.copy_((weight - weight @ gone + weight @ retain[layer] @ gone).view_as(layer.weight))
        return model

    def _first_of_classes(self, retain: Images) -> Sequence[int]:
        """Positions of as many images of each class: the first ones."""
        labels = retain.labels
        classes = labels.unique()
        of_each = [(labels == label).nonzero().flatten()[: self.samples // len(classes)] for label in classes]
        return torch.cat(of_each).tolist()

    @torch.no_grad()
    def _spaces(self, model: Classifier, images: Images, alpha: float, context: Context) -> dict[LinearMap, Tensor]:
        """The space M of each layer's inputs."""
        spaces: dict[LinearMap, Tensor] = {}

        def read(layer: LinearMap, x: Tensor) -> None:
            rows = self._rows(layer, x, context.rng)
            moments = rows.T @ rows
            c = moments / moments.trace().clamp(min=torch.finfo(rows.dtype).tiny)
            spaces[layer] = alpha * torch.linalg.solve((alpha - 1) * c + torch.eye(len(c)).to(c), c)

        with shown_inputs(model, read):
            model(next(images.batches(len(images)))[0])
        return spaces

    def _rows(self, layer: LinearMap, x: Tensor, rng: torch.Generator) -> Tensor:
        """Some of what the layer multiplies its weights with."""
        if isinstance(layer, nn.Linear):
            return rows_of(layer, x)
        height, width = (3 * side for side in layer.kernel_size)
        if x.shape[-1] > width:
            top, left = (int(torch.randint(0, x.shape[-1] - width + 1, (), generator=rng)) for _ in range(2))
            x = x[:, :, top : top + height, left : left + width]
        rows = rows_of(layer, x)
        return rows[torch.randperm(len(rows), generator=rng)[: self.patches].to(rows.device)]
