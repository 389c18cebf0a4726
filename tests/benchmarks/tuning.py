"""Does equal tuning change a ranking? Eight methods on digits, 30 trials each, then judged on fresh training seeds.

    python -m tests.benchmarks.tuning                  # search, sweep, write results/tuning.md
    python -m tests.benchmarks.tuning --budget 3       # a smaller one, to look at

The search: training seeds 100 to 102 and validation images. The judgement: training seeds 0 to 9 and test images, by
the same distance, three times: with the values that the search starts from, with the presets of conf/tuned, and with
those that the search has found. Stopped at any point, the same command goes on.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

import supreme
from supreme.core.errors import COMPARED_WITH_ITSELF
from supreme.report.rows.endpoints import default_endpoints
from supreme.report.statistics.intervals import gap_interval, mean_interval
from supreme.report.studies.read import find_study, read_study
from supreme.sweep.tuning.goal import Distance, distance_of

METHODS = ("bad_teacher", "finetune", "neggrad", "neggrad_plus", "random_label", "salun", "scrub", "ssd")
TUNING, FRESH = "100..102", range(10)
METRICS = ["accuracy", "membership", "js_divergence"]
RESULTS = Path(__file__).parent / "results" / "tuning.md"
BEFORE, SHIPPED, AFTER = "before", "presets of conf/tuned", "after"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--budget", type=int, default=30, help="trials of each method (30)")
    parser.add_argument("--seeds", type=int, default=len(FRESH), help="fresh training seeds (10)")
    parser.add_argument("--output-dir", type=Path, default=Path("outputs/tuning"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    folder, seeds = arguments.output_dir, range(arguments.seeds)
    words = ["tune", f"method={','.join(METHODS)}", f"budget={arguments.budget}", f"seeds={TUNING}"]
    subprocess.run([sys.executable, "-m", "supreme", *words, f"output_dir={folder}"], check=True)
    record = read_study(find_study(folder))
    judged = {
        BEFORE: _before(record, folder, seeds),
        SHIPPED: _swept(folder, seeds, method=",".join(METHODS)),
        AFTER: _swept(folder, seeds, method=",".join(METHODS), config_dir=folder),
    }
    arguments.results.write_text(text(record, judged, " ".join(["supreme", *words])), encoding="utf-8")


def _before(record: Mapping[str, Any], folder: Path, seeds: Sequence[int]) -> dict[str, list[float]]:
    """With the values that each method's search started from; and the noise floor."""
    found = _swept(folder, seeds, method="original,retrain", tuned="none")
    for method in METHODS:
        preset = record["methods"][method]["starts_from"].rpartition("/")[2]
        found |= _swept(folder, seeds, method=method, tuned=preset or "none")
    return found


def _swept(folder: Path, seeds: Sequence[int], config_dir: Path | None = None, **chosen: str) -> dict[str, list[float]]:
    """The distance of each training seed, by method."""
    frame = supreme.sweep(seed=seeds, metric=METRICS, output_dir=str(folder), config_dir=config_dir, **chosen)
    return {str(method): _distances(part) for method, part in frame.groupby("method")}


def _distances(frame: pd.DataFrame) -> list[float]:
    """What the search made small, of each training seed, on these rows of one method."""
    rows = []
    for _, part in frame.sort_values("seed").groupby("seed"):
        by_column = part.set_index("metric")
        values = {name: by_column[of].to_dict() for name, of in _PARTS.items()}
        itself = COMPARED_WITH_ITSELF.format("reference")
        lacking = {column: itself for column, value in values["reference"].items() if pd.isna(value)}
        rows.append({**values, "reasons": {"metrics": {}, "original": {}, "reference": lacking}})
    return list(_goal(list(rows[0]["metrics"])).per_seed(rows))


_PARTS = {"metrics": "value", "reference": "reference", "original": "original"}


def _goal(columns: list[str]) -> Distance:
    return distance_of(default_endpoints().record(), columns)


