"""What a component demands of its own values, and of the split: refused with what to type instead."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from supreme.core import Split, SupremeError

COMPAT = ("paper", "reference")
OPTIMIZERS = ("adam", "sgd")


def require(component: object, name: str, allowed: bool, rule: str) -> None:
    """Refuse the value of a method's field, in its `__post_init__`, saying what to give instead.

    Write conditions that NaN fails: `0 < lr < inf`, never `not lr <= 0`.
    """
    if not allowed:
        value = getattr(component, name)
        raise SupremeError(f"{name}={value!r} is not allowed: give {rule}")


def require_above_zero(component: object, *names: str) -> None:
    for name in names:
        require(component, name, 0 < getattr(component, name) < inf, f"a number above 0, as in method.{name}=0.01")


def require_not_negative(component: object, *names: str) -> None:
    for name in names:
        require(component, name, 0 <= getattr(component, name) < inf, f"a number from 0, as in method.{name}=0.1")


def require_counts(component: object, *names: str) -> None:
    for name in names:
        require(component, name, getattr(component, name) >= 1, f"a whole number from 1, as in method.{name}=10")


def require_one_of(component: object, name: str, allowed: Sequence[str]) -> None:
    rule = " or ".join(f"method.{name}={value}" for value in allowed)
    require(component, name, getattr(component, name) in allowed, rule)


def require_compat(component: object) -> None:
    """`compat` says what to follow where the authors' code differs from their paper and published numbers need it."""
    require_one_of(component, "compat", COMPAT)


def require_optimizer(component: object, optimizer: str, momentum: float) -> None:
    """`optimizer` must be one of OPTIMIZERS; `momentum` is SGD's, so that with adam only 0 is true."""
    require_one_of(component, "optimizer", OPTIMIZERS)
    allowed = 0 <= momentum < 1 if optimizer == "sgd" else momentum == 0
    require(
        component, "momentum", allowed, "from 0 to below 1 with sgd, method.momentum=0 with adam, which has its own"
    )


def require_class_scenario(method: object, split: Split) -> None:
    """Refuse, where a method that forgets classes starts, a split that forgets none."""
    if not split.forget_classes:
        name = type(method).__name__
        raise SupremeError(
            f"{name} forgets classes: type scenario=full_class (or subclass); it has no meaning for a random forget set"
        )
