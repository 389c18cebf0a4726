"""Any architecture of timm, randomly initialised, pretrained from its hub, or from a checkpoint file."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

from torch import nn

from supreme.core import SupremeError
from supreme.core.validation import OneOf, PositiveInt, bounded
from supreme.functional import checkpoints
from supreme.functional.classifier import Classifier
from supreme.functional.weight_files import file_at
from supreme.models import trial

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Mean and standard deviation of each channel, pixels in [0, 1]."""


@bounded
@dataclass(frozen=True, kw_only=True)
class Timm:
    """A timm backbone and a new linear head; https://github.com/huggingface/pytorch-image-models.

    Normalisation is the one of the architecture's data config: what its pretrained weights were trained with, unless
    `normalisation` says otherwise. Note
    that a pretrained backbone may have seen the images that are to be forgotten: no method can unlearn that here.
    """

    arch: str
    """Name of the architecture, with or without a pretrained tag; `timm.list_models()` has them all."""
    pretrained: bool
    """Start from pretrained weights instead of random ones."""
    checkpoint: str | None
    """File of the pretrained weights (.safetensors, or what torch.save wrote), which never runs; null: timm's hub."""
    image_size: PositiveInt | None
    """Side the images are resized to. Null: what the architecture insists on, else the size that the data has."""
    normalisation: Annotated[str, OneOf("of_weights", "imagenet")]
    """of_weights: as the pretrained weights were trained; imagenet: by ImageNet's mean and standard deviation."""

    def __post_init__(self) -> None:
        self._registered_config()  # imports timm: seconds, but no device spins for a name that does not exist
        if self.checkpoint is not None:
            file_at(self.checkpoint)
        if self.checkpoint is not None and not self.pretrained:
            raise SupremeError("a checkpoint is given but pretrained=false; add model.pretrained=true")

    def __call__(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> Classifier:
        body = self._backbone()
        if self.checkpoint is not None:
            checkpoints.load(body, self.checkpoint, of=self.arch, convert=self._convert(body))
        config = body.pretrained_cfg
        fixed = config["input_size"][-1] if config.get("fixed_input_size") else None
        head = nn.Linear(body.head_hidden_size, num_classes)
        mean, std = (config["mean"], config["std"]) if self.normalisation == "of_weights" else IMAGENET
        return Classifier(body, head, mean, std, self.image_size or fixed)

    def check(self, num_classes: int, image_size: int, mean: Sequence[float], std: Sequence[float]) -> None:
        """Refuse a checkpoint that does not fit, and images that the architecture cannot take, before any training."""
        offline = self if self.checkpoint is not None else replace(self, pretrained=False)
        config = self._registered_config()
        usual = config.input_size[-1]
        side = self.image_size or (usual if config.fixed_input_size else image_size)  # others are resized to it
        if side == usual:
            trial.build(offline, num_classes, image_size, mean, std)
        else:
            trial.run(offline, num_classes, side, mean, std, hint=f"give model.image_size={usual}, say")

    def _convert(self, body: Any) -> checkpoints.Convert | None:
        """What timm makes of the weights of others: their names, and position embeddings of another image size."""
        import timm

        home = sys.modules[timm.model_entrypoint(self.arch).__module__]
        convert = getattr(home, "checkpoint_filter_fn", None)
        return convert and (lambda tensors: convert(tensors, body))

    def _backbone(self) -> Any:
        import timm

        config = self._registered_config()
        options: dict[str, Any] = {}
        if self.image_size is not None and config.fixed_input_size and config.input_size[-1] != self.image_size:
            options["img_size"] = self.image_size  # others take any size; the classifier resizes for them
        of_timm = self.pretrained and self.checkpoint is None  # a file is never timm's to open
        try:
            return timm.create_model(self.arch, pretrained=of_timm, num_classes=0, **options)
        except OSError as error:
            if not of_timm:
                raise
            raise SupremeError(
                f"the pretrained weights of {self.arch} cannot be fetched ({type(error).__name__}); "
                "download them where there is a network and give model.checkpoint=/path/to/model.safetensors, "
                "or take random weights with model.pretrained=false"
            ) from error

    def _registered_config(self) -> Any:
        """What timm knows of the architecture; refused where timm has none of that name, tag or weights."""
        import timm
        from timm.models import PretrainedCfg, get_pretrained_cfg

        name, _, tag = self.arch.partition(".")
        if not timm.is_model(name):
            near = ", ".join(difflib.get_close_matches(name.lower(), timm.list_models(), 5, cutoff=0))
            raise SupremeError(f"no architecture {name} in timm {timm.__version__}; near: {near}")
        if tag and not timm.is_model_pretrained(self.arch):
            tags = ", ".join(timm.list_pretrained(f"{name}.*")) or "none"
            raise SupremeError(f"no weights {self.arch} in timm {timm.__version__}; there: {tags}")
        if self.pretrained and self.checkpoint is None and not timm.is_model_pretrained(self.arch):
            raise SupremeError(
                f"timm {timm.__version__} has no pretrained weights of {name}; "
                "give model.checkpoint=/path/to/weights.safetensors or model.pretrained=false"
            )
        return get_pretrained_cfg(self.arch) or PretrainedCfg()
