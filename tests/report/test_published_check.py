"""The shipped tables, and what the check of a table's arithmetic finds."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from supreme.report.catalogue.methods import CONF
from supreme.report.command import main
from supreme.report.published.check import findings
from supreme.report.published.files import published, read, shipped
from supreme.report.published.numbers import Number

SLIPS = Path(__file__).parent / "published_slips.csv"
"""Rows of published tables with a slip each, their printed gaps and averages, and the rows of their references. The
means of CoUn's two NegGrad+ rows follow from the two sets of gaps, to either reference, that were read."""

ABSENT = {"advanced_neggrad", "coun", "contrastive_unlearning"}
"""Methods of published tables that are none of ours."""


# What ships.


def test_every_shipped_line_is_a_number_of_the_format() -> None:
    flaws = [flaw for path in shipped() for flaw in read(path)[1]]
    assert flaws == []
    assert Counter(Path(one.file).stem for one in published()) == {
        "dualoptim": 200,
        "coun": 215,
        "salun": 45,
        "cmf": 90,
        "class_cards": 21,
        "supreme_paper": 210,
    }


def test_every_shipped_method_is_one_of_ours_or_known_to_be_none() -> None:
    ours = {path.stem for path in (CONF / "method").glob("*.yaml")} | {"reference", "original"}
    assert {one.method for one in published()} - ours == ABSENT


def test_every_shipped_line_says_where_it_was_read_and_every_spread_its_kind() -> None:
    for one in published():
        assert one.status, one.place
        assert (one.spread is None) == (one.spread_kind == ""), one.place


def test_no_shipped_number_is_impossible_and_three_spreads_are_doubtful() -> None:
    told = [str(one) for path in shipped() for one in findings(read(path)[0])]
    assert [(one.partition(": ")[0].rpartition("/")[2], one.split(": ")[1]) for one in told] == [
        ("dualoptim.csv:11", "neggrad, RA"),
        ("dualoptim.csv:31", "dualoptim_salun, RA"),
        ("dualoptim.csv:109", "salun, MIA"),
    ]
    assert all("which is its gap to the reference" in one for one in told)


# The known slips.


@pytest.mark.parametrize(
    ("cell", "sentences"),
    [
        ("CoUn 2, SalUn", {"|0.5237 - 0.4844| is 0.0393; a mean of 0.5137 would fit, and so does the printed average"}),
        ("CoUn 3, NegGrad+", {"they are 0.0323, 0.0153, 0.0828; they fit the reference of fraction 0.1"}),
        ("CoUn 10, NegGrad+", {"they are 0.0264, 0.0117, 0.0588; they fit the reference of fraction 0.1"}),
        (
            "DualOptim 1a, SalUn + DO",
            {
                "the gap is printed as 0.0060, and |0.9906 - 1.0000| is 0.0094; the printed average fits the latter",
                "its spread is printed as 0.0094, which is its gap to the reference: the printed average of the "
                "spreads, 0.0035, fits 0.0019",
            },
        ),
        ("DualOptim 1a, GA", {"the printed average of the spreads, 0.0044, fits 0.0041"}),
        ("DualOptim 1a, RL", {"|0.6819 - 0.7626| is 0.0807; the printed average fits the latter"}),
        ("DualOptim 1b, RL", {"|0.5445 - 0.6930| is 0.1485; the printed average fits the latter"}),
        ("DualOptim 20", {"a gap of 0.0002 here and of 0.0008 in arXiv 2504.15827 table 1a", "is 0.0008; a mean of"}),
        ("CUP", {"a spread of 0.0900 is impossible beside a mean of 1.0000"}),
    ],
)
def test_the_slips_of_published_tables_are_found(cell: str, sentences: set[str]) -> None:
    told = [str(one) for one in findings(read(SLIPS)[0])]
    for sentence in sentences:
        assert sum(sentence in one for one in told) == 1, cell


def test_nothing_but_the_slips_is_found_among_their_rows() -> None:
    assert Counter(one.number.line for one in findings(read(SLIPS)[0])) == {
        **dict.fromkeys((9, 19, 23, 35, 41, 49, 55), 1),
        **dict.fromkeys((31, 54), 2),
    }


def test_numbers_that_agree_up_to_rounding_are_let_be() -> None:
    clean = [one for one in read(SLIPS)[0] if one.source.endswith("table 1b")]
    rounded = [replace(one, gap=0.1486 if one.column == "MIA" and one.gap else None) for one in clean]
    assert findings(rounded) == []


# Single rules.


