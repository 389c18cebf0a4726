"""Failed cells: no table, page or card leaves a method out because it broke."""

import csv
import json

import pytest
from results import cell_of, save_failure
from test_report import row

from supreme.core import SupremeError
from supreme.report import load, render, write
from supreme.report.command import main
from supreme.report.page.page import page_data
from supreme.report.statistics.aggregate import summary
from supreme.report.tables.terminal import plain

WHY = "RuntimeError: boom"


@pytest.fixture
def swept(saved):
    """ssd and scrub with five seeds, of which scrub lacks one; boom failed in both of its two."""
    rows = [row(method, seed % 4, seed / 100) for method in ("ssd", "scrub") for seed in range(4)]
    directory = saved(*(one for one in rows if (one["method"], one["seed"]) != ("scrub", 3)))
    save_failure(directory, row("scrub", 3), "ValueError: not with this seed")
    for seed in (0, 1):
        save_failure(directory, row("boom", seed), WHY)
    return directory


def every_format(directory):
    """What each format says of the rows in this directory."""
    frame = load(directory)
    texts = {
        f"{form}{wide}": render(frame, form, wide=wide) for form in ("markdown", "latex") for wide in (False, True)
    }
    for wide in (False, True):
        texts[f"terminal{wide}"] = plain(render(frame, "terminal", wide=wide, width=100), 100)
    return texts


def test_a_method_that_failed_has_its_line_in_every_format(swept):
    for form, text in every_format(swept).items():
        line = next(line for line in text.splitlines() if line.lstrip("| ").startswith("boom"))
        assert "failed (2 of 2)" in line, form
        assert "incomplete (1 of 4 failed)" in text, form
        told = " ".join(text.split())
        assert "boom: failed (2 of 2), seeds 0, 1: RuntimeError: boom" in told, form
        assert "scrub: incomplete (1 of 4 failed), seed 3: ValueError: not with this seed" in told, form
        assert "no method lacks a run" not in told, form
        assert "3 runs failed, see below" in told, form
        assert "scrub: seed 3 missing" not in told, form


def test_the_page_and_the_card_count_what_failed(swept):
    frame = load(swept)
    data = page_data(swept, frame, summary(frame))
    (block,) = data["blocks"]
    assert block["failed"] == [
        {"method": "boom", "failed": 2, "of": 2, "told": "failed (2 of 2)", "seeds": [0, 1], "errors": [WHY]},
        {"method": "scrub", "failed": 1, "of": 4, "told": "incomplete (1 of 4 failed)", "seeds": [3]}
        | {"errors": ["ValueError: not with this seed"]},
    ]
    assert any("boom: failed (2 of 2)" in note for note in block["notes"][: block["always"]])
    told = data["card"]["statistics"]["failed"]
    place = {"block": "digits · small_cnn · digits-small_cnn · random"}
    assert told == [place | one for one in block["failed"]]


def test_a_block_of_nothing_but_failures_is_in_the_page_too(saved):
    directory = saved(row())
    save_failure(directory, row("boom", scenario="full_class"), WHY)
    frame = load(directory)
    data = page_data(directory, frame, summary(frame))
    first, _ = data["blocks"]
    assert (first["labels"][3], first["lines"]) == ("full_class", {})
    assert [one["told"] for one in first["failed"]] == ["failed (1 of 1)"]
    assert first["notes"] == ["No cell has a row.", "boom: failed (1 of 1), seed 0: RuntimeError: boom."]


def test_the_files_hold_every_failure_and_none_that_is_past(swept):
    write(swept)
    path = swept / "reports" / "failures.csv"
    with path.open() as file:
        lines = list(csv.DictReader(file))
    assert [(one["method"], one["seed"]) for one in lines] == [("boom", "0"), ("boom", "1"), ("scrub", "3")]
    assert {one["error"] for one in lines if one["method"] == "boom"} == {WHY}
    assert "failed (2 of 2)" in (swept / "reports" / "table.md").read_text()
    assert "failed (2 of 2)" in (swept / "reports" / "table.tex").read_text()
    for one in (swept / "failures").iterdir():
        one.unlink()
    write(swept)
    assert not path.exists()