def text(record: Mapping[str, Any], judged: Mapping[str, Mapping[str, list[float]]], command: str) -> str:
    """The page of results."""
    trials = {len(record["methods"][method]["trials"]) for method in METHODS}
    lines = [
        "# Equal tuning",
        "",
        f"    {command}",
        "",
        f"On digits, {' or '.join(map(str, sorted(trials)))} trials each, {record['sampler']}. {record['objective']}.",
        "Below: the same distance on training seeds and test images that had no part in the search; the mean over "
        f"{len(judged[AFTER][METHODS[0]])} training seeds with its 95 % t interval, and the rank among the methods.",
        "`before`: the values that the search started from, a published or reasoned preset, or else the method's YAML.",
        "`presets of conf/tuned`: what ships, whose `chosen` says how; a method without one for these cells is as",
        "before. The last column is after minus before, paired by training seed. Written by",
        "`python -m tests.benchmarks.tuning`.",
        "",
        *_table(judged),
        "",
        f"Noise floor: another retrained model lies at {_interval(judged[BEFORE]['retrain'])}, the untouched original "
        f"at {_interval(judged[BEFORE]['original'])}.",
        "",
        *_changes(judged),
        "",
        "## The search",
        "",
        "| method | without a search | best | winner | failed | sample passes | values |",
        "| :-- | --: | --: | :-- | --: | --: | :-- |",
        *(_searched(method, record["methods"][method]) for method in METHODS),
    ]
    return "\n".join(lines) + "\n"


def _table(judged: Mapping[str, Mapping[str, list[float]]]) -> list[str]:
    ranks = {name: _ranks(of) for name, of in judged.items()}
    lines = ["| method | " + " | ".join(judged) + " | after - before |", "| :-- " + "| --: " * (len(judged) + 1) + "|"]
    for method in sorted(METHODS, key=ranks[AFTER].__getitem__):
        cells = [f"{_interval(of[method])}, {ranks[name][method]}" for name, of in judged.items()]
        gap = gap_interval(judged[AFTER][method], judged[BEFORE][method])
        cells.append("n/a" if gap is None else f"{gap.mean:+.2f} [{gap.low:+.2f}, {gap.high:+.2f}]")
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return lines


def _ranks(of: Mapping[str, list[float]]) -> dict[str, int]:
    means = sorted(METHODS, key=lambda method: statistics.fmean(of[method]))
    return {method: place for place, method in enumerate(means, 1)}


def _changes(judged: Mapping[str, Mapping[str, list[float]]]) -> list[str]:
    """How many pairs of methods change places, and of how many that is shown on these training seeds."""
    pairs = [(a, b) for index, a in enumerate(METHODS) for b in METHODS[index + 1 :]]
    found = []
    for name in (BEFORE, SHIPPED):
        swapped = [pair for pair in pairs if _order(judged[name], *pair)[0] != _order(judged[AFTER], *pair)[0]]
        shown = [f"{a} and {b}" for a, b in swapped if _order(judged[name], a, b)[1] and _order(judged[AFTER], a, b)[1]]
        told = f"{len(swapped)} of {len(pairs)} pairs of methods change places from `{name}` to `after`"
        of_shown = (
            f"; of {len(shown)} both orders are told apart at 5 % each, uncorrected"
            + f" ({', '.join(shown)})" * bool(shown)
        )
        found.append(f"* {told}{of_shown}.")
    return found


def _order(of: Mapping[str, list[float]], a: str, b: str) -> tuple[bool, bool]:
    """Whether the first of two methods is nearer, and whether the interval of their paired difference leaves 0 out."""
    gap = gap_interval(of[a], of[b])
    shown = gap is not None and not gap.low <= 0 <= gap.high
    return statistics.fmean(of[a]) < statistics.fmean(of[b]), shown


def _interval(values: Sequence[float]) -> str:
    found = mean_interval(values)
    mean = f"{statistics.fmean(values):.2f}"
    return mean if found is None else f"{mean} [{found.low:.2f}, {found.high:.2f}]"


def _searched(method: str, told: Mapping[str, Any]) -> str:
    trials = told["trials"]
    by_number = {trial["number"]: trial["objective"] for trial in trials}
    first, best = (
        "n/a" if value is None else f"{value:.2f}" for value in (by_number[0], by_number.get(told["winner"]))
    )
    winner = "defaults" if told["winner"] == 0 else f"trial {told['winner']}"
    failed = sum(trial["objective"] is None for trial in trials)
    passes = sum(trial["sample_passes"] for trial in trials)
    values = json.dumps({field: told["values"][field] for field in told["space"] if field in told["values"]})
    return f"| {method} | {first} | {best} | {winner} | {failed} | {passes:,} | `{values}` |"


if __name__ == "__main__":
    main()
