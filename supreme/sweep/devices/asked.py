"""What `devices=` asks for, among the devices that are there."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Sequence
from typing import NamedTuple

from supreme.core import SupremeError
from supreme.sweep.devices.visible import Visible, visible

ALLOWED = "give auto, cuda, cpu, mps, or a list of device numbers such as [0,1]"
WHOLE_CUDA = ("cuda", "gpu", "all")
"""Words for every CUDA device."""


class Asked(NamedTuple):
    """The devices that a sweep may use."""

    kind: str
    """cuda, mps or cpu."""
    uuids: dict[str, str]
    """Of CUDA devices: entry for CUDA_VISIBLE_DEVICES -> UUID."""


def asked_devices(devices: str | Sequence[int | str]) -> Asked:
    """The devices that these words name.

    Args:
        devices: auto (every CUDA device, else Apple's GPU, else the CPU), cuda, cpu, mps, or numbers (2 or cuda:2) or
            UUIDs. Numbers count the devices that CUDA_VISIBLE_DEVICES leaves.

    Raises:
        SupremeError: a word is not allowed, or there is no such device here.
    """
    words = devices.split(",") if isinstance(devices, str) else [str(device) for device in devices]
    words = [word.strip().lower() if not word.strip().startswith(("GPU-", "MIG-")) else word.strip() for word in words]
    match words:
        case ["cpu"]:
            return Asked("cpu", {})
        case ["mps"]:
            if not has_mps():
                raise SupremeError("devices=mps is not possible: this machine has no Apple GPU; type devices=auto")
            return Asked("mps", {})
        case ["auto"]:
            found = visible()
            return Asked("cuda", found.uuids) if found.uuids else Asked("mps" if has_mps() else "cpu", {})
        case _:
            return Asked("cuda", _chosen(words, visible()))


def _chosen(words: Sequence[str], there: Visible) -> dict[str, str]:
    """Entry -> UUID of the CUDA devices with these numbers or UUIDs."""
    if not any(words):
        raise SupremeError(f"devices=[] names no device; {ALLOWED}")
    numbers = [re.sub(r"^(?:cuda|gpu):(?=\d+$)", "", word) for word in words]
    for word, number in zip(words, numbers, strict=True):
        if not (number.isdecimal() or word.startswith(("GPU-", "MIG-")) or ([word] == [*words] and word in WHOLE_CUDA)):
            raise SupremeError(f"devices: {word!r} is not allowed; {ALLOWED}")
    if not there.uuids:
        why = f" ({there.left_out})" if there.left_out else ""
        raise SupremeError(
            f"devices={','.join(words)} is not possible: there is no CUDA device here{why}; type devices=auto"
        )
    if numbers[0] in WHOLE_CUDA:
        return there.uuids
    chosen: dict[str, str] = {}
    for word, number in zip(words, numbers, strict=True):
        entry = _entry(word, number, there)
        if there.uuids[entry] in chosen.values():
            raise SupremeError(f"device {word} is given twice; for two jobs on one device type jobs_per_device=2")
        chosen[entry] = there.uuids[entry]
    return chosen


def _entry(word: str, number: str, there: Visible) -> str:
    """The entry that pins the device of this number or UUID."""
    entries, hint = list(there.uuids), f"; {there.left_out}" if there.left_out else ""
    if number.isdecimal():
        if int(number) >= len(entries):
            raise SupremeError(
                f"device {number} does not exist: there {'is 1' if len(entries) == 1 else f'are {len(entries)}'}, "
                f"the first has number 0{hint}; {ALLOWED}"
            )
        return entries[int(number)]
    near = [entry for entry, uuid in there.uuids.items() if uuid.startswith(word)]
    if len(near) != 1:
        what = "fits several devices" if near else "does not exist"
        raise SupremeError(f"device {word} {what}: there are {', '.join(there.uuids.values())}{hint}")
    return near[0]


def has_mps() -> bool:
    return sys.platform == "darwin" and platform.machine() == "arm64"
