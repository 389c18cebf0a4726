"""Figures: the numbers that they show, and that every one of them can be drawn."""

import itertools
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from conftest import environment
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
from supreme.report.figures.drawing import short, spread
from supreme.report.figures.series import class_changes, roc_curves
from supreme.report.figures.style import looks
from supreme.report.rows.load import load
from supreme.report.tables.blocks import slug

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


def words(figure):
    """Every text of a figure."""
    import matplotlib.text

    figure.canvas.draw()
    return " ".join(text.get_text().replace("\n", " ") for text in figure.findobj(matplotlib.text.Text))


def test_the_command_writes_every_figure_in_both_formats_and_the_same_rows_give_the_same_bytes(sweep, capsys):
    folder = sweep / "reports" / "figures" / "digits-small_cnn-digits-small_cnn-random"
    assert main([str(sweep), "--figures"]) == 0
    assert capsys.readouterr().out == f"{folder}\n"
    first = {path: path.read_bytes() for path in folder.iterdir()}
    names = {path.name for path in first}
    kinds = ("tradeoff", "seeds-accuracy-forget", "cost", "variance", "roc", "classes")
    assert {f"{name}.{kind}" for name in kinds for kind in ("png", "pdf")} <= names
    assert {path: path.read_bytes() for path in write_figures(sweep)} == first


def test_importing_the_report_imports_no_matplotlib_and_drawing_leaves_its_settings_alone(sweep):
    code = (
        "import sys, supreme.report as report\n"
        "assert 'matplotlib' not in sys.modules and 'torch' not in sys.modules\n"
        "import matplotlib\n"
        "settings = lambda: {name: matplotlib.rcParams[name] for name in matplotlib.rcParams if name != 'backend'}\n"
        "before = settings()\n"
        f"report.plot_tradeoff(report.load({str(sweep)!r}))\n"
        "assert settings() == before\n"
        "assert 'matplotlib.pyplot' not in sys.modules and 'torch' not in sys.modules\n"
    )
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
    assert all(figure.get_size_inches()[0] == pytest.approx(3.3) for figure in (plot_tradeoff(frame), plot_roc(series)))


def test_curves_of_more_methods_than_fit_a_line_are_below_each_other_and_every_column_has_its_axis(saved):
    figure = plot_roc(load_series(saved(*(full(f"method_{number}", 0) for number in range(6)))))
    words(figure)
    shown = [axes for axes in figure.axes if axes.get_visible()]
    labelled = [axes for axes in shown if any(label.get_visible() for label in axes.get_xticklabels())]
    assert [axes.get_title() for axes in shown] == ["original", *(f"method_{number}" for number in range(6))]
    assert [axes.get_title() for axes in labelled] == ["method_2", "method_3", "method_4", "method_5"]
    for left, right in itertools.pairwise(axes for axes in labelled[1:]):
        last, first = left.get_xticklabels()[-1].get_window_extent(), right.get_xticklabels()[0].get_window_extent()
        assert last.x1 < first.x0


def test_a_figure_without_anything_to_show_says_why(saved):
    directory = saved(row(seed=0), row(seed=1))
    frame, series = load(directory), load_series(directory)
    assert series.empty
    assert "no row has a value of both accuracy/forget and accuracy/test" in words(plot_tradeoff(frame))
    assert "'seeds.unlearn=range(3)', or the same forget sets in each" in words(plot_variance(frame))
    assert "no row has the series membership/roc" in words(plot_roc(series))
    assert "accuracy/by_class" in words(plot_classes(series))
    assert "no row has a value of nothing" in words(plot_seeds(frame, metric="nothing"))


def test_shares_of_the_variance_are_drawn_where_draws_let_them_be_estimated(saved):
    values = {(0, 0): 0.80, (0, 1): 0.84, (1, 0): 0.95, (1, 1): 0.91}
    rows = [
        row(seed=seed, value=value, seeds={"forget": seed, "reference": 0, "unlearn": draw, "evaluate": 0})
        for (seed, draw), value in values.items()
    ]
    said = words(plot_variance(load(saved(*rows, row("ssd", 0), row("ssd", 1)))))
    assert "scrub" in said
    assert "ssd" not in said
    assert "unlearning draw" in said
    assert "evaluation draw" not in said


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


def test_labels_in_a_margin_keep_their_distance_and_their_order():
    places = spread([0.5, 0.5, 0.5, 0.9], 0.1, 0.0, 1.0)
    assert places == pytest.approx([0.4, 0.5, 0.6, 0.9])
    assert spread([1.0, 1.0], 0.1, 0.0, 1.0) == pytest.approx([0.9, 1.0])
    assert np.diff(spread(list(np.linspace(0, 1, 40)), 0.1, 0.0, 1.0)) == pytest.approx(0.1)  # more than fit


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
