"""The sweep on a Ray cluster: as many warm worker processes as it has room for, one task after the other in each.

The cluster is joined, or started on this machine for one sweep. What a job has of it, and what the environment of its
process says, is decided here; who does what is `ray_sweep`'s.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from supreme.core import SupremeError
from supreme.store.files import temporary_name
from supreme.sweep.executors.local.devices import environment
from supreme.sweep.executors.ray.executor import Share, Sweep, describe
from supreme.sweep.executors.ray.worker import one_line
from supreme.sweep.plan.settings import Settings
from supreme.sweep.schedule.interrupts import signals
from supreme.sweep.schedule.tasks import Event, Outcome, Task, check

OBJECT_STORE_BYTES = 2**28
"""Of a Ray that is started here. Only rows go through it, and by default it would have a third of the memory."""


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


def run(
    tasks: Sequence[Task], settings: Settings, options: Options, on_event: Callable[[Event], None]
) -> list[Outcome]:
    """Run every task in some worker of the cluster once what it needs is done; see `engine.run`.

    Raises:
        SupremeError: Ray is missing, there is no such cluster, or a node cannot do what it is to do.
        KeyboardInterrupt: as `engine.run`; every worker has been ended.
    """
    _import_ray()
    check(tasks, ["ray"], settings.timeout)
    if settings.devices not in ("auto", "cpu", ("auto",), ("cpu",)):
        raise SupremeError(
            f"devices={settings.devices} means nothing on a Ray cluster, which gives its GPUs out itself; "
            "type devices=auto or devices=cpu"
        )
    for name in ("jobs_per_device", "threads"):
        if (given := getattr(settings, name)) < 1:
            raise SupremeError(f"{name}={given} is not allowed: give 1 or more")
    stop: list[str] = []
    with signals(stop.append), _connected(options, settings.output_dir), signals(stop.append):  # Ray takes SIGTERM
        share = _share(settings, options)
        with _token(settings.output_dir) as token:
            sweep = Sweep(
                tasks, share, token=token, timeout=settings.timeout, attempts=options.attempts, on_event=on_event
            )
            try:
                sweep.loop(stop)
            finally:
                sweep.close()
    if stop:
        raise KeyboardInterrupt(stop[-1])
    return [sweep.graph.outcomes[task.key] for task in tasks]


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise SupremeError(
            "hydra/launcher=ray needs Ray, which is not installed: pip install 'supreme[ray]'"
        ) from error
    return ray


@contextmanager
def _connected(options: Options, output_dir: Path) -> Iterator[None]:
    """In touch with the cluster; what Ray prints meanwhile goes to the sweep's logs."""
    ray = _import_ray()
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
        except (OSError, RuntimeError, ValueError, TypeError) as error:
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


def _share(settings: Settings, options: Options) -> Share:
    """What a job asks of the cluster, and what its process must find in its environment."""
    nodes = [node["Resources"] for node in _import_ray().nodes() if node["Alive"]]
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
def _token(output_dir: Path) -> Iterator[Path]:
    """A new file that only those can see who share this folder."""
    path = output_dir / f".ray-{temporary_name()}"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)
