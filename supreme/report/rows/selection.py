"""Which rows a report is about: a condition on their labels, which can be nothing but a condition."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable
from typing import Any

import pandas as pd

from supreme.core import SupremeError
from supreme.report.rows.columns import Kept
from supreme.report.rows.failures import failures_in
from supreme.report.rows.reading import COMPONENTS, SEEDS

NAMES = (*COMPONENTS, "setting", "method", "variant", *SEEDS, "protocol", "preset", "metric", "cell")
"""What a condition may speak of."""

_ALLOWED = (
    *(ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.Compare, ast.Load),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Constant),
    *(ast.List, ast.Tuple),
)
_MANY = 60
"""Labels that a message lists."""

_EXAMPLE = 'as in \'data == "digits" and method in ["ssd", "scrub"] and seed < 5\''


def select(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    """The lines of a frame that `load` gave for which the condition holds, and its failures for which it does.

        >>> select(frame, 'scenario == "random" and seed < 5')

    Raises:
        SupremeError: it is more than comparisons of `NAMES` with values, joined by and, or, not; or nothing is left.
    """
    names = _checked(condition)
    found, failed = _those(frame, condition), _failed(frame, condition)
    if found.empty and not failed:
        every: Any = pd.concat([frame[names], _lines(frame)[names]]) if failures_in(frame) else frame
        there = "; ".join(f"{name}: {_listed(every[name].unique())}" for name in names)
        raise SupremeError(f"no row has {condition}; there is {there}")
    found.attrs = {**frame.attrs, "failures": failed}
    return found


def _those(frame: pd.DataFrame, condition: str) -> pd.DataFrame:
    try:
        return frame.query(condition.strip(), engine="python", parser="pandas")
    except Exception as error:  # what pandas raises for a condition without a sense, as seed < "a", is not documented
        raise SupremeError(
            f"--filter {condition!r} has no sense here ({error}); compare like with like, {_EXAMPLE}"
        ) from error


def _failed(frame: pd.DataFrame, condition: str) -> Kept[Any]:
    """The failures for which it holds; of a metric, where it would hold had the cell its row."""
    kept = set(_those(_lines(frame), condition)["cell"]) if failures_in(frame) else set()
    return Kept(one for one in failures_in(frame) if one["cell"] in kept)


def _lines(frame: pd.DataFrame) -> pd.DataFrame:
    """Of the failures, as those of rows, with each metric that rows have."""
    metrics = list(frame["metric"].unique()) or [""]
    lines = [{**one, "metric": metric} for one in failures_in(frame) for metric in metrics]
    return pd.DataFrame(lines, columns=list(NAMES))


def _listed(labels: Iterable[Any]) -> str:
    values = sorted(labels)
    return ", ".join(str(value) or '""' for value in values[:_MANY]) + (
        f" and {len(values) - _MANY} more" if len(values) > _MANY else ""
    )


def _checked(condition: str) -> list[str]:
    """The names in it."""
    try:
        tree = ast.parse(condition.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise SupremeError(f"--filter {condition!r} is no condition; compare names with values, {_EXAMPLE}") from error
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            raise SupremeError(
                f"--filter {condition!r} has {ast.unparse(node) or type(node).__name__!r}, and may only compare names "
                f"with values and join that by and, or, not, {_EXAMPLE}"
            )
    names = list(dict.fromkeys(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)))
    for name in names:
        if name not in NAMES:
            near = difflib.get_close_matches(name, NAMES, 1)
            hint = f"did you mean {near[0]}? There is" if near else "there is"
            raise SupremeError(
                f"--filter {condition!r} speaks of {name}; {hint} {', '.join(NAMES)}; text is in quotes, {_EXAMPLE}"
            )
    if not names:
        raise SupremeError(f"--filter {condition!r} speaks of no label; compare names with values, {_EXAMPLE}")
    return names
