"""A real Slurm of one node with two GPUs that are none, for as long as a test needs it."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from processes import within

GPUS = 2
CPUS = 4
"""Of the node, whatever the machine has: jobs of tests mostly wait."""

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
AuthInfo=socket={folder}/munge/socket
SlurmUser=root
SlurmdUser=root
SlurmctldPort={controller_port}
SlurmdPort={node_port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SlurmdParameters=config_overrides
MessageTimeout=60
MpiDefault=none
SwitchType=switch/none
ReturnToService=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
GresTypes=gpu
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
KillWait=2
OverTimeLimit=0
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 Gres=gpu:fake:{gpus} State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


def why_not() -> str:
    """What keeps this machine from having a cluster; empty when nothing does."""
    if os.name != "posix" or platform.system() != "Linux" or os.geteuid() != 0:
        return "a Slurm of its own needs Linux and root"
    missing = [name for name in ("slurmctld", "slurmd", "munged", "sbatch") if shutil.which(name) is None]
    return f"{missing[0]} is not installed (Debian: slurm-wlm and munge)" if missing else ""


@contextmanager
def cluster() -> Iterator[dict[str, str]]:
    """Start it, yield the environment that its commands need, and stop it whatever happens."""
    with tempfile.TemporaryDirectory(prefix="slurm-") as name:  # short: the path of a socket has its limit
        folder = Path(name)
        environment = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf")}
        try:
            _start(folder, environment)
            yield {"SLURM_CONF": environment["SLURM_CONF"]}
        finally:
            _stop(folder, environment)


def slurm(environment: dict[str, str], *command: str) -> str:
    """What a command of Slurm says; it waits for nothing for ever."""
    merged = {**os.environ, **environment}
    done = subprocess.run(command, env=merged, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout


def _start(folder: Path, environment: dict[str, str]) -> None:
    host = socket.gethostname().partition(".")[0]
    for part in ("state", "spool", "munge", "dev"):
        (folder / part).mkdir()
    munge = folder / "munge"
    munge.chmod(0o700)
    (munge / "key").write_bytes(secrets.token_bytes(128))
    (munge / "key").chmod(0o400)
    for index in range(GPUS):  # Slurm wants character devices: twins of /dev/null
        os.mknod(folder / "dev" / f"gpu{index}", 0o20666, os.makedev(1, 3))
    (folder / "gres.conf").write_text(
        f"NodeName={host} Name=gpu Type=fake File={folder}/dev/gpu[0-{GPUS - 1}] Flags=nvidia_gpu_env\n"
    )
    (folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n")
    controller_port, node_port = _free_ports()
    conf = CONF.format(
        host=host, folder=folder, controller_port=controller_port, node_port=node_port, cpus=CPUS, gpus=GPUS
    )
    (folder / "slurm.conf").write_text(conf)
    files = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
    _run(["munged", "--force", *(f"--{option}={munge / name}" for option, name in files.items())], environment)
    conf_option = ["-f", environment["SLURM_CONF"]]
    _run(["slurmctld", *conf_option, "-c"], environment)
    _run(["slurmd", *conf_option, "-c", "-N", host], environment)
    if not within(120.0, lambda: _is_idle(environment)):
        logs = "\n".join(path.read_text()[-2000:] for path in folder.glob("slurm*.log"))
        raise RuntimeError(f"the node does not come up:\n{logs}")


def _is_idle(environment: dict[str, str]) -> bool:
    """Whether the controller answers, which on a busy machine takes longer than its commands wait, and has a node."""
    with suppress(subprocess.SubprocessError):
        return "idle" in slurm(environment, "sinfo", "--noheader", "--format=%T")
    return False


def _free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


def _run(command: list[str], environment: dict[str, str]) -> None:
    # To a file: a daemon that kept a pipe open would keep us waiting.
    with tempfile.TemporaryFile("w+") as said:
        done = subprocess.run(command, env=environment, stdout=said, stderr=said, timeout=100, check=False)
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} does not start: {said.read()}")


def _stop(folder: Path, environment: dict[str, str]) -> None:
    with suppress(subprocess.SubprocessError):
        slurm(environment, "scancel", f"--user={os.getuid()}")
    with suppress(subprocess.SubprocessError):
        slurm(environment, "scontrol", "shutdown")
    for path in (folder / "slurmd.pid", folder / "slurmctld.pid", folder / "munge" / "pid"):
        with suppress(OSError, ValueError):
            _end(int(path.read_text()))


def _end(pid: int) -> None:
    """End this process: asked first, then made to."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
            for _ in range(50):
                time.sleep(0.1)
                os.kill(pid, 0)
