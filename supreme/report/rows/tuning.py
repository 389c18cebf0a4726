"""Which methods have values that were chosen by the very columns that a table shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from supreme.report.rows.columns import TableColumn, is_config_of

MARK = "†"


IMAGES = {"test": "on test images", "validation": "on validation images", "training": "on training images"}
REFERENCE = {"yes": "with the retrained model at hand", "no": "without the retrained model"}
UNKNOWN = "on images that an older row does not name (taken for test images), with or without the retrained model"


class Tuning(NamedTuple):
    """How results chose the values of a method's preset."""

    columns: tuple[str, ...]
    seeds: str
    """The training seeds, with commas between them."""
    images: str
    """test, validation or training: those beside the forget set."""
    reference: str
    """Whether the retrained model was used: yes, no, or unknown, as images then are: they count as test images."""
    trials: str = ""
    """How many `supreme tune` spent on it; empty where something else found the values."""

    def told(self, titles: Iterable[str]) -> str:
        """What follows "values found by", given what the columns are called."""
        *most, last = titles
        names = f"{', '.join(most)} and {last}" if most else last
        where = UNKNOWN if self.reference == "unknown" else f"{IMAGES[self.images]}, {REFERENCE[self.reference]}"
        by = f", in {self.trials} trials of supreme tune" if self.trials else ""
        return f"{names} {where}, on training seeds {self.seeds}{by}"


def tuned_of(told: Mapping[str, Any] | None) -> tuple[str, str, str, str, str, str, str]:
    """Preset, columns, seeds, images, reference, trials and what the values are for, of a row's preset, as `load` has
    them.

    Empty where no value of a preset is left; all but the preset, where no results chose its values. The last one only
    where there is no preset, and the values of the method's own YAML are for something else than the row is.
    """
    if not told or not told["kept"]:
        return "", "", "", "", "", "", str((told or {}).get("values_for", ""))
    preset = str(told["preset"])
    if told["source"] != "found":
        return preset, "", "", "", "", "", ""
    columns, seeds = (", ".join(map(str, told[name])) for name in ("columns", "seeds"))
    if "images" not in told or "uses_reference" not in told:  # a row that is older than these two
        return preset, columns, seeds, "test", "unknown", "", ""
    oracle, trials = "yes" if told["uses_reference"] else "no", str(told.get("search", {}).get("trials", ""))
    return preset, columns, seeds, str(told["images"]), oracle, trials, ""


def tuned_on_shown(part: pd.DataFrame, shown: Iterable[str]) -> dict[str, Tuning]:
    """Of each method of a block whose values any of these metrics chose, how."""
    shown = list(shown)
    found: dict[str, Tuning] = {}
    told = part.reindex(columns=["method", *_FRAME], fill_value="").loc[part["tuned_on"] != ""].drop_duplicates()
    for method, columns, *rest in told.itertuples(index=False, name=None):
        tuning = Tuning(tuple(columns.split(", ")), *rest)
        if any(is_config_of(metric, name) for metric in shown for name in tuning.columns):
            found[str(method)] = tuning
    return found


_FRAME = ("tuned_on", "tuned_seeds", "tuned_images", "tuned_reference", "tuned_trials")


def tuning_notes(part: pd.DataFrame, columns: Mapping[str, TableColumn]) -> list[str]:
    """One sentence for the methods that were tuned alike."""
    alike: dict[Tuning, list[str]] = defaultdict(list)
    for method, tuning in sorted(tuned_on_shown(part, columns).items()):
        alike[tuning].append(method)
    evaluated = {str(seed) for seed in part["seed"].unique()}
    notes = []
    for tuning, methods in alike.items():
        titles = [title for name in tuning.columns for title in _titles(name, columns)]
        also = sorted(evaluated & set(tuning.seeds.split(", ")), key=int)
        notes.append(
            f"{MARK} {', '.join(methods)}: a preset whose values were found by {tuning.told(titles)}"
            + (f" (evaluated here too: {', '.join(also)})" if also else "")
            + ": a verdict there flatters tuned methods; tuned=none does without."
        )
    return notes


def scale_notes(part: pd.DataFrame) -> list[str]:
    """One sentence for the methods that ran with values which are for the same other data, model or scenario."""
    alike: dict[str, set[str]] = defaultdict(set)
    if "values_for" in part:
        for method, values_for in part.loc[part["values_for"] != "", ["method", "values_for"]].itertuples(index=False):
            alike[values_for].add(method)
    return [
        f"{', '.join(sorted(methods))}: values for {values_for}, and not for what this table shows: tune first."
        for values_for, methods in sorted(alike.items())
    ]


def _titles(name: str, columns: Mapping[str, TableColumn]) -> list[str]:
    """Of a column that chose values, the titles under which the table shows it; its own name where it does not."""
    return [column.title for metric, column in columns.items() if is_config_of(metric, name)] or [name]


def tuning_text(row: Mapping[str, Any]) -> str:
    """How the values of a row's method were chosen, for the evaluation card."""
    tuned = row["tuned"]
    if tuned and tuned.get("values_for"):
        return f"no preset, and values for {tuned['values_for']}, which is not what this row is of"
    if tuned is None or not tuned["kept"]:
        preset = "no preset" if tuned is None else f"preset {tuned['preset']}, all of whose values were overridden"
        return f"{preset}: say how these values were chosen, on which data and seeds"
    _, columns, *rest, _ = tuned_of(tuned)
    source = {
        "published": "published values, whose source its YAML names",
        "reasoned": "values set by thought, without results",
    }.get(tuned["source"], "say how its values were chosen, on which data and seeds")
    if columns:
        tuning = Tuning(tuple(columns.split(", ")), *rest)
        source = f"values found by {tuning.told(tuning.columns)}"
    but = f"; overridden: {', '.join(tuned['overridden'])}" if tuned["overridden"] else ""
    return f"preset {tuned['preset']} ({', '.join(tuned['kept'])}{but}): {source}"
