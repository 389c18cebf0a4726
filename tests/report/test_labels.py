"""Names that last: what a method, a block, a metric, a figure and a table are called, whatever rows arrive."""

import json
import os
import random
import re

import pytest
import recompute
from results import save_audit
from test_plan import composer  # noqa: F401
from test_report import row, text

from supreme.report import load_audits, render, render_audits, write, write_figures
from supreme.report.command import main
from supreme.report.page.page import page_data, page_parts
from supreme.report.rows.labels import LONGEST, variants, without
from supreme.report.rows.load import load
from supreme.report.statistics.aggregate import summary
from supreme.report.tables.blocks import blocks

LABELS = ["data", "model", "recipe", "scenario", "setting", "method", "variant"]


def made(hour, **changes):
    """The provenance of a row that was finished at this hour."""
    return {"provenance": {"finished": f"2026-01-01T{hour:02}:00:00+00:00", **changes}}


def method(seed=0, hour=0, name="ssd", **values):
    """A row of a method whose command line set these values."""
    changed = {f"method.{field}": value for field, value in values.items()}
    config = {"method": {"alpha": 10.0, "dampening": 1.0, **values}}
    return row(name, seed, config=config, changed=changed, **made(hour))


def names(frame):
    """What each cell is called."""
    cells = frame.drop_duplicates("cell")
    return {label["cell"]: tuple(label[name] for name in LABELS) for label in cells.to_dict("records")}


def test_a_plain_row_has_no_variant_and_another_value_is_told_where_it_is_alone_too(saved):
    assert {name[-2:] for name in names(load(saved(method()))).values()} == {("ssd", "")}
    assert {name[-2:] for name in names(load(saved(method(alpha=5)))).values()} == {("ssd", "alpha=5")}


def arriving(count, numbers):
    """Rows as a laboratory makes them: values set on the command line, YAML files edited, photographs changed."""
    defaults = {"method": {"alpha": 10, "kind": "warm"}, "recipe": {"epochs": 40}, "scenario": {"target": 0}}
    metric, images, found = {"base": 2}, "a", []
    for hour in range(count):
        if numbers.random() < 0.25:
            kind, field, values = numbers.choice(
                [("method", "alpha", (5, 10.0, 20)), ("recipe", "epochs", (1, 40)), ("scenario", "target", (0, 3))]
            )
            defaults[kind] = defaults[kind] | {field: numbers.choice(values)}
            images = numbers.choice("ab")
        set_here = {
            key: value
            for key, value in (
                ("method.alpha", numbers.choice([5, 7])),
                ("recipe.epochs", numbers.choice([1, 2])),
                ("scenario.target", numbers.choice([1, [0, 5], "rocket"])),
                ("metric.js_divergence.base", 10),
                ("threads", 4),
            )
            if numbers.random() < 0.3
        }
        config = {kind: dict(values) for kind, values in defaults.items()}
        config["metric"] = {"js_divergence": dict(metric), "accuracy": {}}
        for key, value in set_here.items():
            first, *rest = key.split(".")
            place = config["metric"]["js_divergence"] if first == "metric" else config.get(first, config)
            place[rest[-1] if rest else key] = value
        content = row(numbers.choice(["ssd", "scrub"]), seed=numbers.randrange(4), changed=set_here)
        content["config"] |= {
            kind: content["config"].get(kind, {}) | own for kind, own in config.items() if own.__class__ is dict
        }
        content["config"]["threads"] = config.get("threads", 1)
        content["provenance"] = made(0)["provenance"] | {"data_fingerprint": images * 64}
        content["provenance"]["finished"] = f"2026-01-01T00:{hour:02}:00+00:00"
        found.append(content | {"cell": f"{hour:03}"})
    return found


