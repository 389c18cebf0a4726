"""What a sweep asks Slurm for. Nothing heavy here: Hydra reads it as the schema of `hydra/launcher=slurm`."""

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Cluster:
    """The keys of `hydra.launcher`. None leaves a choice to the cluster, or to what the comment says."""

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    time: Any = 60
    """Limit of one job, in minutes or as Slurm writes it (08:00:00, 1-12); a job runs several tasks."""
    gpus_per_job: int | None = None
    """None: one, or with devices=cpu none."""
    gres: str | None = None
    """Instead of gpus_per_job where a job needs something special: gpu:a100:1, or shard:1 for a share of a GPU."""
    cpus_per_task: int | None = None
    """CPUs of one job. None: `threads` for each task that runs at once: `jobs_per_device` on every GPU, or without."""
    mem: str | None = None
    """Main memory of one job, as Slurm writes it: 16G."""
    setup: list[str] = field(default_factory=list)
    """Lines of shell before Python starts: module load ..., export ..."""
    additional: dict[str, Any] = field(default_factory=dict)
    """Any other option of sbatch by its long name: +hydra.launcher.additional.exclude=node7."""
    max_running: int = 64
    """How many jobs of one array may run at once."""
    tasks_per_job: int | None = None
    """How many tasks one job does. None: as many as give `max_running` jobs, but no fewer than it runs at once."""
    on_interrupt: str = "cancel"
    """What Ctrl-C does to the jobs: cancel, or leave (they go on; the same command finds them again)."""
    poll_seconds: float = 10.0
    """How often to look for results and to ask squeue."""
    grace_seconds: float = 70.0
    """How long what a job that has left the queue wrote may take to be seen here; NFS remembers for up to a minute."""

    def check(self) -> None:
        """Raises SupremeError when a value is not allowed."""
        from supreme.core import SupremeError  # which imports numpy, for which other apps of Hydra are not to wait

        for name, least in (("gpus_per_job", 0), ("cpus_per_task", 1), ("max_running", 1), ("tasks_per_job", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise SupremeError(f"hydra.launcher.{name}={value} is not allowed: give {least} or more")
        if self.on_interrupt not in ("cancel", "leave"):
            raise SupremeError(f"hydra.launcher.on_interrupt={self.on_interrupt} is not allowed: give cancel or leave")
        if not self.poll_seconds > 0 or not self.grace_seconds >= 0:
            raise SupremeError("hydra.launcher.poll_seconds must be above 0 and grace_seconds no less than 0")

    def has_gpu(self, devices: Any) -> bool:
        """Whether a job gets a GPU, or a share of one."""
        return bool(self.gres) or self._gpus(devices) > 0

    def at_once(self, devices: Any, jobs_per_device: int | str, threads: int) -> int:
        """How many tasks one job runs at the same time; with jobs_per_device=auto, at first."""
        if self.cpus_per_task and not self.has_gpu(devices):
            return max(1, self.cpus_per_task // threads)
        return (1 if isinstance(jobs_per_device, str) else jobs_per_device) * max(1, self._gpus(devices))

    def options(self, devices: Any, jobs_per_device: int | str, threads: int) -> dict[str, Any]:
        """Options of sbatch by their long names."""
        gpus = self._gpus(devices)
        found = {
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "time": self.time,
            "gres": self.gres or (f"gpu:{gpus}" if gpus else None),
            "cpus-per-task": self.cpus_per_task or threads * self.at_once(devices, jobs_per_device, threads),
            "mem": self.mem,
            **self.additional,
        }
        return {name: value for name, value in found.items() if value is not None}

    def _gpus(self, devices: Any) -> int:
        if self.gpus_per_job is not None:
            return self.gpus_per_job
        return 0 if devices == "cpu" else 1
