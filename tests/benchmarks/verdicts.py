"""How often a verdict is wrong, and how often it is reached: simulated sweeps whose truth is known.

python -m tests.benchmarks.verdicts
"""

from __future__ import annotations

import math
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from supreme.report.statistics.contrasts import (
    Contrast,
    contrast,
    p_equivalent,
    share_removed,
    verdict_of,
)
from supreme.report.statistics.power import power

Array = np.ndarray[Any, np.dtype[np.float64]]

SWEEPS = 2000
SEEDS = (2, 3, 5, 10, 20)
MANY_SEEDS = (20, 50, 100, 200)
"""Of the untouched original, which more seeds must not make acceptable."""
MARGIN, MOST_LEFT, ALPHA = 0.02, 0.25, 0.05
RESULTS = Path(__file__).parent / "results" / "verdicts.md"

COLUMNS = {
    "retrain D or N": "false D or N",
    "retrain E": "E of retrain",
    "by formula": "power",
    "false E at the margin": "false E",
    "95 % interval covers": "covered",
    "share covers": "share covered",
}
"""Title of the result: what `measured` calls it."""

_LEAST = 1.6
"""No t statistic nearer to 0 has a one-sided p below 5 %, whatever its degrees of freedom; 1.645 is the least."""


@dataclass(frozen=True, kw_only=True)
class World:
    """One endpoint: how values of the retrained models, of a method at the margin and of the original come about."""

    title: str
    draw: Callable[[np.random.Generator, float, tuple[int, int]], Array]
    """Values of models whose true value is given; of shape (sweeps, seeds)."""
    retrained: float
    original: float
    grid: float

    @property
    def margin(self) -> float:
        """What an E takes the mean gap to be below."""
        return min(MARGIN, MOST_LEFT * abs(self.original - self.retrained))


def accuracies(images: int) -> World:
    """Forget accuracy, 95 % of a retrained model and 100 % of the original; each seed has images of its own."""

    def draw(rng: np.random.Generator, value: float, shape: tuple[int, int]) -> Array:
        return rng.binomial(images, value, size=shape) / images

    return World(title=f"forget accuracy, {images} images", draw=draw, retrained=0.95, original=1.0, grid=1 / images)


def membership() -> World:
    """Membership AUC with 20 members: between two retrained models it has a standard deviation of .038."""

    def draw(rng: np.random.Generator, value: float, shape: tuple[int, int]) -> Array:
        return rng.normal(value, 0.038 / math.sqrt(2), size=shape)

    return World(title="membership AUC, 20 members", draw=draw, retrained=0.5, original=0.7, grid=0.0)


def statistics_of(values: Array, grid: float = 0.0) -> Array:
    """Mean over its standard error of each sweep; only to tell which of them are worth a test."""
    seeds = values.shape[1]
    error = np.sqrt(np.maximum(values.var(axis=1, ddof=1), grid**2 / seeds) / seeds)
    return values.mean(axis=1) / np.maximum(error, 1e-300)


def equivalence(
    method: Array,
    original: Array | None,
    margin: float | None = MARGIN,
    grid: float = 0.0,
    most_left: float = MOST_LEFT,
) -> Array:
    """p of equivalence of each sweep (`p_equivalent`); 1 where it cannot lie below 5 %.

    Args:
        method: contrasts, sweeps × seeds.
        original: those of the original on a memory endpoint; None on a utility endpoint.
    """
    conditions = []
    if margin is not None:
        conditions += [method - margin, -method - margin]
    if original is not None:
        signs = np.sign(original.mean(axis=1, keepdims=True))
        left = most_left * original
        conditions += [signs * (method - left), -signs * (method + left)]
    possible = np.all([statistics_of(one, grid) < -_LEAST for one in conditions], axis=0)
    found = np.ones(len(method))
    for place in np.flatnonzero(possible):
        before = None if original is None else of(original[place], grid)
        found[place] = p_equivalent(of(method[place], grid), before, margin, most_left, memory=original is not None)
    return found


def difference(values: Array, grid: float = 0.0) -> Array:
    """Two-sided p of each sweep (`Contrast.p`); 1 where it cannot lie below 5 %."""
    found = np.ones(len(values))
    for place in np.flatnonzero(np.abs(statistics_of(values, grid)) > _LEAST):
        found[place] = of(values[place], grid).p
    return found


def of(values: Array, grid: float) -> Contrast:
    found = contrast(values, grid)
    assert found is not None  # there are two seeds and more
    return found


def letter(method: Contrast, original: Contrast) -> str:
    """E, N, D, ?, = or nothing, of one cell and uncorrected."""
    p = p_equivalent(method, original, MARGIN, MOST_LEFT, memory=True)
    words = {"equivalent": "E", "different but negligible": "N", "different": "D", "inconclusive": "?", "equal": "="}
    return words.get(verdict_of(method, p), "")


