"""Twins in a real sweep: found when data are decoded, in the row, in the table and on the card, and kept together."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Run
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from PIL import Image

from supreme.core import SupremeError
from supreme.data.digits import Digits
from supreme.data.image_folder import ImageFolder
from supreme.pipeline import twins
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.report import load, load_audits
from supreme.report.page.card.card import evaluation_card
from supreme.report.statistics.aggregate import summary
from supreme.report.statistics.joint import verdicts
from supreme.store.decoded import cache
from supreme.store.decoded import twins as stored

CONF = Path(__file__).parents[2] / "conf"
DIGITS = Digits(image_size=8, train_per_class=20, validation_per_class=10, split_seed=0)
NODE = {"_target_": "supreme.data.digits.Digits"}


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Two classes of 30 pictures; every one lies there twice, under two names."""
    rng, root = np.random.default_rng(0), tmp_path / "photographs"
    for name in ("cats", "dogs"):
        (root / name).mkdir(parents=True)
        for number in range(30):
            picture = Image.fromarray(rng.integers(0, 256, (8, 8, 3), dtype=np.uint8))
            for copy in "ab":
                picture.save(root / name / f"{number:02d}{copy}.png")
    return root


def folder(root: Path, **changes: Any) -> ImageFolder:
    given = OmegaConf.to_container(OmegaConf.load(CONF / "data" / "image_folder.yaml"))
    assert isinstance(given, dict)
    del given["_target_"]
    return ImageFolder(**{**given, "root": str(root), "image_size": 8, "decode_size": 8, **changes})


def test_a_decoding_keeps_the_digests_and_warns_once(
    photographs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    path = cache.prepare(folder(photographs), NODE, tmp_path / "cache")
    assert cache.prepare(folder(photographs), NODE, tmp_path / "cache") == path
    told = [record.message for record in caplog.records if "identical" in record.message]
    assert len(told) == 1
    assert told[0].startswith("120 of 120 images are identical to another one (")
    data = cache.open(path)
    made = (path / stored.NAME).read_bytes()
    assert stored.digests(path, data) == made.partition(b"\n")[2]
    assert len(told) == 1


@pytest.mark.parametrize("damage", ["missing", "cut", "changed", "of other data"])
def test_digests_that_are_missing_or_damaged_are_made_again_and_kept(tmp_path: Path, damage: str) -> None:
    path = cache.prepare(DIGITS, NODE, tmp_path / "cache")
    file, data = path / stored.NAME, cache.open(path)
    right = file.read_bytes()
    match damage:
        case "missing":
            file.unlink()
        case "cut":
            file.write_bytes(right[:-16])
        case "changed":
            file.write_bytes(right[:-1] + bytes([right[-1] ^ 1]))
        case "of other data":
            other = cache.prepare(
                Digits(image_size=8, train_per_class=10, validation_per_class=10, split_seed=0), {}, tmp_path / "other"
            )
            file.write_bytes((other / stored.NAME).read_bytes())
    assert stored.digests(path, data) == right.partition(b"\n")[2]
    assert file.read_bytes() == right


def test_a_cache_without_digests_is_as_good_as_before(tmp_path: Path) -> None:
    path = cache.prepare(DIGITS, NODE, tmp_path / "cache")
    (path / stored.NAME).unlink()
    assert cache.prepare(DIGITS, NODE, tmp_path / "cache") == path
    assert not (path / stored.NAME).exists()  # nobody has asked


def cell_of(directory: Path, *overrides: str) -> Cell:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config: Any = OmegaConf.to_container(compose("config", ["tuned=none", *overrides]), resolve=True)
    scenario = next((word.partition("=")[2] for word in overrides if word.startswith("scenario=")), "random")
    return Cell.from_config(config, {**dict.fromkeys(COMPONENTS, "any"), "scenario": scenario}).resolved(directory)


def test_keep_leaves_no_trace_and_together_is_another_row_of_the_same_models_where_there_are_no_twins(
    tmp_path: Path,
) -> None:
    plain, kept, together = (
        cell_of(tmp_path, *given) for given in ((), ("data.twins=keep",), ("data.twins=together",))
    )
    assert kept.nodes == plain.nodes
    assert kept.id == plain.id
    assert together.id != plain.id
    for stage in ("original", "reference", "unlearned"):
        assert together.key(stage) == plain.key(stage)
    assert together.data_path == plain.data_path
    assert together.nodes["data"]["twins"] == "together"


def test_together_moves_what_depends_on_the_split_and_not_the_original(photographs: Path, tmp_path: Path) -> None:
    given = (
        *("data=image_folder", f"data.root={photographs}", "data.image_size=8", "data.decode_size=8"),
        *("recipe=sgd", "scenario.fraction=0.1"),
    )
    kept, together = (cell_of(tmp_path, *given, *more) for more in ((), ("data.twins=together",)))
    assert kept.key("original") == together.key("original")
    assert kept.key("reference") != together.key("reference")
    assert twins.counts(kept.split(), kept.split_digest, kept.data_path, kept.decoded)["forget_retain"] > 0
    assert twins.counts(together.split(), together.split_digest, together.data_path, together.decoded) == {}


def test_another_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SupremeError, match=r"data\.twins=apart is not allowed: give keep or together"):
        cell_of(tmp_path, "data.twins=apart")


