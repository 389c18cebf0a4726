"""What is to be said of the verdicts of a block: which margins they rest on, what is out of reach, what to doubt."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.core.column import column_in
from supreme.core.endpoints import role_of
from supreme.report.catalogue.metrics import our_columns
from supreme.report.rows.columns import TableColumn, column_of, declared_in, unsigned
from supreme.report.rows.endpoints import Declared
from supreme.report.rows.labels import bare_name
from supreme.report.rows.per_seed import NULL, per_seed
from supreme.report.statistics.contrasts import LEAST_SEEDS
from supreme.report.statistics.power import SeedsNeeded, closeness_margin, power_sentence, retrain_seeds
from supreme.report.statistics.ranking import competes

FEW_SEEDS = 5
"""With so few, the exact sign-flip test cannot reach 5 %."""

ALPHA = 0.05

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


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The sentences that belong below a table of verdicts."""

    margins: Sequence[str] = ()
    out_of_reach: Sequence[str] = ()
    """Why no method, or some, can be equivalent on all primary endpoints."""
    doubts: Sequence[str] = ()
    """What makes a verdict doubtful."""
    rest: Sequence[str] = ()
    """In what methods differ, and what the verdicts leave open."""


NO_CLAIMS = Claims()


def claims_of(part: pd.DataFrame, lines: Lines, verdicts: Verdicts, declared: Declared) -> Claims:
    """What is to be said of the verdicts of one block, whose rows are `part`."""
    titles = Titles(part)
    if not any(verdict["letter"] for verdict in verdicts.values()):
        most = max((line["seeds"] for line_of in lines.values() for line in line_of.values()), default=0)
        few = [f"No letters: these take {LEAST_SEEDS} training seeds."] if 1 < most < LEAST_SEEDS else []
        return Claims(out_of_reach=few)
    power = power_sentence(_seeds_needed(part, lines, declared, titles))
    return Claims(
        margins=[_margins(declared, titles)],
        out_of_reach=_out_of_reach(verdicts),
        doubts=[*_of_null(lines, verdicts, titles), *_nearer_than_retraining(lines, titles)],
        rest=[
            *_differences(verdicts, titles),
            *_removed(lines, titles),
            *_some_trainings(verdicts),
            *filter(None, [power]),
            *_normality(lines, titles),
        ],
    )


def _seeds_needed(part: pd.DataFrame, lines: Lines, declared: Declared, titles: Titles) -> dict[str, SeedsNeeded]:
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


def _margins(declared: Declared, titles: Titles) -> str:
    left = 100 * declared.endpoints.most_left
    told = [
        f"{titles(metric)} {'relative' if margin is None else titles.number(metric, margin)}"
        for metric, margin in declared.endpoints.margins.items()
    ]
    remembered = any(role_of(metric) == "memory" for metric in declared.endpoints.margins)
    gone = f"; of what the original remembers, at most {left:g} % may be left" if remembered else ""
    return f"Margins, {declared.origin}: {', '.join(told)}{gone}."


def _out_of_reach(verdicts: Verdicts) -> list[str]:
    """One sentence for the methods that share their reasons; no method is named where that is every one."""
    methods: dict[str, list[str]] = defaultdict(list)
    swept = [method for method in verdicts if competes(method)]
    for method in swept:
        for reason in filter(None, verdicts[method]["reason"].split("; ")):
            methods[reason].append(method)
    reasons: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for reason, about in methods.items():
        reasons[tuple(about)].append(reason)
    return [
        f"No joint E{'' if len(about) == len(swept) else f' for {_listed(about)}'}: {'; '.join(shared)}."
        for about, shared in reasons.items()
    ]


def _differences(verdicts: Verdicts, titles: Titles) -> list[str]:
    told = [
        f"{method} ({', '.join(map(titles, verdict['different_in'].split(', ')))})"
        for method, verdict in verdicts.items()
        if competes(method) and verdict["different_in"]
    ]
    return [f"Different in: {'; '.join(told)}."] if told else []


def _removed(lines: Lines, titles: Titles) -> list[str]:
    """The share of the original's gap that each method has removed, on every primary memory endpoint that has one."""
    told = []
    for method, line_of in lines.items():
        shares = [
            f"{titles(metric)} {' to '.join(f'{100 * line[name]:.0f}' for name in ('share_low', 'share_high'))} "
            f"({100 * line['share']:.0f})"
            for metric, line in line_of.items()
            if line["endpoint"] and not math.isnan(line["share"])
        ]
        if competes(method) and shares:
            told.append(f"{method} {', '.join(shares)}")
    return [f"Removed of the original's gap, 95 % interval and estimate in %: {'; '.join(told)}."] if told else []


def _of_null(lines: Lines, verdicts: Verdicts, titles: Titles) -> list[str]:
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


def _nearer_than_retraining(lines: Lines, titles: Titles) -> list[str]:
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
    told = [f"{_listed(about)} in {title}" for title, about in methods.items()]
    if not told:
        return []
    return [f"Closer to the reference than an independent retraining is: {'; '.join(told)}. Has it seen the reference?"]


def _some_trainings(verdicts: Verdicts) -> list[str]:
    """A mean over seeds that all went well says little about the worst training."""
    if not any(verdict["letter"] in ("E", "e", "N", "n") for verdict in verdicts.values()):
        return []
    seeds = max(int(verdict["seeds"]) for verdict in verdicts.values())
    return [
        f"E speaks of the mean; with {seeds} seeds that all went well, up to {100 * (1 - ALPHA ** (1 / seeds)):.0f} % "
        "of trainings may go wrong."
    ]


def _normality(lines: Lines, titles: Titles) -> list[str]:
    told = [
        f"{method} ({titles(metric)})"
        for method, line_of in lines.items()
        for metric, line in line_of.items()
        if line["verdict"].startswith("different") and line["seeds"] > FEW_SEEDS and line["p_sign_flip"] > ALPHA
    ]
    return (
        [f"Different only if gaps are normally distributed, by the exact test not: {'; '.join(told)}."] if told else []
    )


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(methods)