def number(mean: float = 0.9, **changes: object) -> Number:
    usual: dict[str, object] = {"source": "a", "recipe": "r", "data": "d", "model": "m", "scenario": "random"}
    usual |= {"method": "scrub", "metric": "accuracy/forget", "column": "FA", "file": "f.csv", "line": 2, "digits": 4}
    return Number(**(usual | {"mean": mean} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("one", "sentence"),
    [
        (number(94.61), "94.6100 is outside 0 to 1; a fraction is to be given, as 0.9461 for 94.61 %"),
        (number(-0.2), "-0.2000 is outside 0 to 1"),
        (number(-1.2, quantity="gap"), "-1.2000 is outside -1 to 1"),
        (number(spread=-0.1), "a spread of -0.1000 is negative"),
        (number(spread=0.1, seeds=1), "one seed has no spread, and 0.1000 is given"),
        (number(0.5, spread=0.51, seeds=5, spread_kind="population sd"), "spread by 0.5000 at most"),
        (number(0.5, spread=0.57, seeds=5, spread_kind="sd"), "spread by 0.5590 at most"),
        (number(0.99, spread=0.2, spread_kind="unsaid"), "spread by 0.1411 at most"),  # as of two seeds
    ],
)
def test_a_number_that_cannot_be_is_found(one: Number, sentence: str) -> None:
    (told,) = findings([one])
    assert sentence in str(told)


@pytest.mark.parametrize(
    "one",
    [
        number(31.52, spread=9.0, metric="weight_distance/reference"),  # which has no upper bound
        number(-0.2, spread=0.5, quantity="gap"),
        number(0.5, spread=0.5, seeds=5, spread_kind="population sd"),
        number(0.5, spread=0.559, seeds=5, spread_kind="sd"),
        number(1.0, spread=0.0, seeds=5),
        number(1.0, spread=0.0001, seeds=5),  # 0.99995 is printed as 1
    ],
)
def test_a_number_that_can_be_is_let_be(one: Number) -> None:
    assert findings([one]) == []


def test_an_average_that_no_gap_explains_is_found() -> None:
    row = [number(column=name, average_gap=0.5) for name in ("FA", "RA")]
    references = [number(0.8, column=name, method="reference", line=9) for name in ("FA", "RA")]
    (told,) = findings([*row, *references])
    assert "the average gap is printed as 0.5000, and the gaps of the means average to 0.1000" in str(told)


def test_a_spread_that_equals_a_gap_of_a_few_last_digits_is_no_finding() -> None:
    reference = number(0.9003, method="reference")
    assert findings([reference, number(0.9, spread=0.0003)]) == []
    assert len(findings([reference, number(0.92, spread=0.0197)])) == 1


# The command.

HEADER = "source,recipe,data,model,scenario,method,metric,mean"
LINE = "a,r,cifar10,resnet18,random,scrub,accuracy/forget,0.9"


def test_a_file_without_a_slip_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "own.csv").write_text(f"\ufeff{HEADER}\r\n{LINE}\r\n\r\n")
    assert main(["check-published", str(tmp_path / "own.csv")]) == 0
    assert capsys.readouterr().out == "1 number in 1 file: nothing disagrees.\n"


def test_findings_have_their_place_and_exit_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-published", str(SLIPS)]) == 1
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith(f"{SLIPS}:9: salun, MIA (confidence): the gap is printed as 0.0293, ")
    assert told[-1] == "54 numbers in 1 file: 11 findings."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; its first line must name the columns source, recipe, "),
        ("# A table\n", "is no CSV with commas: its first line is one word, '# A table'"),
        (f"{HEADER}\n", "has a header and no number"),
        (f"{HEADER.replace(',mean', ',spread')}\n{LINE}\n", "lacks the column mean; it must have source, recipe, "),
        (f"{HEADER},spred\n{LINE},1\n", "has a column 'spred'; did you mean spread?"),
        (f"{HEADER},mean\n{LINE},1\n", "has the column mean twice"),
        (f"{HEADER}\n{LINE},1\n", ":2: 9 cells under 8 columns."),
        (f"{HEADER}\n{LINE.replace('0.9', '90 %')}\n", ":2: mean is '90 %', which is no number."),
        (f"{HEADER}\n{LINE.replace('0.9', 'nan')}\n", ":2: mean is 'nan', which is no number."),
        (f"{HEADER}\n{LINE.replace('scrub', '')}\n", ":2: method is empty."),
        (
            f"{HEADER}\n{LINE}\n{LINE.replace('forget', 'forgot')}\n",
            ":3: metric is 'accuracy/forgot', which no metric ",
        ),
        (f"{HEADER},seeds\n{LINE},5.5\n", ":2: seeds is '5.5', which is no number of seeds."),
        (f"{HEADER},spread_kind\n{LINE},SD\n", ":2: spread_kind is 'SD'; did you mean sd?"),
        (
            f"{HEADER},status\n{LINE},read\n",
            ":2: status is 'read'; there is full text, code, page, issue, ",
        ),
        (f'{HEADER}\n"{LINE}\n', ":2 is no CSV: unexpected end of data"),
        (f"{HEADER}\n{LINE}\xff\n", "is no text in UTF-8; a published table is a CSV file"),
    ],
)
def test_a_wrong_file_is_refused_in_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, sentence: str
) -> None:
    (tmp_path / "own.csv").write_bytes(text.encode("latin-1"))
    assert main(["check-published", str(tmp_path / "own.csv")]) == 1
    told = capsys.readouterr()
    (line,) = [one for one in (told.out + told.err).splitlines() if "own.csv" in one]
    assert sentence in line


def test_a_folder_and_a_file_that_is_not_there_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check-published", str(tmp_path), str(tmp_path / "no.csv")]) == 1
    told = capsys.readouterr().err
    assert f"{tmp_path} is a folder; name the CSV files in it" in told
    assert "no.csv cannot be read: No such file or directory" in told
