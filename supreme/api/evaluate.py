"""`supreme.evaluate`: what a sweep measures, of models that somebody has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from supreme.api.answers import number_of_classes
from supreme.api.as_rows import Told
from supreme.api.given import device_of_models, given_models, given_untrained
from supreme.api.ground import evaluating
from supreme.api.metrics import asked_metrics, fitting
from supreme.api.options import checked_margins, checked_name, checked_seeds, refuse_unmeasured
from supreme.api.progress import progress as progress_bar
from supreme.api.replicates import given_replicates
from supreme.api.result import Result
from supreme.api.work import images_to_answer, replicates_of, rows_of
from supreme.store.files import digest


def evaluate(
    unlearned: Any,
    reference: Any = None,
    original: Any = None,
    *,
    forget: Any,
    retain: Any,
    test: Any = None,
    validation: Any = None,
    metrics: Any = None,
    untrained: Any = None,
    forget_classes: Sequence[int] | None = None,
    margins: Mapping[str, float | str] | None = None,
    seeds: Sequence[int] | None = None,
    data: str = "your data",
    progress: bool | None = None,
) -> Result:
    """Measure how close unlearned models are to models that were trained without the forget set.

        >>> import numpy as np, supreme
        >>> rng = np.random.default_rng(0)
        >>> def logits(shift):                       # of a model with three classes, for the images of each set
        ...     return {name: rng.normal(size=(200, 3)) + shift * np.eye(3)[labels[name]] for name in labels}
        >>> labels = {name: rng.integers(3, size=200) for name in ("forget", "retain", "test")}
        >>> result = supreme.evaluate(logits(1), logits(1), logits(3), **labels, metrics=["accuracy", "membership"])
        >>> print(result)                                                                         # doctest: +ELLIPSIS
        your data · logits · images forgotten
        ...
        >>> float(result.frame.set_index("metric").loc["accuracy/test", "value"])
        0.605

    Nothing is written, no model is changed, and no generator of random numbers is moved. The same models get the same
    numbers as in a sweep.

    Args:
        unlearned: a model; a list of models, one for each training seed; or a dict of these, one for each method. A
            model is any `torch.nn.Module`, or function, from images to logits B x C, on any device; or its logits
            themselves, `{"forget": N x C, "retain": ..., "test": ...}`.
        reference: the model that was trained without the forget set; a list where `unlearned` has lists. Without it
            there is nothing to be close to, and what compares with it is left out. A single one beside lists: these are
            draws of a method from one original, and no training seeds.
        original: the model that was trained on everything; the same holds of it.
        forget, retain, test, validation: a torch Dataset or DataLoader of (image, label), `(x, y)` tensors or arrays,
            or our `Images`; a list where each training seed has a set of its own. Floats are given to the models as
            they are, and uint8 as floats in [0, 1]. With logits, labels are enough.
        metrics: names, `["accuracy", "membership"]`; with other values, `{"membership": {"fpr": 0.001}}`; metrics of
            your own, or functions `(evaluation) -> {column: number}`. None: those of a sweep, without those for which
            something is missing.
        untrained: models of this kind with random weights, which zrf compares with.
        forget_classes: the classes that are forgotten, whole or in part. None: those of the forget set, if the retain
            set has none of them. Their test images are then told apart (`forget_test`).
        margins: how near to the reference is near enough, as in `{"accuracy/forget": 0.02}`; decided upon before the
            numbers are seen. None: those of a sweep.
        seeds: training seeds of the models of a list; None: 0, 1, ...
        data: name of the data, for the title of the table.
        progress: whether a bar is shown; None: in a terminal and in a notebook.

    Returns:
        A `Result`: print it; or take its `frame`, `summary`, `markdown()`, `latex()`, `to_csv()`, or `write(folder)`
        the page.

    Raises:
        SupremeError: something that was given cannot be evaluated; one sentence says what to give instead.
    """
    asked, declared, name = asked_metrics(metrics), checked_margins(margins), checked_name("data", data)
    models, fresh = given_models(unlearned, reference, original), given_untrained(untrained)
    numbers = checked_seeds(seeds, 1 if models.draws else models.count)
    given = {"forget": forget, "retain": retain, "test": test, "validation": validation}
    sets = given_replicates(models.count, draws=models.draws, **given)
    with evaluating():
        every = [*models.all(), *fresh]
        classes = number_of_classes(every, sets[0])
        splits = [one.split(classes, forget_classes) for one in sets]
        fit, unfit = fitting(asked, splits[0])
        with progress_bar("evaluating, images", images_to_answer(models, fresh, sets), progress) as told:
            replicates, doubts = replicates_of(models, fresh, splits, sets, numbers, told)
        said = Told(
            data=name,
            model=models.all()[0].kind,
            device=device_of_models(every),
            data_digest=digest([one.digest for one in sets]),
            declared=declared,
            asked=fit,
            all_asked=asked,
        )
        rows, missing = rows_of(said, models, replicates)
        refuse_unmeasured(margins, rows[0]["metrics"])
    return Result(rows, [*doubts, *unfit, *missing])