@pytest.mark.parametrize("stream", range(4))
def test_no_row_that_arrives_renames_an_older_one_and_no_two_configs_share_a_name(saved, stream):
    rows = arriving(24, random.Random(stream))
    before = {}
    for count in range(1, len(rows) + 1):
        frame = load(saved(*rows[:count]))
        now = names(frame)
        assert {cell: name for cell, name in now.items() if cell in before} == {
            cell: name for cell, name in before.items() if cell in now
        }
        before |= now
    assert len(before) == len(rows)  # each was the newest of its name and seed once

    def config(content):
        return json.dumps(
            [
                content["method"],
                [content["config"][kind] for kind in ("method", "recipe", "scenario")],
                content["config"]["threads"],
                content["provenance"]["data_fingerprint"],
            ],
            sort_keys=True,
        ).replace("10.0", "10")

    configs = {content["cell"]: config(content) for content in rows}
    pairs = {(configs[cell], name) for cell, name in before.items()}
    assert len(pairs) == len({name for _, name in pairs}) == len(set(configs.values()))


def test_values_that_the_yaml_had_at_another_time_stand_apart_and_the_older_name_stays(saved):
    old, new = method(hour=1), row("ssd", config={"method": {"alpha": 20, "dampening": 1.0}}, changed={}, **made(2))
    found = names(load(saved(old, new)))
    assert (found[old["cell"]][-1], found[new["cell"]][-1]) == ("", "alpha=20")
    same = method(seed=1, hour=3, alpha=20)  # typed now; it is the config of the second
    assert names(load(saved(old, new, same)))[same["cell"]][-1] == "alpha=20"


def test_a_field_that_one_of_two_configs_lacks_and_values_too_long_to_tell_keep_them_apart():
    entries = [("", {}, {"a": 1}), ("", {}, {"a": 1, "b": None}), ("", {}, {"b": 2}), ("", {}, {"a": 1.0})]
    assert variants(entries) == ["", "b=null", "b=2, no a", ""]
    values = [1, 1, 1, 2, 2, 3, 1, 2, 4, 4, 5]  # in settings that nobody else holds
    assert variants(("", {}, {"a": value}) for value in values) == ["" if one == 1 else f"a={one}" for one in values]
    long = [("", {"path": None}, {"path": "/x" * LONGEST + end}) for end in "ab"]
    assert len(set(variants(long))) == 2
    assert all(len(told) < LONGEST for told in variants(long))


def test_what_stands_with_the_other_components_is_the_setting(saved):
    plain = row()
    content = row(
        config={"recipe": {"optimiser": {"lr": 0.2}}, "scenario": {"target": [0, 5]}, "data": {"path": "a b, c=1"}},
        changed={
            "recipe.optimiser.lr": 0.2,
            "scenario.target": [0, 5],
            "data.path": "a b, c=1",
            "deterministic": False,
        },
        protocol="mine",
        **made(1, data_fingerprint="b" * 64),
    )
    content["config"]["deterministic"] = False
    found = names(load(saved(plain, content)))
    told = 'data.path="a b, c=1", protocol=mine, recipe.optimiser.lr=0.2, deterministic=false, scenario.target=[0,5]'
    assert found[plain["cell"]] == ("digits", "small_cnn", "digits-small_cnn", "random", "", "scrub", "")
    assert found[content["cell"]] == ("digits", "small_cnn", "digits-small_cnn", "random", told, "scrub", "")
    assert without("scenario.", without("protocol=", told)) == (
        'data.path="a b, c=1", recipe.optimiser.lr=0.2, deterministic=false'
    )


def test_the_same_images_are_the_same_data_wherever_they_lie_and_others_are_not(saved):
    def at(path, letter, hour, seed):
        config = {"data": {"root": path}}
        return row(seed=seed, config=config, changed={"data.root": path}, **made(hour, data_fingerprint=letter * 64))

    one, moved, other = at("/a", "a", 1, 0), at("/b", "a", 2, 1), at("/a", "b", 3, 2)
    found = names(load(saved(one, moved, other)))
    assert [found[content["cell"]][4] for content in (one, moved, other)] == [
        *("data.root=/a", "data.root=/a", "data.root=/a, data.content=bbbbbbbb"),
    ]


def test_ten_and_ten_point_zero_are_one_value(saved):
    rows = [row(seed=seed, config={"method": {"alpha": alpha}}) for seed, alpha in ((0, 10), (1, 10.0))]
    assert set(load(saved(*rows))["variant"]) == {""}


