"""What tables, card, figures, page and files say of the spread between training seeds."""

import csv
import io
import json

import pandas as pd
import pytest
import recompute
from test_crossed import TABLE, crossed_frame
from test_figures import full, words
from test_report import row

from supreme.report import load, load_audits, plot_seeds, plot_tradeoff, plot_variance, render, summary, variance
from supreme.report.page.card.card import evaluation_card
from supreme.report.page.page import page_data
from supreme.report.statistics.joint import verdicts
from supreme.report.statistics.variance_shares import SHARES

OWN, ONE = "SD between training seeds, each with a forget set of its own", "SD between training seeds, one forget set"


def rows_of(digests, sets=(0,)):
    """Rows of scrub: each training seed with each of these numbers of forget sets, by the digest of (seed, number)."""
    return [
        full("scrub", seed, cell=f"scrub-{seed}-{number}", forget_digest=digests(seed, number))
        | {"seeds": {"forget": number or seed, "reference": seed, "unlearn": 0, "evaluate": 0}}
        for seed in range(3)
        for number in sets
    ]


DESIGNS = {
    OWN: rows_of(lambda seed, _: f"set {seed}"),
    ONE: rows_of(lambda *_: "the class"),
    "SD between training seeds, of means over the same 3 forget sets": rows_of(
        lambda _, number: f"{number}", (7, 8, 9)
    ),
    "SD between training seeds, of means over these forget sets only": rows_of(lambda _, number: f"{number}", (7, 8)),
}


def card_of(directory, frame, stored):
    table = summary(frame)
    return evaluation_card(frame, table, stored, load_audits(directory, rows=frame), verdicts(frame, table))


@pytest.mark.parametrize("expected", DESIGNS)
def test_every_place_says_what_the_spread_contains(saved, expected):
    directory = saved(*DESIGNS[expected])
    frame = load(directory)
    assert expected.removeprefix("SD between training seeds, ") in render(frame, "markdown")
    assert expected in words(plot_tradeoff(frame))
    assert expected in words(plot_seeds(frame))
    stored = [json.loads(path.read_text()) for path in (directory / "rows").iterdir()]
    card = card_of(directory, frame, stored)
    assert card["statistics"]["spread"] == f"{expected} (ddof 1)"
    (block,) = page_data(directory, frame, summary(frame))["blocks"]
    assert block["spread"] == expected


def test_the_card_says_where_nothing_follows_for_other_forget_sets(saved):
    told = {}
    for name, rows in DESIGNS.items():
        directory = saved(*rows)
        frame = load(directory)
        stored = [json.loads(path.read_text()) for path in (directory / "rows").iterdir()]
        claims = " ".join(card_of(directory, frame, stored)["not_supported"])
        told[name] = "other forget sets" in claims
    assert list(told.values()) == [False, True, False, True]


def test_the_frame_and_its_csv_have_the_digest_of_the_forget_set(saved):
    frame = load(saved(row(forget_digest="abc")))
    assert set(frame["forget_digest"]) == {"abc"}
    assert "abc" in next(csv.DictReader(io.StringIO(render(frame, "csv"))))["forget_digest"]


def test_the_figure_and_the_page_name_what_the_shares_are_of():
    crossed = crossed_frame(TABLE, metric="accuracy/forget")
    said = words(plot_variance(crossed))
    assert all(name in said for name in ("training seed", "forget set", "interaction"))
    own = crossed_frame([[1], [5], [9]], metric="accuracy/forget")
    again = own.assign(seed_unlearn=1, value=own["value"] + 2)
    both = pd.concat([own, again]).assign(forget_digest=lambda lines: lines["seed"].astype("str"))
    assert "training seed and forget set" in words(plot_variance(both))


def test_an_auditor_finds_the_shares_of_a_crossed_design_in_the_csv():
    frame = crossed_frame([[2.0, 3.0, 4.5], [3.0, 5.0, 7.0], [4.0, 7.0, 10.0], [1.0, 9.0, 2.0]])
    results = list(csv.DictReader(io.StringIO(render(frame, "csv"))))
    lines = recompute.draws(recompute.with_target_means(results))
    ours = variance(frame)
    assert len(ours)
    for line in ours.to_dict("records"):
        key = tuple(line[name] for name in recompute.LINE)
        sets = recompute.forget_sets(results)[key[: len(recompute.BLOCK)]]
        assert recompute.shares(lines[key], sets) == pytest.approx([line[name] for name in SHARES], nan_ok=True)
