"""What the page shows of classes and images: read from rows and the store, private where the sweep said so."""

from __future__ import annotations

import base64
import io
import json
import os
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from drawn_texts import drawn_texts, outside, overlapping
from PIL import Image
from test_figures import full
from test_page import chromium, content, find, opened  # noqa: F401  (fixtures)

from supreme.core.content import content_digest
from supreme.core.images import ImageData
from supreme.report.command import main
from supreme.report.figures.confusion import confusion
from supreme.report.figures.curves import curves
from supreme.report.figures.files import rendered
from supreme.report.figures.series import contents, load_series
from supreme.report.figures.shown import shown
from supreme.report.figures.worst_class import worst_classes
from supreme.report.page.card.samples import images_told
from supreme.report.page.inside import inside_of
from supreme.report.page.samples import MOST, Pictures, most_of_each, sheet
from supreme.report.rows.load import load
from supreme.report.rows.stored import curve_of, decoded_in
from supreme.store.artefact import Contents
from supreme.store.decoded import cache
from supreme.store.store import Store

NASTY = '<img src=x onerror="window.attacked=1">'
KEYS = {"original": "a" * 64, "reference": "b" * 64, "unlearned": "c" * 64}
CURVE = [
    {"epoch": epoch, "loss": 1.0 / epoch, "accuracy": 1 - 1 / epoch, "lr": 0.1, "seconds": 1.0} for epoch in (1, 2, 3)
]
DIVERGED = [*CURVE[:1], {**CURVE[1], "loss": None}]
POSITIONS = [3, 1, 4, 99]


def pixels_of_source() -> np.ndarray:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 3, 4, 4), dtype=np.uint8)
    pixels[3] = pixels[3, :1]
    return pixels


def source() -> ImageData:
    """Five 4 x 4 images of three classes, one of them grey."""
    empty = np.arange(0)
    data = ImageData(
        pixels=pixels_of_source(),
        labels=np.array([0, 1, 2, 0, 1]),
        class_names=("cat", "cat", NASTY),
        train=np.arange(4),
        validation=empty,
        test=np.array([4]),
        image_size=2,
    )
    return replace(data, fingerprint=content_digest(data))


class Source:
    def signature(self) -> str:
        return "five"

    def __call__(self) -> ImageData:
        return source()


def told(probability: float, **more):
    """The series of one model."""
    pairs = {"x": ["0 0", "1 0", "1 1", "2 2"], "y": [4, 1, 3, 2]}
    return {
        "accuracy/by_class": {"x": ["0", "1", "2"], "y": [1.0, probability, 1.0]},
        "confusion/test": pairs,
        "samples/probability": {"x": POSITIONS, "y": [probability, 0.9, 0.8, 0.5]},
    } | more


def inspected(method, seed, probability, **changes):
    label = {"samples/label": {"x": POSITIONS, "y": [0, 1, 2, 0]}}
    series = {"metrics": told(probability) | label, "reference": told(0.5), "original": told(1.0)}
    provenance = {"data_fingerprint": source().fingerprint, "keys": KEYS}
    return full(method, seed) | {"series": series, "provenance": provenance} | changes


@pytest.fixture
def directory(saved):
    """Rows, the store that they were made with, and the data."""
    folder = saved(*(inspected(method, seed, p) for method, p in (("scrub", 0.1), ("ssd", 0.4)) for seed in (0, 1)))
    store = Store(folder / "store")
    for stage, curve in (("original", CURVE), ("reference", DIVERGED), ("unlearned", [])):
        store.get_or_create(stage, KEYS[stage], lambda curve=curve: Contents(record={"curve": curve}))
    cache.prepare(Source(), {}, folder / "store" / "data")
    return folder


def test_curves_and_names_of_classes_come_from_the_store_and_a_diverged_epoch_is_left_out(directory):
    series = load_series(directory)
    lines: Any = series[series["series"] == "training/loss"]
    loss = lines.drop_duplicates("role").set_index("role")
    assert loss.loc["original", "y"] == (1.0, 0.5, 1 / 3)
    assert loss.loc["reference", "x"] == (1,)
    assert "unlearned" not in loss.index, "the method did not train by epochs"
    by_class = series[series["series"] == "accuracy/by_class"].iloc[0]
    assert by_class["x"] == ("cat (0)", "cat (1)", NASTY), "two classes of one name stay two"
    assert series[series["series"] == "confusion/test"].iloc[0]["x"][1] == ("cat (1)", "cat (0)")


def test_without_the_store_classes_have_their_numbers_and_there_are_no_curves(saved):
    series = load_series(saved(inspected("scrub", 0, 0.1)))
    assert not series["series"].str.startswith("training/").any()
    assert series[series["series"] == "accuracy/by_class"].iloc[0]["x"] == ("0", "1", "2")
    assert curves(shown(None, series)) is None


def cut(path):
    path.write_bytes(path.read_bytes()[:-5])


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def other_type(path):
    path.write_text('{"curve": "long"}')


