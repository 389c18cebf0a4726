"""What a config says of where and on what a sweep runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.pipeline.workplace import Workplace
from supreme.sweep.devices.memory import Rules, parse_memory
from supreme.sweep.devices.slots import Slot, find_slots
from supreme.sweep.objective import Objective, objectives_in

VERSIONS = ("use", "refuse")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Where and on what a sweep runs: one for all its cells."""

    output_dir: Path
    study: str = ""
    """See `Workplace.study`."""
    devices: str | tuple[int | str, ...]
    jobs_per_device: int | str
    threads: int
    timeout: float | None
    """Seconds that a job may take."""
    tracker: Mapping[str, Mapping[str, Any]]
    """`_target_` and every value of each, by name."""
    dry_run: bool = False
    """Whether to tell the plan only."""
    min_free_memory: float | None = None
    """See `supreme.sweep.devices.memory.Rules`."""
    wait_for_devices: bool = True
    versions: str = "use"
    """use or refuse: what becomes of results that other versions of the libraries have made."""
    objectives: tuple[Objective, ...] = ()
    """What a run returns to a sweeper that searches: a number for each; without any, its row."""
    sweep_intensity: bool = False
    """Whether each method runs over the values of its intensity, as `supreme.sweep.plan.intensities` has it."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Settings:
        """Raises SupremeError when a value has the wrong type."""
        allowed: dict[str, tuple[tuple[type, ...], str]] = {
            "output_dir": ((str,), "the path of a folder"),
            "devices": ((str, int, list), "auto, cuda, cpu, mps, or a list of device numbers such as [0,1]"),
            "jobs_per_device": ((int, str), "a whole number from 1, or auto"),
            "threads": ((int,), "a whole number from 1"),
            "timeout": ((int, float, type(None)), "seconds above 0, or null for no limit"),
            "dry_run": ((bool,), "true or false"),
            "tracker": ((dict,), "none, or some of those that --help lists, as in tracker=csv"),
        }
        for name, (types, rule) in allowed.items():
            if not isinstance(config[name], types) or (isinstance(config[name], bool) and bool not in types):
                raise SupremeError(f"{name}={config[name]} is not allowed: give {rule}")
        for name in ("output_dir", "data_dir"):
            if not config.get(name, "."):
                raise SupremeError(f"{name}= names no folder: type {name}=/path/to/a/folder, or leave it out")
        for name in ("wait_for_devices", "sweep_intensity"):
            if not isinstance(config.get(name, False), bool):
                raise SupremeError(f"{name}={config[name]} is not allowed: give true or false")
        if config["versions"] not in VERSIONS:
            raise SupremeError(
                f"versions={config['versions']} is not allowed: use (results that other versions of torch and the "
                "other libraries have made count, and are told of), or refuse (they are computed anew)"
            )
        if not all(isinstance(node, dict) for node in config["tracker"].values()):
            raise SupremeError("the YAML of a tracker must begin with `# @package tracker.<name>`")
        devices = [config["devices"]] if isinstance(config["devices"], int) else config["devices"]
        return cls(
            output_dir=Path(config["output_dir"]).expanduser(),
            devices=devices if isinstance(devices, str) else tuple(devices),
            jobs_per_device=config["jobs_per_device"],
            threads=config["threads"],
            timeout=config["timeout"],
            tracker=config["tracker"],
            dry_run=config["dry_run"],
            min_free_memory=parse_memory(config["min_free_memory"]),
            wait_for_devices=config["wait_for_devices"],
            versions=config["versions"],
            objectives=objectives_in(config.get("objective")),
            sweep_intensity=config.get("sweep_intensity", False),
        )

    def workplace(self) -> Workplace:
        """Where results lie, for a process that computes nothing itself."""
        return Workplace(
            output_dir=str(self.output_dir), study=self.study, device="", same_versions=self.versions == "refuse"
        )

    def slots(self) -> list[Slot]:
        return find_slots(self.devices, self.jobs_per_device, self.threads)

    def rules(self) -> Rules:
        return Rules(min_free_memory=self.min_free_memory, wait=self.wait_for_devices)
