"""From rows to tables: what is read, what is pooled, what is printed."""

import csv
import io
import itertools
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import recompute
from results import cell_of, complete, save_row
from rich.console import Console

from supreme.core import Column, SupremeError
from supreme.report import Endpoints, render, summary, write
from supreme.report.catalogue.metrics import our_columns
from supreme.report.command import main
from supreme.report.rows.columns import default_columns
from supreme.report.rows.load import load
from supreme.report.rows.twins import twin_claims
from supreme.report.statistics.aggregate import SUMMARY_COLUMNS
from supreme.store.files import digest

T_975 = {1: 12.706204736, 2: 4.302652730, 3: 3.182446305, 4: 2.776445105}  # of Student's t, by degrees of freedom
FORGET = {0: 0.90, 1: 0.85, 2: 0.95, 3: 0.80}  # forget accuracy of the reference, by training seed


def row(method="scrub", seed=0, value=0.9, *, config=None, **changes):
    """A row whose forget accuracy is `value`; distances exist only for what is not the reference."""
    content = {
        "cell": cell_of(method, seed, value, config, changes),
        "data": "digits",
        "model": "small_cnn",
        "recipe": "digits-small_cnn",
        "scenario": "random",
        "method": method,
        "seed": seed,
        "seeds": {"forget": seed, "reference": seed, "unlearn": 0, "evaluate": 0},
        "metrics": {"accuracy/forget": value, "js_divergence/forget": 0.1, "cost/peak_memory_bytes": None},
        "reference": {"accuracy/forget": FORGET[seed], "js_divergence/forget": None, "cost/peak_memory_bytes": None},
        "original": {"accuracy/forget": 1.0 - seed / 100, "js_divergence/forget": 0.2, "cost/peak_memory_bytes": None},
        "reasons": {
            "metrics": {"cost/peak_memory_bytes": "not readable here"},
            "reference": {"js_divergence/forget": "compared with itself"},
        },
        "cost": {},
        "forget_digest": "00",
        "sets": {"forget": 20, "retain": 180},
        "config": {
            "data": {"_target_": "d.D"},
            "model": {"_target_": "m.M", "width": 8},
            "recipe": {"_target_": "r.R", "optimiser": {"lr": 0.1}},
            "scenario": {"_target_": "s.S"},
            "method": {"_target_": "u.U"},
        },
        "notes": [],
        "provenance": {},
    }
    for kind, fields in (config or {}).items():
        content["config"].setdefault(kind, {}).update(fields)
    return content | changes


def with_original(content, value):
    """The row, whose original has this forget accuracy."""
    return content | {"original": content["original"] | {"accuracy/forget": value}}


def line(table, method, metric="accuracy/forget"):
    found = table[(table["method"] == method) & (table["metric"] == metric)]
    assert len(found) == 1, found
    return found.iloc[0]


def text(directory, width=100, **options):
    console = Console(width=width, file=io.StringIO())
    console.print(*render(load(directory), "terminal", width=width, wide=True, notes=True, **options), sep="\n")
    return console.file.getvalue()  # type: ignore[attr-defined]


def test_the_frame_has_one_line_per_cell_and_metric(saved):
    frame = load(saved(row(seed=0), row(seed=1)))
    assert len(frame) == 6
    assert list(frame.columns)[:8] == [*("cell", "data", "model", "recipe", "scenario", "setting", "method", "variant")]
    first = frame[(frame["seed"] == 1) & (frame["metric"] == "js_divergence/forget")].iloc[0]
    assert first["seed_forget"] == 1
    assert (first["value"], first["original"]) == (0.1, 0.2)
    assert np.isnan(first["reference"])
    assert first["reason_reference"] == "compared with itself"
    assert first["reason"] == ""
    assert first["forget_size"] == 20
    assert frame.loc[frame["metric"] == "cost/peak_memory_bytes", "reason"].unique().tolist() == ["not readable here"]
    assert all(frame[name].dtype == np.float64 for name in ("value", "reference", "original"))


OTHER = row("ssd", cell="broken")


def sealed(**changes):
    """The text of another row with these changes, whose digest fits: as a program with a fault would leave it."""
    content = complete(OTHER) | changes
    return json.dumps(content | {"sha256": digest(content)})


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ("", "it is empty"),
        ("{", "it is no JSON"),
        ("[]", "it holds a list, not a row"),
        ("null", "it holds a NoneType, not a row"),
        ('"row"', "it holds a str, not a row"),
        ("\x00", "it is no JSON"),
        ("\ud800", "it is no JSON"),
        ("[" * 100_000, "it is nested too deeply"),
        (sealed().replace("0.1,", "0.2,", 1), "does not fit its SHA-256"),
        (sealed().replace("0.1,", "1e999,", 1), "a number in it is not finite"),
        (sealed().replace("0.1,", "NaN,", 1), "NaN is no number"),
        (json.dumps(complete(OTHER)), "does not fit its SHA-256"),
        (sealed(seeds=None), "seeds is a NoneType, not dict"),
        (sealed(metrics={"accuracy/forget": "high"}), "metrics['accuracy/forget'] is a str, not float | None"),
        (sealed(metrics={"accuracy/forget": True}), "metrics['accuracy/forget'] is a bool, not float | None"),
        (sealed(seed="0"), "seed is a str, not int"),
        (sealed(config={}), "config lacks data"),
        (sealed(sets={}), "its sets lack forget"),
        (sealed(notes=["a", 1]), "notes[1] is a int, not str"),
        (sealed(tuned={"preset": "x"}), "KeyError: 'kept'"),
        (sealed(cell="another"), "it is the row of cell another, not of broken"),
    ],
)
def test_a_file_that_is_no_row_is_skipped_and_named_with_its_reason_below_the_table_too(saved, caplog, damage, reason):
    directory = saved(row())
    (directory / "rows" / "broken.json").write_text(damage, errors="surrogatepass")
    with caplog.at_level(logging.WARNING):
        frame = load(directory)
    assert len(frame) == 3
    assert "broken.json, which is damaged" in caplog.text
    assert reason in caplog.text
    assert "Left out, damaged: broken.json; the same sweep makes them again." in text(directory)


