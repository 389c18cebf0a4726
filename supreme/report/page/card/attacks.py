"""Of the card: what was measured, in which units, and which attackers the models have met."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd
import yaml

from supreme.core.column import UNITS, column_in
from supreme.report.catalogue.methods import CONF
from supreme.report.page.card.declared import class_of, told_of
from supreme.report.page.card.entries import Entry, counted, unique
from supreme.report.rows.columns import declared_in
from supreme.report.rows.labels import bare_name

ATTACKER = "Attacker"
"""Begins the line of a docstring on which a metric or an audit says who attacks: `Attacker: population; sees ...`."""

PER_SAMPLE = "per sample"
"""Begins what is said of an attacker who judges each image by itself."""


def metrics(frame: pd.DataFrame, entries: Iterable[Entry]) -> dict[str, Any]:
    """The columns, every config of the metrics that made them, and what their numbers mean."""
    configs = unique(
        {"metric": name, "values": values}
        for entry in entries
        for name, values in entry.row["config"].get("metric", {}).items()
    )
    columns = [str(metric) for metric in frame["metric"].unique()]
    return {"columns": columns, "definitions": configs, "conventions": _conventions(frame, columns, configs)}


def _conventions(frame: pd.DataFrame, columns: Iterable[str], configs: Iterable[Any]) -> dict[str, Any]:
    declared = declared_in(frame)
    units: dict[str, list[str]] = defaultdict(list)
    for name in columns:
        column = column_in(declared, bare_name(name))
        units[column.unit if column else ""].append(name)
    bases: dict[str, list[Any]] = defaultdict(list)
    for config in configs:
        if "base" in config["values"] and config["values"]["base"] not in bases[config["metric"]]:
            bases[config["metric"]].append(config["values"]["base"])
    told: dict[str, Any] = {"units": {unit: units[unit] for unit in UNITS if unit and units[unit]}}
    if units[""]:
        told["no_unit_declared"] = units[""]
    return told | ({"base_of_the_logarithm": dict(bases)} if bases else {})


def attacks(entries: Sequence[Entry], audits: pd.DataFrame) -> list[dict[str, Any]]:
    """Each metric and audit that declares an attacker, with the number of rows or models for which it has a value."""
    found: list[dict[str, Any]] = []
    for name, values in unique(pair for entry in entries for pair in entry.row["config"].get("metric", {}).items()):
        rows = sum(_has_value(entry, name) for entry in entries)
        if (attacker := told_of(values, ATTACKER)) and rows:
            found.append({"metric": name, "rows": rows, "attacker": attacker})
    return unique(found) + [one for one in audited(audits) if one["attacker"]]


def audited(audits: pd.DataFrame) -> list[dict[str, Any]]:
    """Each audit that has a value, the methods and the number of models that it judged, and its attacker or ""."""
    found = []
    for label, own in audits.loc[audits["value"].notna()].groupby("name", sort=False):
        name = bare_name(str(label))
        models = own["models"]
        found.append(
            {
                "audit": str(label),
                "methods": sorted({str(method) for method in own["method"]}),
                "models": counted(int(models.min()), int(models.max()), "unlearned model"),
                "attacker": told_of({"_target_": _audit_target(name)}, ATTACKER),
            }
        )
    return found


def strangers(entries: Iterable[Entry], audits: pd.DataFrame) -> list[str]:
    """Metrics and audits that are not of this package: whether they attack is not known here."""
    named = unique(pair for entry in entries for pair in entry.row["config"].get("metric", {}).items())
    foreign = [name for name, values in named if class_of(str(values.get("_target_", ""))) is None]
    audited = unique(bare_name(str(label)) for label in audits["name"])
    return unique([*foreign, *(name for name in audited if class_of(_audit_target(name)) is None)])


def threat_model(found: Sequence[dict[str, Any]], unknown: Sequence[str]) -> list[dict[str, Any]] | str:
    """Who attacked, or that nobody did; `unknown`: what `strangers` gives."""
    doubt = f"; whether {', '.join(unknown)} attack is not recorded" if unknown else ""
    return list(found) or f"no attack of this package was run: nothing is said of what an attacker could learn{doubt}"


def _has_value(entry: Entry, name: str) -> bool:
    return any(value is not None for column, value in entry.row["metrics"].items() if column.partition("/")[0] == name)


def _audit_target(name: str) -> str:
    """The class behind the name of an audit of this package; its YAML says it."""
    path = CONF / "audit" / f"{name}.yaml"
    if not name.isidentifier() or not path.is_file():
        return ""
    return str(yaml.safe_load(path.read_text(encoding="utf-8"))["_target_"])
