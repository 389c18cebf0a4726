"""What the tests of the Ray launcher let workers do. A module of its own: processes import it by name."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any


def where(folder: Path, seconds: float) -> dict[str, Any]:
    """Where this ran, with which environment; its process id is left in the folder."""
    import ray

    (folder / f"{os.getpid()}.pid").touch()
    time.sleep(seconds)
    return {
        "pid": os.getpid(),
        "node": ray.get_runtime_context().get_node_id(),
        "visible": os.environ["CUDA_VISIBLE_DEVICES"],
        "threads": os.environ["OMP_NUM_THREADS"],
        "shared": os.environ["SUPREME_DEVICE_SHARED"],
        "hash": hash("a"),
    }
