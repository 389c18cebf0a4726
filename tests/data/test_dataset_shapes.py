"""Data sets of every shape that `data=torch` is given: public formats, read by torchvision, and foreign code."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from supreme.core import SupremeError
from supreme.core.registry import build
from supreme.data import item_decoding
from supreme.data.torch_dataset import TorchDataset
from supreme.pipeline import process_state
from supreme.store.decoded import cache
from supreme.store.fingerprint import modules
from supreme.store.fingerprint.code import forget_code
from supreme.testing import check_data
from tests import foreign_formats as formats
from tests.conf_files import CONF, node_of

TV = "torchvision.datasets."
Write = Callable[[Path], formats.Written]


def source(dataset: str | None, folder: Path, name: str = "torch", **values: Any) -> TorchDataset:
    node = node_of(CONF / "data" / f"{name}.yaml") | {"data_dir": str(folder)} | values
    return build(node | ({"dataset": dataset} if dataset else {}), f"data {name}")


@pytest.fixture(autouse=True)
def small_files_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torchvision take files whose MD5 sums are not those of the whole data sets."""
    for module in ("svhn", "cifar", "stl10", "flowers102", "semeion"):
        where = importlib.import_module(f"torchvision.datasets.{module}")
        monkeypatch.setattr(where, "check_integrity", lambda path, md5=None: Path(path).is_file())