def test_rows_of_an_older_version_are_counted_in_one_note(saved, caplog):
    directory = saved(row())
    for name in ("old", "older"):
        (directory / "rows" / f"{name}.json").write_text(json.dumps(complete(OTHER) | {"schema": 1}))
    assert len(load(directory)) == 3
    assert caplog.text.count("\n") == 1
    for told in (caplog.text, " ".join(text(directory).split()), render(load(directory), "markdown")):
        assert "2 rows of another version of supreme: the same sweep makes them again" in told


def test_a_directory_without_results_is_refused(tmp_path):
    with pytest.raises(SupremeError, match="empty or missing"):
        load(tmp_path)
    (tmp_path / "rows").mkdir()
    (tmp_path / "rows" / "x.json").write_text("{")
    with pytest.raises(SupremeError, match=r"damaged: x\.json"):
        load(tmp_path)


def test_a_summary_agrees_with_plain_python(saved):
    values = {0: 0.93, 1: 0.81, 2: 0.97, 3: 0.90}
    table = summary(load(saved(*(row(seed=seed, value=value) for seed, value in values.items()))))
    found = line(table, "scrub")
    gaps = [values[seed] - FORGET[seed] for seed in values]
    half = T_975[3] * statistics.stdev(gaps) / 4**0.5
    assert found["seeds"] == 4
    assert found["mean"] == pytest.approx(statistics.mean(values.values()))
    assert found["sd"] == pytest.approx(statistics.stdev(values.values()))
    assert found["gap"] == pytest.approx(statistics.mean(gaps))
    assert found["gap_low"] == pytest.approx(statistics.mean(gaps) - half)
    assert found["gap_high"] == pytest.approx(statistics.mean(gaps) + half)
    assert found["missing"] == ""


def test_draws_are_averaged_within_their_training_seed_first(saved):
    # Seed 0 has three draws and seed 1 has one: a pooled mean would be 0.4, the mean of the seeds' means is 0.5.
    draws = [(0, 0, 0.1), (0, 1, 0.3), (0, 2, 0.5), (1, 0, 0.7)]
    rows = [
        row(seed=seed, value=value, seeds={"forget": 0, "reference": 0, "unlearn": draw, "evaluate": 0})
        for seed, draw, value in draws
    ]
    found = line(summary(load(saved(*rows))), "scrub")
    assert found["mean"] == pytest.approx(0.5)
    assert found["sd"] == pytest.approx(statistics.stdev([0.3, 0.7]))
    assert (found["seeds"], found["unlearn_draws"], found["evaluate_draws"]) == (2, 3, 1)
    assert found["missing"] == "seed 1 has 1 of 3 draws"


def test_the_anchors_count_each_model_once_however_many_methods_share_it(saved):
    rows = [row(method, seed) for method in ("scrub", "ssd") for seed in (0, 1)] + [row("neggrad", 1)]
    table = summary(load(saved(*rows)))
    reference, original = line(table, "reference"), line(table, "original")
    assert (reference["mean"], reference["seeds"]) == (pytest.approx((0.90 + 0.85) / 2), 2)
    assert reference["sd"] == pytest.approx(statistics.stdev([0.90, 0.85]))
    assert np.isnan(reference["gap"])  # nothing is compared with itself
    assert original["mean"] == pytest.approx(0.995)
    assert original["gap"] == pytest.approx((0.10 + 0.14) / 2)


def test_anchors_weigh_each_draw_once(saved):
    # The reference of forget draw 0 is shared by two methods, and that of draw 1 happens to score the same.
    rows = []
    for method, draw, reference in (("a", 0, 0.2), ("b", 0, 0.2), ("a", 1, 0.2), ("a", 2, 0.8)):
        content = row(method, seeds={"forget": draw, "reference": 0, "unlearn": draw, "evaluate": 0})
        content["reference"]["accuracy/forget"] = reference
        rows.append(content)
    table = summary(load(saved(*rows)))
    assert line(table, "reference")["mean"] == pytest.approx(0.4)
    assert (line(table, "reference")["forget_draws"], line(table, "reference")["unlearn_draws"]) == (3, 1)


def test_a_swept_original_gives_way_to_the_anchor(saved):
    table = summary(load(saved(row("original", value=0.123), row("scrub"))))
    assert line(table, "original")["mean"] == 1.0
    assert line(summary(load(saved(row("original", value=0.123)))), "original")["mean"] == 1.0