def test_what_a_scenario_adds_to_the_data_has_twins_too(tmp_path: Path) -> None:
    cell = cell_of(tmp_path, "scenario=interclass_confusion")
    split = cell.split()
    groups = twins.groups(split.data, cell.data_path, cell.decoded)
    assert len(groups) == len(split.data.labels) > len(cell.decoded.labels)
    copies = groups[len(cell.decoded.labels) :]
    assert (copies < len(cell.decoded.labels)).all()  # other labels on the same pixels
    assert (
        twins.counts(split, cell.split_digest, cell.data_path, cell.decoded) == {}
    )  # each trains in place of its original


@pytest.mark.slow
def test_a_sweep_tells_of_twins_in_its_rows_its_table_and_its_card(
    photographs: Path, supreme: Run, tmp_path: Path
) -> None:
    given = (
        *("data=image_folder", f"data.root={photographs}", "data.image_size=8", "data.decode_size=8"),
        *("recipe=sgd", "recipe.epochs=1", "model.widths=[4,8]", "scenario.fraction=0.1", "method=neggrad"),
        *("metric=accuracy", "data.twins=keep,together"),
    )
    done = supreme("-m", *given)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("images are identical to another one") == 1
    rows = [json.loads(path.read_text()) for path in (tmp_path / "outputs" / "rows").glob("*.json")]
    by_option = {row["config"]["data"].get("twins", "keep"): row for row in rows}
    assert by_option.keys() == {"keep", "together"}
    assert by_option["together"]["twins"] == {}
    counts, sets = by_option["keep"]["twins"], by_option["keep"]["sets"]
    frame = load(tmp_path / "outputs")
    assert sorted("data.twins=together" in setting for setting in frame["setting"].unique()) == [False, True]
    sentence = f"{counts['forget_retain']} of {sets['forget']} forget images have an identical twin among the retained"
    assert sentence in " ".join(done.stdout.split())
    table = summary(frame)
    card = evaluation_card(frame, table, rows, load_audits(tmp_path / "outputs", rows=frame), verdicts(frame, table))
    assert any(sentence.split(" of ")[1] in claim for claim in card["not_supported"])


def test_the_digests_of_a_data_set_are_read_once_in_a_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    real = stored.digests
    monkeypatch.setattr(stored, "digests", lambda *given: calls.append(1) or real(*given))
    cell = cell_of(tmp_path)
    for _ in range(3):
        twins.counts(cell.split(), cell.split_digest, cell.data_path, cell.decoded)
    assert len(calls) == 1
