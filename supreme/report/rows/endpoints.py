"""Of which metrics a table makes claims, and whether this was declared before its rows were there."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache

import pandas as pd
import yaml

from supreme.core.endpoints import Endpoints
from supreme.report.catalogue.methods import CONF
from supreme.report.rows.columns import is_config_of, refuse_unknown

FIRST_SAID, LATER_SAID = "declared with the sweep", "given afterwards"

_CLASS_SCENARIO = "accuracy/forget_test"
"""A block has it where a class is forgotten."""


@dataclass(frozen=True)
class Declared:
    """The endpoints of a block, and where they come from."""

    endpoints: Endpoints
    origin: str
    """`FIRST_SAID` or `LATER_SAID`: a claim of equivalence on all of them needs the former."""

    def margin(self, metric: str) -> float | None:
        """Of a primary endpoint; None where it is `relative` or none."""
        return next((margin for name, margin in self.endpoints.margins.items() if is_config_of(metric, name)), None)

    def is_primary(self, metric: str) -> bool:
        return any(is_config_of(metric, name) for name in self.endpoints.margins)


@cache
def default_endpoints() -> Endpoints:
    """Those of conf/config.yaml."""
    node = yaml.safe_load((CONF / "config.yaml").read_text(encoding="utf-8"))["report"]
    return Endpoints.of(**{name: value for name, value in node.items() if name != "samples"})


def declared_of(part: pd.DataFrame, given: Endpoints | None = None) -> Declared:
    """Those of one block, whose rows are `part`: the given ones, else what all rows declare, else the default ones."""
    told = declarations(part)
    agreed = told[0] if len(told) == 1 else None
    used = given or agreed or default_endpoints()
    if used.pilot_seeds:
        used.refuse_pilot(map(int, part["seed"].unique()))
    used = Endpoints(_of_scenario(used.margins, set(part["metric"].unique())), used.most_left, used.pilot_seeds)
    same = agreed is not None and (given is None or given == agreed)
    return Declared(used, FIRST_SAID if same else LATER_SAID)


def declarations(part: pd.DataFrame) -> list[Endpoints | None]:
    """What the rows of one block declare, each once; None for those that declare nothing."""
    told = [str(text) for text in part["declared"].unique()] if "declared" in part else [""]
    return [Endpoints.of(**json.loads(text)) if text else None for text in told]


def _of_scenario(margins: Mapping[str, float | None], metrics: Iterable[str]) -> dict[str, float | None]:
    """What of these an evaluation can have: utility is that on retained classes where a class is forgotten."""
    is_class = any(is_config_of(metric, _CLASS_SCENARIO) for metric in metrics)
    unfit = "accuracy/test" if is_class else "accuracy/retain_test"
    return {metric: margin for metric, margin in margins.items() if metric != unfit}


def parse_endpoints(text: str, frame: pd.DataFrame) -> Endpoints:
    """`accuracy/forget=0.02,js_divergence/forget=relative` as endpoints, with the λ that the rows of the frame declare.

    Raises:
        SupremeError: something else is written there, or no row has one of the metrics.
    """
    told = {str(one) for one in frame["declared"].unique() if one}
    declared = {Endpoints.of(**json.loads(one)).most_left for one in told}
    most_left = declared.pop() if len(declared) == 1 else default_endpoints().most_left
    endpoints = Endpoints.of(text, most_left)
    for metric in endpoints.margins:
        refuse_unknown(metric, list(frame["metric"].unique()))
    return endpoints
