"""What NVIDIA's driver says of its devices. Asking it starts no CUDA."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


class DeviceLostError(Exception):
    """The driver no longer reaches a device that was there: it fell off the bus, or needs a reset."""


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Of one device, in bytes."""

    free: int
    total: int
    holders: dict[int, int]
    """Of each process on it, by its id, what it holds; 0 where the driver does not say."""


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """A GPU of this machine. Its position in the list of all is its number, in the order of PCI buses."""

    uuid: str
    instances: tuple[str, ...] | None = None
    """UUIDs of the instances of one that is split (MIG); None of a whole one."""


def gpus() -> list[Gpu] | None:
    """Every GPU, also those that CUDA_VISIBLE_DEVICES hides; None where the driver does not answer."""
    with _driver() as nvml:
        if nvml is None:
            return None
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return [Gpu(uuid=nvml.nvmlDeviceGetUUID(handle), instances=_mig_instances(nvml, handle)) for handle in handles]


def memory(uuid: str) -> Memory | None:
    """The memory of a device, or of an instance of a split one; None where the driver does not say.

    Raises:
        DeviceLostError: the device is gone.
    """
    with _driver() as nvml:
        if nvml is None:
            return None
        try:
            handle = nvml.nvmlDeviceGetHandleByUUID(uuid)
            found = nvml.nvmlDeviceGetMemoryInfo(handle)
        except nvml.NVMLError as error:
            lost = (nvml.NVML_ERROR_GPU_IS_LOST, nvml.NVML_ERROR_NOT_FOUND, nvml.NVML_ERROR_RESET_REQUIRED)
            if error.value in lost:
                raise DeviceLostError(str(error)) from error
            return None  # devices that share the machine's memory have none of their own
        return Memory(free=int(found.free), total=int(found.total), holders=_holders(nvml, handle))


@contextmanager
def _driver() -> Iterator[Any]:
    """The module, connected to the driver; None where there is no driver."""
    import pynvml

    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        yield None
        return
    try:
        yield pynvml
    finally:
        pynvml.nvmlShutdown()


def _holders(nvml: Any, handle: object) -> dict[int, int]:
    found: dict[int, int] = {}
    for ask in (nvml.nvmlDeviceGetComputeRunningProcesses, nvml.nvmlDeviceGetGraphicsRunningProcesses):
        try:
            processes = ask(handle)
        except nvml.NVMLError:  # not on this device, or not for this user
            continue
        for process in processes:
            found[process.pid] = max(found.get(process.pid, 0), process.usedGpuMemory or 0)
    return found


def _mig_instances(nvml: Any, handle: object) -> tuple[str, ...] | None:
    """The UUIDs of the instances of a split GPU, by themselves; None for a whole one."""
    try:
        if nvml.nvmlDeviceGetMigMode(handle)[0] != nvml.NVML_DEVICE_MIG_ENABLE:
            return None
    except nvml.NVMLError:  # not a GPU that can be split
        return None
    uuids = []
    for index in range(nvml.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            uuids.append(nvml.nvmlDeviceGetUUID(nvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, index)))
        except nvml.NVMLError:  # an index that holds no instance
            continue
    return tuple(uuids)
