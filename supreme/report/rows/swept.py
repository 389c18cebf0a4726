"""Over which fields of a method a sweep went, as text for the frame."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from supreme.report.rows.labels import parts_of, value_text, values_text


def swept_texts(groups: Sequence[Hashable], settings: Sequence[Mapping[str, Any]]) -> list[str]:
    """Of each row the values of the fields that differ within its group, `alpha=5, lr=0.1`; "" where none does.

    Args:
        groups: data, model, recipe, scenario, setting and method of each row.
        settings: the values of its method; where two rows have the same, they are the same object.
    """
    members: dict[Hashable, dict[int, Mapping[str, Any]]] = defaultdict(dict)
    for group, own in zip(groups, settings, strict=True):
        members[group][id(own)] = own
    fields = {group: _differing(list(some.values())) for group, some in members.items()}
    told: dict[tuple[Hashable, int], str] = {}
    for group, some in members.items():
        for key, own in some.items():
            told[group, key] = values_text({field: own[field] for field in fields[group] if field in own})
    return [told[group, id(own)] for group, own in zip(groups, settings, strict=True)]


def swept_values(text: str) -> dict[str, str]:
    """What `swept_texts` told of a row, by field."""
    return {field: value for field, _, value in (part.partition("=") for part in parts_of(text))}


def number_of(value: str) -> float:
    """Of such a value, NaN where it is no number."""
    try:
        return float(value)
    except ValueError:
        return math.nan


def _differing(some: Sequence[Mapping[str, Any]]) -> list[str]:
    if len(some) < 2:
        return []
    fields = dict.fromkeys(field for own in some for field in own if field != "_target_")
    return [field for field in fields if len({value_text(own[field]) if field in own else None for own in some}) > 1]