def test_one_seed_has_a_mean_and_a_gap_but_no_spread_and_no_interval(saved):
    found = line(summary(load(saved(row(value=0.93)))), "scrub")
    assert found["gap"] == pytest.approx(0.03)
    assert all(np.isnan(found[name]) for name in ("sd", "gap_low", "gap_high"))


def test_what_is_missing_or_undefined_is_told(saved):
    rows = [row(seed=seed) for seed in (0, 1, 2)] + [row("ssd", 1)]
    rows[2]["metrics"]["js_divergence/forget"] = None
    rows[2]["reasons"]["metrics"]["js_divergence/forget"] = "too few"
    frame = load(saved(*rows))
    table = summary(frame)
    assert line(table, "ssd")["missing"] == "seeds 0, 2 missing"
    assert line(table, "scrub", "js_divergence/forget")["missing"] == "seed 2 undefined"
    assert line(table, "scrub", "js_divergence/forget")["reason"] == "too few"
    assert line(table, "scrub", "cost/peak_memory_bytes")["missing"] == ""
    printed = render(frame, "markdown", wide=True, notes=True)
    assert "- ssd: seeds 0, 2 missing." in printed
    assert "- scrub (JS div. forget): seed 2 undefined (too few)." in printed
    assert "- n/a, compared with itself: reference (JS div. forget)." in printed


def test_a_method_that_changed_nothing_is_told(saved):
    rows = [row("ssd", seed, notes=["unchanged"]) for seed in (0, 1)] + [row("original", notes=["unchanged"]), row()]
    printed = render(load(saved(*rows)), "markdown")
    assert "- ssd: unchanged in seeds 0, 1." in printed
    assert printed.count("unchanged") == 1


def test_a_markdown_table_prints_what_can_be_worked_out_by_hand(saved):
    values = {"scrub": (0.95, 0.85, 1.0), "retrain": (0.9, 0.85, 0.95 - 1e-9)}
    rows = [row(method, seed, value) for method, own in values.items() for seed, value in enumerate(own)]
    originals = (0.94, 0.90, 1.0)
    rows = [with_original(one, originals[one["seed"]]) for one in rows]
    printed = render(load(saved(*rows)), "markdown", wide=True, notes=True)
    lines = printed.splitlines()
    # Gaps of scrub 5, 0 and 5 points: mean 3.33, SD 2.887, half-width 4.3027 x 2.887 / sqrt 3 = 7.17.
    # Gaps of the original 4, 5 and 5 points: mean 4.67, SD 0.577, half-width 1.43, t = 14, p = .005.
    assert lines[0] == "## digits · small_cnn · digits-small_cnn · random"
    assert lines[2] == "| method | verdict, % removed | forget acc. % | JS div. forget |"
    assert [cell.split(" |")[0] for cell in lines[4:8]] == [
        "| reference",
        "| retrain (noise floor)",
        "| original",
        "| scrub",
    ]
    assert lines[4] == "| reference |  | 90.00 ± 5.00 | n/a |"
    assert lines[5] == (
        "| retrain (noise floor) | ? n/a | 90.00 ± 5.00<br>+0.00 [+0.00, +0.00] (E) | 0.1000 ± 0.0000 |"
    )
    assert lines[6] == "| original | D n/a | 94.67 ± 5.03<br>+4.67 [+3.23, +6.10] D | 0.2000 ± 0.0000 |"
    assert lines[7] == "| scrub | ? n/a | 93.33 ± 7.64<br>+3.33 [-3.84, +10.50] ? | 0.1000 ± 0.0000 |"
    assert lines[9] == (
        "- mean ± SD of 3 training seeds, one forget set; accuracies in per cent; 20 forget images; no method lacks a "
        "run that others have."
    )
    assert lines[10].startswith("- First column: the verdict on all primary endpoints together")
    assert lines[10].endswith(
        "Letters, against the reference at 5 %: E within the margins; D different; ? not decided (in a cell, with E "
        "and N in brackets, of that cell alone)."
    )
    assert lines[11] == (
        "- Margins, given afterwards: forget acc. 2.00, membership AUC 0.020, JS div. forget relative, retain acc. "
        "1.00, test acc. 1.00; of what the original remembers, at most 25 % may be left."
    )
    told = printed.partition(lines[11])[2].splitlines()
    assert (
        "- I = 3 training seeds, J = 1 unlearning draw, K = 1 evaluation draw, R = 1 reference per training seed."
        in told
    )
    assert (
        "- 3 seeds are few: their exact sign-flip p cannot be below 0.25, so every p below that leans on gaps being "
        "normally distributed."
    ) in told
    assert "- Largest gap of a single seed: forget acc. scrub +5.00 in seed 0." in told


def test_a_table_of_one_seed_says_so(saved):
    printed = render(load(saved(row(value=0.93))), "markdown", wide=True, notes=True)
    assert "| 93.00 (76.39 to 99.11)<br>+3.00 [n/a] |" in printed  # Wilson's interval of 19 of 20 images
    assert "what so few images leave open, not what another training would" in printed
    assert "0.1000 ± n/a" in printed
    assert "'seed=range(5)'" in printed


