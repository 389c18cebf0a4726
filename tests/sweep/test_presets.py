"""A row says which preset it used, and a table marks the methods that were tuned on the columns it shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from conf_files import CONF
from omegaconf import OmegaConf
from test_plan import composer  # noqa: F401
from test_report import row, text

from supreme.report import render
from supreme.report.page.page import page_data
from supreme.report.rows.load import load
from supreme.report.rows.tuning import tuning_text
from supreme.report.statistics.aggregate import summary
from tests.benchmarks.methods_digits import badness, columns_read, how_chosen

OLD = {"preset": "scrub/digits-small_cnn-random", "source": "found", "columns": ["accuracy/forget"], "seeds": [1, 9]}
"""As rows told it before presets said on which images they were found."""
FOUND = {**OLD, "images": "validation", "uses_reference": True}


def test_a_cell_knows_its_preset_and_what_the_command_line_left_of_it(composer: Any) -> None:  # noqa: F811
    def tuned(*overrides: str) -> Any:
        return composer(["method=scrub", *overrides])[0].tuned

    kept = tuned()["kept"]
    assert {"lr", "epochs", "augment"} < set(kept)
    assert tuned() == {
        "preset": "scrub/digits-small_cnn-random",
        "source": "found",
        "columns": ["accuracy/forget", "membership/auc", "accuracy/test"],
        "images": "test",
        "uses_reference": True,
        "seeds": [100, 101, 102],
        "kept": kept,
        "overridden": [],
    }
    others = [name for name in kept if name != "lr"]
    assert (tuned("method.lr=0.5")["kept"], tuned("method.lr=0.5")["overridden"]) == (others, ["lr"])
    assert tuned("method.lr=2.5e-4")["kept"] == kept
    assert (tuned("tuned=none")["preset"], tuned("tuned=none")["kept"]) == ("", [])
    assert composer(["method=retrain"])[0].tuned is None


def test_the_preset_is_no_part_of_what_a_cell_is(composer: Any) -> None:  # noqa: F811
    one, other = composer(["method=ssd"])[0], composer(["method=ssd", "tuned=none", "method.alpha=5.0"])[0]
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
    values = {"method": {"lr": 0.1, "alpha": 5}}
    rows = [row(method, seed, tuned=tuned, config=values) for method, tuned in told.items() for seed in (0, 1)]
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
    tuning = {entry["label"]: entry["tuning"] for entry in data["card"]["method"]}
    assert {label: own["how"].partition(":")[0] for label, (own,) in tuning.items()} == {
        "scrub": "preset scrub/digits-small_cnn-random (lr)",
        "delete": "preset scrub/digits-small_cnn-random, all of whose values were overridden",
        "ssd": "preset ssd-x (alpha)",
        "jit": "no preset",
    }


def test_the_card_names_the_values_of_a_preset_that_were_overridden() -> None:
    told = {"preset": "p", "source": "published", "kept": ["a"], "overridden": ["b"]}
    assert tuning_text({"tuned": told}) == "preset p (a; overridden: b): published values, whose source its YAML names"


def test_notes_and_card_say_which_methods_have_values_for_something_else(saved: Any) -> None:
    told = {"preset": "", "source": "published", "kept": [], "overridden": [], "values_for": "data=cifar10"}
    values = {"method": {"lr": 0.1}}
    rows = [row("scrub", seed, tuned=told, config=values) for seed in (0, 1)]
    directory = saved(*rows, *[row("jit", seed, tuned=None, config=values) for seed in (0, 1)])
    shown = " ".join(render(load(directory), "markdown", notes=True).split())
    assert "scrub: values for data=cifar10, and not for what this table shows" in shown
    assert shown.count("values for data=cifar10") == 1
    assert tuning_text(rows[0]).startswith("no preset, and values for data=cifar10")


# How presets were found.

PRESETS = {
    f"{path.stem}/{entry['name']}": entry
    for path in sorted((CONF / "tuned").glob("*.yaml"))
    for entry in OmegaConf.to_container(OmegaConf.load(path))
    if entry["chosen"]["source"] == "found"
}
READ_ELSEWHERE = {"ssd/orl_faces-small_cnn-random": {"accuracy/retain"}}
"""What was read to find the presets that tests/benchmarks/methods_digits.py did not find: see their comments."""


class Watched(Mapping[str, float]):
    """The columns of a row, with a note of those that somebody reads."""

    def __init__(self) -> None:
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.read.add(name)
        return 0.5

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def read_by_the_selection(scenario: str) -> set[str]:
    metrics, reference = Watched(), Watched()
    badness([{"scenario": scenario, "metrics": metrics, "reference": reference}])
    return metrics.read | reference.read


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_that_results_chose_names_every_column_that_the_selection_read(name: str) -> None:
    preset = PRESETS[name]
    chosen = preset["chosen"]
    read = READ_ELSEWHERE.get(name) or read_by_the_selection(preset["for"]["scenario"])
    assert set(chosen["columns"]) >= read
    assert chosen["uses_reference"] == (name not in READ_ELSEWHERE)


@pytest.mark.parametrize("scenario", ["random", "full_class"])
def test_the_selection_reads_what_it_tells_of_itself(scenario: str) -> None:
    assert set(columns_read(scenario)) == read_by_the_selection(scenario)
    assert OmegaConf.to_container(OmegaConf.create(how_chosen(scenario))) == {
        "source": "found",
        "columns": list(columns_read(scenario)),
        "images": "validation",
        "uses_reference": True,
        "seeds": [100, 101, 102],
    }


@pytest.mark.parametrize(
    ("told", "images", "reference", "sentence"),
    [
        ({"images": "test", "uses_reference": True}, "test", "yes", "on test images, with the retrained model at hand"),
        (
            {"images": "validation", "uses_reference": False},
            "validation",
            "no",
            "on validation images, without the retrained model",
        ),
        ({}, "test", "unknown", "on images that an older row does not name (taken for test images), with or without"),
    ],
)
def test_note_card_and_frame_say_on_which_images_and_whether_with_the_reference_values_were_found(
    saved: Any, told: dict[str, Any], images: str, reference: str, sentence: str
) -> None:
    columns = ["accuracy/forget", "accuracy/unseen"]
    tuned = {**OLD, **told, "columns": columns, "kept": ["lr"], "overridden": []}
    scrub = [row("scrub", seed, tuned=tuned, config={"method": {"lr": 0.1}}) for seed in (0, 1)]
    directory = saved(*scrub, row("jit", 0), row("jit", 1))
    frame = load(directory)
    own = frame[frame["method"] == "scrub"]
    assert set(zip(own["tuned_images"], own["tuned_reference"], strict=True)) == {(images, reference)}
    assert set(frame.loc[frame["method"] == "jit", "tuned_images"]) == {""}
    note = render(frame, "markdown")
    assert f"found by forget acc. % and accuracy/unseen {sentence}" in note
    card = page_data(directory, frame, summary(frame))["card"]
    ((tuning,),) = [entry["tuning"] for entry in card["method"] if entry["label"] == "scrub"]
    assert f"values found by accuracy/forget and accuracy/unseen {sentence}" in tuning["how"]
    assert tuning["how"].endswith("on training seeds 1, 9")
