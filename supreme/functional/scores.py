"""What a model makes of images while a method runs: features and accuracies."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from supreme.core import Split, SupremeError
from supreme.core.images import Images
from supreme.functional.classifier import Classifier


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


def forgotten_accuracy(model: nn.Module, split: Split, batch_size: int) -> float:
    """The accuracy on the forget set below which DUCK and SCAR call it forgotten.

    Where no image of the forgotten classes is retained: 1 %. Elsewhere: the model's accuracy on images it never saw.
    """
    if set(split.forget.targets.tolist()).isdisjoint(split.retain.targets.tolist()):
        return 0.01
    return accuracy(model, split.validation, batch_size)
