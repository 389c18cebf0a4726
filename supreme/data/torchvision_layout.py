"""Where torchvision's data sets for classification lie below the root that they share, as torchvision unpacks them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

PACKAGE = "torchvision.datasets"

LAYOUT: dict[str, tuple[str, ...]] = {
    "CIFAR10": ("cifar-10-batches-py",),
    "CIFAR100": ("cifar-100-python",),
    "CLEVRClassification": ("clevr",),
    "Caltech101": ("caltech101",),
    "Caltech256": ("caltech256",),
    "CelebA": ("celeba",),
    "Country211": ("country211",),
    "DTD": ("dtd",),
    "EMNIST": ("EMNIST",),
    "EuroSAT": ("eurosat",),
    "FER2013": ("fer2013",),
    "FGVCAircraft": ("fgvc-aircraft-2013b",),
    "FakeData": (),
    "FashionMNIST": ("FashionMNIST",),
    "Flowers102": ("flowers-102",),
    "Food101": ("food-101",),
    "GTSRB": ("gtsrb",),
    "Imagenette": ("imagenette*",),
    "KMNIST": ("KMNIST",),
    "LFWPeople": ("lfw-py",),
    "MNIST": ("MNIST",),
    "OxfordIIITPet": ("oxford-iiit-pet",),
    "PCAM": ("pcam",),
    "QMNIST": ("QMNIST",),
    "RenderedSST2": ("rendered-sst2",),
    "SEMEION": ("semeion.data",),
    "STL10": ("stl10_binary",),
    "SUN397": ("SUN397",),
    "SVHN": ("*_32x32.mat",),
    "StanfordCars": ("stanford_cars",),
    "USPS": ("usps*",),
}
"""By the name of the class, patterns of files and folders."""


def layout_of(dataset: str) -> tuple[str, ...] | None:
    """What of root belongs to this data set; None: nobody knows, so everything does."""
    package, _, name = dataset.rpartition(".")
    return LAYOUT.get(name) if package == PACKAGE or package.startswith(f"{PACKAGE}.") else None


def files_below(root: Path, patterns: Sequence[str] | None) -> list[Path]:
    """Every regular file that these patterns name below root, or that lies in a folder that they name; sorted."""
    starts = [root] if patterns is None else [path for pattern in patterns for path in _matching(root, pattern)]
    found = {path for start in starts for path in ([start] if start.is_file() else _inside(start))}
    return sorted(found)


def _matching(root: Path, pattern: str) -> list[Path]:
    return [path] if (path := root / pattern).exists() or Path(pattern).is_absolute() else list(root.glob(pattern))


def _inside(folder: Path) -> Iterator[Path]:
    """Through links to folders, too, each folder once."""
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (path for name in names if not name.startswith(".") and (path := Path(place, name)).is_file())
