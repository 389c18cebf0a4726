"""What a table shows and how: what was asked for, in one line per method, that fits a terminal and a paper."""

import itertools
import shutil
import subprocess

import pandas as pd
import pytest
from results import cell_of, save_failure
from test_report import FORGET, row, wide

from supreme.core import Column
from supreme.report import Endpoints, load, render, summary
from supreme.report.command import main
from supreme.report.rows.asked import asked, usual_metrics
from supreme.report.rows.per_seed import BLOCK
from supreme.report.tables.cells import cell_of as short_cell
from supreme.report.tables.cells import digits_of_column
from supreme.report.tables.hyphens import wrapped
from supreme.report.tables.leaderboard import LABEL, Leaderboard, leaderboard_panels
from supreme.report.tables.terminal import plain

VALUES = {
    "accuracy/forget": 0.9,
    "accuracy/retain": 0.8,
    "loss/forget": 0.3,
    "scores/tug_of_war": 0.7,
    "js_divergence/forget": 0.1,
    "membership/auc": 0.6,
    "zrf/forget": 0.2,
    "loud/forget": 0.25,
    "loud/test": 12.5,
}
USUAL = ["accuracy", "membership", "js_divergence", "zrf", "scores"]


def asking(metrics, seed=0, values=VALUES, **changes):
    """A row whose config names these metrics, in this order."""
    own = row(seed=seed) | {part: dict(values) for part in ("metrics", "reference", "original")}
    own["config"] = {**own["config"], "metric": {name: {"_target_": "m.M"} for name in metrics}}
    return own | {"cell": cell_of("scrub", seed, metrics)} | changes


def heads(text):
    line = next(line for line in text.splitlines() if line.startswith("| method"))
    return line.strip("| ").split(" | ")[1:]


# What was asked for.


def test_the_metrics_that_rows_were_asked_for_are_shown_in_their_order(saved):
    frame = load(saved(asking(["scores", "accuracy"])))
    assert heads(render(frame, "markdown")) == ["ToW", "forget acc. %", "retain acc. %"]
    frame = load(saved(asking(["accuracy", "scores"])))
    assert heads(render(frame, "markdown")) == ["forget acc. %", "retain acc. %", "ToW"]


def test_a_metric_of_a_stranger_is_shown_whole_where_it_declares_nothing_to_be_shown(saved):
    assert heads(render(load(saved(asking(["accuracy", "loud"]))), "markdown"))[2:] == ["loud/forget", "loud/test"]
    declared = asking(["loud"], columns={"loud/test": Column(title="loudness", shown=True).record()})
    assert heads(render(load(saved(declared)), "markdown")) == ["loudness"]


def test_a_metric_of_ours_that_shows_nothing_is_shown_where_somebody_chose_it(saved):
    chosen = load(saved(asking(["accuracy", "zrf"])))
    assert heads(render(chosen, "markdown"))[-1] == "zrf/forget"
    every = sorted(usual_metrics())
    assert "zrf/forget" not in heads(render(load(saved(asking(every))), "markdown"))
    assert heads(render(load(saved(asking([*every, "loud"]))), "markdown"))[-2:] == ["loud/forget", "loud/test"]
    assert asked(every).explicit == frozenset()


def test_columns_that_are_not_named_after_their_metric_are_found(saved):
    frame = load(saved(asking(["accuracy", "max_prob"])))
    assert heads(render(frame, "markdown")) == ["forget acc. %", "retain acc. %", "loud/forget", "loud/test"]


def test_blocks_show_what_any_of_their_rows_was_asked_for(saved):
    frame = load(saved(asking(["accuracy"], 0), asking(["loud"], 1)))
    assert heads(render(frame, "markdown")) == ["forget acc. %", "retain acc. %", "loud/forget", "loud/test"]


