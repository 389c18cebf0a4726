"""The metrics of which a claim is made, with their margins of equivalence: declared before anything is seen."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from supreme.core.errors import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

RELATIVE = "relative"
"""In place of a margin: judged by the share of the original's gap that is left, and by nothing else."""

Role = Literal["memory", "utility"]


def role_of(metric: str) -> Role:
    """Whether a metric tells what is remembered, or what a model is good for.

    Utility: its name ends in `retain`, `test` or `retain_test` and does not contain `forget`.
    """
    name = metric.partition(" (")[0]
    kept = name.endswith(("retain", "test", "retain_test"))
    return "utility" if kept and "forget" not in name else "memory"


@dataclass(frozen=True)
class Endpoints:
    """The primary endpoints of an evaluation.

    Attributes:
        margins: by metric, in its own units: a mean this close to the reference's is as good as equal. None for
            `relative`, which memory endpoints alone may be.
        most_left: λ in (0, 1): of the original's gap, at most this share may be left on a memory endpoint.
        pilot_seeds: training seeds of the sweep that the margins were found from, which none of this one may have.
    """

    margins: Mapping[str, float | None]
    most_left: float = 0.25
    pilot_seeds: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        for metric, margin in self.margins.items():
            if margin is None and role_of(metric) == "utility":
                raise SupremeError(
                    f"{metric}={RELATIVE} is no margin: the original is expected to be as good as the reference there, "
                    f"so nothing is to be removed; give a number in the metric's own units, as in {metric}=0.01"
                )
            if margin is not None and not 0 < margin < math.inf:
                raise _no_endpoint(f"{metric}={margin:g}")
        if not 0 < self.most_left < 1:
            raise SupremeError(f"most_left={self.most_left} is not allowed: give a share between 0 and 1, as in 0.25")

    @classmethod
    def of(cls, margins: object, most_left: object = 0.25, pilot_seeds: object = ()) -> Endpoints:
        """From a config or a row: margins by metric, `relative`, or null for none; or the text of `from_text`."""
        share = _number(most_left)
        if share is None:
            raise SupremeError(f"report.most_left={most_left} is not allowed: give a share between 0 and 1, as in 0.25")
        seeds = _seeds(pilot_seeds)
        if isinstance(margins, str):
            return cls(dict(_parts(margins)), share, seeds)
        if not isinstance(margins, Mapping):
            raise SupremeError(
                f"report.margins={margins} is not allowed: give margins by metric, or a text as in "
                "'report.margins=\"accuracy/forget=0.02,membership/auc=0.02\"'"
            )
        given = {str(metric): value for metric, value in margins.items() if value is not None}
        return cls({metric: _margin(metric, value) for metric, value in given.items()}, share, seeds)

    @classmethod
    def from_text(cls, text: str) -> Endpoints:
        """`accuracy/forget=0.02,js_divergence/forget=relative`.

        Raises:
            SupremeError: something else is written there.
        """
        return cls(dict(_parts(text)))

    def record(self) -> dict[str, Any]:
        """As rows hold it; `of(**record)` is this again."""
        margins = {metric: RELATIVE if margin is None else margin for metric, margin in self.margins.items()}
        pilot = {"pilot_seeds": list(self.pilot_seeds)} if self.pilot_seeds else {}
        return {"margins": margins, "most_left": self.most_left} | pilot

    def refuse_pilot(self, seeds: Iterable[int]) -> None:
        """Raise SupremeError where margins would be judged by training seeds that they were found from."""
        if own := sorted(set(seeds) & set(self.pilot_seeds)):
            raise SupremeError(
                f"the margins were found from training seed{'s' * (len(own) > 1)} {', '.join(map(str, own))} "
                f"(report.pilot_seeds), which cannot be judged by them: take others, as in "
                f"'seed=range({max(self.pilot_seeds) + 1},{max(self.pilot_seeds) + 11})'"
            )


def _parts(text: str) -> Iterator[tuple[str, float | None]]:
    for part in filter(None, map(str.strip, text.split(","))):
        metric, _, margin = map(str.strip, part.rpartition("="))
        if not metric:
            raise _no_endpoint(part)
        yield metric, _margin(metric, margin)


def _margin(metric: str, value: object) -> float | None:
    if value == RELATIVE:
        return None
    number = _number(value)
    if number is None:
        raise _no_endpoint(f"{metric}={value}")
    return number


def _no_endpoint(given: str) -> SupremeError:
    return SupremeError(
        f"{given!r} declares no endpoint: give a metric and a margin above 0 in its own units, or relative, as in "
        "accuracy/forget=0.02,js_divergence/forget=relative"
    )


def _seeds(value: object) -> tuple[int, ...]:
    whole = isinstance(value, list | tuple) and all(type(seed) is int for seed in value)
    if not whole or not isinstance(value, list | tuple):
        raise SupremeError(
            f"report.pilot_seeds={value} is not allowed: give training seeds, as in [100,101,102,103,104]"
        )
    return tuple(value)


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None