def test_the_draws_of_the_design_are_those_of_the_methods(saved):
    rows = [
        row(seed=seed, seeds={"forget": seed, "reference": seed, "unlearn": draw, "evaluate": evaluation})
        for seed in (0, 1)
        for draw in (0, 1)
        for evaluation in (0, 1, 2)
    ]
    printed = render(load(saved(*rows)), "markdown", wide=True, notes=True)
    assert "I = 2 training seeds, J = 2 unlearning draws, K = 3 evaluation draws, R = 1 reference per" in printed


def shown_by_our_metrics():
    """In their order in tables."""
    declared = our_columns()
    return default_columns(sorted(name for name in declared if "*" not in name), declared)


def wide(seed, scenario):
    content = row(seed=seed, scenario=scenario)
    metrics = {column.metric: 0.5 + seed / 10 for column in shown_by_our_metrics()}
    if scenario == "random":
        del metrics["accuracy/forget_test"]
    return content | {"metrics": metrics, "reference": metrics, "original": metrics}


def test_held_out_accuracies_of_the_forgotten_are_shown_where_a_class_is_forgotten(saved):
    printed = render(
        load(saved(*(wide(seed, name) for seed in (0, 1) for name in ("random", "full_class")))), "markdown"
    )
    by_class, random = printed.split("## ")[1:]
    assert "forget-test acc. % | retain-test acc. %" in by_class
    assert "-test acc." not in random  # there it is the whole test set, which has its own column


@pytest.mark.parametrize("width", [60, 80, 100, 400])
def test_no_table_is_wider_than_the_terminal_and_none_loses_a_column(saved, width):
    rows = [wide(seed, "full_class") for seed in (0, 1, 2)]
    rows += [content | {"method": "a_method_with_a_name_that_is_rather_long", "cell": "x"} for content in rows[:1]]
    printed = text(saved(*rows), width)
    assert max(map(len, printed.splitlines())) <= width
    tables = printed.partition("- mean ±")[0]
    assert all(tables.count("  " + column.title) == 1 for column in shown_by_our_metrics())
    assert "…" not in printed
    assert ("continued" in printed) == (width < 400)


def test_text_in_brackets_is_printed_as_it_is(saved):
    printed = text(saved(row("scrub[fast]")))
    assert "scrub[fast]" in printed
    assert "+0.00 [n/a]" in printed


def test_columns_can_be_chosen_and_a_wrong_one_is_refused(saved):
    directory = saved(row())
    printed = render(
        load(directory), "markdown", wide=True, notes=True, columns=[("accuracy/forget", "fraction", ".3f")]
    )
    assert "| method | fraction |" in printed
    assert "| 0.900 (0.699 to 0.972)" in printed
    with pytest.raises(SupremeError, match="did you mean accuracy/forget"):
        render(load(directory), "markdown", wide=True, notes=True, columns=[("accuracy/forgot", "", ".3f")])


def declaring(columns, seed=0, **changes):
    """A row with two columns of a stranger's, which declares these."""
    own = {"loud/forget": 0.25, "loud/test": 12.5}
    changes = {"columns": {name: column.record() for name, column in columns.items()}, **changes}
    parts = {part: row(seed=seed)[part] | own for part in ("metrics", "reference", "original")}
    return row(seed=seed) | parts | changes


def test_a_metric_of_anyone_is_shown_as_its_rows_declare(saved):
    loud = Column(title="loudness", format=".1f", shown=True)
    own = our_columns()["accuracy/forget"]
    frame = load(saved(declaring({"loud/test": loud, "accuracy/forget": own})))
    assert "| method | forget acc. % | loudness |" in (printed := render(frame, "markdown", wide=True, notes=True))
    assert "| 90.00 (69.90 to 97.21)" in printed
    assert "| 12.5 ± n/a" in printed
    first = load(saved(declaring({"loud/test": replace(loud, rank=1), "accuracy/forget": own})))
    assert "| method | loudness | forget acc. % |" in render(first, "markdown", wide=True, notes=True)
    beside = load(saved(declaring({"loud/test": replace(loud, only_beside="loud/retain"), "accuracy/forget": own})))
    assert "| method | forget acc. % |\n" in render(beside, "markdown", wide=True, notes=True)


def test_of_a_column_that_nobody_declares_the_plain_name_is_shown(saved, capsys):
    directory = saved(declaring({}))
    assert "| method | accuracy/forget | js_divergence/forget | loud/forget | loud/test |" in render(
        load(directory), "markdown"
    )
    assert main([str(directory), "--format", "markdown", "--metrics", "loud/test"]) == 0
    assert "| method | loud/test |" in capsys.readouterr().out


def test_rows_that_are_older_than_declarations_are_shown_as_our_metrics_declare_now(saved):
    old = declaring({})
    del old["columns"]
    assert "| method | forget acc. % | JS div. forget |" in render(load(saved(old)), "markdown")


def test_of_two_declarations_of_a_column_that_of_the_newer_row_counts(saved):
    old, new = (
        declaring(
            {"loud/test": Column(title=title, shown=True)}, seed, provenance={"finished": f"{year}-01-01T00:00:00Z"}
        )
        for seed, (title, year) in enumerate({"old": 2026, "new": 2027}.items())
    )
    assert "| method | new |" in render(load(saved(old, new)), "markdown")