def test_what_a_sweep_asked_for_is_shown_and_nothing_else_that_its_rows_hold(saved):
    frame = load(saved(asking([*usual_metrics(), "loud"])))
    assert heads(render(frame, "markdown", asked=["scores", "accuracy"])) == ["ToW", "forget acc. %", "retain acc. %"]
    assert heads(render(frame, "markdown", asked=["zrf"])) == ["zrf/forget"]


def test_one_line_says_how_many_columns_are_not_shown_and_how_to_see_them(saved, capsys):
    directory = saved(asking(["accuracy", "scores"]))
    text = render(load(directory), "markdown")
    (told,) = [line for line in text.splitlines() if "not shown" in line]
    assert told.startswith("- 6 columns are not shown (loss, js_divergence, membership, zrf, loud):")
    assert "`supreme report --metrics 'loss/*'`" in told
    assert main([str(directory), "--format", "markdown", "--metrics", "loud/*,zrf/forget"]) == 0
    assert heads(capsys.readouterr().out) == ["loud/forget", "loud/test", "zrf/forget"]
    assert main([str(directory), "--metrics", "lout/*"]) == 1
    assert "no row has the metric lout/*" in capsys.readouterr().err


# One line per method.

METHODS = ("retrain", "finetune", "neggrad", "random_label", "bad_teacher", "scrub", "ssd")
LIKE = {
    "accuracy/forget": (0.92, 0.06),
    "accuracy/retain": (0.991, 0.012),
    "accuracy/test": (0.94, 0.021),
    "membership/auc": (0.53, 0.05),
    "js_divergence/forget": (0.11, 0.03),
    "scores/tug_of_war": (0.88, 0.06),
    "cost/seconds": (21.0, 7.0),
}
"""Mean and spread of each column of the first sweep of the README, as they are on two cores."""


def quickstart():
    rows = []
    for number, method in enumerate(METHODS):
        for seed in range(3):
            values = {
                name: mean + spread * ((seed - 1) + (number % 3 - 1) / 2) for name, (mean, spread) in LIKE.items()
            }
            base = {name: mean + spread * (seed - 1) for name, (mean, spread) in LIKE.items()}
            base |= {"scores/tug_of_war": None, "js_divergence/forget": None}
            config = {**row()["config"], "metric": {name: {} for name in sorted(usual_metrics())}}
            original = {name: mean for name, (mean, _) in LIKE.items()}
            parts = {"metrics": values, "reference": base, "original": original, "config": config}
            rows.append(row(method, seed, number) | parts)
    return rows


@pytest.mark.parametrize("judged", [False, True])
def test_the_first_sweep_of_anyone_fits_eighty_columns_with_a_line_for_each_method(saved, judged):
    frame = load(saved(*quickstart()))
    text = plain(render(frame, "terminal", width=80, verdicts=verdicts(frame) if judged else None), 80)
    assert max(map(len, map(str.rstrip, text.splitlines()))) <= 80
    assert "continued" not in text
    for method in ("reference", "original", *METHODS):
        (line,) = [line for line in text.splitlines() if line.startswith(f"{method} ")]
        assert len(line.split("±")) >= 6
    assert [line[:6] for line in text.splitlines() if line.startswith("method")] == ["method"]


def test_a_table_says_the_same_whatever_its_width(saved):
    frame = load(saved(*quickstart()))
    texts = [plain(render(frame, "terminal", width=width), width) for width in (80, 100, 140)]
    squeezed = [
        [line.replace(" ", "").replace("0.", ".") for line in text.splitlines() if line.startswith("scrub")]
        for text in texts
    ]
    assert squeezed[1] == squeezed[2]
    assert "±" in squeezed[0][0]


def summary_line(mean, sd, **changes):
    usual = {"mean": mean, "sd": sd, "seeds": 3, "gap": float("nan"), "wilson_low": float("nan")}
    return usual | {"verdict": "", "p_adjusted": float("nan"), "best": False} | changes


