"""The page, in a real browser: it draws itself from its data, asks no network, and runs nothing that rows hold."""

import json
import re
import shutil
from base64 import b64decode
from contextlib import contextmanager
from functools import cache
from io import BytesIO
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import pytest
import yaml
from PIL import Image
from results import save_audit, save_failure, save_row
from test_figures import full
from test_report import row

from supreme.report import Endpoints, render, summary, write
from supreme.report.command import main
from supreme.report.page.embedded import failures
from supreme.report.page.page import html, page_data, write_page
from supreme.report.page.parts import Pool, unzipped, zipped
from supreme.report.page.values import short
from supreme.report.rows.load import load
from supreme.report.tables.leaderboard import leaderboard_of

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
DRIVER = shutil.which("chromedriver")
STREAMS = ("forget", "reference", "unlearn", "evaluate")
NASTY = '</script><img src=x onerror="window.attacked=1"><!-- \' " & é 日本 {{data}} \u2028'


def content(page, part="data"):
    """A part of the data that a page carries."""
    found = re.search(rf'<script type="application/gzip;base64" id="part-{part}">([A-Za-z0-9+/=]*)</script>', page)
    assert found
    return unzipped(found.group(1))


@cache
def page_of(directory):
    """The page of a directory that no test changes, made once."""
    return write_page(directory)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory):
    shifts = {"scrub": 0.1, "ssd": 0.0, "neggrad": 0.2}
    rows = [full(method, seed, shift) for method, shift in shifts.items() for seed in range(3)]
    rows += [full("scrub", seed, 0.3, scenario="full_class", cell=f"class-{seed}") for seed in range(2)]
    directory = tmp_path_factory.mktemp("sweep")
    for own in rows:
        save_row(directory, own)
    (directory / "logs").mkdir()
    (directory / "logs" / f"{rows[0]['cell'][:16]}.log").write_text("the log of the first cell\n")
    failed = "2026-01-01 10:00:00 scrub digits seed=9: attempt 1 on cpu:0 (cpu), key 0123456789abcdef\n"
    (directory / "logs" / "0123456789abcdef.log").write_text(
        failed + "Traceback (most recent call last):\n  File\nValueError: too hot\n"
    )
    return directory


def test_the_same_rows_give_the_same_page_but_for_the_time(sweep):
    pages = (page_of(sweep).read_text(encoding="utf-8"), html(sweep, load(sweep)))
    assert len({re.sub(r"<time>.*?</time>", "", page) for page in pages}) == 1


def test_the_page_is_one_file_that_names_no_other_and_allows_only_its_own_script(sweep):
    page = page_of(sweep).read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!#|data:,)", page.split("<script")[0])
    assert "http" not in page.split("<script")[0].replace("http-equiv", "")
    policy = re.search(r"Content-Security-Policy\" content=\"([^\"]*)\"", page)
    assert policy
    assert "default-src 'none'" in policy.group(1)
    assert "unsafe-inline" not in re.search(r"script-src [^;]*", policy.group(1)).group()  # type: ignore[union-attr]
    assert len(b64decode(re.search(r"sha256-([^']*)'", policy.group(1)).group(1))) == 32  # type: ignore[union-attr]


def unpooled(part):
    """The value of a part, with what its pool holds in place of the references to it."""

    def inside(value):
        if isinstance(value, dict) and set(value) == {"$"}:
            value = part["pool"][value["$"]]
        if isinstance(value, dict):
            return {name: inside(one) for name, one in value.items()}
        return [inside(one) for one in value] if isinstance(value, list) else value

    return inside(part["value"])


def nine_digits(values):
    return {name: short(value) for name, value in values.items()} if isinstance(values, dict) else values


def test_everything_of_a_row_is_in_the_page_and_what_repeats_is_there_once(sweep):
    page = page_of(sweep).read_text(encoding="utf-8")
    cells, details = unpooled(content(page, "cells")), unpooled(content(page, "details-0"))
    rows = [json.loads(path.read_text()) for path in (sweep / "rows").iterdir()]
    assert len(cells) == len(details) == len(rows)
    for own in rows:
        (at,) = [at for at, entry in enumerate(cells) if entry["cell"] == own["cell"]]
        assert dict(zip(details[at]["names"], details[at]["values"], strict=True)) == nine_digits(own["metrics"])
        assert (cells[at]["seeds"], cells[at]["notes"]) == (own["seeds"], own["notes"])
        for name in own.keys() - {"metrics", "seeds", "notes", "series", "cell", "schema"}:
            assert details[at]["row"][name] == (
                nine_digits(own[name]) if name in ("reference", "original") else own[name]
            )
    assert json.dumps(content(page, "details-0")).count('"optimiser"') == 1  # of eleven rows with this recipe
    assert content(page)["failures"] == [
        {"label": "scrub digits seed=9", "why": "ValueError: too hot", "log": "0123456789abcdef.log"}
    ]


def test_what_one_copies_of_a_table_is_what_the_report_prints_of_it(sweep, judged):
    texts = content(page_of(judged).read_text(encoding="utf-8"), "texts")
    frame = load(judged)
    printed = {form: render(frame, form) for form in ("latex", "markdown")}
    random = "digits-small_cnn-digits-small_cnn-random"
    for name in ("board", random):
        head, _, own = texts[name]["latex"].partition("\\begin{table")
        assert printed["latex"].startswith(head)
        assert own.strip() in printed["latex"]
        assert texts[name]["markdown"].strip() in printed["markdown"]
    assert texts["board"]["csv"].splitlines()[1] == "neggrad,1.5,0.00,1.20"
    lines = summary(frame).to_csv(index=False).splitlines()
    copied = texts[random]["csv"].splitlines()
    assert copied[0] == lines[0]
    assert len(copied) == 1 + 5 * 2  # the methods with reference and original, and the two columns that it shows
    with pytest.raises(KeyError):
        content(page_of(sweep).read_text(encoding="utf-8"), "texts")["board"]