def test_a_declaration_of_another_version_that_is_not_understood_leaves_a_plain_column(saved):
    directory = saved(declaring({}) | {"columns": {"loud/test": {"title": "x", "unit": "sone", "shown": True}}})
    assert "loud/test" in render(load(directory), "markdown")
    later = saved(declaring({}) | {"columns": {"loud/test": {"title": "x", "shown": True, "since": "0.9"}}})
    assert "| method | x |" in render(load(later), "markdown")


def test_frames_made_of_a_frame_show_the_same_and_can_be_written(saved, tmp_path):
    frame = load(saved(declaring({"loud/test": Column(title="loudness", shown=True)})))
    part = frame.loc[frame["metric"] == "loud/test"].assign(more=1).copy()
    assert "| method | loudness |" in render(part, "markdown")
    assert json.loads(json.dumps(part.attrs["columns"]))["loud/test"]["title"] == "loudness"


def test_rows_without_any_usual_metric_show_what_they_have(saved):
    values = {"zrf/forget": 0.25}
    printed = render(
        load(saved(row() | {"metrics": values, "reference": values, "original": values})),
        "markdown",
        wide=True,
        notes=True,
    )
    assert "| scrub | 0.2500 ± n/a<br>+0.0000 [n/a] |" in printed


def test_an_unknown_format_is_refused(saved):
    with pytest.raises(SupremeError, match="terminal, markdown, latex or csv"):
        render(load(saved(row())), "word")  # type: ignore[call-overload]


def test_every_printed_number_can_be_computed_from_the_csv(saved):
    values = {0: 0.123456789012345, 1: 0.1 + 0.2, 2: 2 / 3}
    directory = saved(*(row(seed=seed, value=value) for seed, value in values.items()))
    lines = [
        line
        for line in csv.DictReader(io.StringIO(render(load(directory), "csv")))
        if line["metric"] == "accuracy/forget" and line["method"] == "scrub"
    ]
    assert {int(line["seed"]): float(line["value"]) for line in lines} == values  # not one bit is lost
    gaps = [float(line["value"]) - float(line["reference"]) for line in lines]
    half = T_975[2] * statistics.stdev(gaps) / 3**0.5
    gap = statistics.mean(gaps)
    printed = f"{gap:+.2%} [{gap - half:+.2%}, {gap + half:+.2%}]".replace("%", "")
    assert printed in render(load(directory), "markdown", wide=True, notes=True)


def test_the_command_prints_to_the_terminal_and_writes_files(saved, capsys):
    directory = saved(row(seed=0), row(seed=1))
    assert main([str(directory)]) == 0
    assert "90 ± 0" in capsys.readouterr().out
    assert main([str(directory), "--format", "csv"]) == 0
    assert capsys.readouterr().out == render(load(directory), "csv")
    for form in ("terminal", "markdown", "csv"):
        path = directory / "made" / form
        assert main([str(directory), "--format", form, "--output", str(path)]) == 0
        assert "scrub" in path.read_text()
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in (directory / "made").iterdir()) == ["csv", "markdown", "terminal"]


def test_the_command_says_in_one_sentence_what_is_wrong(tmp_path, saved, capsys):
    assert main([str(tmp_path / "nothing")]) == 1
    assert "empty or missing" in capsys.readouterr().err
    (tmp_path / "file").write_text("")
    assert main([str(saved(row())), "--output", str(tmp_path / "file" / "table")]) == 1
    assert "cannot be written" in capsys.readouterr().err
    with pytest.raises(SupremeError, match="supreme report has no word; it has"):
        main(["--format", "word"])


def test_the_report_files_are_written_whole_and_leave_nothing_else(saved):
    directory = saved(row())
    names = ["results.csv", "summary.csv", "table.md", "table.tex"]
    for _ in range(2):
        assert sorted(write(directory)) == [directory / "reports" / name for name in names]
    assert sorted(path.name for path in (directory / "reports").iterdir()) == names
    assert (directory / "reports" / "results.csv").read_text() == render(load(directory), "csv")


def test_a_reader_of_the_old_report_is_not_disturbed(saved):
    directory = saved(row())
    path = write(directory)[0]
    before = path.read_text()
    save_row(directory, row(value=0.1))
    with path.open() as reader:
        write(directory)
        assert reader.read() == before
    assert path.read_text() != before


def test_a_report_that_cannot_be_written_leaves_the_old_one(saved, monkeypatch):
    directory = saved(row())
    write(directory)
    before = (directory / "reports" / "table.md").read_text()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SupremeError, match="No space left"):
        write(directory)
    assert (directory / "reports" / "table.md").read_text() == before
    assert len(list((directory / "reports").iterdir())) == 4


