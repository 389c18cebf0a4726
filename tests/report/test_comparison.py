"""Two sweeps side by side: which rows belong together, what their differences show, and what is said of the rest."""

import csv
import io
import math
from typing import Any

import pytest
from results import save_failure, save_row
from scipy import stats
from test_report import FORGET, row

from supreme.core import SupremeError
from supreme.report import compare
from supreme.report.command import main
from supreme.report.comparison.command import Asked, compared
from supreme.report.comparison.page import as_html
from supreme.report.comparison.pairs import pairs_of
from supreme.report.comparison.rendered import as_csv, as_latex, as_markdown, on_terminal
from supreme.report.comparison.shown import comparison
from supreme.report.comparison.sides import two_folders
from supreme.report.tables.terminal import plain

OLD, NEW = "1a2b3c4d" * 5, "5e6f7a8b" * 5
DECLARED = {"margins": {"accuracy/forget": 0.02}, "most_left": 0.25}
SHIFTS = (0.01, 0.03, 0.02, 0.04)
"""Of forget accuracy by training seed, B minus A, in images of 500: their mean is 0.025 and their SD 0.0129."""


def one(method: str, seed: int, shift: float = 0.0, *, commit: str = OLD, **changes: Any) -> dict[str, Any]:
    """A row of a sweep; with the same arguments but for the shift it is of the same cell with other numbers."""
    day = "01" if commit == OLD else "02"
    provenance = {"git": {"commit": commit, "changed": False}, "finished": f"2026-01-{day}T00:00:00+00:00"}
    provenance |= changes.pop("provenance", {})
    sets = {"forget": 500, "retain": 4500}
    return row(method, seed, 0.5 + seed / 10 + shift, sets=sets, provenance=provenance, declared=DECLARED, **changes)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folders A and B: scrub differs by `SHIFTS`, ssd is the same, neggrad has its seeds 2 and 3 only in A, where
    one of them failed in B.
    """
    first = [one(method, seed) for method in ("scrub", "ssd", "neggrad") for seed in range(4)]
    second = [one("scrub", seed, shift) for seed, shift in enumerate(SHIFTS)]
    second += [one("ssd", seed) for seed in range(4)] + [one("neggrad", seed) for seed in range(2)]
    folders = tmp_path_factory.mktemp("A"), tmp_path_factory.mktemp("B")
    for folder, rows in zip(folders, (first, second), strict=True):
        for content in rows:
            save_row(folder, content)
    save_failure(folders[1], one("neggrad", 3) | {"cell": "lost"}, "ValueError: too hot")
    return folders


@pytest.fixture(scope="module")
def shown(two):
    return comparison(pairs_of(*two_folders(*two)))


def line(found, method, metric="accuracy/forget"):
    own = found[(found["method"] == method) & (found["metric"] == metric)]
    assert len(own) == 1, own
    return own.iloc[0]


def told(first, second, form="terminal", width=80, **more):
    asked: Any = {"commits": None, "condition": None, "metrics": None, "endpoints": None}
    folders = [str(folder) for folder in (first, second) if folder is not None]
    return compared(Asked(directories=folders, standalone=False, width=width, **(asked | more)), form)


# The numbers.


def test_a_difference_is_b_minus_a_paired_by_seed_with_the_t_interval_of_the_pairs(shown):
    found = line(shown.differences, "scrub")
    mean, error = 0.025, stats.sem(SHIFTS)
    half = stats.t.ppf(0.975, 3) * error
    assert (found["difference"], found["low"], found["high"]) == pytest.approx((mean, mean - half, mean + half))
    assert (found["mean_a"], found["mean_b"]) == pytest.approx((0.65, 0.675))
    assert (found["seeds"], found["pairs"], found["equal_pairs"]) == (4, 4, 0)
    assert found["p"] == pytest.approx(stats.ttest_1samp(SHIFTS, 0)[1])
    assert (found["largest"], found["largest_seed"]) == (pytest.approx(0.04), 3)
    assert found["verdict"] == "different"


def test_a_comparison_the_other_way_round_has_the_other_sign_and_the_same_verdict(two, shown):
    forth, back = line(shown.differences, "scrub"), line(compare(*two[::-1]), "scrub")
    assert (back["difference"], back["low"], back["high"]) == pytest.approx(
        (-forth["difference"], -forth["high"], -forth["low"])
    )
    assert (back["verdict"], back["p"]) == (forth["verdict"], pytest.approx(forth["p"]))


def test_the_reference_and_the_original_are_compared_too_each_model_once(shown):
    found = shown.differences
    for anchor in ("reference", "original"):
        assert line(found, anchor)[["seeds", "pairs", "equal_pairs", "verdict"]].tolist() == [4, 4, 4, "equal"]
    assert line(found, "reference")["mean_a"] == pytest.approx(sum(FORGET.values()) / 4)


def test_draws_within_a_seed_are_averaged_first_and_narrow_no_interval(saved):
    def rows(*shifts):
        return [
            one(
                "scrub",
                seed,
                shift,
                cell=f"{seed}-{draw}-{len(shifts)}",
                seeds={"forget": seed, "reference": seed, "unlearn": draw, "evaluate": 0},
            )
            for seed, shift in enumerate(shifts)
            for draw in range(3)
        ]

    found = line(compare(saved(*rows(0, 0, 0, 0)), saved(*rows(*SHIFTS))), "scrub")
    assert (found["seeds"], found["pairs"]) == (4, 12)
    assert found["high"] - found["low"] == pytest.approx(2 * stats.t.ppf(0.975, 3) * stats.sem(SHIFTS))


@pytest.mark.parametrize(
    ("shifts", "verdict"),
    [
        ((0.0, 0.0, 0.0, 0.0), "equal"),
        ((0.002, -0.002, 0.002, 0.0), "equivalent"),
        ((0.010, 0.012, 0.010, 0.012), "different but negligible"),
        ((0.05, 0.052, 0.05, 0.052), "different"),
        ((0.1, -0.1, 0.05, -0.04), "inconclusive"),
    ],
)
def test_a_letter_is_given_against_the_margin_that_both_sides_declare(saved, shifts, verdict):
    folders = (
        saved(*[one("scrub", seed) for seed in range(4)]),
        saved(*[one("scrub", seed, shift) for seed, shift in enumerate(shifts)]),
    )
    found = compare(*folders)
    assert line(found, "scrub")["verdict"] == verdict
    assert line(found, "scrub", "js_divergence/forget")["verdict"] == "equal"  # which needs no margin


def test_differences_on_a_grid_that_agree_in_every_seed_have_no_interval_of_no_width(saved):
    first, second = ([one("scrub", seed, shift) for seed in range(3)] for shift in (0.0, 0.002))
    found = line(compare(saved(*first), saved(*second)), "scrub")
    assert found["high"] - found["low"] == pytest.approx(2 * stats.t.ppf(0.975, 2) * 0.002 / 3)


def test_without_a_common_margin_there_is_no_letter_and_a_note_says_why(saved):
    other = {"margins": {"accuracy/forget": 0.05}, "most_left": 0.25}
    first = [one("scrub", seed) for seed in range(3)]
    second = [one("scrub", seed, 0.1 + seed / 50) | {"declared": other} for seed in range(3)]
    folders = saved(*first), saved(*second)
    assert line(compare(*folders), "scrub")["verdict"] == ""
    assert "No letters: A and B declare different margins" in told(*folders, width=200)
    given = told(*folders, width=200, endpoints="accuracy/forget=0.01")
    assert "Margins, given afterwards: forget acc. 1.00." in given


def test_one_seed_gives_no_interval_and_is_told_what_would(saved):
    folders = saved(one("scrub", 0)), saved(one("scrub", 0, 0.1))
    found = line(compare(*folders), "scrub")
    assert math.isnan(found["low"])
    assert "One training seed in common, which gives no interval" in told(*folders, width=200)


# Which rows belong together.


def test_rows_without_a_partner_are_counted_and_named_and_a_failure_is_told(shown):
    assert shown.notes == ["Only in A, so not compared: 2 rows (neggrad seeds 2, 3, failed in B: 1)."]
    assert shown.head[-1] == "10 pairs of rows; 6 of them equal in every metric but cost, to the last bit."


def test_equal_names_stand_for_equal_values_even_where_a_yaml_was_edited_between_the_folders(saved):
    def rows(alpha):
        config = {"method": {"alpha": alpha}}
        return [one("ssd", seed, config=config) for seed in range(2)] + [one("scrub", seed) for seed in range(2)]

    pairs = pairs_of(*two_folders(saved(*rows(10)), saved(*rows(5))))
    assert pairs.cells == 2
    assert [(own.side, own.labels[-2:]) for own in pairs.unpaired] == [(0, ("ssd", "")), (1, ("ssd", "alpha=5"))]


def test_a_value_that_newer_code_alone_has_and_a_class_that_moved_keep_no_rows_apart(saved):
    new = {"method": {"_target_": "moved.to.U", "damping": 1.0}}
    folders = saved(one("ssd", 0)), saved(one("ssd", 0, config=new))
    assert "Values that only B has, so that they keep no rows apart: ssd (method) damping=1." in told(
        *folders, width=200
    )
    chosen = one("ssd", 0, config=new, changed={"method.damping": 1.0})
    with pytest.raises(SupremeError, match=r"no row in common: method ssd in .* and ssd damping=1"):
        compare(folders[0], saved(chosen))


def test_other_images_are_never_compared_and_other_forget_sets_are_told(saved):
    first = saved(one("ssd", 0))
    other = saved(one("ssd", 0, provenance={"data_fingerprint": "beef" * 16}))
    with pytest.raises(SupremeError, match="no row in common"):
        compare(first, other)
    assert "forget other images in A than in B (random)" in told(
        first, saved(one("ssd", 0) | {"forget_digest": "01"}), width=200
    )


def test_other_code_and_other_versions_are_told(saved):
    keys = dict.fromkeys(("model", "recipe", "scenario"), "0" * 64) | {"method": "f" * 64}
    made = {"versions": {"torch": "2.99.0"}, "code_keys": keys}
    text = told(saved(one("ssd", 0)), saved(one("ssd", 0, provenance=made)), width=200)
    assert "1 pair of rows: equal in every metric but cost, to the last bit." in text
    assert "The code of the method differs: ssd." in text
    assert "The environments differ: torch unknown in A, 2.99.0 in B." in text


def test_two_commits_of_one_folder_are_compared_by_the_beginning_of_their_names(saved):
    rows = [one("scrub", seed) for seed in range(3)]
    rows += [one("scrub", seed, SHIFTS[seed], commit=NEW) for seed in range(3)] + [one("ssd", 0)]
    folder = saved(*rows)
    found = compare(folder, commits=("1A2b", "5e6f7a8b"))
    assert line(found, "scrub")["difference"] == pytest.approx(0.02)
    text = told(folder, None, commits=("1a2b", "5e6f"), width=200)
    assert "A: saved0 at 1a2b3c4d1a (4 rows, 3 training seeds, commit 1a2b3c4d1a)" in text
    assert "A row is not made again where its code has not changed" in text
    dirty = {"git": {"commit": OLD, "changed": True}, "finished": "2026-01-03T00:00:00+00:00"}
    folder = saved(*rows, one("scrub", 0, 0.3, provenance=dirty))
    assert line(compare(folder, commits=("1a2b", "1a2b+")), "scrub")["difference"] == pytest.approx(0.3)


# What is said.


@pytest.mark.parametrize("width", [40, 80])
def test_a_table_fits_the_terminal_and_names_once_what_is_equal(shown, width):
    text = plain(on_terminal(shown, width), width)
    assert max(map(len, text.splitlines())) <= width
    told = " ".join(text.split())
    assert "Equal in every seed, whatever the metric but cost: reference, original, neggrad (2 seeds), ssd." in told
    assert "scrub 65.00 67.50 +2.50 [+0.45, +4.55] d JS div. forget equal in every seed: scrub" in told


def test_a_difference_that_rounds_to_nothing_has_more_digits(saved):
    first, second = ([one("scrub", seed, shift * (seed + 1)) for seed in range(3)] for shift in (0.0, 1e-6))
    assert "+0.0002" in told(saved(*first), saved(*second))


def test_every_format_has_the_same_numbers(shown):
    lines = list(csv.DictReader(io.StringIO(as_csv(shown))))
    assert {one["metric"] for one in lines} == {"accuracy/forget", "js_divergence/forget", "cost/peak_memory_bytes"}
    assert "| forget acc. % | scrub | 65.00 | 67.50 | +2.50 | [+0.45, +4.55] | d |" in as_markdown(shown)
    assert r"\quad scrub & 65.00 & 67.50 & +2.50 & {[}+0.45, +4.55{]} & d \\" in as_latex(shown)
    page = as_html(shown)
    assert "<td>+2.50</td><td>[+0.45, +4.55]</td>" in page
    assert "default-src 'none'; style-src 'unsafe-inline'" in page


def test_a_name_is_markup_in_no_format(saved):
    nasty = "<script>alert(1)</script>|\\input{x}"
    shown = comparison(pairs_of(*two_folders(saved(one(nasty, 0)), saved(one(nasty, 0, 0.1)))))
    assert "<script" not in as_html(shown)
    assert "\\input{" not in as_latex(shown)
    assert "</script>\\|" in as_markdown(shown)


def test_metrics_can_be_chosen_and_a_condition_holds_for_both_sides(two):
    text = told(*two, metrics="js_divergence/*", condition='method == "scrub"')
    assert "4 pairs of rows" in text
    assert "forget acc." not in text.split("Letters")[0]
    assert ",accuracy/forget," not in told(*two, form="csv", metrics="js_divergence/*")


WRONG = {
    "A nowhere": "no results in nowhere/rows: it is empty or missing",
    "A A/rows": "did you mean A?",
    "A file": "file is a file; name the output directory",
    "A A": "A and A are the same folder: name two, as in `supreme report outputs other_outputs`",
    "A B C": "two folders are compared, not the 3 that are given (A, B, C)",
    "A C": "A and C have no row in common: data digits in A and pins in C",
    "A later": "A and later have no row in common: seeds 0 in A and 7 in later",
    "A old": "Left out, 1 row of another version of supreme",
    "A failed": "every cell in failed failed, so there is nothing to compare",
    "A B --commits 1a2b 5e6f": "--commits compares two commits of one folder, and two folders are given (A, B)",
    "A --commits 1a2b": "--commits needs 2 values, as in --commits OLD NEW",
    "A --commits 1a2b 1a2b3c": "are the same commit; there is 1a2b3c4d1a (1 row until 2026-01-01)",
    "A --commits 1a2b main": "no row of A was made at the commit main; there is 1a2b3c4d1a",
    "A --commits 1a 5e6f": "give 4 characters of a commit at least",
    "A B --format parquet": "not compared in --format parquet: give terminal, markdown, csv, latex, html",
    "A B --wide": "--wide says nothing to a comparison",
    "A B --figures": "--figures and a comparison each make something else",
    "A B --metrics accuracy/forgot": "did you mean accuracy/forget?",
    "A B --filter seed==9": "A: no row has seed==9; there is seed: 0",
    "A B --serve": "--serve and a comparison each make something else",
    "A --open --format csv": "--open shows the page, which is no csv",
    "A --serve 99999": "a port lies between 1 and 65535",
    "A --serve 80x": "--serve 80x: no port and no folder",
    "file --serve": "file is a file",
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    for name, content in {
        "A": one("ssd", 0),
        "B": one("ssd", 0, 0.1),
        "C": one("ssd", 0) | {"data": "pins"},
        "later": one("ssd", 1) | {"seed": 7},
        "old": one("ssd", 0) | {"schema": 1},
    }.items():
        save_row(tmp_path / name, content)
    save_failure(tmp_path / "failed", one("ssd", 0), "ValueError: too hot")
    (tmp_path / "file").touch()
    monkeypatch.chdir(tmp_path)


def test_what_cannot_be_compared_is_refused_in_one_sentence(folders, capsys):
    for words, sentence in WRONG.items():
        try:
            status = main(words.split())
        except SupremeError as error:  # of the parser, which the command line prints
            status, said = 1, str(error)
        else:
            said = capsys.readouterr().err
        assert status == 1, words
        assert sentence in said, (words, said)
        assert len(said.strip().splitlines()) == 1, said