def test_the_card_is_the_same_as_yaml_and_says_what_is_not_supported(sweep):
    data = content(page_of(sweep).read_text(encoding="utf-8"))
    assert yaml.safe_load(data["yaml"]) == data["card"]
    told = " ".join(data["card"]["not_supported"])
    assert "2 training seeds: too few" in told
    assert "no noise floor" in told
    margins = {"accuracy/forget": 0.02, "accuracy/retain": 0.01, "accuracy/test": 0.01, "membership/auc": 0.02}
    margins |= {"js_divergence/forget": "relative"}
    assert {name: one["margin"] for name, one in data["card"]["statistics"]["margins"].items()} == margins
    assert data["card"]["seeds"]["training"] == [0, 1, 2]
    assert {entry["label"] for entry in data["card"]["scenario"]} == {"random", "full_class"}


def test_nothing_in_the_data_can_end_its_script_element():
    text = zipped({"a": NASTY, "b": "\ud800"})
    assert re.fullmatch(r"[A-Za-z0-9+/]*=*", text)
    assert unzipped(text) == {"a": NASTY, "b": "\ud800"}


def test_a_stage_that_was_repeated_with_success_did_not_fail(tmp_path):
    (tmp_path / "logs").mkdir()
    header = "2026-01-01 10:00:00 {}: attempt {} on cpu:0 (cpu), key {}\n"
    raised = "Traceback (most recent call last):\nKeyError: 'x'\n"
    stage = "f" * 64
    (tmp_path / "logs" / f"{stage[:16]}.log").write_text(
        header.format("original digits", 1, stage) + raised + header.format("original digits", 2, stage) + "fine\n"
    )
    (tmp_path / "logs" / "aaaaaaaaaaaaaaaa.log").write_text(header.format("scrub digits", 1, "a" * 16) + "epoch 1\n")
    (tmp_path / "logs" / "notes.log").write_text("not ours\n")
    assert failures(tmp_path, []) == [
        {"label": "scrub digits", "why": "it did not finish", "log": "aaaaaaaaaaaaaaaa.log"}
    ]
    assert failures(tmp_path, ["a" * 16]) == []


def test_the_pool_keeps_values_apart_that_look_like_its_own_references():
    pool = Pool()
    packed = pool.packed({"$": 0, "note": "x"})
    assert packed == {"$": 0}
    assert pool.values[0] == {"$": 0, "note": "x"}


# In a browser


@pytest.fixture(scope="module")
def chromium(second_chance):
    if CHROMIUM is None or DRIVER is None:
        pytest.skip("no Chromium with its driver here: apt-get install chromium chromium-driver")
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1366,768"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(DRIVER))
    yield driver
    driver.quit()


@pytest.fixture
def opened(chromium):
    """Open the page of a directory; afterwards nothing has gone wrong in it, and nothing was asked of a network."""

    def open_page(directory, fragment=""):
        for log in ("performance", "browser"):
            chromium.get_log(log)
        chromium.get("about:blank")  # another fragment alone would not load the page again
        chromium.get(page_of(directory).as_uri() + fragment)
        ready(chromium)
        return chromium

    yield open_page
    assert chromium.get_log("browser") == []
    sent = [json.loads(entry["message"])["message"] for entry in chromium.get_log("performance")]
    asked = {one["params"]["request"]["url"] for one in sent if one["method"] == "Network.requestWillBeSent"}
    assert all(url.startswith(("file:", "data:")) for url in asked), asked


def ready(driver):
    """Wait until the page has drawn itself."""
    until(driver, "document.body.dataset.failed || performance.getEntriesByName('cells').length")
    assert driver.execute_script("return document.body.dataset.failed") is None


def until(driver, condition):
    """Wait for what JavaScript says of the page; what it says."""
    from selenium.webdriver.support.ui import WebDriverWait

    return WebDriverWait(driver, 60, poll_frequency=0.05).until(lambda _: driver.execute_script(f"return {condition}"))


BLOCK = "digits-small_cnn-digits-small_cnn-random"


def find(driver, selector):
    return driver.find_elements("css selector", selector)


def click(driver, selector, number=0):
    driver.execute_script("arguments[0].click()", find(driver, selector)[number])


def methods(driver, block=0):
    return [
        line.get_attribute("data-method")
        for line in find(driver, "#blocks article")[block].find_elements("css selector", "tbody tr")
    ]


