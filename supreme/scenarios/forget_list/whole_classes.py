"""A list that is a class is a scenario of classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import numpy as np

from supreme.core import IntArray
from supreme.core.images import ImageData
from supreme.scenarios.forget_list.names import TOLD


def refuse(data: ImageData, chosen: IntArray, say: Callable[[str], NoReturn]) -> None:
    """A list of all training images of some classes, or of a subclass, is another scenario: its test images count."""
    for labels, names, scenario in (
        (data.labels, data.class_names, "full_class"),
        (data.fine_labels, data.fine_names, "subclass"),
    ):
        if labels is None:
            continue
        classes = np.unique(labels[chosen])
        if np.isin(labels[data.train], classes).sum() == len(chosen) and len(np.unique(labels[data.train])) > len(
            classes
        ):
            told = ", ".join(names[number] for number in classes[:TOLD]) + ", ..." * (len(classes) > TOLD)
            numbers = classes.tolist()
            target = str(numbers[0]) if len(numbers) == 1 else f"[{','.join(map(str, numbers))}]"
            say(
                f"lists exactly the training images of {told}: type scenario={scenario} 'scenario.target={target}', "
                "which sets the test images of what is forgotten apart from the others"
            )
