"""What a metric is given in the tiny world."""

from __future__ import annotations

import copy

from supreme.core import Cost, seeds
from supreme.functional.classifier import Classifier
from supreme.pipeline.evaluation import CellEvaluation, StoredPredictions, predict
from supreme.testing.worlds import World, tiny_class_world, tiny_data, tiny_fit, tiny_model, tiny_world


def tiny_evaluation(subject: str = "unlearned", forgets_class: bool = False) -> CellEvaluation:
    """One of the unlearned, the reference and the original model of the tiny world, or of that which forgets a class.

    The reference is trained on the retain set, the unlearned model is the original after one more epoch there.
    """
    world = tiny_class_world() if forgets_class else tiny_world()
    fit = tiny_fit(seeds.torch_generator("unlearn", 1))
    models = {
        "unlearned": fit(copy.deepcopy(world.model), world.split.retain, epochs=1),
        "reference": fit(tiny_model(tiny_data(), 1), world.split.retain),
        "original": world.model,
    }
    answers = {name: _stored(world, model) for name, model in models.items()}
    costs = {
        name: Cost(seconds=1.0, peak_memory_bytes=None, forward_samples=1, backward_samples=1, shared_device=False)
        for name in models
    }
    return CellEvaluation(
        subject_name=subject,
        split=world.split,
        subject=answers[subject],
        all=answers,
        costs=costs,
        load_untrained=lambda: [_stored(world, tiny_model(tiny_data(), 9))],
        stream=(0, 0),
    )


def _stored(world: World, model: Classifier) -> StoredPredictions:
    arrays = {what: predict(model, world.split.forget.data, "cpu", what) for what in ("logits", "features")}
    return StoredPredictions(world.split, arrays.__getitem__, lambda: model)