@pytest.mark.parametrize(
    ("mean", "sd", "form", "short", "shortest"),
    [
        (0.9643, 0.0357, ".2%", "96 ± 4", "96 ± 4"),
        (0.975, 0.0125, ".2%", "97.5 ± 1.2", "98 ± 1"),
        (0.9091, 0.0061, ".2%", "90.9 ± 0.6", "90.9 ± 0.6"),
        (0.9091, 0.00001, ".2%", "90.91 ± 0.00", "90.91 ± 0.00"),  # never more than the column declares
        (0.3957, 0.0623, ".3f", "0.40 ± 0.06", "0.40 ± 0.06"),
        (0.0224, 0.0104, ".4f", "0.022 ± 0.010", "0.02 ± 0.01"),
        (1234.5, 31.7, ".2f", "1234 ± 32", "1234 ± 32"),
        (12.3456, 0.5, "g", "12.3456 ± 0.5", "12.3456 ± 0.5"),
    ],
)
def test_a_value_has_the_digits_that_its_spread_carries(mean, sd, form, short, shortest):
    line = summary_line(mean, sd)
    cell = short_cell(line, form, digits_of_column([line], form))
    assert (str(cell.short), str(cell.shortest)) == (short, shortest)


def test_a_value_without_spread_has_the_digits_of_its_column():
    lines = [summary_line(1.0, 0.0), summary_line(0.9, 0.04), summary_line(0.8, 0.03), summary_line(0.5, 0.4)]
    cell = short_cell(lines[0], ".2%", digits_of_column(lines, ".2%"))
    assert str(cell.short) == "100 ± 0"
    alone = summary_line(0.5, float("nan"))
    assert str(short_cell(alone, ".2%", digits_of_column([alone], ".2%")).short) == "50.00"


def test_heads_are_parted_between_syllables_only_where_they_must():
    assert wrapped("membership AUC", 8, hyphens=True) == ["mem-", "bership", "AUC"]
    assert wrapped("membership AUC", 8, hyphens=False) == ["membership", "AUC"]
    assert wrapped("forget acc. %", 8, hyphens=True) == ["forget", "acc. %"]
    assert wrapped("x", 1, hyphens=True) == ["x"]


# Notes.


def test_only_the_notes_that_matter_are_shown_until_all_are_asked_for(saved, capsys):
    directory = saved(*(row(seed=seed) for seed in range(3)))
    frame = load(directory)
    short = [line for line in render(frame, "markdown").splitlines() if line.startswith("- ")]
    assert short[0] == (
        "- mean ± SD of 3 training seeds, one forget set; accuracies in per cent; 20 forget images; no method lacks a "
        "run that others have."
    )
    assert len(short) <= 6
    full = [line for line in render(frame, "markdown", notes=True).splitlines() if line.startswith("- ")]
    assert set(short[:-1]) < set(full)
    assert short[-1] == (
        f"- `supreme report` has {len(full) - len(short) + 1} more notes: --notes; gaps to the reference with their "
        "intervals: --wide."
    )
    assert main([str(directory), "--format", "markdown", "--notes", "--wide"]) == 0
    out = capsys.readouterr().out
    assert "No noise floor" in out
    assert "<br>" in out
    assert main([str(directory), "--format", "csv", "--wide"]) == 1
    assert "--wide says nothing to --format csv" in capsys.readouterr().err


def test_notes_that_make_a_number_invalid_are_always_shown(saved):
    tuned = {"preset": "x", "kept": ["alpha"], "overridden": [], "source": "found"}
    tuned |= {"columns": ["accuracy/forget"], "seeds": [7]}
    directory = saved(row("ssd", notes=["unchanged"], tuned=tuned), row("ssd", 1), row("scrub", 1))
    (directory / "rows" / "broken.json").write_text("{")
    save_failure(directory, row("boom"), "ValueError: no")
    text = render(load(directory), "markdown")
    for told in (
        "ssd: unchanged in seed 0",
        "† ssd: a preset",
        "boom: failed (1 of 1)",
        "Left out, damaged: broken.json",
    ):
        assert told in text
    assert "scrub: seed 0 missing" in text


