"""What CUDA_VISIBLE_DEVICES leaves of this machine's GPUs, found without starting CUDA.

The rules are CUDA's (CUDA C++ Programming Guide, "CUDA Environment Variables"): entries are numbers, or UUIDs of GPUs
or of MIG instances, which may be cut short; the first that names nothing ends the list; one named twice voids it.
"""

from __future__ import annotations

import ctypes
import logging
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

from supreme.sweep.devices.nvml import Gpu
from supreme.sweep.devices.nvml import gpus as nvml_gpus

log = logging.getLogger(__name__)

VARIABLE = "CUDA_VISIBLE_DEVICES"
NONE_MEANT = ("", "-1", "NoDevFiles", "none", "void")
"""What is written to hide every GPU; NoDevFiles is what Slurm gives a job that has none."""
DRIVER = "libcuda.so.1"
COUNT = (
    "import ctypes, sys; cuda = ctypes.CDLL(sys.argv[1]); number = ctypes.c_int(); "
    "print(number.value if cuda.cuInit(0) == 0 and cuda.cuDeviceGetCount(ctypes.byref(number)) == 0 else 0)"
)


@dataclass(frozen=True, kw_only=True)
class Visible:
    """The CUDA devices that this process may use."""

    uuids: dict[str, str] = field(default_factory=dict)
    """Entry for CUDA_VISIBLE_DEVICES -> UUID, or the entry again where the driver says no UUID."""
    left_out: str = ""
    """A sentence on entries of the variable that CUDA passes over; empty where there are none."""


def visible() -> Visible:
    """The devices that CUDA would see here, in its order; what the variable names in vain is told once."""
    found = seen_by_cuda(os.environ.get(VARIABLE), nvml_gpus())
    if found.left_out:
        _tell(found.left_out)
    return found


@cache
def _tell(sentence: str) -> None:
    log.warning("%s", sentence)


def seen_by_cuda(variable: str | None, gpus: Sequence[Gpu] | None) -> Visible:
    """What CUDA would see.

    Args:
        variable: the value of CUDA_VISIBLE_DEVICES; None where it is not set.
        gpus: those of the machine; None where the driver's management library does not answer.
    """
    if gpus is None:
        return _counted_by_cuda(variable)
    if variable is None:
        return Visible(uuids={entry: uuid for number in range(len(gpus)) for entry, uuid in _of(gpus, number).items()})
    entries = [entry.strip() for entry in variable.split(",")]
    uuids: dict[str, str] = {}
    for position, entry in enumerate(entries):
        named = _named(entry, gpus) if _kind(entry) == _kind(entries[0]) else {}
        if named and set(named.values()) & set(uuids.values()):
            return Visible(left_out=f"{VARIABLE}={variable} names {entry} twice, and CUDA then sees no device at all")
        if not named:
            return Visible(uuids=uuids, left_out=_left_out(variable, entries[position:], gpus))
        uuids |= named
    return Visible(uuids=uuids)


def _kind(entry: str) -> str:
    return next((prefix for prefix in ("GPU-", "MIG-") if entry.startswith(prefix)), "number")


def _named(entry: str, gpus: Sequence[Gpu]) -> dict[str, str]:
    """Entry -> UUID of what one entry names: a GPU, an instance, or all instances of a split GPU; else nothing."""
    if number := re.match(r"\d+", entry):  # CUDA reads the digits that an entry begins with
        return _of(gpus, int(number[0])) if int(number[0]) < len(gpus) else {}
    if _kind(entry) == "GPU-":
        numbers = [number for number, gpu in enumerate(gpus) if gpu.uuid.startswith(entry)]
        if len(numbers) != 1:
            return {}
        gpu = gpus[numbers[0]]
        return {entry: gpu.uuid} if gpu.instances is None else _of(gpus, numbers[0])
    instances = [uuid for gpu in gpus for uuid in gpu.instances or () if uuid.startswith(entry)]
    return {entry: instances[0]} if entry and len(instances) == 1 else {}


def _of(gpus: Sequence[Gpu], number: int) -> dict[str, str]:
    """Entry -> UUID of this GPU; of a split one those of its instances, of which CUDA alone would take the first."""
    gpu = gpus[number]
    return {str(number): gpu.uuid} if gpu.instances is None else {uuid: uuid for uuid in gpu.instances}


def _left_out(variable: str, entries: Sequence[str], gpus: Sequence[Gpu]) -> str:
    if entries[0] in NONE_MEANT:
        rest = [entry for entry in entries[1:] if entry]
        return (
            f"{VARIABLE}={variable}: CUDA stops at {entries[0] or 'an empty entry'}, so {', '.join(rest)} is left out"
            if rest
            else ""
        )
    there = (
        f"there are {len(gpus)}, numbered from 0"
        if len(gpus) > 1
        else "there is one, number 0"
        if gpus
        else "there is none"
    )
    gone = ", ".join(entries)
    return f"{VARIABLE}={variable}: {entries[0]} is no GPU of this machine ({there}), so CUDA leaves out {gone}"


def _counted_by_cuda(variable: str | None) -> Visible:
    """Where the management library is missing, as in some containers, CUDA itself is asked, in a process of its own."""
    if variable is not None and variable.split(",")[0].strip() in NONE_MEANT:
        return Visible()
    count = _count()
    entries = (
        list(map(str, range(count))) if variable is None else [part.strip() for part in variable.split(",")][:count]
    )
    told = variable is not None and not count
    words = f"{VARIABLE}={variable} names devices, but this machine has no CUDA driver: there is none"
    return Visible(uuids={entry: entry for entry in entries}, left_out=words if told else "")


def _count() -> int:
    """How many devices CUDA itself sees; loading its library starts nothing yet."""
    try:
        ctypes.CDLL(DRIVER)
    except OSError:
        return 0
    answer = subprocess.run([sys.executable, "-S", "-c", COUNT, DRIVER], capture_output=True, text=True, check=False)
    return int(answer.stdout) if answer.returncode == 0 else 0
