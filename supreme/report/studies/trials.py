"""The trials of a search as tables for figures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class Study:
    """The record of a search, see `supreme.sweep.tuning.record`."""

    record: Mapping[str, Any]

    @property
    def methods(self) -> list[str]:
        """Those with a trial that has succeeded, in alphabetic order."""
        return sorted(name for name, told in self.record["methods"].items() if told["winner"] is not None)

    @property
    def sign(self) -> int:
        """1 where small objectives are better, else -1."""
        return 1 if self.record["direction"] == "minimize" else -1

    @cached_property
    def trials(self) -> pd.DataFrame:
        """A line for each trial: method, number, objective (NaN: failed), passes, and the two so far.

        `best` is the best objective so far, `spent` the sample passes of all trials up to this one.
        """
        return pd.DataFrame(line for method in self.methods for line in self._of(method))

    def _of(self, method: str) -> Iterator[dict[str, Any]]:
        best, spent = math.nan, 0
        for trial in self.record["methods"][method]["trials"]:
            value = math.nan if trial["objective"] is None else trial["objective"]
            if not math.isnan(value) and (math.isnan(best) or self.sign * value < self.sign * best):
                best = value
            spent += trial["sample_passes"]
            yield {
                "method": method,
                "number": trial["number"],
                "count": trial["number"] + 1,
                "objective": value,
                "best": best,
                "spent": spent,
                "kind": "values without a search" if trial["number"] == 0 else "trial",
            }

    @cached_property
    def importances(self) -> pd.DataFrame:
        """A line for each searched field of each method: method, field, share."""
        return pd.DataFrame(
            {"method": method, "field": field, "share": share}
            for method in self.methods
            for field, share in self.record["methods"][method]["importances"].items()
        )

    def coordinates(self, method: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Of a method every value of every trial that succeeded, and the ends of each field's axis.

        The first has number, field, place (0 to 1 along the axis, which is logarithmic where the search was), value and
        objective; the second has field, place and what stands there.
        """
        told = self.record["methods"][method]
        done = [trial for trial in told["trials"] if trial["objective"] is not None]
        lines, ends = [], []
        for field in told["space"]:
            places, labels = _axis([trial["values"][field] for trial in done], field in told["log"])
            ends += [{"field": field, "place": place, "label": label} for place, label in labels]
            lines += [
                {
                    "number": trial["number"],
                    "field": field,
                    "place": place,
                    "value": str(trial["values"][field]),
                    "objective": trial["objective"],
                }
                for trial, place in zip(done, places, strict=True)
            ]
        return pd.DataFrame(lines), pd.DataFrame(ends)


def _axis(values: list[Any], log: bool) -> tuple[list[float], list[tuple[float, str]]]:
    """Where each value stands between 0 and 1, and what is written at which places."""
    if any(isinstance(value, bool | str) for value in values):
        kinds = sorted({str(value) for value in values})
        at = {kind: (index / (len(kinds) - 1) if len(kinds) > 1 else 0.5) for index, kind in enumerate(kinds)}
        return [at[str(value)] for value in values], [(place, kind) for kind, place in at.items()]
    log = log and min(values) > 0
    numbers = [math.log10(value) if log else float(value) for value in values]
    low, high = min(numbers), max(numbers)
    places = [(number - low) / (high - low) if high > low else 0.5 for number in numbers]
    ends = [(0.5, f"{values[0]:.3g}")] if high == low else [(0.0, f"{min(values):.3g}"), (1.0, f"{max(values):.3g}")]
    return places, ends


def table_of(study: Study) -> pd.DataFrame:
    """A line for each method: its best objective, that without a search, trials, failed ones and sample passes."""
    lines = []
    for method, told in study.record["methods"].items():
        trials = told["trials"]
        by_number = {trial["number"]: trial["objective"] for trial in trials}
        lines.append(
            {
                "method": method,
                "best objective": by_number.get(told["winner"]),
                "without a search": by_number.get(0),
                "trials": len(trials),
                "failed": sum(trial["objective"] is None for trial in trials),
                "sample passes": sum(trial["sample_passes"] for trial in trials),
                "SHA-256 of the trials": told["sha256"][:16],
            }
        )
    return pd.DataFrame(lines)
