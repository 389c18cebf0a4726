"""The keys of `hydra/launcher=ray`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from supreme.core import SupremeError


@dataclass(frozen=True, kw_only=True)
class Options:
    """What `hydra.launcher` says."""

    address: str | None
    """Of the cluster; auto: the one that this machine belongs to; None: one of this machine alone, for this sweep."""
    gpus_per_job: float | None
    """From 0 to 1; None: 1 / jobs_per_device, or 0 where the cluster has no GPU or devices=cpu."""
    cpus_per_job: float | None
    """None: as many as threads."""
    memory_gib: float | None
    """That Ray sets aside for a job; None: it does not count memory."""
    attempts: int
    """Of a task whose process dies. The loss of a node is no fault of the task, and not counted."""
    init: Mapping[str, Any]
    """More arguments of `ray.init`."""

    def __post_init__(self) -> None:
        if self.gpus_per_job is not None and not 0 <= self.gpus_per_job <= 1:
            raise SupremeError(f"gpus_per_job={self.gpus_per_job:g} is not allowed: give a part of a GPU, from 0 to 1")
        if self.cpus_per_job is not None and not self.cpus_per_job >= 0:
            raise SupremeError(f"cpus_per_job={self.cpus_per_job:g} is not allowed: give 0 or more")
        if self.memory_gib is not None and not self.memory_gib > 0:
            raise SupremeError(f"memory_gib={self.memory_gib:g} is not allowed: give GiB above 0, or null")
        if self.attempts < 1:
            raise SupremeError(f"attempts={self.attempts} is not allowed: give 1 or more")
        if "://" in (self.address or ""):
            raise SupremeError(
                f"address={self.address} is not possible: run the sweep on a machine of the cluster, with address=auto "
                "or the host:port of its head"
            )
