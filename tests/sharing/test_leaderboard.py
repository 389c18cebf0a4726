"""`supreme leaderboard`: one page from many exports, whatever their order, and a sentence for whatever is not whole."""

from __future__ import annotations

import io
import json
import re
import shutil
import sys
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import command_line
from results import save_audit, save_failure, save_row
from test_report import row

from supreme.core import SupremeError
from supreme.core.canonical import DIGEST, digest_of_parsed
from supreme.core.row import sealed_row
from supreme.sharing import store_command
from supreme.sharing.command import main
from supreme.store.maintenance.archive import LIST
from supreme.store.maintenance.inventory import data_folders

SWEEP = ("-m", "method=retrain,finetune,neggrad", "seed=range(2)", "model.widths=[4,8]", "recipe.epochs=1")
AUDIT = {
    "audit": "ab" * 8,
    "name": "u_lira",
    "data": "digits",
    "model": "small_cnn",
    "recipe": "digits-small_cnn",
    "scenario": "random",
    "method": "finetune",
    "cells": [],
    "seeds": [0, 1],
    "missing": [],
    "sets": {"forget": 20},
    "forget_digest": "00",
    "config": {"audit": {}},
    "values": {"u_lira/auc": 0.9},
    "reasons": {},
}


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of three methods and two seeds, an audit and a failure."""
    directory = tmp_path_factory.mktemp("swept")
    done = command_line(*SWEEP, cwd=directory)
    assert done.returncode == 0, done.stderr
    save_audit(directory / "outputs", AUDIT)
    save_failure(directory / "outputs", {**row("scrub", 0), "cell": "cd" * 8}, "RuntimeError: it failed")
    return directory / "outputs"


def part_of(swept: Path, place: Path, *methods: str) -> Path:
    """A copy of the output directory with the rows of these methods alone."""
    copy = Path(shutil.copytree(swept, place))
    for path in (copy / "rows").glob("*.json"):
        if json.loads(path.read_text())["method"] not in methods:
            path.unlink()
    return copy


def exported(target: Path, directory: Path, *options: str) -> Path:
    assert store_command.main(["export", str(target), str(directory), "--rows", *options]) == 0
    return target


@pytest.fixture(scope="module")
def two(swept: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two exports with predictions, which share the rows of retrain."""
    place = tmp_path_factory.mktemp("two")
    first = exported(place / "first.tar", part_of(swept, place / "a", "retrain", "finetune"), "--predictions")
    second = exported(place / "second.tar", part_of(swept, place / "b", "retrain", "neggrad"), "--predictions")
    return first, second


def written(tmp_path: Path, *arguments: Path | str, name: str = "page.html") -> str:
    """What the command writes into a file."""
    target = tmp_path / name
    assert main([*map(str, arguments), "--output", str(target)]) == 0
    return target.read_text()


def refusal(capsys: pytest.CaptureFixture[str], *arguments: Path | str) -> str:
    """The one sentence that the command says."""
    capsys.readouterr()
    assert main(list(map(str, arguments))) == 1
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("supreme leaderboard: ")
    assert told.err.count("\n") == 1, told.err
    return told.err


def files_of(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar.getmembers()}  # type: ignore[union-attr]


