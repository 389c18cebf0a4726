"""The Ray cluster: joined, or started on this machine for one sweep; and what a job has of it."""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.store.files import temporary_name
from supreme.sweep.devices.slots import environment
from supreme.sweep.executors.ray.options import Options
from supreme.sweep.executors.ray.worker import one_line
from supreme.sweep.plan.settings import Settings

OBJECT_STORE_BYTES = 2**28
"""Of a Ray that is started here. Only rows go through it, and by default it would have a third of the memory."""


@dataclass(frozen=True, kw_only=True)
class Share:
    """What of the cluster a job has."""

    resources: dict[str, float]
    """By Ray's names: CPU, GPU, memory (bytes)."""
    environment: dict[str, str]
    device: str

    def __str__(self) -> str:
        return describe(self.resources)


def describe(resources: Mapping[str, float]) -> str:
    """CPU=1, GPU=0.5, memory=4 GiB."""
    units = {"memory": 2**30}
    words = [f"{name}={amount / units.get(name, 1):g}" for name, amount in resources.items()]
    return ", ".join(word + " GiB" * word.startswith("memory=") for word in words)


def import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise SupremeError(
            "hydra/launcher=ray needs Ray, which is not installed; type pip install -e '.[ray]' in the clone"
        ) from error
    return ray


@contextmanager
def connected(options: Options, output_dir: Path) -> Iterator[None]:
    """In touch with the cluster; what Ray prints meanwhile goes to the sweep's logs."""
    ray = import_ray()
    log = output_dir / "logs" / "ray.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file, redirect_stdout(file):
        if ray.is_initialized():
            yield
            return
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        of_a_start = {} if options.address else {"include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
        quiet = {"log_to_driver": False, "logging_level": logging.ERROR}
        try:
            _look_for(options.address)
            ray.init(**{"address": options.address or "local", **of_a_start, **quiet, **options.init})
        except Exception as error:  # Ray raises plain ones, too, as where a node of its own takes too long to start
            raise SupremeError(
                f"no Ray cluster can be used at hydra.launcher.address={options.address or 'null'}: {one_line(error)}"
            ) from error
        try:
            yield
        finally:
            ray.shutdown()


def _look_for(address: str | None) -> None:
    """Raise OSError when nobody listens there; Ray would try for two minutes, deaf to signals."""
    host, _, port = (address or "").rpartition(":")
    if host and port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=10.0).close()


def share_of(settings: Settings, options: Options) -> Share:
    """What a job asks of the cluster, and what its process must find in its environment."""
    nodes = [node["Resources"] for node in import_ray().nodes() if node["Alive"]]
    gpus = options.gpus_per_job
    if gpus is None:
        with_gpus = "cpu" not in settings.devices and any("GPU" in node for node in nodes)
        jobs = settings.jobs_per_device
        if isinstance(jobs, str):
            raise SupremeError(
                "jobs_per_device=auto is not possible on Ray, which must know a job's share: give a number"
            )
        gpus = math.floor(1e4 / jobs) / 1e4 if with_gpus else 0.0  # Ray counts ten-thousandths
    device = "cuda" if gpus and "cpu" not in settings.devices else "cpu"
    variables = environment(device, "", settings.threads, shared=gpus < 1)
    variables["PYTHONPATH"] = os.pathsep.join(_code())
    if gpus:
        del variables["CUDA_VISIBLE_DEVICES"]  # Ray says it
    cpus = settings.threads if options.cpus_per_job is None else options.cpus_per_job
    resources = {"CPU": float(cpus), "GPU": float(gpus)}
    if options.memory_gib is not None:
        resources["memory"] = options.memory_gib * 2**30
    share = Share(resources=resources, environment=variables, device=device)
    if options.address is None and not any(
        all(node.get(name, 0.0) >= amount for name, amount in resources.items()) for node in nodes
    ):
        found = "; ".join(describe({name: node.get(name, 0.0) for name in resources}) for node in nodes)
        raise SupremeError(f"a job asks for {share}, and this machine has {found}")
    return share


def _code() -> list[str]:
    """The folders of code that this process can import and that were not installed into its Python."""
    standard = Path(os.__file__).parent
    folders = [Path(entry).absolute() for entry in sys.path]
    return [
        str(folder)
        for folder in folders
        if folder.is_dir()
        and standard not in {folder, *folder.parents}
        and not {"site-packages", "dist-packages"} & set(folder.parts)
    ]


@contextmanager
def token(output_dir: Path) -> Iterator[Path]:
    """A new file that only those can see who share this folder."""
    path = output_dir / f".ray-{temporary_name()}"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
