"""What has to be said below a comparison with published numbers."""

from __future__ import annotations

import pandas as pd

from supreme.report.published.gaps import AVERAGE
from supreme.report.published.numbers import FIT
from supreme.report.published.recipes import recipes
from supreme.report.rows.per_seed import ANCHORS, NULL

POPULATION = "population sd"
_KINDS = {"sd": "sample SD", POPULATION: "population SD", "unsaid": "a spread of a kind that is not told"}


def notes_of(part: pd.DataFrame) -> list[str]:
    """What has to be said of these lines, so that nobody takes them for more than they are."""
    values = part.loc[part["quantity"] != AVERAGE]
    first = values.iloc[0]
    recipe = recipes()[first["published_recipe"]]
    kinds = [_KINDS[kind] for kind in dict.fromkeys(values["published_spread_kind"]) if kind]
    ours = "population SD, as theirs," if kinds == [_KINDS[POPULATION]] else "sample SD"
    theirs = f"mean ± {' or '.join(kinds)} over {recipe.varies}" if kinds else recipe.varies
    notes = [
        f"ours: mean ± {ours} over training seeds [95 % t interval]; published: {theirs}, as printed; "
        f"difference: ours minus published [95 % interval: {'; '.join(sorted(set(values['difference_by'])))}]. "
        "Fractions in per cent, their differences in percentage points.",
        f"Our rows have the values and the forget set of the recipe {first['published_recipe']} "
        "(published/recipes.yaml); nothing here tells whether the images are the same.",
    ]
    if presets := _presets(values):
        notes.append(f"Values of methods are ours and not compared, {presets}.")
    if "near" in " ".join(values["ideal"]):
        notes.append("A value near the retrained model's, the line `reference`, is ideal; 0, 50 and 100 % are not.")
    if AVERAGE in set(part["quantity"]):
        notes.append(
            "The average goes over the columns that both have. It is no mean of the seeds' gaps, as scores/average_gap "
            "is, which is never smaller."
        )
    for ours, theirs in dict.fromkeys(zip(values["targets"], values["targets_published"], strict=True)):
        if ", " in theirs:
            notes.append(f"Each seed's value is the mean over targets: ours {ours}; published {theirs}.")
    if recipe.note:
        notes.append(f"Published otherwise: {recipe.note}.")
    for note, lines in values.loc[values["note"] != ""].groupby("note", sort=False):
        cells = dict.fromkeys(f"{line['method']} {line['published_as']}" for line in lines.to_dict("records"))
        where = cells if len(cells) < 4 else dict.fromkeys(lines["published_as"])
        notes.append(f"{', '.join(where)}: {note}.")
    sources = dict.fromkeys(zip(part["source"], part["status"], strict=True))
    told = [
        f"{source} ({status}{'' if status in FIT else ', look again before a claim'})" for source, status in sources
    ]
    return [*notes, f"Source: {'; '.join(told)}."]


def _presets(values: pd.DataFrame) -> str:
    """`of the preset x: scrub; of conf/method: neggrad, ssd`, but for methods whose values are part of the recipe."""
    known = {*recipes()[values.iloc[0]["published_recipe"]].methods, *ANCHORS, NULL}
    own: dict[str, dict[str, None]] = {}
    for method, preset in values[["method", "preset"]].itertuples(index=False, name=None):
        if method not in known:
            own.setdefault(f"the preset {preset}" if preset else "conf/method", {})[method] = None
    return "; ".join(f"of {where}: {', '.join(methods)}" for where, methods in own.items())
