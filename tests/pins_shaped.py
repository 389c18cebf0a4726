"""A folder of drawn faces in the shape of Pins Face Recognition, where the photographs cannot be had.

    python -m tests.pins_shaped outputs/pins_shaped               # as many as Pins has, 17,534 in all
    python -m tests.pins_shaped outputs/pins_shaped --images 8

The folders of Pins, JPEGs of many sizes, most of them upright, now and then grey. Skin, hair, background, eyes and
mouth belong to the person; place, size, light and smile to the picture; so models can learn who it is. The same
arguments write the same bytes (with the same Pillow).
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from supreme.data import census


def write(root: Path, classes: int = 105, images: int | None = None, sizes: tuple[int, int] = (60, 200)) -> Path:
    """Draw `images` faces (None: as many as Pins has) for each of the first folders, sides between `sizes` pixels."""
    for person, (name, of_pins) in enumerate(islice(census.read("pins.csv").items(), classes)):
        folder = root / name
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(of_pins if images is None else images):
            rng = np.random.default_rng([person, number])
            width = int(rng.integers(sizes[0], sizes[1] + 1))
            picture = face(person, rng).resize((width, int(width * rng.uniform(1.0, 1.3))))
            mode = "L" if rng.random() < 0.05 else "RGB"
            picture.convert(mode).save(folder / f"{number:04d}.jpg", quality=int(rng.integers(70, 96)))
    return root


def face(person: int, rng: np.random.Generator) -> Image.Image:
    """One picture, 128 x 128, of this person."""
    own = np.random.default_rng(person)
    background, skin, hair, eyes = (tuple(own.integers(low, high, 3).tolist()) for low, high in COLOURS)
    wide, mouth, apart = own.uniform(24, 38), own.uniform(8, 22), own.uniform(9, 16)
    x, y = rng.uniform(-8, 8, 2) + 64
    light, smile = rng.uniform(0.75, 1.2), rng.uniform(2, 12)

    picture = Image.new("RGB", (128, 128), background)
    draw = ImageDraw.Draw(picture)
    draw.ellipse([x - wide - 6, y - 52, x + wide + 6, y + 20], fill=hair)
    draw.ellipse([x - wide, y - 38, x + wide, y + 46], fill=skin)
    for side in (-apart, apart):
        draw.ellipse([x + side - 5, y - 12, x + side + 5, y - 4], fill="white")
        draw.ellipse([x + side - 3, y - 11, x + side + 3, y - 5], fill=eyes)
    draw.arc([x - mouth, y + 14, x + mouth, y + 18 + smile], 0, 180, fill=(150, 40, 50), width=3)
    noise = rng.normal(0, 12, (128, 128, 3))
    return Image.fromarray(np.clip(np.asarray(picture) * light + noise, 0, 255).astype(np.uint8))


COLOURS = ((0, 256), (90, 240), (0, 160), (0, 200))
"""Range of each channel: background, skin, hair, eyes."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw a folder in the shape of Pins Face Recognition.")
    parser.add_argument("root", type=Path)
    parser.add_argument("--classes", type=int, default=105)
    parser.add_argument("--images", type=int, help="of each class; left out: as many as Pins has")
    arguments = parser.parse_args()
    write(arguments.root, arguments.classes, arguments.images)


if __name__ == "__main__":
    main()
