"""Small files in the true formats of public data sets, for torchvision's own classes to read."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
from PIL import Image

RNG = np.random.default_rng(0)
Written = dict[str, np.ndarray]
"""By the name of the set, its images as uint8, N x 3 x S x S."""


def noise(count: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, 256, (count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 10) -> np.ndarray:
    return np.arange(count) % classes


def idx(path: Path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes())


def grey(images: np.ndarray) -> np.ndarray:
    return np.repeat(images[:, None], 3, axis=1)


def mnist(root: Path, name: str = "MNIST") -> Written:
    images = {"train": noise(40, 28, 28), "test": noise(10, 28, 28)}
    for part, prefix in (("train", "train"), ("test", "t10k")):
        idx(root / name / "raw" / f"{prefix}-images-idx3-ubyte", images[part])
        idx(root / name / "raw" / f"{prefix}-labels-idx1-ubyte", labels(len(images[part])))
    return {part: grey(array) for part, array in images.items()}


def emnist(root: Path) -> Written:
    """The split `digits`; torchvision turns EMNIST's images as they are stored."""
    images = {"train": noise(40, 28, 28), "test": noise(10, 28, 28)}
    for part, array in images.items():
        idx(root / "EMNIST" / "raw" / f"emnist-digits-{part}-images-idx3-ubyte", array)
        idx(root / "EMNIST" / "raw" / f"emnist-digits-{part}-labels-idx1-ubyte", labels(len(array)))
    return {part: grey(array) for part, array in images.items()}


def svhn(root: Path) -> Written:
    """The digit 0 has the label 10, as its authors have it."""
    from scipy.io import savemat

    images = {"train": noise(40, 32, 32, 3), "test": noise(10, 32, 32, 3)}
    for part, array in images.items():
        numbers = np.where(labels(len(array)) == 0, 10, labels(len(array)))
        savemat(root / f"{part}_32x32.mat", {"X": array.transpose(1, 2, 3, 0), "y": numbers[:, None].astype(np.uint8)})
    return {part: array.transpose(0, 3, 1, 2) for part, array in images.items()}


def cifar10(root: Path) -> Written:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    images = {"train": noise(50, 3, 32, 32), "test": noise(10, 3, 32, 32)}
    batches = {f"data_batch_{number + 1}": images["train"][10 * number :][:10] for number in range(5)}
    for name, array in {**batches, "test_batch": images["test"]}.items():
        content = {"data": array.reshape(10, -1), "labels": labels(10).tolist()}
        (folder / name).write_bytes(pickle.dumps(content, protocol=2))
    names = [f"thing{number}" for number in range(10)]
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}, protocol=2))
    return images


def stl10(root: Path) -> Written:
    """Stored column by column."""
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    images = {"train": noise(40, 3, 96, 96), "test": noise(10, 3, 96, 96)}
    for part, array in images.items():
        (folder / f"{part}_X.bin").write_bytes(array.transpose(0, 1, 3, 2).tobytes())
        (folder / f"{part}_y.bin").write_bytes((labels(len(array)) + 1).astype(np.uint8).tobytes())
    (folder / "unlabeled_X.bin").touch()
    (folder / "class_names.txt").write_text("\n".join(f"thing{number}" for number in range(10)))
    return images


def usps(root: Path) -> Written:
    import bz2

    images = {"train": noise(40, 16, 16), "test": noise(10, 16, 16)}
    for part, name in (("train", "usps.bz2"), ("test", "usps.t.bz2")):
        lines = []
        for label, image in zip(labels(len(images[part])), images[part], strict=True):
            values = " ".join(f"{place}:{v / 127.5 - 1:.8f}" for place, v in enumerate(image.reshape(-1), start=1))
            lines.append(f"{label + 1} {values}")
        root.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(bz2.compress("\n".join(lines).encode()))
    return {}


