"""Noise in the files of CIFAR-10 and CIFAR-100, a few images of each class."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np


def batch(count: int, seed: int, **labels: list[int]) -> dict[str, Any]:
    return {"data": np.random.default_rng(seed).integers(0, 256, (count, 3072), dtype=np.uint8), **labels}


def write(path: Path, content: Any) -> None:
    """As numpy 1 under Python 2 wrote them: its module had another name then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2).replace(b"numpy._core.", b"numpy.core."))


def write_cifar10(root: Path) -> Path:
    place = root / "cifar-10-batches-py"
    for number in range(1, 6):
        write(place / f"data_batch_{number}", batch(20, number, labels=list(range(10)) * 2))
    write(place / "test_batch", batch(20, 6, labels=list(range(10)) * 2))
    write(place / "batches.meta", {"label_names": [f"name{number}" for number in range(10)]})
    return root


def write_cifar100(root: Path) -> Path:
    place = root / "cifar-100-python"
    for name, copies in (("train", 5), ("test", 2)):
        fine = list(range(100)) * copies
        coarse = [number % 20 for number in fine]
        write(place / name, batch(len(fine), copies, fine_labels=fine, coarse_labels=coarse))
    fine_names = [f"fine{number}" for number in range(100)]
    write(
        place / "meta", {"fine_label_names": fine_names, "coarse_label_names": [f"c{number}" for number in range(20)]}
    )
    return root
