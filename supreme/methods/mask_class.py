"""Never answering with a forgotten class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from annotated_types import Lt
from torch import nn

from supreme.core import Context, Split, SupremeError
from supreme.core.validation import bounded, require_class_scenario
from supreme.functional.classifier import Classifier


@bounded
@dataclass(frozen=True, kw_only=True)
class MaskClass:
    """Mask the class: give the logits of forgotten classes one low value, whatever the image.

    A control, ours: it forgets nothing, for the features stay as they were, and yet its forget accuracy is 0 and its
    retain accuracy at least the original's. A metric that takes it for unlearning looks at answers only. Methods
    that change little but the last layer come near to it.

    Deviations: none. For classes only; in a subclass scenario it hides the whole class, its retained part too.
    Cost: none.
    """

    needs: ClassVar[frozenset[str]] = frozenset()
    applies_to: ClassVar[str] = "class"

    logit: Annotated[float, Lt(0)]
    """What the logit of a forgotten class becomes; below 0 and finite, so that probabilities stay numbers."""

    def __call__(self, model: Classifier, split: Split, context: Context) -> Classifier:
        require_class_scenario(self, split)
        if not isinstance(model.head, nn.Linear) or model.head.bias is None:
            raise SupremeError("MaskClass needs a head that is a linear layer with a bias: choose another model")
        classes = list(split.forget_classes)
        with torch.no_grad():
            model.head.weight[classes] = 0
            model.head.bias[classes] = self.logit
        return model

    def check_model(self, model: Classifier, split: Split) -> None:
        if not isinstance(model.head, nn.Linear) or model.head.bias is None:
            raise SupremeError("MaskClass needs a head that is a linear layer with a bias: choose another model")