def test_a_block_all_of_whose_methods_failed_has_a_table(saved):
    directory = saved(row())
    save_failure(directory, row("boom", scenario="full_class"), WHY)
    text = render(load(directory), "markdown")
    assert "## digits · small_cnn · digits-small_cnn · full_class" in text
    assert "| boom | failed (1 of 1) |" in text
    assert "- boom: failed (1 of 1), seed 0: RuntimeError: boom." in text


def test_where_every_cell_failed_the_report_says_so(tmp_path, capsys):
    save_failure(tmp_path, row("boom"), WHY)
    for form in ("terminal", "markdown", "latex"):
        assert main([str(tmp_path), "--format", form]) == 0
        assert "failed (1 of 1)" in capsys.readouterr().out
    assert {path.name for path in write(tmp_path)} >= {"failures.csv", "table.md"}
    assert main([str(tmp_path), "--figures"]) == 1
    assert "every cell in" in capsys.readouterr().err
    assert main([str(tmp_path), "--format", "html"]) == 1
    assert "every cell in" in capsys.readouterr().err


def test_a_failure_is_past_where_its_cell_or_a_newer_one_of_the_same_labels_has_a_row(saved):
    done = row("ssd", 0, provenance={"finished": "2026-01-02T00:00:00+00:00"})
    directory = saved(done, row("ssd", 1))
    save_failure(directory, done, WHY, "2026-02-01T00:00:00+00:00")  # an added metric failed: the row stands
    assert not load(directory).attrs["failures"]
    other = done | {"cell": cell_of("ssd", 0, "other code")}
    save_failure(directory, other, WHY, "2026-01-01T00:00:00+00:00")
    assert not load(directory).attrs["failures"]
    save_failure(directory, other, WHY, "2026-02-01T00:00:00+00:00")  # the code was edited, and fails since
    (found,) = load(directory).attrs["failures"]
    assert (found["cell"], found["method"], found["seed"], found["error"]) == (other["cell"], "ssd", 0, WHY)
    assert "incomplete (1 of 2 failed)" in render(load(directory), "markdown")


def test_a_failure_has_the_labels_that_its_row_would_have(saved):
    directory = saved(row("ssd"))
    changed = row("ssd", 1, config={"method": {"alpha": 5}}, changed={"method.alpha": 5})
    save_failure(directory, changed, WHY)
    text = render(load(directory), "markdown")
    assert "| ssd | alpha=5 | failed (1 of 1) |" in text
    rows = load(directory)
    assert list(rows["variant"].unique()) == [""]


def test_a_failure_moves_no_name_of_a_row(saved):
    first = row("ssd", config={"method": {"alpha": 5}}, changed={"method.alpha": 5})
    directory = saved(first)
    before = load(directory)
    save_failure(directory, row("ssd", 1, config={"method": {"alpha": 7}}), WHY, "2020-01-01T00:00:00+00:00")
    after = load(directory)
    assert before.equals(after)


def test_a_damaged_record_of_a_failure_is_named_and_one_of_another_version_counted(swept):
    (swept / "failures" / "broken.json").write_text("{")
    old = json.loads(next((swept / "failures").glob("boom*")).read_text()) | {"schema": 0}
    (swept / "failures" / "old.json").write_text(json.dumps(old))
    text = render(load(swept), "markdown")
    assert "Left out, damaged: broken.json" in text
    assert "1 failure of another version" in text


def test_a_filter_chooses_among_failures_too(swept, capsys):
    assert main([str(swept), "--format", "markdown", "--filter", 'method == "ssd"']) == 0
    assert "failed (" not in capsys.readouterr().out
    assert main([str(swept), "--format", "markdown", "--filter", 'method == "boom"']) == 0
    out = capsys.readouterr().out
    assert "| boom | failed (2 of 2) |" in out
    assert "ssd" not in out
    assert main([str(swept), "--format", "markdown", "--filter", 'method == "boom" and seed == 1']) == 0
    assert "failed (1 of 1)" in capsys.readouterr().out
    assert main([str(swept), "--filter", 'method == "bom"']) == 1
    assert "there is method: boom, scrub, ssd" in capsys.readouterr().err


def test_without_rows_and_failures_there_are_no_results(tmp_path):
    with pytest.raises(SupremeError, match="no results in"):
        load(tmp_path)
