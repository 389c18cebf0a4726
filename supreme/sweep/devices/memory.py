"""Whether a GPU has the memory for a sweep's work, and who holds it when it has not."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

import psutil

from supreme.core import SupremeError
from supreme.sweep.devices import nvml
from supreme.sweep.devices.slots import Slot

UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40}
RULE = "a size such as 4GB, a share of the device's memory above 0 and below 1, or null for no limit"
FULL_SHARE = 0.5
"""Where no limit is given, a device on which a task ran out of memory is full if others hold more than this share."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """When a sweep may use a device."""

    min_free_memory: float | None = None
    """What must not be held by others: a share of its memory (below 1), or bytes; None: whatever is there."""
    wait: bool = True
    """Whether to wait while others hold every device."""


ANY_DEVICE = Rules()


@dataclass(frozen=True, kw_only=True)
class Lack:
    """A device whose memory others hold."""

    text: str
    holders: frozenset[int]
    """Their process ids."""


def parse_memory(value: object) -> float | None:
    """The `min_free_memory` of a config as bytes, or as a share below 1; None for no limit."""
    if value is None or (isinstance(value, float) and 0.0 < value < 1.0):
        return value
    found = re.fullmatch(r"\s*(\d+(?:\.\d*)?)\s*([a-z]+)\s*", value.lower()) if isinstance(value, str) else None
    if found is None or found[2] not in UNITS or float(found[1]) <= 0.0:
        raise SupremeError(f"min_free_memory={value} is not allowed: give {RULE}")
    return float(found[1]) * UNITS[found[2]]


def lack(slot: Slot, rules: Rules, own: Collection[int] = ()) -> Lack | None:
    """What is missing on the slot's device; None: nothing, or the driver does not say.

    Args:
        own: ids of this sweep's processes, whose memory counts as free.

    Raises:
        DeviceLostError: the device is gone.
    """
    found = nvml.memory(slot.uuid) if slot.uuid else None
    if found is None or rules.min_free_memory is None:
        return None
    needed = rules.min_free_memory * (found.total if rules.min_free_memory < 1.0 else 1.0)
    free = found.total - foreign(found, own)
    if free >= needed:
        return None
    others = {pid: held for pid, held in found.holders.items() if pid not in own}
    told = [_holder(pid, held) for pid, held in sorted(others.items(), key=lambda item: -item[1])[:3]]
    more = f" and {len(others) - len(told)} more" if len(others) > len(told) else ""
    who = f"; {', '.join(told)}{more}" if told else ""
    text = f"{slot.name} has {size(free)} free of {size(found.total)} and needs {size(needed)} (min_free_memory){who}"
    return Lack(text=text, holders=frozenset(others))


def foreign(found: nvml.Memory, own: Collection[int]) -> int:
    """Bytes that others hold. In a container the driver names other process ids than ours: then all is others'."""
    return max(0, found.total - found.free - sum(held for pid, held in found.holders.items() if pid in own))


def size(count: float) -> str:
    """Bytes as people read them: 2.1 GB."""
    return f"{count / 1e9:.1f} GB"


def _holder(pid: int, held: int) -> str:
    holding = f" holds {size(held)}" if held else ""
    try:
        process = psutil.Process(pid)
        return f"process {pid} ({process.name()}) of {process.username()}{holding}"
    except (psutil.Error, KeyError):  # another namespace's, or it has just ended
        return f"process {pid}{holding}"