def test_a_metric_keeps_its_name_when_it_is_computed_otherwise_elsewhere(saved):
    def based(seed, base, **changed):
        return row(seed=seed, config={"metric": {"js_divergence": {"base": base}}}, changed=changed, **made(seed))

    plain, ten = based(0, 2.0), based(1, 10, **{"metric.js_divergence.base": 10})
    assert "js_divergence/forget" in set(load(saved(plain))["metric"])
    directory = saved(plain, ten)
    assert {"js_divergence/forget", "js_divergence/forget (base=10)"} < set(load(directory)["metric"])
    assert "JS div. forget (base=10)" in render(load(directory), "markdown")
    (directory / "rows" / f"{plain['cell']}.json").unlink()
    assert "js_divergence/forget (base=10)" in set(load(directory)["metric"])


def test_a_filter_finds_the_rows_that_it_found_before_others_arrived(saved, capsys):
    def found(condition):
        assert main([str(directory), "--format", "csv", "--metrics", "accuracy/forget", "--filter", condition]) == 0
        return {line.partition(",")[0] for line in capsys.readouterr().out.splitlines()[1:]}

    rows = [method(seed, 0) for seed in (0, 1)]
    directory = saved(*rows)
    condition = 'method == "ssd" and scenario == "random" and recipe == "digits-small_cnn"'
    before = found(condition)
    short = row("ssd", config={"recipe": {"epochs": 1}}, changed={"recipe.epochs": 1}, **made(2))
    directory = saved(*rows, method(hour=1, alpha=5), short, row("ssd", config={"method": {"compat": "x"}}, **made(3)))
    assert len(before) == 2
    assert before < found(condition)
    assert before == found(condition + ' and variant == "" and setting == ""')
    assert len(found('variant == "alpha=5"')) == len(found('setting == "recipe.epochs=1"')) == 1


def test_the_columns_of_a_filter_are_listed_where_one_is_wrong(saved, capsys):
    directory = saved(method(), method(alpha=5))
    for condition in ("variants == ''", "spread > 0"):
        assert main([str(directory), "--filter", condition]) == 1
        error = capsys.readouterr().err
        assert "there is data, model, recipe, scenario, setting, method, variant, seed" in error.lower()
    assert main([str(directory), "--filter", "variant == 'alpha=6'"]) == 1
    assert 'there is variant: "", alpha=5' in capsys.readouterr().err


def addresses(directory):
    """LaTeX labels and anchors of the page."""
    frame = load(directory)
    table = summary(frame)
    slugs = {block["slug"] for block in page_data(directory, frame, table)["blocks"]}
    return set(re.findall(r"\\label\{([^}]*)\}", render(frame, "latex", table=table))), slugs


def test_references_figures_and_anchors_keep_their_names_when_other_blocks_arrive(saved):
    first = row(scenario="random", **made(1))
    before = addresses(saved(first))
    name = "digits-small_cnn-digits-small_cnn-random"
    assert before == ({f"tab:supreme-{name}"}, {name})
    short = row(config={"recipe": {"epochs": 1}}, changed={"recipe.epochs": 1}, **made(3))
    directory = saved(first, row(scenario="full_class", **made(2)), short)
    after = addresses(directory)
    assert all(old < new for old, new in zip(before, after, strict=True))
    assert f"tab:supreme-{name}-recipe.epochs=1" in after[0]
    some = load(directory).query("metric == 'accuracy/forget' and scenario == 'random'")
    folders = {path.parent.name for path in write_figures(directory, some)}
    assert folders == {name, f"{name}-recipe.epochs=1"}


def test_tables_have_a_column_of_variants_only_where_some_row_has_one(saved):
    plain = [row(name, seed, **made(seed)) for name in ("scrub", "retrain") for seed in (0, 1)]
    directory = saved(*plain)
    assert not any(
        "variant" in shown
        for shown in (text(directory), *(render(load(directory), kind) for kind in ("markdown", "latex")))
    )
    directory = saved(
        *plain, method(0, 3, alpha=5), method(1, 4, alpha=5), method(0, 5), row(scenario="other", **made(6))
    )
    markdown = render(load(directory), "markdown")
    assert markdown.count("| method | variant | ") == 1  # the other block has none
    assert "| retrain (noise floor) |  |" in markdown
    assert "| ssd | alpha=5 |" in markdown
    assert "| ssd |  |" in markdown
    assert "- ssd (alpha=5)" not in markdown
    assert "ssd: seed 1 missing." in markdown
    assert re.search(r"^ +ssd +alpha=5 +90\.00", text(directory), re.MULTILINE)
    latex = render(load(directory), "latex")
    assert "\\begin{tabular}{@{}llr" in latex
    assert "ssd & alpha=5 & $90{\\pm}0$" in latex
    write(directory)
    assert recompute.check(directory / "reports")[1] > 10