def test_letters_tell_the_verdicts_and_small_ones_what_the_number_of_methods_takes_back(saved):
    odd = (0.3, -0.2, 0)
    values = {"even": (0.0, 0.001, -0.001), "far": (0.30, 0.31, 0.30), "near": (0.08, 0.10, 0.12), "odd": odd}
    values |= {"off": (0.0050, 0.0051, 0.0052)}
    before = (0.14, 0.15, 0.16)  # gaps of the original

    def one(method, seed, gap):
        return with_original(row(method, seed, FORGET[seed] + gap), FORGET[seed] + before[seed])

    rows = [one(method, seed, values[method][seed]) for method in values for seed in range(3)]
    printed = render(
        load(saved(*rows)), "markdown", wide=True, notes=True, columns=[("accuracy/forget", "forget", ".2f")]
    )
    letters = {
        line.split(" | ")[0][2:]: line.rstrip(" |").split(" ")[-1] for line in printed.splitlines() if "<br>" in line
    }
    # The p of near is .013, the third smallest of 5: Holm makes it 3 x .013 < .05, but 12 x .013 among 14.
    assert letters == {"original": "D", "even": "(E)", "far": "D", "near": "D", "odd": "?", "off": "(N)"}
    rows += [one(f"m{number}", seed, odd[seed]) for number in range(9) for seed in range(3)]
    printed = render(
        load(saved(*rows)), "markdown", wide=True, notes=True, columns=[("accuracy/forget", "forget", ".2f")]
    )
    assert "+0.10 [+0.05, +0.15] d |" in printed
    assert "small: not after correction for the number of methods" in printed


def test_what_is_equivalent_on_average_but_not_in_its_worst_seed_is_named(saved):
    gaps = (0.05, -0.05, 0.0, 0.0)
    rows = [
        with_original(row(seed=seed, value=FORGET[seed] + gap), FORGET[seed] - 0.5) for seed, gap in enumerate(gaps)
    ]
    printed = render(load(saved(*rows)), "markdown", wide=True, notes=True)
    assert "- Largest gap of a single seed: forget acc. scrub +5.00 in seed 0." in printed
    assert "E or N on average" not in printed  # at the margin of 2 points nothing is shown
    endpoints = Endpoints({"accuracy/forget": 0.0499})
    printed = render(load(saved(*rows)), "markdown", wide=True, notes=True, endpoints=endpoints)
    assert "- E or N on average, yet beyond the margin in the worst seed: forget acc. scrub +5.00 in seed 0." in printed


def test_only_a_best_method_is_bold(saved):
    rows = [
        row(method, seed, FORGET[seed] - gap + 0.001 * (method == "close") * (-1) ** seed)
        for method, gap in (("close", 0.01), ("far", 0.5), ("retrain", 0.0))
        for seed in FORGET
    ]
    printed = render(load(saved(*rows)), "markdown", wide=True, notes=True)
    assert printed.count("**") == 2
    assert "| close | D n/a | **86.50 ± 6.56**<br>" in printed
    assert "- Bold: shown to be closer to the reference than every other method" in printed
    assert "\\mathbf{86.50{\\pm}6.56}" in render(load(saved(*rows)), "latex", wide=True, notes=True)


def test_a_warning_is_printed_once_with_its_columns(saved):
    doubtful = {
        "accuracy/forget": "only 20 images",
        "js_divergence/forget": "only 20 images",
        "zrf/x": "a hidden doubt",
    }
    printed = render(
        load(saved(*(row(seed=seed, warnings=doubtful) for seed in (0, 1)))), "markdown", wide=True, notes=True
    )
    assert printed.count("only 20 images") == 1
    assert "- forget acc. %, JS div. forget: only 20 images." in printed
    assert "a hidden doubt" not in printed


def test_the_noise_floor_is_missed_where_no_retrain_was_swept(saved):
    assert "No noise floor: sweep method=retrain" in render(load(saved(row())), "markdown", wide=True, notes=True)
    assert "No noise floor" not in render(load(saved(row(), row("retrain"))), "markdown", wide=True, notes=True)


def test_shares_of_the_variance_are_told_where_there_are_draws(saved):
    rows = [
        row(seed=seed, value=value, seeds={"forget": seed, "reference": 0, "unlearn": draw, "evaluate": 0})
        for seed, draws in enumerate([(0.01, 0.03), (0.05, 0.07), (0.09, 0.11)])
        for draw, value in enumerate(draws)
    ]
    told = "- Variance from training seed / unlearning in %, median of the methods: forget acc. 88 / 12."
    assert told in render(load(saved(*rows)), "markdown", wide=True, notes=True)


def synthetic(seeds=4):
    """Rows of every kind: several methods, scenarios and draws, something missing, something undefined."""
    rng = np.random.default_rng(0)
    columns = [column.metric for column in shown_by_our_metrics()]
    shift = {"scrub": 0.2, "ssd": 0.01, "retrain": 0.0, "delete": -0.1, "neggrad": 0.6}
    rows = []
    for scenario, method, seed in itertools.product(("random", "full_class"), shift, range(seeds)):
        reference = {column: 0.3 + 0.05 * np.random.default_rng(seed).normal() for column in columns}
        for unlearn, evaluate in itertools.product(range(2 if method == "scrub" else 1), range(2)):
            draws = {"forget": seed, "reference": 0, "unlearn": unlearn, "evaluate": evaluate}
            values = {column: reference[column] + shift[method] + 0.01 * rng.normal() for column in columns}
            parts = {"metrics": values, "reference": dict(reference), "original": dict.fromkeys(columns, 1.0)}
            parts["reference"]["js_divergence/forget"] = None
            rows.append(row(method, seed, scenario=scenario, seeds=draws) | parts)
    rows[3]["metrics"]["membership/auc"] = None
    del rows[-1], rows[20]
    return [*rows, row("scrub", 0, scenario="once", config={"scenario": {"_target_": "s.T"}})]