def test_a_method_that_took_longer_than_training_the_reference_is_marked(saved):
    seconds = {"slow": 12.0, "fast": 1.0, "retrain": 11.0}
    rows = [row(method, seed) for method in seconds for seed in (0, 1)]
    for one in rows:
        for part, value in (("metrics", seconds[one["method"]]), ("reference", 10.0), ("original", 20.0)):
            one[part] = {**one[part], "cost/seconds": value}
    text = render(load(saved(*rows)), "markdown")
    assert "| slow ‡ |" in text
    assert "- ‡ slower than training the reference: slow 12 s against 10 s." in text
    assert text.count("‡") == 2


# The first column, and the leaderboard.


def verdicts(frame):
    """As the statistics give them: one line per block, method and variant."""
    lines = summary(frame)[[*BLOCK, "method", "variant"]].drop_duplicates()
    lines = lines[lines["method"] != "reference"]
    told = {"verdict": "different", "letter": "D", "reason": "", "different_in": "accuracy/forget", "removed": 0.97}
    told |= {"removed_low": 0.5, "removed_high": 1.2, "removed_metric": "js_divergence/forget"}
    return lines.assign(**told)


def test_the_verdict_of_a_method_stands_first_in_every_format(saved):
    frame = load(saved(*(row(seed=seed) for seed in FORGET)))
    found = verdicts(frame)
    found.loc[found["method"] == "original", ["letter", "removed"]] = ["?", float("nan")]
    found.loc[found["method"] == "scrub", "reason"] = "the reason"
    for wide_one in (False, True):
        text = render(frame, "markdown", verdicts=found, wide=wide_one)
        assert heads(text)[0] == "verdict, % removed"
        assert "| scrub | D  97 |" in text
        assert "| original | ? n/a |" in text
        assert "scrub & D\\ \\hfill 97\\enspace &" in render(frame, "latex", verdicts=found, wide=wide_one)
        lines = plain(render(frame, "terminal", verdicts=found, wide=wide_one)).splitlines()
        assert any(line.split()[:3] == ["scrub", "D", "97"] for line in lines)
    told = render(frame, "markdown", verdicts=found, notes=True)
    assert "- No joint E: the reason." in told


def test_a_leaderboard_stands_above_the_tables():
    table = pd.DataFrame(
        {"digits random": [0.5, float("nan")], "faces 50% full_class": [0.7, 3.0], "mean_rank": [1.0, 2.0]},
        index=["scrub", "neg_grad"],
    )
    board = Leaderboard(table=table, notes=["Lower is better."])
    assert board.title == "all scenarios"
    text = board.plain.markdown
    assert "| method | mean rank | digits random | faces 50% full_class |" in text
    assert "| neg_grad | 2.0 | n/a | 3.00 |" in text
    assert "- Lower is better." in text
    assert "neg\\_grad & 2.0 & n/a & 3.00 \\\\" in board.plain.latex(LABEL)
    assert "mean rank" in plain(leaderboard_panels(board), 80)


def test_data_and_model_that_all_scenarios_share_stand_in_the_title_of_the_leaderboard():
    units = {"digits · cnn · random": [0.5], "digits · cnn · full_class": [0.7], "mean_rank": [1.0]}
    board = Leaderboard(table=pd.DataFrame(units, index=["scrub"]))
    assert (board.title, board.short_heads[2:]) == ("all scenarios · digits · cnn", ["random", "full_class"])
    units = {"digits · cnn · random": [0.5], "digits · vit · random": [0.7], "mean_rank": [1.0]}
    board = Leaderboard(table=pd.DataFrame(units, index=["scrub"]))
    assert (board.title, board.short_heads[2:]) == ("all scenarios · digits", ["cnn · random", "vit · random"])