@pytest.mark.parametrize("harm", [cut, pipe, other_type, os.unlink])
@pytest.mark.parametrize("name", ["record.json", "manifest.json"])
def test_a_training_that_is_damaged_or_no_file_is_unknown(tmp_path, harm, name):
    Store(tmp_path / "store").get_or_create("original", "a" * 64, lambda: Contents(record={"curve": CURVE}))
    assert curve_of(tmp_path, "original", "a" * 64) == CURVE
    harm(tmp_path / "store" / "original" / "aa" / ("a" * 64) / name)
    assert curve_of(tmp_path, "original", "a" * 64) is None


@pytest.mark.parametrize("key", ["../../rows", "a" * 63, "", "/etc/passwd", "A" * 64])
def test_a_key_that_is_none_names_no_file(tmp_path, key):
    assert curve_of(tmp_path, "original", key) is None


def test_a_picture_is_what_a_model_sees_and_none_where_the_data_have_no_such_image(directory):
    (found,) = decoded_in(directory).values()
    picture = found.picture(1)
    assert picture is not None
    assert np.array_equal(picture, np.moveaxis(pixels_of_source()[1, :, 1:3, 1:3], 0, -1))
    assert [found.picture(position) for position in (5, -1, 10**12)] == [None] * 3
    cut(found.folder / "images.npy")
    assert found.picture(4) is None
    (found.folder / "meta.json").write_text(json.dumps({"fingerprint": found.folder.name, "class_names": 3}))
    assert decoded_in(directory) == {}


def test_the_worst_class_is_the_one_farthest_from_the_reference_in_either_direction(directory):
    worst = worst_classes(load_series(directory)).set_index("method")
    assert set(worst["class"]) == {"cat (1)"}
    assert worst.loc["scrub", "change"] == pytest.approx(-0.4)
    assert worst.loc["original", "change"] == pytest.approx(0.5)
    assert worst.loc["scrub", ["seeds", "classes"]].tolist() == [2, 3]


def test_methods_choose_images_in_turns_and_no_sheet_has_more_than_its_most(directory):
    series = load_series(directory)
    fingerprint = source().fingerprint
    found = sheet(series, fingerprint, pictures := Pictures(decoded_in(directory)))
    assert found
    assert [image["position"] for image in found["images"]] == [3], "no other image was changed"
    (image,) = found["images"]
    assert (image["original"], image["reference"], image["methods"]) == (1.0, 0.5, {"scrub": 0.1, "ssd": 0.4})
    assert image["label"] == "cat (0)"
    kind, _, data = pictures.urls[image["picture"]].partition(";base64,")
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))[..., 0],
        pixels_of_source()[3, 0, 1:3, 1:3],
    )
    assert kind == "data:image/png"
    assert most_of_each(10) == MOST == 24
    assert most_of_each(500) * 500 <= 1000


def test_of_two_methods_each_has_its_largest_changes_on_the_sheet(saved):
    rows = []
    for method, least in (("scrub", 0), ("ssd", 50)):
        own = inspected(method, 0, 0.1)
        before, after = [0.9] * 100, [0.9 - (0.01 * (at - least) if 0 < at - least < 50 else 0) for at in range(100)]
        for part, y in (("metrics", after), ("original", before), ("reference", before)):
            own["series"][part] = own["series"][part] | {"samples/probability": {"x": list(range(100)), "y": y}}
        rows.append(own)
    found = sheet(load_series(saved(*rows)), source().fingerprint, Pictures({}), most=6)
    assert found
    assert [image["position"] for image in found["images"]] == [49, 99, 48, 98, 47, 97]
    assert found["notes"] == [
        "The decoded images are not in store/data beside these rows, so each is told by its position alone."
    ]


@pytest.mark.parametrize(
    ("changes", "samples", "why", "card"),
    [
        (
            {},
            False,
            "No image is shown: this page was made with --no-samples",
            "none is shown: --no-samples, or report.",
        ),
        (
            {"samples": False},
            True,
            "No image of these data is shown, because",
            "none of digits is shown: report.samples=",
        ),
    ],
)
def test_no_picture_of_private_data_is_shown_and_page_and_card_say_so(directory, saved, changes, samples, why, card):
    folder = saved(inspected("scrub", 0, 0.1), inspected("ssd", 1, 0.2, **changes))  # one of them is enough
    (directory / "store").rename(folder / "store")
    rows = list(contents(folder))
    found = inside_of(folder, load_series(folder), rows, samples)
    assert found["pictures"] == []
    for block in found["blocks"].values():
        assert "sheet" not in block
        assert block["why"].startswith(why)
    assert images_told(rows, samples).startswith(card)


def test_older_rows_say_what_to_type(saved):
    folder = saved(full("scrub", 0, 0.1))
    (block,) = inside_of(folder, load_series(folder), list(contents(folder)))["blocks"].values()
    assert "give the same command once more" in block["why"]
    assert block["worst"], "these hold the accuracy of each class"


