"""Figures: the numbers that they show, and that every one of them can be drawn."""

import json
import re
import subprocess
import sys
from importlib.metadata import version

import numpy as np
import pandas as pd
import pytest
from conftest import environment
from drawn_texts import drawn_texts, outside, overlapping
from PIL import Image
from results import save_row
from test_report import row

from supreme.core import SupremeError
from supreme.report import (
    load_series,
    plot_classes,
    plot_cost,
    plot_roc,
    plot_seeds,
    plot_tradeoff,
    plot_variance,
    write_figures,
)
from supreme.report.command import main
from supreme.report.figures import estimates
from supreme.report.figures.catalogue import FIGURES
from supreme.report.figures.series import class_changes, roc_curves
from supreme.report.figures.shown import shown
from supreme.report.figures.style import labels, looks, short
from supreme.report.figures.tradeoff import tradeoff
from supreme.report.page.figures import VEGA
from supreme.report.rows.load import load
from supreme.report.tables.blocks import slug
from tests.vega import VERSION, packed

ROC = {"x": [0.0, 0.0, 0.5, 1.0], "y": [0.0, 0.25, 0.5, 1.0]}
CHANCE = {"x": [0.0, 0.5, 1.0], "y": [0.0, 0.5, 1.0]}


def full(method, seed, shift=0.0, **changes):
    """A row with the metrics and series that the figures show; everything is `shift` away from the reference."""
    base = {"accuracy/forget": 0.9, "accuracy/retain": 1.0, "accuracy/test": 0.8, "membership/auc": 0.5}
    moved = {name: value - shift for name, value in base.items()} | {
        "cost/seconds": 2.0 + seed,
        "js_divergence/forget": 0.1,
    }
    reference = base | {"accuracy/forget": 0.9 + seed / 100, "cost/seconds": 10.0, "js_divergence/forget": None}
    original = base | {"cost/seconds": 11.0, "js_divergence/forget": 0.3}
    classes = {"x": ["cat", "dog"], "y": [0.8, 0.8]}
    moved_classes = {"x": ["cat", "dog"], "y": [0.8 - shift, 0.8]}
    return row(
        method,
        seed,
        metrics=moved,
        reference=reference,
        original=original,
        reasons={},
        series={
            "metrics": {"membership/roc": ROC, "accuracy/by_class": moved_classes},
            "reference": {"membership/roc": CHANCE, "accuracy/by_class": classes},
            "original": {"membership/roc": ROC, "accuracy/by_class": classes},
        },
        **changes,
    )


@pytest.fixture
def sweep(saved):
    return saved(*(full(method, seed, shift) for method, shift in (("scrub", 0.1), ("ssd", 0.0)) for seed in range(3)))


def words(chart):
    """The caption of a chart, and everything else that it says."""
    spec = chart.to_dict()
    return f"{' '.join(spec['title']['text'])} {json.dumps(spec, ensure_ascii=False)}"