def test_a_click_on_a_column_sorts_by_it_and_the_reference_stays_on_top(sweep, opened):
    driver = opened(sweep)
    assert [title.text for title in find(driver, "#blocks h3")] == [
        "digits · small_cnn · full_class recipe digits-small_cnn",
        "digits · small_cnn · random recipe digits-small_cnn",
    ]
    selector = "#blocks article:nth-of-type(1) th[data-metric='accuracy/test'] button"
    places = find(driver, "#blocks th[data-metric='accuracy/test'] button")
    driver.execute_script("arguments[0].click()", places[1])
    assert methods(driver, 1) == ["reference", "neggrad", "scrub", "original", "ssd"]
    click(driver, selector, 1)
    assert methods(driver, 1)[0] == "reference"
    assert methods(driver, 1)[-2:] == ["scrub", "neggrad"]
    assert find(driver, "th[data-metric='accuracy/test']")[1].get_attribute("aria-sort") == "descending"
    text = find(driver, "#blocks article")[1].find_elements("css selector", "tr[data-method=scrub] td")[1].text
    assert text.split("\n")[0] == "80.00 ± 0.00"
    assert text.split("\n")[1].startswith("\N{MINUS SIGN}11.00")
    assert "[" in text


DECLARED = {"margins": {"accuracy/forget": 0.05, "accuracy/test": 0.05}, "most_left": 0.25}
CONTRASTS = {
    "scrub": {"random": (0.4, 0.41, 0.4, 0.39, 0.4), "subclass": (0.02, 0.01, 0.02, 0.03, 0.02)},
    "ssd": {"random": (0.3, -0.2, 0.1, 0.0, 0.3), "subclass": (0.3, -0.2, 0.1, 0.05, 0.25)},
    "neggrad": {"random": (0.002, -0.002, 0.0, 0.002, -0.002), "subclass": (0.06, 0.05, 0.06, 0.07, 0.06)},
}
"""Of the forget accuracy with that of the reference, by training seed; the original's are 0.45 and a little."""
TUNED = {
    "preset": "ssd/digits-small_cnn-random",
    "source": "found",
    "columns": ["accuracy/forget"],
    "seeds": [100],
    "images": "test",
    "uses_reference": False,
    "kept": ["alpha"],
    "overridden": [],
}


