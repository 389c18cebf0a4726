"""Whether a method, a metric or an audit can do its work on a split: asked when a sweep is planned, before training.

A component says so itself, in one of three ways, the first of which holds alone:

* `check_split(split)` raises SupremeError, with what to type instead, where a call would fail, or, of a metric or an
  audit, where no column would have a value;
* `applies_to = "class"`: it forgets classes, and so cannot where the scenario forgets none;
* `"validation" in needs`: it reads the validation images, and so cannot where the data have none.
"""

from __future__ import annotations

import numpy as np

from supreme.core.errors import SupremeError
from supreme.core.split import Split
from supreme.core.validation import require_class_scenario

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def check_split(component: object, split: Split) -> None:
    """Refuse a split on which this component could not do its work.

    Raises:
        SupremeError: what it cannot do, and what to type instead.
    """
    own = getattr(component, "check_split", None)
    if own is not None:
        own(split)
        return
    if getattr(component, "applies_to", "any") == "class":
        require_class_scenario(component, split)
    if "validation" in getattr(component, "needs", ()):
        require_validation(component, split)


def require_validation(component: object, split: Split) -> None:
    if len(split.validation) == 0:
        raise SupremeError(
            f"{type(component).__name__} reads validation images, and these data have none: type another method, or "
            "choose data that has some"
        )


def require_goal(component: object, split: Split) -> None:
    """For a method that compares its forget accuracy with that of unseen images, unless all of a class is forgotten."""
    if np.isin(split.retain.targets, split.forget.targets).any():
        require_validation(component, split)


def require_two_retained_classes(component: object, split: Split) -> None:
    if len(np.unique(split.retain.targets)) < 2:
        raise SupremeError(
            f"{type(component).__name__} moves images to another class, and retained images are of one class only: "
            "forget fewer classes"
        )


def filled_sets(split: Split) -> frozenset[str]:
    """The names of the sets that hold an image."""
    return frozenset(name for name, images in split.sets.items() if len(images))