def test_an_auditor_without_our_code_gets_every_printed_number_again(saved):
    directory = saved(*synthetic())
    write(directory)
    largest, cells = recompute.check(directory / "reports")
    assert cells > 70
    assert largest.keys() == set(SUMMARY_COLUMNS) - {
        *(*recompute.LINE, *recompute.WORDS, "best", "missing", "reason", "share_forget", "share_interaction"),
    }  # the last two are of crossed designs, see test_recompute
    assert max(largest.values()) < 1e-9


def test_the_command_reports_on_what_its_filter_leaves(saved, capsys):
    directory = str(saved(row(seed=0), row(seed=1), row("ssd", 0), row("ssd", 1), row("ssd", 0, scenario="full_class")))
    for condition, lines in {
        'scenario == "random"': 4,
        'method in ["ssd", "nothing"] and scenario == "random"': 2,
        "seed < 1": 3,
        'not (method == "ssd") or seed == 0': 4,
        "0 < seed <= 1": 2,
        'metric == "accuracy/forget" and seed_unlearn == 0 and seed != -1': 5,
    }.items():
        assert main([directory, "--format", "csv", "--filter", condition, "--metrics", "accuracy/forget"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1 + lines, condition


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("@pd.io", "is no condition"),
        ("seed == @x", "is no condition"),
        ("__import__('os').system('true')", "may only compare"),
        ("method.str.contains('s')", "may only compare"),
        ("seed.__class__ == 1", "may only compare"),
        ("(lambda: 1)() == seed", "may only compare"),
        ("[s for s in method] == seed", "may only compare"),
        ("seed + 1 == 2", "may only compare"),
        ("method[0] == 's'", "may only compare"),
        ("seed = 1", "is no condition"),
        ("", "is no condition"),
        ("1 == 1", "speaks of no label"),
        ("value > 0.5", "speaks of value; there is data, model"),
        ("methods == 'ssd'", "did you mean method?"),
        ("method == ssd", "text is in quotes"),
        ("method < 3", "no sense here"),
        ("seed < 'a'", "no sense here"),
        ('method == "scrap"', 'no row has method == "scrap"; there is method: scrub, ssd'),
        ("cell == 'x'", "there is cell: scrub-0-"),
        ('data == "mnist" and seed > 3', "there is data: digits; seed: 0, 1"),
    ],
)
def test_a_filter_that_is_no_plain_condition_or_leaves_nothing_is_refused_in_a_sentence(
    saved, capsys, condition, message
):
    assert main([str(saved(row(), row("ssd", 1))), "--filter", condition]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_the_command_shows_the_metrics_that_are_asked_for(saved, capsys):
    directory = str(saved(row()))
    assert main([directory, "--metrics", "js_divergence/forget, accuracy/forget", "--format", "markdown"]) == 0
    assert "| method | JS div. forget | forget acc. % |" in capsys.readouterr().out
    assert main([directory, "--metrics", "accuracy/forgot"]) == 1
    assert "did you mean accuracy/forget?" in capsys.readouterr().err
    assert main([directory, "--metrics", ","]) == 1
    assert "names none; there is accuracy/forget" in capsys.readouterr().err


def test_endpoints_can_be_declared_on_the_command_line(saved, capsys):
    directory = str(saved(*(row(seed=seed, value=FORGET[seed] + 0.01 * (seed == 0)) for seed in FORGET)))
    arguments = [
        directory,
        "--format",
        "markdown",
        "--notes",
        "--endpoints",
        "accuracy/forget=0.02, js_divergence/forget=0.5",
    ]
    assert main(arguments) == 0
    assert (
        "Margins, given afterwards: forget acc. 2.00, JS div. forget 0.5000; of what the original"
        in capsys.readouterr().out
    )
    assert main([directory, "--format", "markdown", "--endpoints", "js_divergence/forget=0.5"]) == 0
    assert "Margins" not in capsys.readouterr().out  # forget accuracy is no endpoint now


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("accuracy/forgot=0.02", "did you mean accuracy/forget?"),
        ("accuracy/forget", "declares no endpoint: give a metric and a margin above 0"),
        ("accuracy/forget=", "declares no endpoint"),
        ("accuracy/forget=2pp", "declares no endpoint"),
        ("accuracy/forget=0", "declares no endpoint"),
        ("accuracy/forget=-1", "declares no endpoint"),
        ("accuracy/forget=nan", "declares no endpoint"),
        ("accuracy/forget=inf", "declares no endpoint"),
        ("=0.1", "declares no endpoint"),
    ],
)
def test_an_endpoint_that_is_none_is_refused_in_a_sentence(saved, capsys, text, message):
    assert main([str(saved(row())), "--endpoints", text]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_parquet_holds_the_tidy_frame(saved):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    directory = saved(row(seed=0), row(seed=1))
    path = directory / "results.parquet"
    assert main([str(directory), "--format", "parquet", "--output", str(path)]) == 0
    pandas.testing.assert_frame_equal(pandas.read_parquet(path), load(directory))


def test_parquet_without_its_package_says_what_to_install(saved, capsys, monkeypatch):
    directory = saved(row())
    frame = load(directory)
    monkeypatch.setattr("supreme.report.command.load", lambda _: frame)
    for name in ("pyarrow", "pyarrow.parquet", "fastparquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([str(directory), "--format", "parquet", "--output", str(directory / "x")]) == 1
    assert "pip install -e '.[parquet]' in the clone" in capsys.readouterr().err


AWKWARD = 'a_b 50% & #1 {x} ~ ^ \\ $ <|> -- [é] "q" ±'


def test_a_latex_table_escapes_what_latex_would_read_and_has_as_many_cells_in_every_line(saved):
    rows = [
        wide(seed, "full_class") | {"method": method, "cell": cell_of(method, seed)}
        for seed in (0, 1, 2)
        for method in (AWKWARD, "ssd")
    ]
    text = render(load(saved(*rows)), "latex")
    assert r"a\_b 50\% \& \#1 \{x\} \textasciitilde{} \textasciicircum{} \textbackslash{} \$" in text
    for name in ("table*", "tabular"):
        assert text.count(f"\\begin{{{name}}}") == text.count(f"\\end{{{name}}}") >= 1
    for tabular in text.split("\\begin{tabular}{@{}")[1:]:
        specification, _, body = tabular.partition("@{}}")
        columns = specification.replace("@{\\,}", "")
        lines = [line for line in body.partition("\\end{tabular}")[0].splitlines() if line.endswith("\\\\")]
        counts = [line.replace("\\&", "").count("&") + line.count("\\multicolumn{2}") for line in lines]
        assert set(counts) == {len(columns) - 1}
    assert all(text.count(title) >= 1 for title in ("forget\\\\acc. \\%", "JS div.\\\\forget", "seconds"))
    assert text.count("Margins, given afterwards: forget acc.") == 1
    assert "documentclass" not in text


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex: apt-get install texlive-latex-base")
def test_a_latex_table_compiles_alone_and_inside_a_paper(saved, tmp_path):
    every = itertools.product([AWKWARD, *(f"m{number}" for number in range(30))], ("random", "full_class"), (0, 1))
    rows = [wide(seed, scenario) | {"method": method} for method, scenario, seed in every]
    directory = saved(*(content | {"cell": str(place)} for place, content in enumerate(rows)))
    assert main([str(directory), "--format", "latex", "--output", str(tmp_path / "table.tex")]) == 0
    assert main([str(directory), "--format", "latex", "--standalone", "--output", str(tmp_path / "alone.tex")]) == 0
    for kind in ("onecolumn", "twocolumn"):
        paper = rf"\documentclass[{kind}]{{article}} \begin{{document}} \input{{table}} \end{{document}}"
        (tmp_path / f"{kind}.tex").write_text(paper)
    for name in ("alone", "onecolumn", "twocolumn"):
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", f"{name}.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        log = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, log[-2000:]
        assert "Overfull" not in log
        assert "Float too large" not in log
        assert (tmp_path / f"{name}.pdf").stat().st_size > 10_000


def test_the_report_imports_neither_torch_nor_anything_of_ours_above_core():
    code = "import sys, supreme.report.command, supreme.report.statistics; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "torchvision", "timm", "sklearn", "hydra", "scipy.stats"} & set(modules)
    ours = {name for name in modules if name.startswith("supreme.") and not name.startswith("supreme.report")}
    assert {name.split(".")[1] for name in ours} == {"core"}


def twinned(counts, seed=0, **changes):
    return row(seed=seed, sets={"forget": 20, "retain": 180, "test": 50}, twins=counts, **changes)


def test_identical_images_are_told_below_the_table(saved):
    frame = load(saved(twinned({"forget_retain": 18, "train_test": 1})))
    printed = render(frame, "markdown")
    assert (
        "- 18 of 20 forget images have an identical twin among the retained ones: the reference is trained on them too."
    ) in printed
    assert "- 1 of 200 training images has an identical twin among the test images" in printed
    assert frame["twins"].unique().tolist() == ["forget_retain 18/20; train_test 1/200"]


def test_rows_that_count_other_numbers_of_twins_make_a_range_and_older_rows_say_nothing(saved):
    rows = [twinned({"forget_retain": 3}), twinned({"forget_retain": 5}, seed=1), twinned({"train_test": 2}, seed=2)]
    printed = render(load(saved(*rows)), "markdown")
    assert "- 0 to 5 of 20 forget images have an identical twin" in printed
    assert "- 0 to 2 of 200 training images have an identical twin" in printed


def test_a_row_without_twins_or_from_before_they_were_counted_has_no_note_of_them(saved):
    frame = load(saved(twinned({}), row(seed=1)))
    assert sorted(frame["twins"].unique()) == ["", "none"]
    assert "twin" not in render(frame, "markdown")


def test_the_card_names_the_data_and_scenario_of_twins_where_there_are_several(saved):
    one = twin_claims(load(saved(twinned({"forget_test": 1}))))
    assert one == ["1 of 20 forget images has an identical twin among the test images."]
    several = load(saved(twinned({"forget_test": 1}), row(seed=1, scenario="full_class")))
    assert twin_claims(several) == [
        "digits, random: 1 of 20 forget images has an identical twin among the test images."
    ]