def test_no_samples_is_for_a_page_and_leaves_no_picture_in_it(directory, capsys):
    assert main([str(directory), "--no-samples"]) == 1
    said = "supreme report: --no-samples is for a page, as in `supreme report --format html --no-samples`\n"
    assert capsys.readouterr().err == said
    page = directory / "page.html"
    assert main([str(directory), "--format", "html", "--no-samples", "--output", str(page)]) == 0
    assert content(page.read_text(encoding="utf-8"), "inside")["pictures"] == []


def misplaced(spec: Any) -> list[Any]:
    """The texts that leave a figure, by more than widths may be estimated too large, or are printed over another."""
    width, height, texts = drawn_texts(spec)
    assert width <= 420, "in a file, which is one column wide, letters are a tenth smaller at most"
    return [*outside(width, height, texts, slack=30), *overlapping(texts)]


def test_the_figures_of_one_block_are_there_with_what_was_left_out_in_their_captions(directory):
    block = shown(load(directory), load_series(directory))
    drawn, confused = curves(block), confusion(block)
    assert drawn
    assert confused
    assert misplaced(drawn) == misplaced(confused) == []
    for spec in (drawn, confused):
        (width,) = re.findall(r'<svg[^>]* width="([0-9.]+)in"', rendered(spec)["svg"].decode())
        assert float(width) <= 3.35, "a column of a paper has no more"
    assert "No epochs are recorded of scrub, ssd." in " ".join(drawn["title"]["text"])
    assert {line["method"] for line in drawn["datasets"]["curves"]} == {"original", "reference"}
    shares = confused["datasets"]["shares"]
    own = [line["share"] for line in shares if line["method"] == "scrub" and line["true"] == "cat (1)"]
    assert sorted(own) == [0.25, 0.75]
    panels = {line["method"]: line["panel"] for line in confused["datasets"]["panels"]}
    assert panels == {
        "reference": "reference",
        "original": "original: cat (1) +50.0 pp",
        "scrub": "scrub: cat (1) \N{MINUS SIGN}40.0 pp",
        "ssd": "ssd: cat (1) \N{MINUS SIGN}10.0 pp",
    }


def test_a_class_without_test_images_that_is_predicted_is_among_the_others(saved):
    own = inspected("scrub", 0, 0.1)
    own["series"]["metrics"]["confusion/test"] = {"x": ["0 0", "1 3", "2 2"], "y": [4, 4, 2]}
    spec = confusion(shown(None, load_series(saved(own))))
    assert spec
    told_ = {(line["true"], line["predicted"]): line["share"] for line in spec["datasets"]["shares"]}
    assert told_["1", "(others)"] == 1.0


def test_of_105_classes_20_are_shown_by_name_and_of_52_methods_6_and_both_are_said(saved):
    def series(worst, accuracy):
        x = [f"{true} {predicted}" for true in range(105) for predicted in (true, (true + 1) % 105)]
        of = [accuracy if true == worst else 0.9 for true in range(105)]
        y = [count for share in of for count in (round(100 * share), round(100 * (1 - share)))]
        by_class = {"x": [str(true) for true in range(105)], "y": of}
        return {"accuracy/by_class": by_class, "confusion/test": {"x": x, "y": y}}

    rows = []
    for number in range(52):
        own = {"metrics": series(number, 0.9 - number / 100), "reference": series(0, 0.9), "original": series(0, 0.9)}
        rows.append(full(f"method_{chr(97 + number // 26)}{chr(97 + number % 26)}", 0) | {"series": own})
    folder = saved(*rows)
    spec = confusion(shown(load(folder), load_series(folder)))
    assert spec
    assert misplaced(spec) == []
    table = spec["datasets"]["shares"]
    assert len({line["true"] for line in table}) == 20
    assert {line["predicted"] for line in table} - {line["true"] for line in table} == {"(others)"}
    for method in {line["method"] for line in table}:
        for true in {line["true"] for line in table}:
            row = [line["share"] for line in table if line["method"] == method and line["true"] == true]
            assert sum(row) == pytest.approx(1, abs=1e-4)
    assert len({line["method"] for line in table}) == 6
    caption = " ".join(spec["title"]["text"])
    assert "Shown are the 20 of 105 classes whose accuracies differ most in any method." in caption
    assert "Shown are the 6 of 54 models with the worst classes." in caption


def test_the_page_shows_classes_and_images_of_the_chosen_method_and_runs_nothing_of_their_names(directory, opened):  # noqa: F811
    driver = opened(directory)
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert [cell.text for cell in find(driver, "#inside .worst tbody tr:last-child > *")][:2] == ["ssd", "cat (1)"]
    (image,) = find(driver, "#inside .tile img")
    assert driver.execute_script("return arguments[0].complete && arguments[0].naturalWidth", image) == 2
    lines = [line.get_attribute("textContent") for line in find(driver, "#inside .tile dt")]
    assert lines == ["original", "reference", "scrub", "ssd"]
    driver.execute_script(
        "const s = document.querySelector('#inside select'); s.value = 'ssd'; s.dispatchEvent(new Event('change'))"
    )
    assert [line.get_attribute("textContent") for line in find(driver, "#inside .tile dd")] == ["100", "50", "40"]
    assert driver.execute_script("return window.attacked") is None
