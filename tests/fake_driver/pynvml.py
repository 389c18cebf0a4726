"""NVIDIA's management library on a machine with two GPUs, for processes that find this folder before the real one."""

from __future__ import annotations


class NVMLError(Exception):
    """What the driver refuses."""

    value = 3


NVML_ERROR_GPU_IS_LOST, NVML_ERROR_NOT_FOUND, NVML_ERROR_RESET_REQUIRED = 15, 6, 16
NVML_DEVICE_MIG_ENABLE = 1


def nvmlInit() -> None: ...  # noqa: N802


def nvmlShutdown() -> None: ...  # noqa: N802


def nvmlDeviceGetCount() -> int:  # noqa: N802
    return 2


def nvmlDeviceGetHandleByIndex(index: int) -> str:  # noqa: N802
    return f"GPU-{index}"


def nvmlDeviceGetUUID(handle: str) -> str:  # noqa: N802
    return handle


def nvmlDeviceGetMigMode(handle: str) -> list[int]:  # noqa: N802
    return [0, 0]


def nvmlDeviceGetHandleByUUID(uuid: str) -> str:  # noqa: N802
    return uuid


def nvmlDeviceGetMemoryInfo(handle: str) -> None:  # noqa: N802
    raise NVMLError  # says nothing of memory
