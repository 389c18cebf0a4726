"""What is to be said of the verdicts of a block: which margins they rest on, what is out of reach, what to doubt."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from supreme.core.endpoints import role_of
from supreme.report.rows.endpoints import Declared
from supreme.report.statistics.contrasts import LEAST_SEEDS
from supreme.report.statistics.doubts import (
    Lines,
    Titles,
    Verdicts,
    nearer_than_retraining,
    normality,
    of_null,
    seeds_needed,
    some_trainings,
)
from supreme.report.statistics.power import power_sentence
from supreme.report.statistics.ranking import competes


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
    power = power_sentence(seeds_needed(part, lines, declared, titles))
    return Claims(
        margins=[_margins(declared, titles)],
        out_of_reach=_out_of_reach(verdicts),
        doubts=[*of_null(lines, verdicts, titles), *nearer_than_retraining(lines, titles)],
        rest=[
            *_differences(verdicts, titles),
            *_removed(lines, titles),
            *some_trainings(verdicts),
            *filter(None, [power]),
            *normality(lines, titles),
        ],
    )


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


def _listed(methods: Iterable[str]) -> str:
    return ", ".join(methods)