def measured(world: World, seeds: int, sweeps: int, rng: np.random.Generator) -> dict[str, float]:
    """Fractions of sweeps: what is told of retrain, of a method at the margin and of the intervals."""
    shape = sweeps, seeds
    reference, retrain, original = (
        world.draw(rng, value, shape) for value in (world.retrained, world.retrained, world.original)
    )
    side = math.copysign(world.margin, world.original - world.retrained)
    at_margin = world.draw(rng, world.retrained + side, shape) - reference
    b = original - reference
    letters: Counter[str] = Counter()
    wrong_letters = covered = shares = share_covered = 0
    truth = side / (world.original - world.retrained)
    for place in range(sweeps):
        own, before = of((retrain - reference)[place], world.grid), of(b[place], world.grid)
        low, high = own.interval()
        covered += low <= 0 <= high
        letters[told := letter(own, before)] += 1
        wrong_letters += told in ("D", "N")
        share = share_removed(of(at_margin[place], world.grid), before)
        if share is not None:
            shares += 1
            share_covered += share.low <= 1 - truth <= share.high
    sd = float(np.std(world.draw(rng, world.retrained, (1, 200_000)) - world.draw(rng, world.retrained, (1, 200_000))))
    return {
        "covered": covered / sweeps,
        "false D or N": wrong_letters / sweeps,
        "E of retrain": (letters["E"] + letters["N"]) / sweeps,
        "power": power(seeds, sd, world.margin, world.grid) if seeds > 2 else 0.0,
        "false E": float(np.mean(equivalence(at_margin, b, MARGIN, world.grid) < ALPHA)) if seeds > 2 else 0.0,
        "share covered": share_covered / shares if shares else math.nan,
        "shares": shares / sweeps,
    }


def untouched(world: World, seeds: int, sweeps: int, rng: np.random.Generator) -> dict[str, float]:
    """Fractions of sweeps in which the original, as a method that does nothing, has each letter."""
    reference, original = (world.draw(rng, value, (sweeps, seeds)) for value in (world.retrained, world.original))
    contrasts = [of(values, world.grid) for values in original - reference]
    letters = Counter(letter(own, own) for own in contrasts)
    return {name: letters[name] / sweeps for name in ("E", "N", "D", "?")}


def worlds() -> list[World]:
    return [accuracies(20), accuracies(500), membership()]


def report(sweeps: int, seed: int = 0) -> Iterator[str]:
    """The lines of the result, as Markdown."""
    rng = np.random.default_rng(seed)
    yield from ("## Retrain, and a method at the margin", "")
    yield line("endpoint", "seeds", *COLUMNS)
    yield "| :-- | --: | --: | --: | --: | --: | --: | --: |"
    for world in worlds():
        for seeds in SEEDS:
            one = measured(world, seeds, sweeps, rng)
            cells = [percent(one[name]) for name in COLUMNS.values()]
            cells[-1] = "n/a" if not one["shares"] else f"{cells[-1]} of {percent(one['shares'])}"
            yield line(world.title, str(seeds), *cells)
    yield from ("", "## The untouched original as a method", "", "| endpoint | seeds | E | N | D | ? |")
    yield "| :-- | --: | --: | --: | --: | --: |"
    for world in worlds():
        for seeds in MANY_SEEDS:
            told = untouched(world, seeds, sweeps, rng)
            yield line(world.title, str(seeds), *map(percent, told.values()))


def line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def percent(fraction: float) -> str:
    return f"{100 * fraction:.1f}"


ABOUT = f"""\
Margin {MARGIN}, at most {MOST_LEFT} of the original's gap left, each test at 5 %, for one cell alone; in per cent of
sweeps.

* endpoints: forget accuracy is 95 % of retrained models and 100 % of the original, each seed with images of its own;
  membership AUC is .5 and .7, with a standard deviation of .038 between two retrained models
* retrain D or N: wrong letters of an independent retraining; E, with N, is what it should have, and *by formula* what
  `power` says of it from the true standard deviation and the margin alone
* false E at the margin: of a method whose true gap is the smaller of the margin and a quarter of the original's
* 95 % interval covers the true gap of retrain, 0; share covers: the true share that a method at the margin removed, of
  those sweeps that give a share
* two seeds have no letters, so no wrong ones
"""


def main() -> None:
    lines = [
        "# How often verdicts are wrong, and how often they are reached",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}; {SWEEPS:,} simulated sweeps a line; `python -m tests.benchmarks.verdicts`",
        "",
        ABOUT,
        *report(SWEEPS),
    ]
    RESULTS.write_text("\n".join(lines) + "\n")
    sys.stdout.write(RESULTS.read_text())


if __name__ == "__main__":
    main()
