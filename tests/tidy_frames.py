"""Tidy frames, as `supreme.report.load` gives them, of values that tests choose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from supreme.report.rows.load import COLUMNS

METRIC = "score/forget"


def frame(
    values: Mapping[str, Iterable[Any]], metric: str = METRIC, images: float = math.nan, **labels: Any
) -> pd.DataFrame:
    """The frame of {method: values by training seed}; a value is a number, a (value, reference), or {draws: value}."""
    lines = []
    for method, seeds in values.items():
        for seed, value in enumerate(seeds):
            for (unlearn, evaluate), own in (value if isinstance(value, dict) else {(0, 0): value}).items():
                own, reference = own if isinstance(own, tuple) else (own, 0.0)
                line = {
                    "cell": f"{method}-{seed}-{unlearn}-{evaluate}",
                    "data": "d",
                    "model": "m",
                    "recipe": "r",
                    "scenario": "s",
                    "setting": "",
                    "method": method,
                    "variant": "",
                    "seed": seed,
                    "seed_forget": seed,
                    "seed_reference": 0,
                    "seed_unlearn": unlearn,
                    "seed_evaluate": evaluate,
                    "forget_size": 20,
                    "forget_digest": f"set {seed}",
                    "notes": "",
                    "protocol": "fixed",
                    "scenario_values": "",
                    "preset": "",
                    "tuned_on": "",
                    "tuned_seeds": "",
                    "tuned_images": "",
                    "tuned_reference": "",
                    "code": "",
                    "versions": "",
                    "older": 0,
                    "twins": "none",
                    "metric": metric,
                    "metric_values": "",
                    "images": images,
                    "warning": "",
                    "value": own,
                    "reference": reference,
                    "original": 1.0 if metric.startswith("accuracy/") else 5.0 + 0.1 * seed,
                    "reason": "",
                    "reason_reference": "",
                    "reason_original": "",
                }
                lines.append(line | labels)
    return pd.DataFrame(lines).reindex(columns=list(COLUMNS), fill_value="")


def distances(**methods: Iterable[Any]) -> pd.DataFrame:
    """The frame of a distance to the reference, which the reference itself cannot have."""
    own = frame(methods, "js_divergence/forget", reference=math.nan)
    original = {0: 0.052, 1: 0.066, 2: 0.056, 3: 0.062}
    return own.assign(
        original=[original[seed] for seed in own["seed"]],
        reason_reference="the reference model would be compared with itself",
    )