def rewritten(path: Path, target: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The export with other files, and a list that states them: what somebody could do who knows its form."""
    import hashlib

    files = files_of(path)
    stated = json.loads(files.pop(LIST))
    change(files)
    stated.pop(DIGEST, None)
    stated["files"] = {
        name: {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "mtime_ns": 0}
        for name, content in files.items()
    }
    return put_together(target, files, {**stated, DIGEST: digest_of_parsed(stated)})


def put_together(target: Path, files: Mapping[str, bytes], stated: Any) -> Path:
    with tarfile.open(target, "w") as tar:
        for name, content in {**files, LIST: json.dumps(stated).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return target


def edited(path: Path, target: Path, edit: Callable[[dict[str, Any]], None], method: str, seed: int = 0) -> Path:
    """The export with another row of this method and seed, sealed again."""

    def change(files: dict[str, bytes]) -> None:
        for name in [name for name in files if name.startswith("rows/")]:
            content = json.loads(files[name])
            if (content["method"], content["seed"]) == (method, seed):
                edit(content)
                files[name] = json.dumps(sealed_row(content)).encode()

    return rewritten(path, target, change)


# One page.


def test_two_exports_give_the_same_bytes_in_both_orders_and_in_another_process(
    two: tuple[Path, Path], tmp_path: Path
) -> None:
    for name in ("page.html", "table.md", "table.csv"):
        assert written(tmp_path, *two, name=name) == written(tmp_path, *reversed(two), name=name), name
    done = command_line("leaderboard", *map(str, reversed(two)), "--output", "other.html", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "other.html: 1 group, 6 rows of 2 exports, 6 verified\n"), done.stderr
    assert (tmp_path / "other.html").read_bytes() == (tmp_path / "page.html").read_bytes()


def test_an_export_that_was_made_again_gives_the_same_page(two: tuple[Path, Path], swept: Path, tmp_path: Path) -> None:
    again = exported(tmp_path / "first.tar", part_of(swept, tmp_path / "a", "retrain", "finetune"), "--predictions")
    assert written(tmp_path, again, two[1]) == written(tmp_path, *two)


def test_the_page_has_every_method_once_with_its_exports_and_no_script(two: tuple[Path, Path], tmp_path: Path) -> None:
    page = written(tmp_path, *two)
    assert "default-src 'none'; style-src 'unsafe-inline'; img-src data:;" in page
    assert "<script" not in page
    assert "http:" not in page.replace("https://", "")
    for method, exports in (
        ("finetune", "first.tar"),
        ("neggrad", "second.tar"),
        ("retrain (noise floor)", "first.tar, second.tar"),
    ):
        line = next(one for one in page.split("<tr>") if one.startswith(f'<th scope="row">{method}</th>'))
        assert f"<td>2/2</td><td>{exports}</td>" in line
    assert (
        "Computed again</dt><dd>accuracy, activation_distance, agreement, js_divergence, membership, scores</dd>"
        in page
    )
    assert "cost (measured as it ran), weight_distance (needs models), zrf (needs untrained)" in page
    assert page.count("<summary>Evaluation card</summary><pre>evaluation_card: ") == 2
    assert "8 rows, and where they are from" in page, "two rows are in both exports"


def test_what_a_row_holds_is_text_and_never_markup(tmp_path: Path) -> None:
    content = {**row("scrub", 0), "notes": ["<script>alert(1)</script>"], "method": "<b>scrub</b>"}
    page = written(tmp_path, hand_made(tmp_path / "a", content))
    assert "&lt;b&gt;scrub&lt;/b&gt;" in page
    assert "<script" not in page
    assert "<b>scrub" not in page


def test_an_export_without_predictions_is_shown_and_nothing_of_it_is_called_verified(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = exported(tmp_path / "rows.tar", swept)
    assert not [name for name in files_of(alone) if name.startswith(("store/", "splits/", "logs/"))]
    page = written(tmp_path, alone)
    assert capsys.readouterr().out.endswith("1 group, 6 rows of 1 export, 0 verified\n")
    assert "6 rows, none verified: no predictions" in page


def test_an_export_to_share_holds_no_weights_no_features_and_no_image(two: tuple[Path, Path]) -> None:
    names = {
        name.rpartition("/")[2] if name.startswith("store/") else name.partition("/")[0] for name in files_of(two[0])
    }
    assert names == {
        "rows",
        "audits",
        "failures",
        "card.yaml",
        "splits",
        "logits.npy",
        "record.json",
        "manifest.json",
        LIST,
    }


def test_a_row_holds_the_versions_of_its_scenario_and_of_every_metric(swept: Path) -> None:
    for path in (swept / "rows").glob("*.json"):
        content = json.loads(path.read_text())
        assert content["meanings"] == dict.fromkeys(
            ["scenario", *(f"metric.{one}" for one in content["config"]["metric"])], 1
        )


def test_an_import_takes_the_rows_of_a_shared_export_and_leaves_what_is_only_for_leaderboards(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert store_command.main(["import", str(two[0]), str(tmp_path / "there")]) == 0
    assert "4 rows" in capsys.readouterr().out
    assert {path.name for path in (tmp_path / "there").iterdir()} == {"rows", "audits", "failures", "store"}


# One byte.

KINDS = ("rows/", "audits/", "failures/", "card.yaml", "splits/", "logits.npy", "record.json", "manifest.json")


@pytest.mark.parametrize("kind", KINDS)
def test_one_flipped_byte_of_a_file_is_refused_by_the_name_of_the_file(
    kind: str, two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(two[0]) as tar:
        member = next(one for one in tar.getmembers() if one.name.startswith(kind) or one.name.endswith(f"/{kind}"))
    content = bytearray(two[0].read_bytes())
    content[member.offset_data + member.size // 2] ^= 1
    (tmp_path / "first.tar").write_bytes(content)
    told = refusal(capsys, tmp_path / "first.tar", two[1])
    assert f"first.tar is refused: {member.name} cannot be trusted (its content does not fit the SHA-256" in told


def test_no_byte_of_the_list_can_be_another(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with tarfile.open(two[0]) as tar:
        last = tar.getmembers()[-1]
    for offset in range(0, last.size, 997):
        content = bytearray(two[0].read_bytes())
        content[last.offset_data + offset] ^= 1
        (tmp_path / "first.tar").write_bytes(content)
        told = refusal(capsys, tmp_path / "first.tar")
        assert "is no whole export" in told or "holds other files than its list states" in told, offset


def test_a_file_that_ends_early_is_refused_wherever_it_ends(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = two[0].read_bytes()
    for part in (0.0, 0.01, 0.3, 0.7, 0.97):
        (tmp_path / "short.tar").write_bytes(content[: int(part * len(content))])
        told = refusal(capsys, tmp_path / "short.tar")
        assert "short.tar is no whole export" in told or "short.tar cannot be read as an export" in told


# Somebody who knows the form.


def test_a_changed_value_of_a_row_is_refused_with_what_its_predictions_give(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def better(content: dict[str, Any]) -> None:
        content["metrics"]["accuracy/forget"] = 0.123456

    told = refusal(capsys, edited(two[0], tmp_path / "first.tar", better, "finetune", 1), two[1])
    assert "finetune, seed 1: accuracy/forget of its unlearned model is 0.123456, and 0." in told
    assert "when accuracy is computed again from the predictions; the row was made by supreme " in told


@pytest.mark.parametrize("part", ["reference", "original"])
def test_a_changed_value_of_the_reference_or_of_the_original_is_refused_too(
    part: str, two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def other(content: dict[str, Any]) -> None:
        content[part]["membership/auc"] += 1e-5

    told = refusal(capsys, edited(two[0], tmp_path / "first.tar", other, "retrain"))
    assert f"retrain, seed 0: membership/auc of its {part} model is " in told


def test_a_value_where_there_is_none_is_refused(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def silent(content: dict[str, Any]) -> None:
        content["metrics"]["accuracy/test"] = None

    told = refusal(capsys, edited(two[0], tmp_path / "first.tar", silent, "finetune"))
    assert "accuracy/test of its unlearned model is None, and 0." in told


def test_a_value_that_differs_by_rounding_is_verified(two: tuple[Path, Path], tmp_path: Path) -> None:
    def rounded(content: dict[str, Any]) -> None:
        content["metrics"]["accuracy/forget"] += 1e-9

    assert "6 verified" in written(tmp_path, edited(two[0], tmp_path / "first.tar", rounded, "finetune"), two[1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda array: array[:, ::-1], "of its unlearned model is "),
        (lambda array: array * np.nan, "cannot be computed again from its predictions: ValueError: logits hold NaN"),
        (
            lambda array: array[:10],
            "the logits of its unlearned model are 10 x 10, and its split has images up to number",
        ),
        (lambda array: array.astype(float), "it is float64 of 2 dimensions, not float32 of images x classes"),
    ],
    ids=["reversed", "nan", "few", "float64"],
)
def test_other_logits_under_digests_that_fit_are_refused(
    make: Callable[[Any], Any],
    message: str,
    two: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import hashlib

    def other(files: dict[str, bytes]) -> None:
        name = next(one for one in files if one.endswith("logits.npy") and b'"unlearned"' in files[_beside(one)])
        array = np.load(io.BytesIO(files[name]))
        target = io.BytesIO()
        np.save(target, make(array))
        files[name] = target.getvalue()
        manifest = json.loads(files[_beside(name, "manifest.json")])
        manifest["files"]["logits.npy"]["sha256"] = hashlib.sha256(files[name]).hexdigest()
        del manifest[DIGEST]
        files[_beside(name, "manifest.json")] = json.dumps({**manifest, DIGEST: digest_of_parsed(manifest)}).encode()

    assert message in refusal(capsys, rewritten(two[0], tmp_path / "first.tar", other))


def _beside(name: str, other: str = "record.json") -> str:
    return f"{name.rpartition('/')[0]}/{other}"


def test_an_array_of_objects_is_not_unpickled(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import hashlib

    class Evil:
        def __reduce__(self) -> Any:
            return open, (str(tmp_path / "evil"), "w")

    def other(files: dict[str, bytes]) -> None:
        target = io.BytesIO()
        np.save(target, np.array([Evil()], object), allow_pickle=True)
        for name in [one for one in files if one.endswith("logits.npy")]:
            files[name] = target.getvalue()
            manifest = json.loads(files[_beside(name, "manifest.json")])
            manifest["files"]["logits.npy"]["sha256"] = hashlib.sha256(files[name]).hexdigest()
            del manifest[DIGEST]
            sealed = {**manifest, DIGEST: digest_of_parsed(manifest)}
            files[_beside(name, "manifest.json")] = json.dumps(sealed).encode()

    assert "it is no array of numbers" in refusal(capsys, rewritten(two[0], tmp_path / "first.tar", other))
    assert not (tmp_path / "evil").exists()


@pytest.mark.parametrize(
    "node",
    [
        {"_target_": "evil_metric.Evil"},
        {"_target_": "supreme.metrics.function.FunctionMetric", "function": {"_target_": "evil_metric.Evil"}},
    ],
    ids=["class", "function"],
)
def test_a_metric_that_a_row_names_is_not_imported_unless_a_yaml_here_names_it(
    node: dict[str, Any], two: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "evil_metric.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(str(tmp_path))

    def named(content: dict[str, Any]) -> None:
        content["config"]["metric"]["evil"] = node

    page = written(tmp_path, edited(two[0], tmp_path / "first.tar", named, "finetune"))
    assert "evil (its class is not one of those here)" in page
    assert "evil_metric" not in sys.modules


def test_a_split_that_is_not_the_one_of_its_name_is_refused(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def moved(files: dict[str, bytes]) -> None:
        name = next(one for one in files if one.startswith("splits/"))
        content = json.loads(files[name])
        content["sets"]["test"]["targets"][0] = (content["sets"]["test"]["targets"][0] + 1) % 10
        files[name] = json.dumps(content).encode()

    told = refusal(capsys, rewritten(two[0], tmp_path / "first.tar", moved))
    assert "it is another split than its name says" in told


def test_a_row_is_verified_only_where_the_split_is_that_of_its_forget_set(
    two: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def other(content: dict[str, Any]) -> None:
        content["forget_digest"] = "00"

    told = refusal(capsys, edited(two[0], tmp_path / "first.tar", other, "finetune"))
    assert "its forget set or its data are others than those of its split" in told


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda stated: {**stated, "schema": 99}, "is no whole export (its list is not what was written)"),
        (lambda stated: _resealed({**stated, "schema": 99}), "was written by another version of supreme"),
        (lambda stated: {**stated, "more": 1}, "is no whole export"),
        (lambda stated: _resealed({**stated, "files": {}}), "holds other files than its list states"),
    ],
)
def test_a_list_of_another_form_is_refused(
    change: Callable[[Any], Any],
    told: str,
    two: tuple[Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = files_of(two[0])
    stated = json.loads(files.pop(LIST))
    assert told in refusal(capsys, put_together(tmp_path / "odd.tar", files, change(stated)))


def _resealed(stated: dict[str, Any]) -> dict[str, Any]:
    own = {name: value for name, value in stated.items() if name != DIGEST}
    return {**own, DIGEST: digest_of_parsed(own)}


# Rows that do not go together.


def hand_made(place: Path, *contents: Mapping[str, Any]) -> Path:
    """The export of rows that a test has written."""
    for content in contents:
        save_row(place, {**content, "cell": content["cell"].rpartition("-")[2]})  # as an export can hold it
    return exported(place.with_suffix(".tar"), place)


def after(content: dict[str, Any], **provenance: Any) -> dict[str, Any]:
    return {**content, "provenance": {**content["provenance"], **provenance}}


DEPENDS = {"schemas": {}, "data": "da7a" * 16, "code": {}, "files": {}}
KEYS = dict.fromkeys(("original", "reference", "unlearned"), "0" * 64)
CODE = dict.fromkeys(("model", "recipe", "scenario", "method"), "0" * 64)
OTHER_GROUND = {
    "data": {"data_fingerprint": "1" * 64},
    "split": {"depends": {**DEPENDS, "split": "1" * 64}},
    "original": {"keys": {**KEYS, "original": "1" * 64}},
    "reference": {"keys": {**KEYS, "reference": "1" * 64}},
    "code of the recipe": {"code_keys": {**CODE, "recipe": "1" * 64}},
    "code of the model": {"code_keys": {**CODE, "model": "1" * 64}},
    "code of the scenario": {"code_keys": {**CODE, "scenario": "1" * 64}},
}


@pytest.mark.parametrize("what", OTHER_GROUND)
def test_rows_of_one_table_that_differ_in_their_ground_are_refused_in_both_orders(
    what: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = hand_made(tmp_path / "a", row("scrub", 0))
    second = hand_made(tmp_path / "b", after(row("ssd", 0), **OTHER_GROUND[what]))
    told = refusal(capsys, first, second)
    assert told == refusal(capsys, second, first)
    assert "of b.tar (ssd, seed 0) and row " in told
    assert "of a.tar (scrub, seed 0) are both of digits · small_cnn" in told
    assert f"differ in their {what} (1111" in told


def test_rows_of_other_seeds_have_splits_and_references_of_their_own(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", row("scrub", 0))
    ground = {**OTHER_GROUND["split"], "keys": {**KEYS, "reference": "1" * 64, "original": "2" * 64}}
    assert "2 rows of 2 exports" in written(tmp_path, first, hand_made(tmp_path / "b", after(row("ssd", 1), **ground)))


def test_rows_of_two_versions_of_a_metric_stand_in_two_tables(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", row("scrub", 0))
    later = {**row("ssd", 0), "meanings": {"scenario": 1, "metric.accuracy": 2}}
    config = {**later["config"], "metric": {"accuracy": {}}}
    page = written(
        tmp_path,
        hand_made(tmp_path / "c", {**row("scrub", 0), "config": config}),
        hand_made(tmp_path / "b", {**later, "config": config}),
    )
    assert "2 groups, 2 rows of 2 exports" in page
    assert "metric.accuracy.version=2</h2>" in page or "metric.accuracy.version=1</h2>" in page
    assert "1 group," in written(tmp_path, first)


def test_the_same_row_in_two_exports_counts_once_and_other_values_under_its_key_are_told(tmp_path: Path) -> None:
    content = {**row("scrub", 0), "cell": "ab" * 8}
    first = hand_made(tmp_path / "a", content)
    same = hand_made(tmp_path / "b", after(content, finished="2026-02-02T00:00:00+00:00", host="there"))
    page = written(tmp_path, first, same)
    assert "1 group, 1 row of 2 exports" in page
    assert "Two results of one key" not in page
    other = hand_made(tmp_path / "c", {**content, "metrics": {**content["metrics"], "accuracy/forget": 0.8}})
    page = written(tmp_path, first, other)
    assert page == written(tmp_path, other, first)
    assert "differ in 1 of " in page
    assert "most in accuracy/forget (0.1 apart)" in page


def test_a_row_that_other_code_of_the_method_made_later_stands_in_the_table_and_the_older_one_is_counted(
    tmp_path: Path,
) -> None:
    older = hand_made(tmp_path / "a", row("scrub", 0, 0.5))
    newer = hand_made(tmp_path / "b", after(row("scrub", 0, 0.7), finished="2026-02-02T00:00:00+00:00"))
    page = written(tmp_path, newer, older)
    assert page == written(tmp_path, older, newer)
    assert "a.tar: 1 row is left out, for another export has newer ones of the same config and seeds" in page


def declaring(method: str, **margins: float | str) -> dict[str, Any]:
    names = {name.replace("__", "/"): margin for name, margin in margins.items()}
    return {**row(method, 0), "declared": {"margins": names, "most_left": 0.25}}


def test_of_two_margins_the_smaller_one_holds_and_counts_as_declared(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", declaring("scrub", accuracy__forget=0.02, js_divergence__forget="relative"))
    second = hand_made(tmp_path / "b", declaring("ssd", accuracy__forget=0.05, js_divergence__forget="relative"))
    page = written(tmp_path, first, second)
    assert "the strictest of each holds: accuracy/forget 0.02, js_divergence/forget relative." in page
    assert "accuracy/forget 0.02, js_divergence/forget relative; declared with the sweep" in page


def test_margins_that_cannot_be_compared_make_no_claim_of_equivalence(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", declaring("scrub", js_divergence__forget=0.02))
    second = hand_made(tmp_path / "b", declaring("ssd", js_divergence__forget="relative"))
    page = written(tmp_path, first, second)
    assert "its rows declare margins that cannot be compared, or none, so none is called equivalent" in page
    assert "given afterwards" in page


def test_the_strongest_attack_is_shown_whoever_ran_it(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", {**row("scrub", 0), "cell": "ab" * 8}, {**row("retrain", 0), "cell": "cd" * 8})
    before = written(tmp_path, first)
    for method, cell, auc in (("scrub", "ab" * 8, 0.71), ("retrain", "cd" * 8, 0.52)):
        save_audit(
            tmp_path / "b", {**AUDIT, "audit": cell, "method": method, "cells": [cell], "values": {"u_lira/auc": auc}}
        )
    save_row(tmp_path / "b", {**row("scrub", 0), "cell": "ab" * 8})
    page = written(tmp_path, first, exported(tmp_path / "b.tar", tmp_path / "b"))
    line = next(one for one in page.split("<tr>") if one.startswith('<th scope="row">scrub</th>'))
    assert "<td>0.710 u_lira/auc (b.tar)</td><td>0.520</td>" in line
    assert "u_lira" not in before


# What somebody types.


def test_one_export_given_twice_counts_once_and_two_of_one_name_are_told_apart(tmp_path: Path) -> None:
    first = hand_made(tmp_path / "a", row("scrub", 0))
    copy = shutil.copyfile(first, tmp_path / "same.tar")
    (tmp_path / "there").mkdir()
    again = shutil.copyfile(first, tmp_path / "there" / "a.tar")
    assert "1 row of 1 export" in written(tmp_path, first, first)
    assert "1 row of 1 export" in written(tmp_path, first, again)
    assert "1 row of 2 exports" in written(tmp_path, first, copy)
    second = hand_made(tmp_path / "there" / "b", row("ssd", 0)).rename(tmp_path / "there" / "a.tar")
    page = written(tmp_path, first, second)
    assert page == written(tmp_path, second, first)
    assert page.count("<h3>a.tar#") == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["nowhere.tar"],
            "nowhere.tar cannot be read as an export (No such file or directory): give what `supreme store",
        ),
        (["."], "cannot be read as an export (Is a directory)"),
        (["text.tar"], "text.tar cannot be read as an export"),
        (["empty.tar"], "empty.tar"),
        (
            ["text.tar", "--output", "page.pdf"],
            "--output page.pdf does not say its format: end it in .html, .md or .csv",
        ),
        (["text.tar", "--output", "text.tar"], "--output text.tar is one of the exports: name another file"),
    ],
)
def test_bad_input_is_refused_in_a_sentence(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.tar").write_text("these are the results\n" * 100)
    Path("empty.tar").touch()
    assert message in refusal(capsys, *arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "supreme leaderboard: the following arguments are required: EXPORT.tar"),
        (["a.tar", "--formt", "html"], "supreme leaderboard does not know --formt; did you mean --format?"),
        (["a.tar", "--format", "htm"], "supreme leaderboard has no htm; did you mean html?"),
    ],
)
def test_a_wrong_word_is_refused_with_the_nearest_one(arguments: list[str], message: str) -> None:
    with pytest.raises(SupremeError, match=re.escape(message)):
        main(arguments)


def test_an_export_without_rows_names_the_command_that_makes_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_audit(tmp_path / "a", AUDIT)
    assert store_command.command.main(["export", str(tmp_path / "a.tar"), str(tmp_path / "a")]) == 0
    told = refusal(capsys, tmp_path / "a.tar")
    assert "a.tar holds no row: make it with `supreme store export --rows a.tar DIR`" in told


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--predictions"], "--predictions goes with --rows"),
        (["--rows", "--logs"], "--rows leaves out what --data and --logs ask for"),
    ],
)
def test_options_of_an_export_that_do_not_go_together_are_refused(
    options: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    save_row(tmp_path / "a", row("scrub", 0))
    assert store_command.main(["export", str(tmp_path / "a.tar"), str(tmp_path / "a"), *options]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "a.tar").exists()


def test_predictions_or_decoded_data_that_are_gone_are_named(
    swept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def told(copy: Path) -> str:
        capsys.readouterr()
        assert store_command.main(["export", str(tmp_path / "x.tar"), str(copy), "--rows", "--predictions"]) == 1
        assert not (tmp_path / "x.tar").exists()
        return capsys.readouterr().err

    copy = part_of(swept, tmp_path / "a", "finetune")
    for folder in data_folders(copy / "store"):
        shutil.rmtree(folder)
    assert "cannot be drawn again, for " in told(copy)
    shutil.rmtree(copy / "store" / "predictions")
    assert "has no predictions of the " in told(copy)