SHAPES: dict[str, tuple[Write, str | None, dict[str, Any], tuple[int, int, int, int], int]] = {
    # what writes the files; class; values; how many train, validate, test; classes; side of an image
    "MNIST": (formats.mnist, "MNIST", {}, (30, 10, 10, 10), 28),
    "FashionMNIST": (lambda root: formats.mnist(root, "FashionMNIST"), "FashionMNIST", {}, (30, 10, 10, 10), 28),
    "KMNIST": (lambda root: formats.mnist(root, "KMNIST"), "KMNIST", {}, (30, 10, 10, 10), 28),
    "EMNIST": (formats.emnist, "EMNIST", {"arguments": {"split": "digits"}}, (30, 10, 10, 10), 28),
    "SVHN": (formats.svhn, "SVHN", {}, (30, 10, 10, 10), 32),
    "CIFAR10": (formats.cifar10, "CIFAR10", {}, (40, 10, 10, 10), 32),
    "STL10": (formats.stl10, "STL10", {}, (30, 10, 10, 10), 96),
    "USPS": (formats.usps, "USPS", {}, (30, 10, 10, 10), 16),
    "EuroSAT": (formats.eurosat, "EuroSAT", {}, (21, 3, 6, 3), 64),
    "GTSRB": (formats.gtsrb, "GTSRB", {"decode_size": 24}, (86, 43, 43, 43), 24),
    "Food101": (formats.food101, "Food101", {"decode_size": 20}, (14, 2, 6, 2), 20),
    "Flowers102": (
        formats.flowers102,
        "Flowers102",
        {"decode_size": 20, "labels": "renumbered"},
        (9, 3, 6, 3),
        20,
    ),
    "OxfordIIITPet": (formats.pets, "OxfordIIITPet", {"decode_size": 20}, (10, 2, 4, 2), 20),
    "DTD": (formats.dtd, "DTD", {}, (8, 2, 4, 2), 30),
    "Imagenette": (formats.imagenette, "Imagenette", {}, (50, 10, 20, 10), 32),
    "SEMEION": (formats.semeion, "SEMEION", {}, (20, 10, 10, 10), 16),
    "FakeData": (lambda root: {}, "FakeData", {"arguments": {"size": 60, "num_classes": 2}}, (42, 6, 12, 2), 224),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_torchvisions_data_sets_are_read_as_their_authors_split_them(shape: str, tmp_path: Path) -> None:
    write, name, values, (train, validation, test, classes), side = SHAPES[shape]
    written = write(tmp_path)
    data = source(f"{TV}{name}", tmp_path, **values)()
    assert (len(data.train), len(data.validation), len(data.test)) == (train, validation, test)
    assert (data.num_classes, data.image_size) == (classes, side)
    if shape == "EMNIST":  # whose images lie on their side in the files, which torchvision leaves as they are
        assert written
    if written:
        assert np.array_equal(np.asarray(data.pixels), np.concatenate([written["train"], written["test"]]))
        assert data.labels.tolist() == [*formats.labels(len(written["train"])), *formats.labels(len(written["test"]))]


YAMLS: dict[str, Write] = {
    "mnist": formats.mnist,
    "svhn": formats.svhn,
    "stl10": formats.stl10,
    "gtsrb": formats.gtsrb,
    "eurosat": formats.eurosat,
}


@pytest.mark.parametrize("name", YAMLS)
def test_a_data_set_that_has_a_yaml_needs_nothing_but_its_name(name: str, tmp_path: Path) -> None:
    YAMLS[name](tmp_path)
    found = source(None, tmp_path, name)
    assert found.files()[1]
    assert len(found().test) >= 6


LAB = """
import numpy as np
import torch
from torch.utils.data import IterableDataset


class Own:
    def __init__(self, train=True, count=40):
        self.images = np.random.default_rng(int(train)).integers(0, 256, (count, 8, 8, 3), dtype=np.uint8)
    def __len__(self):
        return len(self.images)
    def __getitem__(self, number):
        return self.images[number], number % 4


class Random(Own):
    def __getitem__(self, number):
        return np.random.permutation(self.images[number]), number % 4


class Flipped(Own):
    def __getitem__(self, number):
        image = self.images[number]
        return (image[:, ::-1] if torch.rand(()) < 0.5 else image), number % 4


class Normalised(Own):
    def __getitem__(self, number):
        return torch.from_numpy(self.images[number]).permute(2, 0, 1) / 127.5 - 1, number % 4


class Broken(Own):
    def __getitem__(self, number):
        if number == 33:
            raise RuntimeError("disk on fire")
        return super().__getitem__(number)


class Gaps(Own):
    classes = None
    def __getitem__(self, number):
        return self.images[number], 3 * (number % 4) + 1


class Negative(Own):
    def __getitem__(self, number):
        return self.images[number], number % 4 - 1


class TooFewNames(Own):
    classes = ["a", "b"]


class TooManyNames(Own):
    classes = ["a", "b", "c", "d", "e"]


class SplitNames(Own):
    classes = ["test", "train"]
    def __getitem__(self, number):
        return self.images[number], number % 2


class OneClass(Own):
    def __getitem__(self, number):
        return self.images[number], 0


class Empty(Own):
    def __len__(self):
        return 0


class NoLength:
    def __getitem__(self, number):
        return np.zeros((8, 8), np.uint8), 0


class Stream(IterableDataset):
    def __iter__(self):
        yield np.zeros((8, 8), np.uint8), 0


class Dictionaries(Own):
    def __getitem__(self, number):
        return {"image": self.images[number], "label": 0}


class NoLabel(Own):
    def __getitem__(self, number):
        return self.images[number], None


class Sizes(Own):
    def __getitem__(self, number):
        return self.images[number][: 8 - number % 2], number % 4


class Raises:
    def __init__(self, **more):
        raise OSError("no such server")


class Needs(Own):
    def __init__(self, folder, train=True):
        super().__init__(train)


class Split(Own):
    def __init__(self, split="train"):
        if split not in ("train", "test"):
            raise KeyError(split)
        super().__init__(split == "train")


class Rooted(Own):
    def __init__(self, root):
        with open(root + "/x.txt") as file:
            super().__init__(count=int(file.read()))


class Tensors(Own):
    def __getitem__(self, number):
        return torch.from_numpy(self.images[number]).permute(2, 0, 1), torch.tensor([number % 4])


class Grey(Own):
    def __getitem__(self, number):
        return torch.from_numpy(self.images[number][..., :1].copy()).permute(2, 0, 1) / 255, np.int32(number % 4)


class Names(Own):
    def __getitem__(self, number):
        return self.images[number], "abcd"[number % 4]


def by_function(train):
    return Own(train)


instance = Own()
"""


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of somebody's own code, from which they work; no later test finds its module."""
    (tmp_path / "shapes_lab.py").write_text(LAB)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("shapes_lab", None)
    process_state.renew()


OWN = {"Own": 40, "Split": 40, "by_function": 40, "Tensors": 40, "Grey": 40, "Names": 40}


@pytest.mark.parametrize("name", OWN)
def test_a_data_set_of_ones_own_is_read_whatever_form_its_items_have(name: str, lab: Path) -> None:
    data = source(f"shapes_lab.{name}", lab)()
    assert (len(data.train), len(data.validation), len(data.test)) == (36, 4, 40)
    own = sys.modules["shapes_lab"].Own
    images = np.concatenate([own().images, own(train=False).images]).transpose(0, 3, 1, 2)
    assert np.array_equal(np.asarray(data.pixels), np.repeat(images[:, :1], 3, axis=1) if name == "Grey" else images)
    assert data.class_names == (("a", "b", "c", "d") if name == "Names" else ("0", "1", "2", "3"))


REFUSED = {
    "Random": "item 0 of the training set is another one each time that it is read: take away its random transforms",
    "Flipped": "is another one each time that it is read",
    "Normalised": r"item 0 .* run from -0.98.* to 1, but floats must lie in \[0, 1\]: take away the transform",
    "Broken": r"item 33 of the training set cannot be read \(RuntimeError: disk on fire\)",
    "Gaps": "the 4 different labels of the training images are 1, 4, 7, 10, where 0 to 3 are .* data.labels=renumbered",
    "Negative": "labels of the training images are -1, 0, 1, 2, where 0 to 3 are expected",
    "TooFewNames": "the label 2, 3 is none of the 2 classes that have names",
    "TooManyNames": r"no training image has the label 4 \(e\)",
    "SplitNames": "the classes would be test and train, which are the parts of a split",
    "OneClass": "every training image has the label 0: a classifier needs two",
    "Empty": "the training set has no items",
    "NoLength": "must be a map-style data set, with __len__ and __getitem__",
    "Stream": "is an IterableDataset, whose images have no numbers",
    "Dictionaries": "item 0 of the training set is a dict: give a pair of an image and a label",
    "NoLabel": "item 0 .* its label is None: give the number of its class",
    "Sizes": "item 1 of the training set has 7 x 8 pixels, and others are 8 wide: .* data.decode_size=32",
    "Raises": r"shapes_lab.Raises\(.*\) cannot be made \(OSError: no such server\)",
    "Needs": r"cannot be made \(TypeError: .*folder.*\); it takes folder, train \(data.arguments=",
    "instance": "it is an object of the type Own; give a class, or a function",
    "Owm": "there is no Owm in shapes_lab; did you mean shapes_lab.Own",
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_unlearned_from_is_refused_in_a_sentence(name: str, lab: Path) -> None:
    with pytest.raises(SupremeError, match=REFUSED[name]) as raised:
        source(f"shapes_lab.{name}", lab)()
    assert "\n" not in str(raised.value)


def test_names_that_lead_nowhere_are_told_before_anything_is_read(tmp_path: Path) -> None:
    for given, message in {
        "SVHN": "give its whole import path, as in torchvision.datasets.SVHN",
        f"{TV}SVNH": "there is no SVNH in torchvision.datasets; did you mean torchvision.datasets.SVHN",
        "no_such_lab.Data": "data.dataset=no_such_lab.Data cannot be imported",
        f"{TV}SVHN": r"holds nothing of torchvision.datasets.SVHN \(no \*_32x32.mat\): type data.download=true",
        f"{TV}ImageFolder": "type data.root=... to say which folder torchvision.datasets.ImageFolder is to read",
    }.items():
        with pytest.raises(SupremeError, match=message):
            source(given, tmp_path).signature()


def test_labels_with_gaps_are_numbered_where_that_is_asked_for(lab: Path) -> None:
    data = source("shapes_lab.Gaps", lab, labels="renumbered")()
    assert data.class_names == ("1", "4", "7", "10")
    assert data.labels[:4].tolist() == [0, 1, 2, 3]


def test_its_parts_may_be_said(lab: Path) -> None:
    data = source(
        "shapes_lab.Own",
        lab,
        train_arguments={},
        validation_arguments={"train": False, "count": 8},
        test_arguments={"count": 12, "train": False},
    )()
    assert (len(data.train), len(data.validation), len(data.test)) == (40, 8, 12)


def test_a_changed_file_and_changed_code_are_noticed(lab: Path) -> None:
    root = lab / "root"
    root.mkdir()
    (root / "x.txt").write_text("40")
    first = source("shapes_lab.Rooted", lab, root=str(root)).signature()
    assert source("shapes_lab.Rooted", lab, root=str(root)).signature() == first
    (root / "x.txt").write_text("60")
    second = source("shapes_lab.Rooted", lab, root=str(root)).signature()
    (lab / "shapes_lab.py").write_text(LAB.replace("(count, 8, 8, 3)", "(count, 9, 9, 3)"))
    modules.read.cache_clear()
    forget_code()
    assert len({first, second, source("shapes_lab.Rooted", lab, root=str(root)).signature()}) == 3


def test_a_killed_reading_goes_on_where_it_was(lab: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(item_decoding, "PART", 8)
    node = {"dataset": "Own"}
    component = source("shapes_lab.Own", lab)
    whole = component()
    own, read = sys.modules["shapes_lab"].Own, []
    plain = own.__getitem__

    def killed(self: Any, number: int) -> Any:
        read.append(number)
        if len(read) == 150:  # some 128 were looked at for random transforms
            raise KeyboardInterrupt
        return plain(self, number)

    monkeypatch.setattr(own, "__getitem__", killed)
    with pytest.raises(KeyboardInterrupt):
        cache.prepare(component, node, lab / "cache")
    read.clear()
    monkeypatch.setattr(own, "__getitem__", lambda self, number: read.append(number) or plain(self, number))
    data = cache.open(cache.prepare(component, node, lab / "cache"))
    assert data.fingerprint == whole.fingerprint
    assert len(read) < 128 + 1 + 80 - 8


def test_a_torch_data_set_keeps_the_promises_of_a_source(lab: Path) -> None:
    check_data(source("shapes_lab.Own", lab))