def test_the_page_and_the_card_tell_the_variant(saved):
    short = row("ssd", config={"recipe": {"epochs": 1}}, changed={"recipe.epochs": 1}, **made(2))
    directory = saved(method(hour=0), method(hour=1, alpha=5), short)
    frame = load(directory)
    parts = page_parts(directory, frame, summary(frame))
    data = parts["data"]
    assert [block["labels"][-1] for block in data["blocks"]] == ["", "recipe.epochs=1"]
    assert data["blocks"][0]["names"]["ssd (alpha=5)"] == ["ssd", "alpha=5"]
    assert (
        data["blocks"][0]["names"].keys()
        == data["blocks"][0]["lines"].keys()
        == {"reference", "original", "ssd", "ssd (alpha=5)"}
    )
    assert data["looks"].keys() == data["blocks"][0]["lines"].keys()
    assert {entry["method"] for entry in parts["cells"]["value"]} == {"ssd", "ssd (alpha=5)"}
    assert [entry["label"] for entry in data["card"]["method"]] == ["ssd", "ssd (alpha=5)", "ssd"]
    assert [entry["values"].get("epochs") for entry in data["card"]["recipe"]] == [None, 1]


# Code.


def test_of_rows_that_other_code_made_the_newest_is_shown_and_the_others_are_counted(saved, caplog):
    rows = [method(hour=hour) | {"cell": f"cell{hour}"} for hour in (1, 3, 2)]
    for content, value in zip(rows, (0.1, 0.3, 0.2), strict=True):
        content["metrics"] = {"accuracy/forget": value}
    directory = saved(*rows)
    os.utime(directory / "rows" / "cell1.json", ns=(2**62, 2**62))  # copied later: the row itself says when
    frame = load(directory)
    assert (frame["value"].tolist(), frame["older"].tolist()) == ([0.3], [2])
    assert "left out 2 older rows (cell1.json, cell2.json)" in caplog.text
    note = "Left out: older rows of the same config and seeds, which other code or data made (ssd 2)"
    assert note in render(frame, "markdown")
    assert note in " ".join(page_data(directory, frame, summary(frame))["blocks"][0]["notes"])
    assert "Left out" not in render(load(saved(*rows[:1], *(method(seed, 5) for seed in (1, 2)))), "markdown")


def test_seeds_that_other_code_made_are_not_pooled_without_a_word(saved):
    def by(method_code, recipe_code, name="ssd", seed=0):
        keys = {"model": "m" * 64, "recipe": recipe_code * 64, "scenario": "s" * 64, "method": method_code * 64}
        return row(name, seed, **made(1, code_keys=keys))

    def shown(*rows):
        return render(load(saved(by("b", "r", "scrub"), *rows)), "markdown")

    same = shown(by("a", "r"), by("a", "r", seed=1))
    assert "code" not in same
    edited = shown(by("a", "r"), by("b", "r", seed=1))
    assert "- ssd: its code differs between seed 0 and seed 1; the same command again makes them alike." in edited
    assert edited.count("code") == 1
    recipe = render(load(saved(by("a", "r"), by("a", "r", seed=1), by("b", "q", "scrub"))), "markdown")
    assert "- The code of the model, the recipe or the scenario differs between rows of scrub and rows of ssd" in recipe


# Versions and machines.


def by(torch="2.14.1", device="cpu (x86_64)", **more):
    """What made a row or a model."""
    return {"versions": {"python": "3.12", "torch": torch}, "device": device, "cpu_capability": "AVX2", **more}


