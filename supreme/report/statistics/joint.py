"""One verdict per method: of all primary endpoints of its block together, corrected for the number of methods."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from supreme.core.endpoints import Endpoints, role_of
from supreme.report.rows.columns import column_of, declared_in, is_config_of, signed, unsigned
from supreme.report.rows.endpoints import FIRST_SAID, Declared, declared_of
from supreme.report.rows.labels import bare_name, titled
from supreme.report.rows.per_seed import BLOCK, NULL
from supreme.report.statistics.aggregate import identical, summary
from supreme.report.statistics.contrasts import LEAST_SEEDS
from supreme.report.statistics.ranking import competes, corrected
from supreme.report.statistics.targets import target_means

VERDICT_COLUMNS = (
    *(*BLOCK, "method", "variant", "verdict", "letter", "reason", "different_in", "seeds"),
    *("p_joint", "p_joint_adjusted", "p_different", "p_different_adjusted"),
    *("removed", "removed_low", "removed_high", "removed_metric", "origin"),
)
WORDS = {"E": "equivalent", "N": "different but negligible", "D": "different", "?": "inconclusive"}
ALPHA = 0.05

Line = Mapping[str, Any]
"""Of the summary."""


@dataclass(frozen=True)
class Primary:
    """The primary endpoints of a block, as far as it has them."""

    names: Sequence[str]
    """As they are declared."""
    metrics: Mapping[str, str]
    """By these names the metric of the block; one that the block has not, or in several configs, has none."""
    blockers: Sequence[str]
    """Why no method of the block can be equivalent on all of them."""


def verdicts(
    frame: pd.DataFrame, table: pd.DataFrame | None = None, endpoints: Endpoints | None = None
) -> pd.DataFrame:
    """One line per method of each block: what the primary endpoints show of it together, each test at 5 %.

    `p_joint` is the largest p of equivalence among them, a test of level 5 % that all hold (intersection-union, Berger
    1982); `p_different` the smallest p of a difference, times their number. Both are corrected by Holm for the methods
    of the block; a `letter` that this takes back is small. E: equivalent on all; N: the same, and different on one; D:
    different, in the columns of `different_in`; ?: inconclusive. The original and retrain are not corrected.

    Where equivalence on all of them is out of reach, `p_joint` is NaN and `reason` tells why: an endpoint without value
    or with fewer than three seeds; one on which the original itself is not told apart; no single line of retrain to
    hold a distance against; margins that not all rows declare; values tuned on the test images; a model that is the
    reference itself.

    `removed` is the share of the original's gap that is gone, with its interval, on the memory endpoint where it is
    farthest from 1, `removed_metric`; NaN where one of them has none.

    Args:
        frame: what `load` gives.
        table: its `summary` with these endpoints, if at hand.
        endpoints: as for `summary`.
    """
    table = summary(frame, endpoints=endpoints) if table is None else table
    parts = dict(list(target_means(frame).added_to(frame).groupby(BLOCK, observed=True)))
    found = []
    for block, own in table.groupby(BLOCK, sort=False, observed=True):
        key: Any = block
        declared = declared_of(parts[key], endpoints)
        lines: dict[tuple[str, str], dict[str, Line]] = {}
        for line in own.to_dict("records"):
            lines.setdefault((line["method"], line["variant"]), {})[line["metric"]] = {
                str(name): value for name, value in line.items()
            }
        found += [(*key, *one) for one in _block(parts[key], lines, declared)]
    return pd.DataFrame(found, columns=list(VERDICT_COLUMNS))


def primary_of(part: pd.DataFrame, lines: Mapping[Any, Mapping[str, Line]], declared: Declared) -> Primary:
    """The primary endpoints of a block of these rows and these lines of the summary, by metric for each method."""
    known = list(dict.fromkeys(metric for line_of in lines.values() for metric in line_of))
    names, metrics, blockers = list(declared.endpoints.margins), {}, []
    if declared.origin != FIRST_SAID:
        blockers.append("the margins are not those that all of its rows declared before they were there")
    for name in names:
        having = [metric for metric in known if is_config_of(metric, name)]
        if len(having) == 1 or name in having:
            metrics[name] = name if name in having else having[0]
        else:
            blockers.append(f"{name} was {'evaluated in several configs' if having else 'not evaluated'}")
    for metric in metrics.values():
        blockers += _blocked(part, metric, lines, declared)
    return Primary(names, metrics, blockers)


def _blocked(part: pd.DataFrame, metric: str, lines: Mapping[Any, Mapping[str, Line]], declared: Declared) -> list[str]:
    """Why this endpoint cannot show that a method is as good as retrained."""
    column = column_of(metric, declared_in(part))
    title = column.title.replace(" %", "")
    known = [line_of[metric] for line_of in lines.values() if metric in line_of]
    if not any(line["contrast"] for line in known) and any(line["seeds"] for line in known):
        floors = sum(bare_name(method) == NULL for method, _ in lines)
        how = "sweep method=retrain" if floors == 0 else f"its {floors} settings are no one noise floor: keep one"
        return [f"{title} is a distance to the reference, and there is no retrain to hold it against: {how}"]
    original = lines.get(("original", ""), {}).get(metric)
    if role_of(metric) == "utility" or original is None or original["sensitive"] or original["seeds"] < LEAST_SEEDS:
        return []
    gap, low, high = (signed(original[name], column.format) for name in ("gap", "gap_low", "gap_high"))
    margin = declared.margin(metric)
    if original["p"] < ALPHA and margin is not None:
        within = f"the original itself lies within the margin ({gap} [{low}, {high}], margin"
        return [f"{title}: {within} {unsigned(margin, column.format)}): closeness shows nothing"]
    return [f"{title}: the original is not told apart from the reference ({gap} [{low}, {high}])"]


def _block(
    part: pd.DataFrame, lines: Mapping[tuple[str, str], Mapping[str, Line]], declared: Declared
) -> list[tuple[Any, ...]]:
    primary = primary_of(part, lines, declared)
    copies, tuned = identical(part), _tuned_on_test(part)
    told: dict[str, dict[str, Any]] = {}
    for (method, variant), line_of in lines.items():
        own = {name: line_of[metric] for name, metric in primary.metrics.items() if metric in line_of}
        title = titled(method, variant)
        reasons = [*primary.blockers, *_own_reasons(own)]
        if title in copies:
            reasons.append("it is identical to the reference")
        if title in tuned:
            reasons.append("its values were chosen on the test images that judge it")
        told[title] = _told(own, len(primary.names), [] if method == "reference" else reasons) | _removed(own)
    for p in ("p_joint", "p_different"):
        corrected_p = corrected({title: one[p] for title, one in told.items() if competes(title)})
        for title, one in told.items():
            one[f"{p}_adjusted"] = corrected_p.get(title, math.nan)
    for one in told.values():
        one |= {"origin": declared.origin, **_letter(one)}
    return [(*key, *(told[titled(*key)][name] for name in VERDICT_COLUMNS[len(BLOCK) + 2 :])) for key in lines]


def _own_reasons(own: Mapping[str, Line]) -> list[str]:
    few = [name for name, line in own.items() if line["seeds"] < LEAST_SEEDS]
    seeds = {own[name]["seeds"] for name in few}
    if not few:
        return []
    if len(few) == len(own) and len(seeds) == 1:
        return [f"a verdict takes {LEAST_SEEDS} training seeds, and there {_are(seeds.pop())}"]
    return [f"{', '.join(few)} has fewer than {LEAST_SEEDS} training seeds with a value"]


def _are(count: int) -> str:
    return "is 1" if count == 1 else f"are {count}"


def _tuned_on_test(part: pd.DataFrame) -> frozenset[str]:
    """Methods with a preset whose values were found on test images, or on images of which the row says nothing."""
    if "tuned_images" not in part:
        return frozenset()
    noted = part.loc[(part["tuned_on"] != "") & (part["tuned_images"] != "validation"), ["method", "variant"]]
    pairs = noted.drop_duplicates().itertuples(index=False, name=None)
    return frozenset(titled(str(method), str(variant)) for method, variant in pairs)


def _told(own: Mapping[str, Line], count: int, reasons: Sequence[str]) -> dict[str, Any]:
    """The p values of all endpoints together; `count` of them are declared."""
    p_values = {line["metric"]: line["p"] for line in own.values() if not math.isnan(line["p"])}
    p_equal = [line["p_equivalent"] for line in own.values()]
    whole = not reasons and len(p_equal) == count > 0 and not any(map(math.isnan, p_equal))
    times = {metric: min(1.0, count * p) for metric, p in p_values.items()}
    return {
        "p_joint": max(p_equal) if whole else math.nan,
        "p_different": min(times.values(), default=math.nan),
        "seeds": min((line["seeds"] for line in own.values()), default=0),
        "different_in": ", ".join(metric for metric, p in times.items() if p < ALPHA),
        "reason": "; ".join(dict.fromkeys(reasons)),
    }


def _removed(own: Mapping[str, Line]) -> dict[str, Any]:
    memory = [line for line in own.values() if line["role"] == "memory"]
    nothing = {"removed": math.nan, "removed_low": math.nan, "removed_high": math.nan, "removed_metric": ""}
    if not memory or any(math.isnan(line["share"]) for line in memory):
        return nothing
    worst = max(memory, key=lambda line: abs(line["share"] - 1))
    ends = {"removed": "share", "removed_low": "share_low", "removed_high": "share_high"}
    return {name: worst[of] for name, of in ends.items()} | {"removed_metric": worst["metric"]}


def _letter(one: Mapping[str, Any]) -> dict[str, str]:
    """The verdict, and its letter: small where the correction for the number of methods takes it back."""
    joint, different = one["p_joint"] < ALPHA, one["p_different"] < ALPHA
    if math.isnan(one["p_different"]) and math.isnan(one["p_joint"]):
        return {"verdict": "", "letter": ""}
    letter = ("N" if different else "E") if joint else "D" if different else "?"
    used = {"N": ("p_joint", "p_different"), "E": ("p_joint",), "D": ("p_different",), "?": ()}[letter]
    taken_back = any(one[f"{p}_adjusted"] >= ALPHA for p in used)
    return {"verdict": WORDS[letter], "letter": letter.lower() if taken_back else letter}