def judged_rows(scenario):
    """Of three seeds, in which the original is far from the reference and two methods at known distances."""
    gaps = {"near": 0.004, "far": 0.05}
    rows = []
    for (method, gap), seed in itertools.product(gaps.items(), range(3)):
        one = row(method, seed, FORGET[seed] + gap + 0.001 * seed, scenario=scenario)
        rows.append(one | {"original": one["original"] | {"accuracy/forget": FORGET[seed] - 0.4 - 0.01 * seed}})
    return rows


def test_a_leaderboard_is_that_of_the_endpoints_that_were_given(saved):
    frame = load(saved(*judged_rows("random"), *judged_rows("subclass")))
    for most_left, score in ((0.25, "0.25"), (0.01, "1.22")):  # 0.005 over 0.02, and over 0.01 × 0.41
        given = Endpoints({"accuracy/forget": 0.02}, most_left)
        text = render(frame, "markdown", endpoints=given)
        assert f"| near | 1.0 | {score} | {score} |" in text
        assert "A score is the distance from retraining on the worst" in text


def test_notes_tell_each_reason_once_and_are_few(saved):
    frame = load(saved(*judged_rows("random")))
    told = [line for line in render(frame, "markdown").splitlines() if line.startswith("- ")]
    assert len(told) <= 6
    (reason,) = [line for line in told if line.startswith("- No joint E")]
    assert reason == (
        "- No joint E: the margins are not those that all rows declare; membership/auc, accuracy/retain, accuracy/test "
        "were not evaluated; JS div. forget is a distance to the reference, and there is no retrain to hold it "
        "against: sweep method=retrain."
    )


def test_a_leaderboard_is_part_of_what_is_rendered(saved):
    board = Leaderboard(table=pd.DataFrame({"u": [1.0], "mean_rank": [1.0]}, index=["scrub"]))
    frame = load(saved(row()))
    assert render(frame, "markdown", leaderboard=board).startswith("## all scenarios")
    assert "tab:supreme-leaderboard" in render(frame, "latex", leaderboard=board)
    assert plain(render(frame, "terminal", leaderboard=board)).startswith("all scenarios")


# LaTeX.


def test_latex_has_one_table_for_each_block_with_the_gaps_only_where_they_are_asked_for(saved):
    rows = quickstart() + [one | {"scenario": "other", "cell": f"o{one['cell']}"} for one in quickstart()]
    text = render(load(saved(*rows)), "latex")
    assert text.count("\\begin{tabular}") == text.count("\\begin{table*}") == 2
    assert "[{" not in text
    assert "\\;[" in render(load(saved(*rows)), "latex", wide=True)
    narrow = render(load(saved(*quickstart())), "latex", columns=[("accuracy/forget", "forget acc. %", ".2%")])
    assert narrow.count("\\begin{table}[tbp]") == 1


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex: apt-get install texlive-latex-base")
@pytest.mark.parametrize("wide_one", [False, True])
def test_latex_goes_into_a_paper_of_two_columns_as_it_is(saved, tmp_path, wide_one):
    rows = [*quickstart(), *(wide(seed, "full_class") for seed in range(3))]
    directory = saved(*rows)
    for seed in range(2):
        save_failure(directory, row("boom_&", seed), "ValueError: 50% of {x}_y \\ #1")
    save_failure(directory, row("ssd", 3), "ValueError: no")
    frame = load(directory)
    text = render(frame, "latex", wide=wide_one, verdicts=verdicts(frame))
    (tmp_path / "table.tex").write_text(text)
    for kind, package in itertools.product(
        ("twocolumn", "onecolumn"), ("", "\\IfFileExists{booktabs.sty}{\\usepackage{booktabs}}{}")
    ):
        document = (
            f"\\documentclass[{kind}]{{article}}{package}\\begin{{document}}Words. \\input{{table}}\\end{{document}}"
        )
        (tmp_path / "paper.tex").write_text(document)
        command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "paper.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=False)
        log = done.stdout.decode("utf-8", "replace")
        assert done.returncode == 0, log[-2000:]
        assert "Overfull" not in log
        assert "Float too large" not in log