def test_a_table_tells_what_made_its_rows_only_where_that_differs(saved):
    def note(*rows):
        frame = load(directory := saved(*rows))
        notes = [line[2:] for line in render(frame, "markdown").splitlines() if line.startswith("- Made ")]
        (block,) = page_data(directory, frame, summary(frame))["blocks"]
        assert notes == [one for one in block["notes"] if one.startswith("Made ")]
        return notes

    older = [row("ssd", seed, provenance=by("2.11.0")) for seed in range(3)]
    newer = [row("scrub", seed, provenance=by()) for seed in range(2)]
    assert note(*older) == note(*newer) == []
    assert note(*older, newer[0]) == ["Made by several versions: torch 2.11.0 (3 rows), 2.14.1 (1 row)."]
    other = row("retrain", provenance=by("2.11.0", "NVIDIA H200", cpu_capability="AVX512"))
    assert note(*older, other) == [
        "Made on several machines: device cpu (x86_64) (3 rows), NVIDIA H200 (1 row); cpu_capability AVX2 (3 rows), "
        "AVX512 (1 row)."
    ]
    assert note(*newer, other) == [
        "Made by several versions: torch 2.14.1 (2 rows), 2.11.0 (1 row); device cpu (x86_64) (2 rows), NVIDIA H200 "
        "(1 row); cpu_capability AVX2 (2 rows), AVX512 (1 row)."
    ]
    assert note(*older, row("scrub", provenance=by("2.11.0", threads=4, host="elsewhere"))) == []


def test_tables_that_other_versions_made_each_are_alike_in_themselves(saved):
    frame = load(saved(row(provenance=by("2.11.0")), row(scenario="other", provenance=by())))
    assert set(frame["versions"]) == {
        f"python 3.12; torch {torch}; device cpu (x86_64); cpu_capability AVX2" for torch in ("2.11.0", "2.14.1")
    }
    assert "Made " not in render(frame, "markdown")


def test_a_row_whose_models_other_versions_made_says_so(saved):
    stages = {"original": by("2.11.0"), "reference": by(device="NVIDIA H200"), "unlearned": by()}
    rows = [row("ssd", seed, provenance=by(stages=stages)) for seed in range(2)]
    assert (
        "- Made by several versions: torch 2.14.1 and 2.11.0 (2 rows); device cpu (x86_64) and NVIDIA H200 (2 rows)."
    ) in render(load(saved(*rows)), "markdown").splitlines()


def test_the_card_counts_the_rows_and_models_of_each_environment(saved):
    keys = {name: name[0] * 64 for name in ("original", "reference", "unlearned")}
    stages = {"original": by("2.11.0", threads=2), "reference": by(threads=1), "unlearned": by(threads=1)}
    rows = [
        row("ssd", seed, provenance=by(stages=stages, keys={**keys, "unlearned": f"{seed}" * 64})) for seed in range(3)
    ]
    rows[2]["provenance"] |= {"git": {"commit": "c0ffee", "changed": True}}
    frame = load(directory := saved(*rows))
    usual = {"python": "3.12", "torch": "2.14.1", "device": "cpu (x86_64)", "cpu_capability": "AVX2", "threads": 1}
    found = page_data(directory, frame, summary(frame))["card"]["environments"]
    assert sorted(found, key=lambda one: (-one["rows"], -one["models"])) == [
        {"rows": 2, "models": 4, **usual},  # the reference and three unlearned ones
        {"rows": 1, "models": 0, **usual, "commit": "c0ffee", "local_changes": True},
        {"rows": 0, "models": 1, **usual, "torch": "2.11.0", "threads": 2},
    ]


# What rows say of themselves.