def save(path: Path, image: np.ndarray) -> None:
    """One image, H x W x 3, without loss where its name allows it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, quality=95)


def eurosat(root: Path) -> Written:
    for number, name in enumerate(("AnnualCrop", "Forest", "River")):
        for at, image in enumerate(noise(10, 64, 64, 3)):
            save(root / "eurosat" / "2750" / name / f"{name}_{number}{at}.jpg", image)
    return {}


def gtsrb(root: Path) -> Written:
    """Of any size; 43 classes, the test images' in a table with semicolons."""
    base = root / "gtsrb"
    for label in range(43):
        for at in range(3):
            save(base / "GTSRB" / "Training" / f"{label:05d}" / f"00000_{at:05d}.ppm", noise(1, 20 + label, 25, 3)[0])
    rows = ["Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId"]
    for at in range(43):
        save(base / "GTSRB" / "Final_Test" / "Images" / f"{at:05d}.ppm", noise(1, 30, 30, 3)[0])
        rows.append(f"{at:05d}.ppm;30;30;0;0;30;30;{at}")
    (base / "GT-final_test.csv").write_text("\n".join(rows) + "\n")
    return {}


def food101(root: Path) -> Written:
    import json

    base, names = root / "food-101", ("apple_pie", "waffles")
    for part, count in (("train", 8), ("test", 3)):
        lists = {name: [f"{name}/{part}{at}" for at in range(count)] for name in names}
        for path in (path for paths in lists.values() for path in paths):
            save(base / "images" / f"{path}.jpg", noise(1, 40, 60, 3)[0])
        (base / "meta").mkdir(exist_ok=True)
        (base / "meta" / f"{part}.json").write_text(json.dumps(lists))
    return {}


def flowers102(root: Path) -> Written:
    from scipy.io import savemat

    base, count = root / "flowers-102", 18
    for at in range(1, count + 1):
        save(base / "jpg" / f"image_{at:05d}.jpg", noise(1, 30, 40, 3)[0])
    numbers = np.arange(1, count + 1)
    savemat(base / "imagelabels.mat", {"labels": (numbers - 1)[None] % 3 + 1})
    savemat(base / "setid.mat", {"trnid": numbers[None, :9], "valid": numbers[None, 9:12], "tstid": numbers[None, 12:]})
    return {}


def pets(root: Path) -> Written:
    base = root / "oxford-iiit-pet"
    for part, count in (("trainval", 12), ("test", 4)):
        lines = []
        for at in range(count):
            breed = ("Abyssinian", "beagle")[at % 2]
            lines.append(f"{breed}_{part}{at} {at % 2 + 1} 1 1")
            save(base / "images" / f"{breed}_{part}{at}.jpg", noise(1, 30, 40, 3)[0])
        (base / "annotations").mkdir(exist_ok=True)
        (base / "annotations" / f"{part}.txt").write_text("\n".join(lines) + "\n")
    return {}


def dtd(root: Path) -> Written:
    base, names = root / "dtd" / "dtd", ("banded", "woven")
    for part, count in (("train", 8), ("val", 2), ("test", 4)):
        paths = [f"{names[at % 2]}/{names[at % 2]}_{part}{at}.jpg" for at in range(count)]
        for path in paths:
            save(base / "images" / path, noise(1, 40, 30, 3)[0])
        (base / "labels").mkdir(exist_ok=True)
        (base / "labels" / f"{part}1.txt").write_text("\n".join(paths) + "\n")
    return {}


WNIDS = ("n01440764", "n02102040", "n02979186", "n03000684", "n03028079")
WNIDS += ("n03394916", "n03417042", "n03425413", "n03445777", "n03888257")


def imagenette(root: Path) -> Written:
    """It has no test set: `val` is what people test on."""
    for part, count in (("train", 6), ("val", 2)):
        for name in WNIDS:
            for at in range(count):
                save(root / "imagenette2" / part / name / f"{part}{at}.JPEG", noise(1, 32, 40, 3)[0])
    return {}


def semeion(root: Path) -> Written:
    rows = np.concatenate([noise(40, 256) % 2, np.eye(10, dtype=np.uint8)[labels(40)]], axis=1)
    root.mkdir(parents=True, exist_ok=True)
    np.savetxt(root / "semeion.data", rows, fmt="%d")
    return {}