def told_apart(method, seed, scenario):
    """A row whose original is far from the reference, with margins that were declared before it was there."""
    reference = {"accuracy/forget": 0.5 + seed / 100, "accuracy/test": 0.8}
    of_seed = {"seed": seed, "seeds": dict.fromkeys(STREAMS, seed), "cell": f"{method}-{scenario}-{seed}"}
    return (
        row(
            method,
            scenario=scenario,
            metrics=reference | {"accuracy/forget": reference["accuracy/forget"] + CONTRASTS[method][scenario][seed]},
            reference=reference,
            original={"accuracy/forget": 0.95 + seed / 50, "accuracy/test": 0.8},
            reasons={},
            sets={"forget": 500, "retain": 4500, "test": 1000},
            declared=DECLARED,
            tuned=TUNED if method == "ssd" else None,
        )
        | of_seed
    )


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A sweep whose methods have verdicts and ranks, and in which cells failed."""
    rows = [
        told_apart(method, seed, scenario)
        for method in CONTRASTS
        for scenario in ("random", "subclass")
        for seed in range(5)
    ]
    rows += [full("scrub", seed, 0.3, scenario="full_class") for seed in range(2)]
    directory = tmp_path_factory.mktemp("judged")
    for own in rows:
        save_row(directory, own)
    for method, seed in (("boom", 0), ("boom", 1), ("ssd", 7)):
        of_seed = {"seed": seed, "seeds": dict.fromkeys(STREAMS, seed), "cell": f"{method}-failed-{seed}"}
        save_failure(directory, row(method) | of_seed, "ValueError: too hot")
    return directory


def random_line(driver, method):
    """The cells of a method in the table of the random scenario."""
    return find(driver, f"#block-digits-small_cnn-digits-small_cnn-random [data-method={method}] > *")


def test_verdict_and_headline_are_the_first_columns_of_a_block_that_has_them(judged, opened):
    driver = opened(judged)
    tables = find(driver, "#blocks article")
    heads = [[head.text for head in table.find_elements("css selector", "thead th")] for table in tables]
    assert [head.split(" ")[0] for head in heads[1][:4]] == ["method", "verdict", "removed", "forget"]
    assert {"verdict", "removed"}.isdisjoint(heads[0])  # of two training seeds
    words = [word.text for word in random_line(driver, "scrub")]
    assert words[1] == "Ddifferent\ndifferent in forget acc."
    assert words[2].startswith("15 % [1")
    assert words[2].endswith("]\nforget acc.")
    assert random_line(driver, "neggrad")[1].text == "Eequivalent"
    reason = "its values were chosen on the test images that judge it"
    assert random_line(driver, "ssd")[1].text == f"?inconclusive\n{reason}"
    assert [word.text for word in random_line(driver, "reference")][1:3] == ["", ""]
    driver.execute_script("document.querySelectorAll('#blocks th[data-metric=removed] button')[0].click()")
    assert methods(driver, 1)[:4] == ["reference", "original", "scrub", "ssd"]


def test_what_keeps_every_method_from_a_better_verdict_stands_below_and_not_beside_each(judged):
    afterwards = Endpoints({"accuracy/forget": 0.06, "accuracy/test": 0.05})
    frame = load(judged)
    block = page_data(judged, frame, summary(frame, endpoints=afterwards), afterwards)["blocks"][1]
    shared = "the margins are not those that all rows declare"
    assert any(note.startswith(f"No joint E: {shared}") for note in block["notes"])
    assert shared in block["verdicts"]["neggrad"]["reason"]
    assert shared not in block["verdicts"]["neggrad"]["own_reason"]
    assert block["verdicts"]["neggrad"]["letter"] == "?"


def test_the_letter_of_a_cell_is_in_brackets_where_it_speaks_of_that_cell_alone(judged, opened):
    driver = opened(judged)
    badges = {badge.text for badge in find(driver, "#blocks td .badge")}
    assert "E" in badges  # of a whole method, in the column of verdicts
    assert {badge.text for badge in find(driver, "#blocks td .gap .badge")} <= {"(E)", "(N)", "(n)", "D", "d", "?", "="}


def test_what_an_sd_is_of_is_told_by_the_forget_sets(saved, opened):
    def draws(name, digest):
        seeds = [(seed, draw) for seed in range(2) for draw in range(2)]
        return [
            row(
                "ssd",
                seed,
                value=0.5 + draw / 10 + seed / 4,
                scenario=name,
                forget_digest=digest(seed),
                seeds={"forget": seed, "reference": 0, "unlearn": draw, "evaluate": 0},
            )
            for seed, draw in seeds
        ]

    driver = opened(saved(*draws("random", lambda seed: f"{seed}"), *draws("full_class", lambda seed: "one")))
    told = [block.text for block in find(driver, "#blocks article > .hint")]
    assert told == [
        "± SD between training seeds, one forget set",
        "± SD between training seeds, each with a forget set of its own",
    ]
    drawn = [find(driver, figures_drawn(driver, block=block))[0].text for block in (1, 2)]
    assert "training seed and forget set" not in drawn[0]
    assert "training seed and forget set" in drawn[1]


def test_a_method_that_failed_has_a_line_and_counts(judged, opened):
    driver = opened(judged)
    assert [word.text for word in random_line(driver, "boom")] == ["boom failed (2 of 2)", "ValueError: too hot"]
    assert random_line(driver, "ssd")[0].text == "ssd \N{DAGGER} incomplete (1 of 6 failed)"
    assert methods(driver, 1)[-1] == "boom"
    assert "boom" not in methods(driver, 0)
    counts = find(driver, "#counts")[0].text.replace("\n", " ")
    assert "methods 4 " in counts
    assert "failed cells 3 " in counts
    data = content(page_of(judged).read_text(encoding="utf-8"))
    assert "boom failed in 2 of 2 runs" in " ".join(data["card"]["not_supported"])


def test_a_block_of_nothing_but_failures_has_its_table(saved, opened):
    directory = saved(row())
    save_failure(directory, row("boom", scenario="full_class"), "ValueError: too hot")
    driver = opened(directory)
    assert methods(driver, 0) == ["boom"]
    assert "boom: failed (1 of 1), seed 0: ValueError: too hot." in find(driver, "#blocks article")[0].text
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert len(find(driver, "#drawings article")) == 1


def test_the_leaderboard_stands_above_the_tables_and_is_sorted_by_a_click(judged, opened):
    driver = opened(judged)
    top = "return document.querySelector('#ranks').compareDocumentPosition(document.querySelector('#results'))"
    assert driver.execute_script(top) == 4  # follows
    heads = [head.text.split(" \u2195")[0] for head in find(driver, "#board th[scope=col]")]
    assert heads == ["method", "mean rank", "random", "subclass"]
    assert find(driver, "#ranks h2")[0].text == "Leaderboard all scenarios · digits · small_cnn"
    lines = "#board tbody tr"
    # Mean contrasts 0.4, 0.1 and 0 of random, 0.02, 0.1 and 0.06 of subclass, in margins of 0.05.
    shown = ["neggrad 1.5 0.00 1.20", "scrub 2.0 8.00 0.40", "ssd 2.5 2.00 2.00"]
    assert [line.text for line in find(driver, lines)] == shown
    click(driver, "#board thead button", 3)
    assert [line.get_attribute("data-method") for line in find(driver, lines)] == ["scrub", "neggrad", "ssd"]
    driver.back()
    until(driver, "!location.hash")
    assert [line.text for line in find(driver, lines)] == shown
    told = find(driver, "#ranks")[0].text
    assert "0 is retraining, 1 lies at the margin" in told
    assert "no method is named the best" in told


def test_the_leaderboard_is_that_of_the_given_endpoints(judged):
    def scores(endpoints):
        board = leaderboard_of(frame, summary(frame, endpoints=endpoints), endpoints)
        return {line[0]: line[2:] for line in board.lines} if board else {}

    frame = load(judged)
    wide = Endpoints({"accuracy/forget": 0.1, "accuracy/test": 0.05}, most_left=0.5)
    assert scores(wide)["scrub"] == ["4.00", "0.20"]  # in margins of 0.1
    tight = Endpoints({"accuracy/forget": 0.1, "accuracy/test": 0.05}, most_left=0.1)
    assert float(scores(tight)["scrub"][0]) == pytest.approx(0.4 / 0.047, abs=0.01)


def test_the_page_of_the_command_is_that_of_its_endpoints(judged, capsys):
    assert main([str(judged), "--format", "html", "--endpoints", "accuracy/forget=0.1,accuracy/test=0.05"]) == 0
    data = content(capsys.readouterr().out)
    assert {line[0]: line[2] for line in data["leaderboard"]["lines"]}["scrub"] == "4.00"
    origins = [one["origin"] for one in data["card"]["statistics"]["margins"]["accuracy/forget"]]
    assert origins == [f"given afterwards: {what}" for what in ("no row declares it", "the rows declare 0.05")]
    assert {one["verdicts"]["neggrad"]["origin"] for one in data["blocks"] if one["verdicts"]} == {"given afterwards"}
    write(judged, endpoints=Endpoints({"accuracy/forget": 0.1, "accuracy/test": 0.05}))
    table = (judged / "reports" / "table.md").read_text()
    assert "| scrub | 2.0 | 4.00 | 0.20 |" in table
    assert "Margins, given afterwards: forget acc. 10.00" in table


def test_a_mean_over_class_targets_has_its_block_and_its_line_on_the_card(saved):
    def of_target(target, seed):
        place = {"scenario": "full_class", "forget_digest": f"{target}", "changed": {"scenario.target": target}}
        return full("scrub", seed, 0.3, config={"scenario": {"target": target}}, **place)

    directory = saved(*(of_target(target, seed) for target in (1, 2) for seed in range(3)))
    data = page_data(directory, load(directory), summary(load(directory)))
    scenarios = [block["labels"][3] for block in data["blocks"]]
    assert [name for name in scenarios if "mean of targets" in name] == ["full_class, mean of targets 1, 2"]
    assert any("nothing is said of other classes (in " in told for told in data["card"]["not_supported"])


def test_without_ranks_and_verdicts_there_is_no_place_for_them(saved, opened):
    driver = opened(saved(row(), row(seed=1)))
    assert not find(driver, "#ranks")[0].is_displayed()
    assert not find(driver, "#audits")[0].is_displayed()
    assert not find(driver, "#to-ranks")[0].is_displayed()
    assert not find(driver, "th[data-metric=verdict]")
    assert not find(driver, "th[data-metric=removed]")


@contextmanager
def screen(driver, width, height):
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    try:
        yield
    finally:
        driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_on_a_telephone_the_bar_is_one_line_and_unfolds_the_filters(judged, opened):
    driver = opened(judged)
    with screen(driver, 420, 900):
        assert find(driver, ".bar")[0].size["height"] < 50
        filters = find(driver, "#filter-method")[0]
        assert not filters.is_displayed()
        click(driver, ".fold")
        assert filters.is_displayed()
        assert find(driver, ".bar")[0].size["height"] < 50
        click(driver, "#filter-method summary")
        click(driver, "#filter-method input", 0)
        assert "active" in find(driver, ".fold")[0].get_attribute("class")
        driver.execute_script("document.body.click()")
        assert not filters.is_displayed()


def test_at_every_width_the_page_is_no_wider_and_wide_tables_scroll_inside_their_box(judged, opened):
    driver = opened(judged)
    for width, height in ((420, 900), (800, 1000), (1400, 900)):
        with screen(driver, width, height):
            assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth"), width
            assert find(driver, ".bar")[0].size["height"] <= 0.15 * height
            assert find(driver, "#find")[0].is_displayed()


def test_filters_hide_blocks_methods_and_cells(sweep, opened):
    driver = opened(sweep)
    assert len(find(driver, "#list tbody tr")) == 11
    click(driver, "#filter-scenario input", 0)
    assert [title.is_displayed() for title in find(driver, "#blocks h3")] == [False, True]
    assert len(find(driver, "#list tbody tr")) == 9
    driver.execute_script("document.getElementById('filter-method').open = true")
    names = [label.text for label in find(driver, "#filter-method label")]
    click(driver, "#filter-method input", names.index("ssd"))
    assert "ssd" not in methods(driver, 1)
    assert len(find(driver, "#list tbody tr")) == 6
    click(driver, "#filter-seed input", 0)
    assert len(find(driver, "#list tbody tr")) == 4
    click(driver, "#filter-panel > button")
    assert len(find(driver, "#list tbody tr")) == 11


def test_a_cell_opens_its_metrics_config_provenance_and_log_with_the_keyboard_too(sweep, opened):
    from selenium.webdriver.common.keys import Keys

    driver = opened(sweep)
    first = next(
        line for line in find(driver, "#list tbody tr") if line.get_attribute("data-cell").startswith("scrub-0")
    )
    first.find_element("css selector", "button").send_keys(Keys.ENTER)
    assert find(driver, "#drawer-title")[0].text == "scrub · random · seed 0"
    until(driver, "document.querySelector('#drawer .pane table')")
    assert "accuracy/forget 0.8 0.9 0.9" in find(driver, "#drawer .pane")[0].text
    tab = driver.switch_to.active_element
    assert tab.text == "Metrics"
    tab.send_keys(Keys.ARROW_RIGHT)
    until(driver, "document.getElementById('config')")
    assert "optimiser:\n    lr: 0.1" in find(driver, "#config")[0].text
    driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    driver.switch_to.active_element.send_keys(Keys.ARROW_LEFT)
    until(driver, "document.getElementById('log')")
    assert find(driver, "#log")[0].text == "the log of the first cell"
    driver.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not find(driver, "#drawer")[0].is_displayed()


def test_audits_have_tables_of_their_own_where_there_are_any(saved, opened):
    rows = [row(seed=seed) for seed in range(3)]
    directory = saved(*rows)
    record = {
        "audit": "0" * 16,
        "name": "u_lira",
        "data": "digits",
        "model": "small_cnn",
        "recipe": "digits-small_cnn",
        "scenario": "random",
        "method": "scrub",
        "cells": [own["cell"] for own in rows],
        "seeds": [0, 1, 2],
        "missing": [],
        "forget_digest": "00",
        "sets": {"forget": 20},
        "config": {"audit": {"_target_": "a.A"}},
        "values": {"u_lira/auc": 0.875},
        "reasons": {},
        "series": {},
    }
    save_audit(directory, record)
    told = find(opened(directory), "#audits")[0].text
    assert "scrub" in told
    assert "0.875" in told
    assert "add method=retrain, the null" in told
    texts = content(page_of(directory).read_text(encoding="utf-8"), "texts")["audit-0"]
    assert "| scrub | 3 | 0.875 |" in texts["markdown"]
    assert "scrub & 3 & 0.875 \\\\" in texts["latex"]
    assert texts["csv"] == "method,models,auc\nscrub,3,0.875\n"


def figures_drawn(driver, least=1, block=2):
    """Bring the figures into view, and wait until those of this block are drawn; the selector of the block."""
    place = f"#drawings article:nth-of-type({block})"
    count = "document.querySelectorAll('{} {}').length"
    drawn, every = (count.format(place, one) for one in (".drawing[data-drawn]", ".figure"))
    seen = "dispatchEvent(new Event('beforeprint'))"
    until(driver, f"{seen} && {drawn} === {every} && {every} >= {least}")
    return place


def test_figures_are_drawn_when_they_come_into_view_follow_the_filters_and_are_saved_as_on_paper(sweep, opened):
    driver = opened(sweep)
    assert not driver.execute_script("return window.vegaEmbed")  # not before the first of them is in view
    place = figures_drawn(driver, least=5)
    titles = [title.text for title in find(driver, f"{place} .figure h4")]
    assert titles[:3] == ["Forgetting against utility", "Every training seed", "Cost against gap"]
    assert "Membership inference" in titles
    said = [text.text for text in find(driver, f"{place} [data-name=tradeoff] svg text")]
    assert {"scrub", "test accuracy (fraction)"} <= set(said)
    dots = f"{place} [data-name=seeds] svg .mark-symbol path"
    assert len(find(driver, dots)) == 4 * 3  # scrub, ssd, neggrad and the original, three seeds each
    assert "NaN" not in driver.execute_script("return document.getElementById('drawings').innerHTML")
    choice = find(driver, f"{place} [data-name=seeds] select")[0]
    choice.send_keys("accuracy/test")
    until(driver, f"document.querySelector('{place} [data-name=seeds] .drawing').dataset.drawn === 'accuracy/test'")
    assert address(driver) == {f"figure-{BLOCK}": ["seeds accuracy/test"]}
    click(driver, "#filter-method input", 4)
    until(driver, f"document.querySelectorAll('{dots}').length === {3 * 3}")
    code = "const [name, done] = arguments; document.querySelector(name).view.toImageURL('png').then(done, done)"
    told = driver.execute_async_script(code, f"{place} [data-name=tradeoff]")
    picture = Image.open(BytesIO(b64decode(told.partition(",")[2])))
    assert picture.width == 380
    assert picture.getpixel((1, 1))[:3] == (255, 255, 255)
    kept = "const click = HTMLAnchorElement.prototype.click; HTMLAnchorElement.prototype.click = function () "
    driver.execute_script(kept + "{ window.saved = [this.download, this.href.split(':')[0]]; }")
    click(driver, f"{place} [data-name=seeds] .downloads button")
    until(driver, "window.saved")
    assert driver.execute_script("return window.saved") == [f"seeds-accuracy-test-{BLOCK}.svg", "blob"]


def test_light_and_dark_differ_and_the_choice_is_kept(sweep, opened):
    driver = opened(sweep)
    colour = "return getComputedStyle(document.body).backgroundColor"
    before = driver.execute_script(colour)
    click(driver, "#theme")
    after = driver.execute_script(colour)
    assert before != after
    driver.refresh()
    ready(driver)
    assert driver.execute_script(colour) == after
    click(driver, "#theme")
    assert driver.execute_script(colour) == before


def test_what_rows_logs_and_names_hold_is_text_and_never_runs(saved, opened):
    names = {"data": f"d{NASTY}", "scenario": f"s{NASTY}"}
    rows = [full(f"m{NASTY}", seed, 0.1, cell=f"{seed}abcdefabcdefabc", notes=[NASTY], **names) for seed in range(2)]
    for own in rows:
        own["config"]["method"][NASTY] = NASTY
        own["provenance"] = {"host": NASTY, "overrides": [NASTY], "versions": {NASTY: NASTY}}
        own["reasons"] = {"metrics": {"accuracy/forget": NASTY}}
        own["metrics"][f"loss/{NASTY}"] = 1.0
        own["series"]["metrics"]["accuracy/by_class"]["x"] = [NASTY, "dog"]
        own["series"]["reference"]["accuracy/by_class"]["x"] = [NASTY, "dog"]
    directory = saved(*rows)
    (directory / "logs").mkdir()
    (directory / "logs" / f"{rows[0]['cell']}.log").write_text(NASTY)
    driver = opened(directory)
    figures_drawn(driver, block=1)
    click(driver, "#list tbody button")
    for tab in range(4):
        click(driver, "#drawer [role=tab]", tab)
        until(driver, f"document.querySelector('#drawer .pane {('table', '#config', 'h4', '#log')[tab]}')")
        if tab == 1:
            assert json.dumps(NASTY, ensure_ascii=False)[1:20] in find(driver, "#config")[0].text
    assert find(driver, "#log")[0].text.startswith("</script><img src=x")
    assert driver.execute_script("return window.attacked") is None
    assert find(driver, "img") == []
    assert f"m{NASTY}"[:30] in find(driver, "#blocks tbody")[0].text


def test_the_card_can_be_saved_as_yaml_and_json(sweep, opened):
    driver = opened(sweep)
    assert not find(driver, "#card dl")[0].is_displayed()
    click(driver, ".links a[href='#card']")
    assert find(driver, "#card dl")[0].is_displayed()
    links = {link.get_attribute("download"): link.get_attribute("href") for link in find(driver, "#card a[download]")}
    card = json.loads(unquote(links["evaluation-card.json"].partition(",")[2]))
    assert yaml.safe_load(unquote(links["evaluation-card.yaml"].partition(",")[2])) == card
    assert "not supported" in find(driver, "#card")[0].text


def test_hundreds_of_cells_are_listed_a_part_at_a_time(saved, opened):
    rows = [
        row("scrub", seed % 4, cell=f"{seed:016}", seeds={"forget": 0, "reference": 0, "unlearn": seed, "evaluate": 0})
        for seed in range(450)
    ]
    driver = opened(saved(*rows))
    assert len(find(driver, "#list tbody tr")) == 200
    driver.execute_script("const box = document.getElementById('list'); box.scrollIntoView(); box.scrollTop = 1e6")
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 60).until(lambda driver: len(find(driver, "#list tbody tr")) >= 400)


def test_a_variant_has_a_column_of_its_own_and_its_lines_stay_apart(saved, opened):
    lower = {"config": {"method": {"alpha": 5}}, "changed": {"method.alpha": 5}}
    short = {"config": {"recipe": {"epochs": 1}}, "changed": {"recipe.epochs": 1}}
    driver = opened(saved(row("ssd"), row("ssd", value=0.5, **lower), row("ssd", **short)))
    assert [title.text for title in find(driver, "#blocks h3")] == [
        "digits · small_cnn · random recipe digits-small_cnn",
        "digits · small_cnn · random recipe digits-small_cnn · recipe.epochs=1",
    ]
    assert [
        len(table.find_elements("css selector", ".words:not(.verdict)")) for table in find(driver, "#blocks article")
    ] == [5, 0]
    assert methods(driver) == ["reference", "original", "ssd", "ssd (alpha=5)"]
    click(driver, "#blocks th[data-metric='variant'] button")
    click(driver, "#blocks th[data-metric='variant'] button")
    assert methods(driver)[:2] == ["reference", "ssd (alpha=5)"]
    words = find(driver, "#blocks tr[data-method='ssd (alpha=5)'] > *")
    assert [word.text for word in words[:2]] == ["ssd", "alpha=5"]
    click(driver, "#filter-setting input", 1)
    assert [title.is_displayed() for title in find(driver, "#blocks h3")] == [True, False]
    assert len(find(driver, "#list tbody tr")) == 2


# Addresses, search and copies


def state(driver):
    """What can be seen of everything that the address tells."""
    told = {
        "heads": f"all('#block-{BLOCK} thead th', (head) => [head.dataset.metric, head.ariaSort])",
        "methods": f"all('#block-{BLOCK} tbody tr', (line) => line.dataset.method)",
        "board": "all('#board tbody tr', (line) => line.dataset.method)",
        "shown": "all('#blocks h3', (title) => title.checkVisibility())",
        "boxes": "all('.menu input', (box) => box.checked)",
        "cells": "all('#list tbody tr', (line) => line.dataset.cell)",
        "drawer": "all('#drawer[open] h3', (title) => title.textContent)",
        "pane": "all('#drawer[open] [aria-selected=true]', (tab) => tab.textContent)[0]",
        "palette": "document.getElementById('palette').open",
    }
    parts = ", ".join(f"{name}: {value}" for name, value in told.items())
    all_of = "const all = (selector, tell) => [...document.querySelectorAll(selector)].map(tell);"
    return driver.execute_script(f"{all_of} return {{{parts}}}")


def address(driver):
    return parse_qs(urlsplit(driver.current_url).fragment)


def test_the_address_brings_back_block_order_filters_columns_and_open_cell_and_the_back_button_undoes(judged, opened):
    driver = opened(judged)
    plain = state(driver)
    click(driver, "#filter-scenario input", 1)  # hides `random`, and back
    click(driver, "#filter-scenario input", 1)
    assert address(driver) == {}
    click(driver, "#filter-scenario input", 0)
    click(driver, "#filter-method summary ~ * input", 0)
    find(driver, f"#block-{BLOCK} select")[0].send_keys("sort by |")
    click(driver, f"#block-{BLOCK} th[data-metric='accuracy/test'] button")
    click(driver, f"#block-{BLOCK} th[data-metric='accuracy/test'] button")
    click(driver, f"#block-{BLOCK} .menu:not(.copy) label input", 0)
    click(driver, "#board thead button", 2)
    click(driver, "#list thead button", 1)
    click(driver, "#list tbody button", 3)
    click(driver, "#drawer [role=tab]", 2)
    seen, said = state(driver), driver.current_url
    assert address(driver) | {"cell": "", "hide-method": ""} == {
        "hide-scenario": ["full_class"],
        "hide-method": "",
        f"sort-{BLOCK}": ["-accuracy/test"],
        f"by-{BLOCK}": ["gap"],
        f"columns-{BLOCK}": ["accuracy/test"],
        "pane": ["Provenance"],
        "cell": "",
        "sort-board": ["random"],
        "sort-cells": ["method"],
    }
    for step, drawer, pane in (
        (driver.back, True, "Metrics"),
        (driver.back, False, None),
        (driver.forward, True, None),
    ):
        step()
        until(driver, f"!!document.querySelector('#drawer[open]') === {str(drawer).lower()}")
        assert pane in (None, state(driver)["pane"])
    driver.forward()
    until(driver, "location.hash.includes('Provenance')")
    assert state(driver) == seen
    driver.execute_script("location.hash = ''")
    until(driver, "!document.querySelector('#drawer[open]')")
    assert state(driver) == plain
    again = opened(judged, said[said.index("#") :])
    assert state(again) == seen
    assert again.current_url == said


@pytest.fixture(scope="module")
def hostile():
    """Fragments that no page of ours writes."""
    names = ("cell", "pane", "at", "search", "method", "hide-seed", f"sort-{BLOCK}", f"columns-{BLOCK}", "sort-board")
    words = (NASTY, "__proto__", "constructor", "javascript:alert(1)", "-", "%", "", "drawer", "x" * 100_000)
    each = [urlencode(dict.fromkeys(names, word)) for word in words]
    return [*each, "%E0%A4%A", "&&==", "part-data", "said", "a=b#c=d", "<img src=x onerror=window.attacked=1>"]


def test_a_fragment_that_names_nothing_here_changes_nothing_and_runs_nothing(judged, opened, hostile):
    driver = opened(judged)
    plain = state(driver)
    for fragment in hostile:
        driver.execute_script("location.hash = arguments[0]; dispatchEvent(new Event('popstate'))", fragment)
        assert driver.execute_script("return [window.attacked, document.images.length, scrollY]") == [None, 0, 0]
        assert state(driver) == plain | {"palette": "search=" in fragment and "search=&" not in fragment}, fragment[:80]
    assert state(opened(judged, f"#{hostile[0]}")) == plain | {"palette": True}


def test_search_is_opened_and_left_by_keyboard_tells_how_much_it_finds_and_goes_there(judged, opened):
    from selenium.webdriver.common.keys import Keys

    driver = opened(judged)

    def press(*keys):
        driver.switch_to.active_element.send_keys(*keys)

    def told():
        return find(driver, "#palette [role=status]")[0].text

    def chosen():
        return [one.text for one in find(driver, "#found [aria-selected=true]")]

    find(driver, "#find")[0].send_keys("/")
    assert driver.switch_to.active_element.get_attribute("id") == "query"
    press("accuracy")
    assert told() == "3 metrics"
    assert chosen() == ["accuracy/forget forget acc. %"]
    assert address(driver) == {"search": ["accuracy"]}
    press(Keys.ARROW_UP)
    assert chosen() == ["accuracy/test test acc. %"]
    press(Keys.ENTER)
    assert not find(driver, "#palette")[0].is_displayed()
    flashing = find(driver, f"#{address(driver)['at'][0]} th.flash")
    assert [head.get_attribute("data-metric") for head in flashing] == ["accuracy/test"]
    press("/", "zzz")
    assert told() == "Nothing here is called that: fewer letters find more."
    assert address(driver)["search"] == ["zzz"]
    press(Keys.ESCAPE, Keys.ESCAPE)
    assert not find(driver, "#palette")[0].is_displayed()
    assert "search" not in address(driver)
    press("/", "SSD seed 3 subclass")
    assert told() == "1 cell"
    press(Keys.ENTER)
    assert find(driver, "#drawer-title")[0].text == "ssd · subclass · seed 3"
    press("/")
    assert not find(driver, "#palette")[0].is_displayed()  # of two dialogs one is enough
    again = opened(judged, "#search=neggrad")
    assert find(again, "#palette [role=status]")[0].text.startswith("1 method, 10 cells")


def test_a_table_is_copied_by_keyboard_also_where_the_browser_allows_only_a_selection(judged, opened):
    from selenium.webdriver.common.keys import Keys

    driver = opened(judged)
    allowed = {"permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"]}
    driver.execute_cdp_cmd("Browser.grantPermissions", allowed)
    texts = content(page_of(judged).read_text(encoding="utf-8"), "texts")

    def copy(place, form):
        find(driver, f"{place} .copy summary")[0].send_keys(Keys.ENTER)
        find(driver, f"{place} .copy [data-form={form}]")[0].send_keys(Keys.ENTER)
        said = until(driver, "document.getElementById('said').textContent")
        driver.execute_script("document.getElementById('said').textContent = ''")
        return said, driver.execute_async_script("navigator.clipboard.readText().then(arguments[0], arguments[0])")

    said, copied = copy(f"#block-{BLOCK}", "latex")
    assert copied == texts[BLOCK]["latex"]
    assert said.startswith("Copied digits · small_cnn · digits-small_cnn · random as LaTeX, ")
    assert "hidden" not in said
    click(driver, "#filter-method summary ~ * input", 0)
    driver.execute_script("navigator.clipboard.writeText = () => Promise.reject(new Error('not from a file'))")
    said, copied = copy("#ranks", "markdown")
    assert copied == texts["board"]["markdown"]
    assert said.endswith("It has all methods and the usual columns, also those that are hidden here.")
    driver.execute_script("document.execCommand = () => false")
    find(driver, "#ranks .copy summary")[0].send_keys(Keys.ENTER)
    find(driver, "#ranks .copy [data-form=csv]")[0].send_keys(Keys.ENTER)
    until(driver, "document.querySelector('dialog[open] textarea')")
    selected = "const box = document.activeElement; return box.value.slice(box.selectionStart, box.selectionEnd)"
    assert driver.execute_script(selected) == texts["board"]["csv"]