def test_the_command_writes_what_there_is_to_show_in_three_formats_and_the_same_rows_give_the_same_bytes(sweep, capsys):
    folder = sweep / "reports" / "figures" / "digits-small_cnn-digits-small_cnn-random"
    assert main([str(sweep), "--figures"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    first = {path: path.read_bytes() for path in folder.iterdir()}
    names = {path.name for path in first}
    kinds = ("tradeoff", "seeds-accuracy-forget", "cost", "roc", "classes")
    assert {f"{name}.{kind}" for name in kinds for kind in ("png", "pdf", "svg")} <= names
    assert not any(name.startswith("variance") for name in names)  # it takes two draws within a training seed
    assert {path: path.read_bytes() for path in write_figures(sweep)} == first
    with Image.open(folder / "roc.png") as picture:
        assert picture.info["dpi"][0] == pytest.approx(300, abs=0.1)
        assert 3.25 < picture.width / 300 <= 3.35
    paper = re.search(rb"/MediaBox \[0 0 ([0-9.]+)", first[folder / "tradeoff.pdf"])
    assert paper
    assert float(paper.group(1)) / 72 == pytest.approx(3.35, abs=0.01)
    assert b"/FontFile2" in first[folder / "tradeoff.pdf"]  # embedded
    assert b'width="3.3500in"' in first[folder / "tradeoff.svg"]


def test_a_report_imports_neither_altair_nor_vl_convert_nor_torch_before_a_figure_is_asked_for():
    code = "import sys, supreme.report.page.page\nassert not {'altair', 'vl_convert', 'torch'} & set(sys.modules)\n"
    subprocess.run([sys.executable, "-c", code], check=True, env=environment())


def test_the_figures_name_methods_units_n_and_what_the_bars_are(sweep):
    frame, series = load(sweep), load_series(sweep)
    for figure in (plot_tradeoff(frame), plot_seeds(frame), plot_cost(frame), plot_roc(series), plot_classes(series)):
        said = words(figure)
        assert "scrub" in said
        assert "ssd" in said
        assert "3 training seeds" in said
    assert "95 % t interval" in words(plot_tradeoff(frame))
    assert "shaded ± SD" in words(plot_roc(series))
    assert "seconds of the method's own work" in words(plot_cost(frame))


LONG = "a_method_of_forty_characters_in_all_or_so"
SWEEPS = {  # methods, seeds, classes
    "one seed of one method": (["ssd"], 1, 2),
    "three": (["retrain", "scrub", "ssd"], 2, 10),
    "sixty with long names and 105 classes": ([f"{LONG}_{number:02}" for number in range(60)], 1, 105),
}


@pytest.fixture(scope="module", params=SWEEPS)
def block(request, tmp_path_factory):
    """A block whose values spread over magnitudes, but for the method that is the reference's equal."""
    methods, seeds, many = SWEEPS[request.param]
    directory = tmp_path_factory.mktemp("block")
    for number, (method, seed) in enumerate((method, seed) for method in methods for seed in range(seeds)):
        content = full(method, seed, 0.3 * number / (len(methods) * seeds))
        content["metrics"]["cost/seconds"] = 10 ** (number % 7 - 3)
        content["metrics"]["accuracy/test"] = None if number == 1 else 0.8
        names = [f"class number {place}" for place in range(many)]
        for part, change in (("metrics", number / 100), ("reference", 0.0), ("original", 0.1)):
            content["series"][part]["accuracy/by_class"] = {"x": names, "y": [0.8 - change] * many}
        save_row(directory, content)
    frame = load(directory)
    return shown(frame, load_series(directory, frame))


ELSEWHERE = ("frontier", "variance", "curves", "confusion")
"""Of other rows than these: see below, test_frontier.py and test_inside.py."""


@pytest.mark.parametrize("name", [figure.name for figure in FIGURES if figure.name not in ELSEWHERE])
def test_no_text_of_a_figure_leaves_it_or_is_printed_over_another(block, name):
    (figure,) = [one for one in FIGURES if one.name == name]
    spec = figure.draw(block, *(["accuracy/forget"] if figure.by_metric else []))
    width, height, texts = drawn_texts(spec)
    assert width <= 380
    assert outside(width, height, texts) == []
    assert overlapping(texts) == []
    assert not {"NaN", "null", "undefined", "Infinity"} & {text.text for text in texts}


def test_names_that_are_cut_to_the_same_are_told_apart_by_where_they_differ():
    names = [f"{'a' * 15}{middle}{'b' * 30}" for middle in ("one", "two")] + ["ssd"]
    found = labels(names)
    assert found["ssd"] == "ssd"
    assert len(set(found.values())) == 3
    assert "one" in found[names[0]]
    assert "two" in found[names[1]]
    alike = [f"{'a' * 20}{number:02}{'b' * 20}{number % 3}{'c' * 20}" for number in range(60)]
    for length in (24, 13):
        assert len(set(labels(alike, length).values())) == 60
        assert max(map(len, labels(alike, length).values())) <= length


def test_labels_in_the_margin_are_a_line_apart_in_the_order_of_their_points(block):
    spec = tradeoff(block)
    if spec is None or len(spec["datasets"]["points"]) < 10:
        pytest.skip("few labels")
    _, _, texts = drawn_texts(spec)
    margin = sorted((text for text in texts if text.left > 240), key=lambda text: text.top)
    assert len(margin) == len(spec["datasets"]["points"])
    assert np.diff([text.top for text in margin]).min() > 12.9


def test_a_figure_without_anything_to_show_says_why_and_has_no_file(saved):
    directory = saved(row(seed=0), row(seed=1))
    frame, series = load(directory), load_series(directory)
    assert series.empty
    for draw, told in (
        (lambda: plot_tradeoff(frame), "no row has a value of both accuracy/forget and accuracy on unseen data"),
        (lambda: plot_variance(frame), "'seeds.unlearn=range(3)', or the same forget sets in each"),
        (lambda: plot_roc(series), "rows with the series membership/roc"),
        (lambda: plot_classes(series), "accuracy/by_class"),
        (lambda: plot_seeds(frame, metric="nothing"), "no row has a value of nothing"),
    ):
        with pytest.raises(SupremeError, match=re.escape(told)):
            draw()
    names = {path.stem for path in write_figures(directory)}
    assert names == {"seeds-accuracy-forget", "seeds-js_divergence-forget"}


def test_shares_of_the_variance_are_drawn_where_draws_let_them_be_estimated(saved):
    values = {(0, 0): 0.80, (0, 1): 0.84, (1, 0): 0.95, (1, 1): 0.91}
    rows = [
        row(seed=seed, value=value, seeds={"forget": seed, "reference": 0, "unlearn": draw, "evaluate": 0})
        for (seed, draw), value in values.items()
    ]
    spec = plot_variance(load(saved(*rows, row("ssd", 0), row("ssd", 1)))).to_dict()
    shares = spec["datasets"]["shares"]
    assert {line["method"] for line in shares} == {"scrub"}
    assert {line["part"] for line in shares} == {"training seed", "unlearning draw"}
    assert sum(line["share"] for line in shares) == pytest.approx(1)
    width, height, texts = drawn_texts(spec)
    assert outside(width, height, texts) == overlapping(texts) == []


def test_the_page_draws_with_the_vega_of_the_installed_vl_convert():
    if version("vl-convert-python") != VERSION:
        pytest.skip("another version of vl-convert; `python -m tests.vega` packs its Vega")
    assert VEGA.read_bytes() == packed()


def test_a_figure_refuses_to_mix_blocks(saved):
    frame = load(saved(full("scrub", 0), full("scrub", 1, scenario="full_class")))
    with pytest.raises(SupremeError, match="selects 2"):
        plot_tradeoff(frame)
    with pytest.raises(SupremeError, match="selects 0"):
        plot_tradeoff(frame, {"scenario": "subclass"})
    with pytest.raises(SupremeError, match="not by method"):
        plot_tradeoff(frame, {"method": "scrub"})
    assert "scrub" in words(plot_tradeoff(frame, {"scenario": "random"}))


def test_points_average_draws_within_a_seed_first_and_give_t_intervals(saved):
    values = {(0, 0): 0.8, (0, 1): 0.9, (1, 0): 0.95}
    rows = [
        row(seed=seed, value=value, seeds={"forget": seed, "reference": seed, "unlearn": draw, "evaluate": 0})
        for (seed, draw), value in values.items()
    ]
    line = estimates.points(load(saved(*rows)), "accuracy/forget").set_index("method").loc["scrub"]
    assert line["mean"] == pytest.approx(0.9)
    assert line["seeds"] == 2
    assert line["high"] - line["mean"] == pytest.approx(12.706204736 * 0.05)  # SD .0707 over sqrt(2), t of df 1


def test_the_average_gap_is_the_mean_of_absolute_gaps_taken_per_seed(sweep):
    table, metrics = estimates.average_gap(load(sweep))
    assert metrics == ["accuracy/forget", "accuracy/retain", "accuracy/test", "membership/auc"]
    gaps = table.set_index("method")["mean"]
    # scrub: forget .1 + (0, .01, .02), retain, test and AUC .1 each; ssd: forget (0, .01, .02), the others 0
    assert gaps["scrub"] == pytest.approx((0.11 + 0.3) / 4)
    assert gaps["ssd"] == pytest.approx(0.01 / 4)
    assert "reference" not in gaps


def test_series_have_a_line_per_curve_and_the_labels_of_the_frame(sweep):
    series = load_series(sweep)
    assert len(series) == 6 * 3 * 2
    assert set(series["role"]) == {"unlearned", "reference", "original"}
    assert set(series["method"]) == {"scrub", "ssd"}
    curve = series[(series["series"] == "membership/roc") & (series["role"] == "reference")].iloc[0]
    assert curve["x"] == (0.0, 0.5, 1.0)


def test_a_curve_is_read_without_interpolation_and_averaged_over_seeds(sweep):
    curves = roc_curves(load_series(sweep)).set_index("method")
    own = curves.loc["scrub"]
    assert own["fpr"].min() == pytest.approx(0.1)  # the smallest positive rate, .5, but no more than .1
    assert own.loc[own["fpr"] < 0.49, "mean"].unique() == pytest.approx([0.25])  # the step at 0, not a slope to .5
    assert own["mean"].iloc[-1] == 1
    assert curves.loc["reference", "seeds"].unique() == [3]
    assert (own["low"] == own["mean"]).all()  # the seeds are the same


def test_classes_are_compared_with_the_reference_of_their_own_cell(sweep):
    changes = class_changes(load_series(sweep))
    assert list(changes.columns) == ["cat", "dog"]
    assert changes.loc["scrub"].to_list() == pytest.approx([-0.1, 0.0])
    assert changes.loc["original"].to_list() == pytest.approx([0.0, 0.0])


def test_fifty_methods_have_fifty_looks_and_the_same_in_any_order():
    methods = [f"method_{number:02}" for number in range(50)]
    found = looks(["reference", "original", *methods])
    assert len(set(found.values())) == 52
    assert looks([*reversed(methods), "original", "reference"]) == found


def test_blocks_have_short_names_of_their_own_for_folders():
    assert slug("digits small_cnn random") == "digits-small_cnn-random"
    long = 'digits (content="../..") ' + "x" * 200
    assert len(slug(long)) <= 81
    assert set(slug(long)) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-=")
    assert slug("a (b)") != slug("a b")
    assert short("a" * 40, 11) == "aaaaa…aaaaa"


def test_rows_without_series_and_files_that_are_none_are_left_out(saved):
    directory = saved(full("scrub", 0), row("neggrad", 2))
    (directory / "rows" / "broken.json").write_text("{")
    (directory / "rows" / "list.json").write_text(json.dumps([1]))
    series = load_series(directory)
    assert isinstance(series, pd.DataFrame)
    assert set(series["method"]) == {"scrub"}
