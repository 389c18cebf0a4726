"""Small folders of photographs, and the component that reads them with the values of its YAML."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf
from PIL import Image

from supreme.cli import CONF
from supreme.data.image_folder import ImageFolder


def photographs(root: Path, *folders: str, count: int = 3, ending: str = ".png") -> Path:
    """So many different pictures, 8 x 8, in each of these folders below root, called 0, 1, 2, ..."""
    for folder in folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            picture(f"{folder}/{number}").save(root / folder / f"{number}{ending}")
    return root


def picture(name: str) -> Image.Image:
    """Noise that depends on the name only."""
    seed = int.from_bytes(os.fsencode(name), "big")
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8))


def image_folder(root: Path, **changes: Any) -> ImageFolder:
    given = OmegaConf.to_container(OmegaConf.load(CONF / "data" / "image_folder.yaml"))
    assert isinstance(given, dict)
    del given["_target_"]
    small = {"root": str(root), "image_size": 8, "decode_size": 8, "validation_fraction": 0.0, "test_fraction": 0.4}
    return ImageFolder(**{**given, **small, **changes})
