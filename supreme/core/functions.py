"""Plain functions that stand in for components: named in a YAML, called with what components are called with."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from supreme.core import SupremeError, registry


def function_of(node: Mapping[str, Any], kind: str, given: Sequence[str]) -> Callable[..., Any]:
    """The function that a node names, with the node's other values as keywords.

    Args:
        node: `_target_` and keyword arguments.
        kind: what it stands for, for messages: a method, a metric.
        given: what it is called with, by position.

    Raises:
        SupremeError: it cannot be imported, or not be called so.
    """
    values = {name: value for name, value in node.items() if name != "_target_"}
    target = str(node["_target_"])
    function = registry.imported(target, f"its function {target}")
    try:
        inspect.signature(function).bind(*given, **values)
    except TypeError as error:
        raise SupremeError(
            f"{target} cannot be called as a {kind} ({error}): write def {target.rpartition('.')[2]}"
            f"({', '.join([*given, *values])})"
        ) from None
    except ValueError:  # of compiled code, which has no signature to look at
        pass
    return partial(function, **values)
