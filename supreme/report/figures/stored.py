"""The curves of rows with what the store adds: names of classes, and how models were trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd

from supreme.report.rows.stored import curve_of, decoded_in

BY_CLASS, CONFUSION = "accuracy/by_class", "confusion/test"
TRAINING = {"loss": "training/loss", "accuracy": "training/accuracy"}
"""What an epoch knows -> the series of a training: x are epochs from 1, those without a finite value left out."""

STAGES = ("unlearned", "reference", "original")


def with_stored(series: pd.DataFrame, directory: str | Path, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The lines of `series_of(rows, ...)`, classes called by their names where the store has them, and `TRAINING`.

    The x of `confusion/test` become pairs (true, predicted) of classes.
    """
    if series.empty:
        return series
    directory = Path(directory)
    provenance = {row["cell"]: row["provenance"] for row in rows}
    decoded = decoded_in(directory)
    known = {data: found.class_names for data, found in decoded.items()}
    names = {cell: known.get(own["data_fingerprint"], ()) for cell, own in provenance.items()}
    named = series.assign(
        x=[
            _named(name, x, names[cell])
            for name, x, cell in zip(series["series"], series["x"], series["cell"], strict=True)
        ]
    )
    trained = _trainings(series, directory, provenance)
    return pd.concat([named, trained], ignore_index=True) if len(trained) else named


def _named(name: str, x: tuple[Any, ...], names: tuple[str, ...]) -> tuple[Any, ...]:
    if name == BY_CLASS:
        return tuple(_name(number, names) for number in x)
    if name == CONFUSION:
        return tuple(tuple(_name(number, names) for number in str(pair).split()) for pair in x)
    return x


def _name(number: object, names: tuple[str, ...]) -> str:
    at = int(str(number)) if str(number).isdecimal() else len(names)
    return names[at] if at < len(names) else str(number)


def _trainings(series: pd.DataFrame, directory: Path, provenance: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    @cache
    def curve(stage: str, key: str) -> list[tuple[str, tuple[float, ...], tuple[float, ...]]]:
        points = curve_of(directory, stage, key) or []
        found = []
        for value, name in TRAINING.items():
            known = [(point["epoch"], point[value]) for point in points if None not in (point["epoch"], point[value])]
            if known:
                x, y = zip(*known, strict=True)
                found.append((name, x, y))
        return found

    cells: Any = series.drop_duplicates("cell").drop(columns=["role", "series", "x", "y"])
    lines = [
        (*label, stage, *one)
        for label in cells.itertuples(index=False, name=None)
        for stage in STAGES
        for one in curve(stage, provenance[label[0]]["keys"][stage])
    ]
    return pd.DataFrame(lines, columns=list(series.columns))