CHANGED = {
    "method=ssd": {},
    "method=ssd seed=3 seeds.forget=0 hydra/launcher=slurm output_dir=/x": {},
    "experiment=u_lira method=ssd": {},
    "method=ssd method.alpha=7": {"method.alpha": 7},
    "method=ssd method.alpha=5": {},  # as its preset has it
    "method=ssd tuned=none": {"method.alpha": 10.0},
    "method=ssd ++method.alpha=7": {"method.alpha": 7},
    "experiment=u_lira method=ssd method.alpha=7": {"method.alpha": 7},
    "protocol=supreme_paper method=ssd": {},
    # The preset of this scope is for compat=paper, so that it holds here only.
    "protocol=supreme_paper method=ssd method.compat=paper": {
        "method.alpha": 5.0,
        "method.compat": "paper",
    },
    "protocol=supreme_paper protocol.batch_size=32 method=ssd": {
        "recipe.reference_batch_size": 32,
        "method.batch_size": 32,
        "metric.legacy_batch_accuracy.batch_size": 32,
        "metric.legacy_activation_distance.batch_size": 32,
    },
    "recipe.epochs=1 scenario.count=5 threads=2": {"recipe.epochs": 1, "scenario.count": 5, "threads": 2},
    "scenario=full_class scenario.target=[0,5]": {"scenario.target": [0, 5]},
    "deterministic=false": {"deterministic": False},
    "data=pins data_dir=/x model=resnet18": {},
    "data=pins data.root=/x model=resnet18": {"data.root": "/x"},
    "method=chain": {},
    "method=chain method@method.first=ssd": {"method.first": "ssd"},
}


def test_a_cell_knows_what_it_has_otherwise_than_the_yaml_files(composer):  # noqa: F811
    for _ in range(2):  # the second time from what is kept
        assert {told: composer(told.split())[0].changed for told in CHANGED} == CHANGED


def test_a_metric_that_a_row_holds_already_keeps_what_was_said_of_it(composer):  # noqa: F811
    first = composer(["metric=[js_divergence]", "metric.js_divergence.base=10"])[0]
    stored = {"config": {"metric": first.metrics}, "changed": first.changed | {"method.lr": 1}}
    later = composer(["metric=[accuracy]", "recipe.epochs=1"])[0].with_metrics_of(stored)
    assert later.metrics.keys() == {"js_divergence", "accuracy"}
    assert later.changed == {"metric.js_divergence.base": 10, "recipe.epochs": 1}


def test_an_audit_keeps_its_name_and_follows_that_of_its_rows(saved):
    rows = [method(0, 1), method(1, 2), method(0, 3, alpha=5), method(1, 4, alpha=5)]

    def audit(number, cells, folds, **changed):
        return {
            "audit": f"{number}", "name": "klom", "missing": [], "seeds": [0, 1], "forget_digest": "ab" * 32,
            **{kind: rows[0][kind] for kind in ("data", "model", "recipe", "scenario", "method")},
            "cells": cells, "sets": {"forget": 20}, "values": {"klom/p": 0.5}, "reasons": {},
            "config": {"audit": {"folds": folds}}, "changed": changed,
            "provenance": {"finished": f"2026-01-01T0{number}:00:00+00:00"},
        }  # fmt: skip

    def told(*records):
        folder = saved(*rows)
        for record in records:
            save_audit(folder, record)
        frame = load_audits(folder)
        return frame, {
            line["audit"]: (line["name"], line["method"], line["variant"]) for line in frame.to_dict("records")
        }

    first = audit(1, [rows[0]["cell"], rows[1]["cell"]], 2)
    second = audit(2, [rows[2]["cell"], rows[3]["cell"]], 2)
    third = audit(3, [rows[0]["cell"], rows[1]["cell"]], 5, **{"audit.klom.folds": 5})
    gone = audit(4, ["taken", "away"], 2, **{"method.alpha": 3, "recipe.epochs": 1})
    assert told(first)[1] == {"1": ("klom", "ssd", "")}
    frame, found = told(first, second, third, gone)
    assert found == {
        "1": ("klom", "ssd", ""),
        "2": ("klom", "ssd", "alpha=5"),
        "3": ("klom (folds=5)", "ssd", ""),
        "4": ("klom", "ssd", "alpha=3"),
    }
    assert set(frame["setting"]) == {"", "recipe.epochs=1"}
    assert "| ssd (alpha=5) |" in render_audits(frame, "markdown")


def test_blocks_are_found_by_their_setting(saved):
    short = row(config={"recipe": {"epochs": 1}}, changed={"recipe.epochs": 1}, **made(2))
    frame = load(saved(row(**made(1)), short))
    assert [block.title for block in blocks(frame, summary(frame))] == [
        "digits · small_cnn · digits-small_cnn · random",
        "digits · small_cnn · digits-small_cnn · random · recipe.epochs=1",
    ]
