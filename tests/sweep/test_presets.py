"""A row says which preset it used, and a table marks the methods that were tuned on the columns it shows."""

from __future__ import annotations

from typing import Any

from test_plan import composer  # noqa: F401
from test_report import row, text

from supreme.report import render
from supreme.report.page.page import page_data
from supreme.report.rows.load import load
from supreme.report.rows.tuning import tuning_text
from supreme.report.statistics.aggregate import summary

FOUND = {"preset": "scrub/digits-small_cnn-random", "source": "found", "columns": ["accuracy/forget"], "seeds": [1, 9]}


def test_a_cell_knows_its_preset_and_what_the_command_line_left_of_it(composer: Any) -> None:  # noqa: F811
    def tuned(*overrides: str) -> Any:
        return composer(["method=scrub", *overrides])[0].tuned

    assert tuned() == {
        "preset": "scrub/digits-small_cnn-random",
        "source": "found",
        "columns": ["accuracy/forget", "membership/auc"],
        "seeds": [100, 101, 102],
        "kept": ["lr"],
        "overridden": [],
    }
    assert (tuned("method.lr=0.5")["kept"], tuned("method.lr=0.5")["overridden"]) == ([], ["lr"])
    assert tuned("method.lr=2.5e-4")["kept"] == ["lr"]
    assert tuned("tuned=none") is None
    assert composer(["method=finetune"])[0].tuned is None


def test_the_preset_is_no_part_of_what_a_cell_is(composer: Any) -> None:  # noqa: F811
    one, other = composer(["method=scrub"])[0], composer(["method=scrub", "tuned=none", "method.lr=2.5e-4"])[0]
    assert one.tuned != other.tuned
    assert (one.id, one.key("unlearned")) == (other.id, other.key("unlearned"))


def test_only_methods_tuned_on_the_columns_shown_are_marked(saved: Any) -> None:
    published = {"preset": "ssd-x", "source": "published", "kept": ["alpha"], "overridden": []}
    told = {
        "scrub": {**FOUND, "kept": ["lr"], "overridden": []},
        "delete": {**FOUND, "kept": [], "overridden": ["lr"]},
        "ssd": published,
        "jit": None,
    }
    rows = [row(method, seed, tuned=tuned) for method, tuned in told.items() for seed in (0, 1)]
    directory = saved(*rows)
    frame = load(directory)
    for shown in (text(directory), render(frame, "markdown"), render(frame, "latex").replace("$\\dagger$", "†")):
        assert "scrub †" in shown
        assert "† scrub: a preset whose values were found by forget acc. %" in shown.replace("\\%", "%")
        assert "training seeds 1, 9 (evaluated here too: 1)" in " ".join(shown.split())
        assert not any(f"{method} †" in shown for method in ("delete", "ssd", "jit"))
    elsewhere = [("js_divergence/forget", "JS", ".4f")]
    assert "†" not in render(frame, "markdown", columns=elsewhere)
    data = page_data(directory, frame, summary(frame))
    assert data["blocks"][0]["tuned"] == ["scrub"]
    assert {entry["label"]: entry["tuning"].partition(":")[0] for entry in data["card"]["method"]} == {
        "scrub": "preset scrub/digits-small_cnn-random (lr)",
        "delete": "preset scrub/digits-small_cnn-random, all of whose values were overridden",
        "ssd": "preset ssd-x (alpha)",
        "jit": "no preset",
    }


def test_the_card_names_the_values_of_a_preset_that_were_overridden() -> None:
    told = {"preset": "p", "source": "published", "kept": ["a"], "overridden": ["b"]}
    assert tuning_text({"tuned": told}) == "preset p (a; overridden: b): published values, whose source its YAML names"
