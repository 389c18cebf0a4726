"""What makes the verdicts of a block doubtful, and what they leave open."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pandas as pd

from supreme.core.column import column_in
from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.columns import TableColumn, column_of, declared_in, unsigned
from supreme.report.rows.endpoints import Declared
from supreme.report.rows.labels import bare_name
from supreme.report.rows.per_seed import NULL, per_seed
from supreme.report.statistics.evidence import FEW_SEEDS
from supreme.report.statistics.joint import ALPHA
from supreme.report.statistics.power import SeedsNeeded, closeness_margin, retrain_seeds
from supreme.report.statistics.ranking import competes

Lines = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""By method, with its variant, and metric: the line of the summary."""

Verdicts = Mapping[str, Mapping[str, Any]]
"""By method, with its variant: the line of `verdicts`."""


class Titles:
    """The titles of the columns of some rows, without their per cent signs."""

    def __init__(self, part: pd.DataFrame) -> None:
        self._declared = declared_in(part)

    def __call__(self, metric: str) -> str:
        return self._column(metric).title.replace(" %", "")

    def number(self, metric: str, value: float) -> str:
        return unsigned(value, self._column(metric).format)

    def _column(self, metric: str) -> TableColumn:
        """As the rows declare it; of a metric that they have not, as ours does."""
        return column_of(metric, self._declared if column_in(self._declared, metric) else our_columns())

    def is_shown(self, metric: str) -> bool:
        """Whether tables show it unless told otherwise."""
        column = column_in(self._declared, metric)
        return column is not None and column.shown

    def higher_is_nearer(self, metric: str) -> bool:
        """Whether a distance to the reference grows with closeness, as an agreement does."""
        column = column_in(self._declared, metric)
        return column is not None and column.direction == "higher"


def seeds_needed(part: pd.DataFrame, lines: Lines, declared: Declared, titles: Titles) -> dict[str, SeedsNeeded]:
    """By the title of each primary endpoint, how many seeds this design needs; nothing without one line of retrain."""
    nulls = [method for method in lines if bare_name(method) == NULL]
    if len(nulls) != 1:
        return {}
    seeds = per_seed(part.loc[part["method"].astype("str") == NULL])
    needed = {}
    for metric, line in lines[nulls[0]].items():
        if line["endpoint"]:
            own = seeds.loc[(seeds["method"] == NULL) & (seeds["metric"] == metric)]
            distance = bool(own["gap"].isna().all())
            original = lines["original"][metric]
            margin = closeness_margin(
                line["role"], line["margin"], original["gap"], declared.endpoints.most_left, line["sensitive"]
            )
            values = own["value" if distance else "gap"].dropna().to_numpy()
            needed[titles(metric)] = retrain_seeds(values, margin, line["grid"], distance)
    return needed


def of_null(lines: Lines, verdicts: Verdicts, titles: Titles) -> list[str]:
    """A second retraining that differs from the first is a false alarm or a defect, and the reader has to know."""
    told = [
        f"{method} in {titles(metric)}"
        for method in verdicts
        if bare_name(method) == NULL
        for metric, line in lines[method].items()
        if line["endpoint"]
        and line["verdict"] in ("different", "different but negligible")
        and line["p_adjusted"] < ALPHA
    ]
    if not told:
        return []
    return [
        f"Different, though both are retrained: {', '.join(told)}, also after Holm's correction for the endpoints. A "
        "false alarm, as 5 % of such blocks have one, or a defect: letters of that column are to be doubted."
    ]


def nearer_than_retraining(lines: Lines, titles: Titles) -> list[str]:
    """Of the primary endpoints and of what tables show: weights of one start are near each other without any fault."""
    methods: dict[str, list[str]] = defaultdict(list)
    for method, line_of in lines.items():
        for metric, line in line_of.items():
            near = math.copysign(1, line["gap"]) == (1 if titles.higher_is_nearer(metric) else -1)
            if (
                (line["endpoint"] or titles.is_shown(metric))
                and line["contrast"] == "floor"
                and line["verdict"] == "different"
                and near
                and competes(method)
            ):
                methods[titles(metric)].append(method)
    told = [f"{', '.join(about)} in {title}" for title, about in methods.items()]
    if not told:
        return []
    return [f"Closer to the reference than an independent retraining is: {'; '.join(told)}. Has it seen the reference?"]


def some_trainings(verdicts: Verdicts) -> list[str]:
    """A mean over seeds that all went well says little about the worst training."""
    if not any(verdict["letter"] in ("E", "e", "N", "n") for verdict in verdicts.values()):
        return []
    seeds = max(int(verdict["seeds"]) for verdict in verdicts.values())
    return [
        f"E speaks of the mean; with {seeds} seeds that all went well, up to {100 * (1 - ALPHA ** (1 / seeds)):.0f} % "
        "of trainings may go wrong."
    ]


def normality(lines: Lines, titles: Titles) -> list[str]:
    told = [
        f"{method} ({titles(metric)})"
        for method, line_of in lines.items()
        for metric, line in line_of.items()
        if line["verdict"].startswith("different") and line["seeds"] > FEW_SEEDS and line["p_sign_flip"] > ALPHA
    ]
    return (
        [f"Different only if gaps are normally distributed, by the exact test not: {'; '.join(told)}."] if told else []
    )
