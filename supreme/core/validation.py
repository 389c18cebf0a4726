"""What a component demands of its own values, and of the split: refused with what to type instead.

The bounds of a field are its annotation, and are checked where a component is built:

    lr: PositiveFloat
    decay_epochs: list[PositiveInt]
    decay_rate: Annotated[float, Gt(0), Le(1)]
    smoothing: Annotated[str, OneOf("softmax", "gumbel_softmax")]

What joins several fields is refused in `__post_init__`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import wraps
from typing import Annotated, Any, TypeVar

from annotated_types import Ge, Gt, Lt

from supreme.core import Split, SupremeError
from supreme.core.bounds import OneOf, annotated_types_of, example, in_words, is_allowed

OPTIMIZERS = ("adam", "sgd")

PositiveInt = Annotated[int, Ge(1)]
NonNegativeInt = Annotated[int, Ge(0)]
PositiveFloat = Annotated[float, Gt(0)]
NonNegativeFloat = Annotated[float, Ge(0)]
Momentum = Annotated[float, Ge(0), Lt(1)]
Optimizer = Annotated[str, OneOf(*OPTIMIZERS)]
Compat = Annotated[str, OneOf("paper", "reference")]
"""What to follow where the authors' code differs from their paper and published numbers need it."""

Component = TypeVar("Component")


def bounded(component: type[Component]) -> type[Component]:
    """Make a dataclass check the bounds of its fields wherever it is constructed, before its `__post_init__`.

    `registry.build` checks every component, with this decorator or without; it is for those constructed in Python.
    """
    construct = component.__init__

    @wraps(construct)
    def construct_within_bounds(self: Component, **values: Any) -> None:
        if found := refusals(component, values):
            raise SupremeError("; ".join(found))
        construct(self, **values)

    component.__init__ = construct_within_bounds
    return component


def refusals(component: type, values: Mapping[str, Any], key: str = "") -> list[str]:
    """A sentence for each of these values that the annotation of its field does not allow.

    Args:
        key: what a user types before the name of the field, `method.` in method.lr=0.01.
    """
    types = annotated_types_of(component)
    wrong = {name: value for name, value in values.items() if name in types and not is_allowed(types[name], value)}
    return [f"{name}={value!r} is not allowed: {_advice(types[name], f'{key}{name}')}" for name, value in wrong.items()]


def _advice(hint: Any, key: str) -> str:
    return f"give {in_words(hint)}, as in {key}={_typed(example(hint))}"


def _typed(value: Any) -> str:
    """A value as the command line takes it."""
    return f"[{','.join(map(_typed, value))}]" if isinstance(value, list) else str(value)


def require(component: object, name: str, allowed: bool, rule: str) -> None:
    """Refuse, in `__post_init__`, the value of a field that the value of another rules out."""
    if not allowed:
        value = getattr(component, name)
        raise SupremeError(f"{name}={value!r} is not allowed: give {rule}")


def require_no_momentum_with_adam(component: object, optimizer: str, momentum: float) -> None:
    """Refuse a momentum that would be ignored: adam has its own."""
    rule = "method.momentum=0 with adam, which has its own, or take method.optimizer=sgd"
    require(component, "momentum", optimizer != "adam" or momentum == 0, rule)


def require_momentum_for_sgd(component: object, optimizers: tuple[str, str], momentum: float) -> None:
    """Refuse a momentum that neither of two optimizers would use: adamw has its own."""
    rule = "method.momentum=0 with adamw, which has its own, or take method.retain_optimizer=sgd"
    require(component, "momentum", "sgd" in optimizers or momentum == 0, rule)


def require_class_scenario(method: object, split: Split) -> None:
    """Refuse, where a method that forgets classes starts, a split that forgets none."""
    if not split.forget_classes:
        name = type(method).__name__
        raise SupremeError(
            f"{name} forgets classes: type scenario=full_class (or subclass); it has no meaning for a random forget set"
        )
