"""`supreme store` on what a real sweep has left: real kills, real damage, real exports."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, command_line, start_command_line
from processes import KILLED_IN_CALL, wait_for

from supreme.core.row import sealed_row
from supreme.store.alone import alone
from supreme.store.artefact import SCHEMA, Contents
from supreme.store.files import digest
from supreme.store.maintenance import archive
from supreme.store.maintenance.command import main
from supreme.store.store import Store

SWEEP = ("-m", "method=finetune,ssd", "seed=range(2)", "model.widths=[4,8]", "recipe.epochs=2")
NOTHING_TO_RUN = "cells: 4, found: 4, to run: 0"

WRITER = """
import sys, time
from pathlib import Path
from supreme.store.artefact import Contents
from supreme.store.store import Store

def create():
    print("working", flush=True)
    time.sleep(60)
    return Contents()

Store(Path(sys.argv[1])).get_or_create("original", "0" * 64, create)
"""

SUICIDE = f"""{KILLED_IN_CALL}
import sys
from supreme.store.maintenance.command import main

killed_in_call(sys.argv[1], int(sys.argv[2]))
main(sys.argv[3:])
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output directory of two methods and two seeds."""
    directory = tmp_path_factory.mktemp("swept")
    done = command_line(*SWEEP, cwd=directory)
    assert done.returncode == 0, done.stderr
    return directory / "outputs"


@pytest.fixture
def outputs(swept: Path, tmp_path: Path) -> Path:
    """A copy of it, to do as one likes with."""
    return Path(shutil.copytree(swept, tmp_path / "outputs"))


@pytest.fixture(scope="module")
def exported(swept: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "all.tar"
    assert main(["export", str(path), str(swept)]) == 0
    return path


@pytest.fixture
def store(outputs: Path) -> Store:
    return Store(outputs / "store")


def row_of(outputs: Path, method: str, seed: int) -> Path:
    for path in (outputs / "rows").glob("*.json"):
        row = json.loads(path.read_text())
        if (row["method"], row["seed"]) == (method, seed):
            return path
    raise AssertionError(f"no row of {method} with seed {seed}")


def keys_of(row: Path) -> dict[str, str]:
    return json.loads(row.read_text())["provenance"]["keys"]


def folder_of(outputs: Path, stage: str, key: str) -> Path:
    return outputs / "store" / stage / key[:2] / key


def files_of(directory: Path) -> dict[str, bytes]:
    """Every file that holds a result, by its name."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.suffix not in (".lock", ".holder")]
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}


def flip(path: Path) -> None:
    """Change one bit, but neither the size nor the times."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def listed(outputs: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert main(["ls", str(outputs), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


# ls


def test_every_artefact_of_a_finished_sweep_is_used_by_a_row(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = listed(outputs, capsys)
    assert (found["rows"], found["audits"], found["claims"]) == (4, 0, [])
    numbers = {kind: having["number"] for kind, having in found["kinds"].items()}
    assert (numbers["original"], numbers["reference"], numbers["unlearned"], numbers["data"]) == (2, 2, 4, 1)
    assert {"predictions", "shared", "anchors"} <= numbers.keys()
    for kind, having in found["kinds"].items():
        assert (having["used"], having["unused"], having["unknown"]) == (having["number"], 0, 0), kind
    skipped = {"schema.json"}
    stored = [path for path in (outputs / "store").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert found["bytes"] == sum(path.stat().st_size for path in stored if path.name not in skipped)


def test_a_stage_is_listed_with_the_rows_that_use_it(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", "unlearned", str(outputs)]) == 0
    lines = capsys.readouterr().out.splitlines()
    key = keys_of(row_of(outputs, "ssd", 1))["unlearned"]
    assert any(key[:12] in line and "ssd seed=1" in line for line in lines)
    assert main(["ls", str(outputs), "--stage", "original", "--json"]) == 0
    assert all(len(item["cells"]) == 2 for item in json.loads(capsys.readouterr().out))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["ls", "nowhere"], "there is no store in nowhere: name the output directory"),
        (["gc", "nowhere"], "there is no store in nowhere"),
        (["verify", "nowhere"], "there is no store in nowhere"),
        (["export", "x.tar", "nowhere"], "there is nothing to export in nowhere"),
        (["import", "nowhere.tar"], "nowhere.tar cannot be read as an export (No such file or directory)"),
        (["ls", "a", "b"], "names too much: give one directory and one stage"),
        (["export", "x.tar", "--rows-only", "--logs"], "--rows leaves out"),
        (["gc", "--min-age", "-1"], "--min-age -1 is not allowed: give hours"),
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
    assert main(arguments) == 1
    told = capsys.readouterr().err
    assert message in told
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_an_unknown_stage_is_refused_with_those_there_are(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ls", str(outputs), "--stage", "orginal"]) == 1
    assert "there is no stage orginal" in (told := capsys.readouterr().err)
    assert "original, reference, unlearned" in told


def test_the_command_line_runs_the_verb(outputs: Path, supreme: Run) -> None:
    done = supreme("store", "ls")
    assert done.returncode == 0, done.stderr
    assert "4 rows" in done.stdout


# gc


def test_gc_takes_what_only_a_deleted_row_used_and_a_resume_runs_nothing(
    outputs: Path, supreme: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_of(outputs, "ssd", 1)
    gone = folder_of(outputs, "unlearned", keys_of(row)["unlearned"])
    row.unlink()
    before = files_of(outputs)
    assert main(["gc", str(outputs), "--min-age", "0"]) == 0
    told = capsys.readouterr().out
    assert files_of(outputs) == before, "without --yes it only tells"
    assert str(gone) in told
    assert "add --yes" in told
    assert main(["gc", str(outputs), "--yes"]) == 0
    assert files_of(outputs) == before, "it is too young"
    assert "younger than 1 h" in capsys.readouterr().out
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 0
    removed = {name.rpartition("/")[0] for name in before.keys() - files_of(outputs).keys()}
    assert gone.relative_to(outputs).as_posix() in removed
    assert {name.split("/")[1] for name in removed} == {"unlearned", "predictions"}
    assert len(removed) == 2, "the models of the other rows and their predictions stay"
    assert main(["verify", str(outputs)]) == 0
    done = supreme("-m", "method=finetune", *SWEEP[2:])
    assert "cells: 2, found: 2, to run: 0" in done.stderr


def test_gc_takes_everything_of_a_seed_that_no_row_has(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for method in ("finetune", "ssd"):
        row_of(outputs, method, 0).unlink()
    unused = {kind: having["unused"] for kind, having in listed(outputs, capsys)["kinds"].items()}
    assert (unused["original"], unused["reference"], unused["unlearned"], unused["anchors"]) == (1, 1, 2, 1)
    assert (unused["shared"], unused["data"]) == (1, 0)
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 0
    left = listed(outputs, capsys)["kinds"]
    assert all(having["unused"] == 0 for having in left.values())
    assert left["predictions"]["number"] > 4, "those of untrained models serve every seed"


@pytest.mark.slow
@pytest.mark.exhaustive
def test_without_weights_a_resume_runs_nothing_and_a_new_metric_gets_the_same_model_again(
    outputs: Path, supreme: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    row = row_of(outputs, "finetune", 0)
    before = json.loads(row.read_text())["metrics"]
    weights = folder_of(outputs, "unlearned", keys_of(row)["unlearned"]) / "weights.safetensors"
    content = weights.read_bytes()
    assert main(["gc", str(outputs), "--weights", "--yes", "--min-age", "0"]) == 0
    assert "unlearned" not in listed(outputs, capsys)["kinds"]
    done = supreme(*SWEEP)
    assert NOTHING_TO_RUN in done.stderr
    done = supreme("method=finetune", "seed=0", *SWEEP[3:], "metric=[accuracy,linear_cka]")
    assert done.returncode == 0, done.stderr
    after = json.loads(row.read_text())["metrics"]
    assert weights.read_bytes() == content
    assert {name: after[name] for name in before if not name.startswith("cost/")} == {
        name: value for name, value in before.items() if not name.startswith("cost/")
    }


def test_what_does_not_say_whose_it_is_stays_and_is_told(
    outputs: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    store.get_or_create("predictions", digest("old"), lambda: Contents(record={}))
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 0
    assert "left: 1 thing of unknown owners" in capsys.readouterr().out
    assert store.has("predictions", digest("old"))


def test_gc_refuses_while_a_real_process_works_and_clears_up_after_its_death(
    outputs: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    row_of(outputs, "ssd", 1).unlink()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store.root)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "working\n"
    (claim,) = listed(outputs, capsys)["claims"]
    assert (claim["pid"], claim["dead"]) == (writer.pid, False)
    before = files_of(outputs)
    assert main(["gc", str(outputs), "--min-age", "0"]) == 0
    assert "--yes would refuse now" in capsys.readouterr().out
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 1
    assert f"process {writer.pid} on" in capsys.readouterr().err
    assert {name for name in before if "/claims/" not in name} == {
        name for name in files_of(outputs) if "/claims/" not in name
    }
    writer.kill()
    writer.communicate()
    assert listed(outputs, capsys)["claims"][0]["dead"]
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 0
    assert listed(outputs, capsys)["kinds"]["unlearned"]["number"] == 3


def test_gc_removes_what_a_killed_writer_left_and_what_was_set_aside(
    outputs: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    killed = f"""
import os, signal
from pathlib import Path
from supreme.store import artefact
from supreme.store.artefact import Contents
from supreme.store.store import Store
artefact.sync_folder = lambda folder: os.kill(os.getpid(), signal.SIGKILL)
Store(Path({str(store.root)!r})).get_or_create("original", "1" * 64, lambda: Contents(record={{"a": 1}}))
"""
    done = subprocess.run([sys.executable, "-c", killed], check=False)
    assert done.returncode == -signal.SIGKILL
    flip(folder_of(outputs, "unlearned", keys_of(row_of(outputs, "finetune", 0))["unlearned"]) / "weights.safetensors")
    assert main(["verify", str(outputs), "--set-aside"]) == 1
    kinds = listed(outputs, capsys)["kinds"]
    assert (kinds["leftover"]["number"], kinds["corrupt"]["number"]) == (1, 1)
    assert main(["gc", str(outputs), "--yes"]) == 0
    assert not {"leftover", "corrupt"} & listed(outputs, capsys)["kinds"].keys()
    assert not list((store.root / "tmp").iterdir())


def test_gc_takes_decoded_data_that_no_row_names_but_not_what_is_being_decoded(outputs: Path) -> None:
    folder = outputs / "store" / "data"
    (used,) = (path for path in folder.iterdir() if path.is_dir())
    other = Path(shutil.copytree(used, folder / ("0" * 32)))
    meta = json.loads((other / "meta.json").read_text())
    (other / "meta.json").write_text(json.dumps({**meta, "fingerprint": "f" * 64}))
    given_up, at_work = folder / f".{'1' * 32}-here", folder / f".{'2' * 32}-here"
    for partial in (given_up, at_work):
        partial.mkdir()
        (partial / "images.npy").write_bytes(b"x")
    with alone(folder, "2" * 32):
        arguments = ["gc", str(outputs), "--yes", "--min-age", "0"]
        code = f"from supreme.store.maintenance.command import main; main({arguments!r})"
        subprocess.run([sys.executable, "-c", code], check=True)
    assert {path for path in folder.iterdir() if path.is_dir()} == {used, at_work}


@pytest.mark.parametrize("spoil", ["none", "unreadable", "without keys"])
def test_gc_refuses_where_rows_do_not_tell_what_is_used(
    outputs: Path, spoil: str, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = list((outputs / "rows").glob("*.json"))
    if spoil == "none":
        for row in rows:
            row.unlink()
    else:
        rows[0].write_text("{" if spoil == "unreadable" else '{"cell": "x", "provenance": {"keys": {}}}')
    before = files_of(outputs)
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 1
    assert ("there is no row" if spoil == "none" else "cannot be read") in capsys.readouterr().err
    assert files_of(outputs) == before


@pytest.mark.slow
@pytest.mark.usefixtures("second_chance")
def test_a_running_sweep_holds_a_claim_between_its_models_and_gives_it_back(
    outputs: Path, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    row_of(outputs, "ssd", 1).unlink()
    command = ("-m", "method=ssd", "seed=range(5,9)", "recipe.epochs=400")
    sweep = start_command_line(*command, cwd=outputs.parent)
    for what in ("use", "original"):  # by itself, as between two models; and beside that of a model in the making
        claims = f"claims/{what}-*.json"
        wait_for(lambda claims=claims: any(path.stat().st_size for path in store.root.glob(claims)) or sweep.poll())
        assert sweep.poll() is None
        assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 1
        assert f"at work: a sweep, process {sweep.pid} on" in capsys.readouterr().err
    sweep.send_signal(signal.SIGINT)
    sweep.communicate()
    assert not list((store.root / "claims").glob("use-*.json"))
    assert main(["gc", str(outputs), "--yes", "--min-age", "0"]) == 0


# verify


def damage_bit(folder: Path) -> None:
    flip(folder / "weights.safetensors")


def damage_end(folder: Path) -> None:
    path = folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:100])


def damage_record(folder: Path) -> None:
    (folder / "record.json").unlink()


def damage_manifest(folder: Path) -> None:
    (folder / "manifest.json").write_text("{")


@pytest.mark.parametrize("damage", [damage_bit, damage_end, damage_record, damage_manifest])
def test_a_damaged_artefact_is_found_set_aside_and_made_again(
    outputs: Path, damage: Callable[[Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_of(outputs, "unlearned", keys_of(row_of(outputs, "finetune", 1))["unlearned"])
    assert main(["verify", str(outputs)]) == 0
    assert "all whole" in capsys.readouterr().out
    damage(folder)
    assert main(["verify", str(outputs), "--json"]) == 1
    assert list(json.loads(capsys.readouterr().out)["flaws"]) == [str(folder)]
    assert folder.exists()
    assert main(["verify", str(outputs), "--set-aside"]) == 1
    assert not folder.exists()
    assert len(list((outputs / "store" / "corrupt").iterdir())) == 1
    assert main(["verify", str(outputs)]) == 0


@pytest.mark.slow
def test_a_damaged_row_is_set_aside_and_the_sweep_makes_it_again(outputs: Path, supreme: Run) -> None:
    row = row_of(outputs, "ssd", 0)
    metrics = json.loads(row.read_text())["metrics"]
    row.write_text(row.read_text()[:-9])
    assert main(["verify", str(outputs), "--set-aside"]) == 1
    assert not row.exists()
    done = supreme(*SWEEP)
    assert "cells: 4, found: 3, to run: 1; models to train: 0 original and 0 reference" in done.stderr
    assert json.loads(row.read_text())["metrics"] == metrics


def test_a_row_under_the_name_of_another_cell_is_found(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = row_of(outputs, "ssd", 0)
    shutil.copy(row, row.with_name("0123456789abcdef.json"))
    assert main(["verify", str(outputs)]) == 1
    assert "not of 0123456789abcdef" in capsys.readouterr().out


def test_a_bit_of_the_decoded_data_that_times_and_sizes_do_not_show_is_found(
    outputs: Path, supreme: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (pixels,) = (outputs / "store" / "data").glob("*/images.npy")
    flip(pixels)
    assert main(["verify", str(outputs), "--set-aside"]) == 1
    assert "its content is not what was written" in capsys.readouterr().out
    done = supreme(*SWEEP)
    assert NOTHING_TO_RUN in done.stderr
    assert main(["verify", str(outputs)]) == 0


# export and import


@pytest.mark.slow
def test_an_imported_store_in_another_folder_is_all_that_the_sweep_needs(
    swept: Path, exported: Path, tmp_path: Path, supreme: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "another machine" / "outputs"
    assert main(["import", str(exported), str(there)]) == 0
    assert "4 rows" in capsys.readouterr().out
    for row in (swept / "rows").glob("*.json"):
        copy = there / "rows" / row.name
        assert copy.read_bytes() == row.read_bytes()
        assert copy.stat().st_mtime_ns == row.stat().st_mtime_ns
    assert main(["verify", str(there)]) == 0
    before = files_of(there)
    done = supreme(*SWEEP, cwd=there.parent)
    assert done.returncode == 0, done.stderr
    assert NOTHING_TO_RUN in done.stderr
    new = {name for name in files_of(there).keys() - before.keys() if not name.startswith(("reports/", "store/data/"))}
    assert not new
    done = supreme("-m", "method=original", "seed=0", *SWEEP[3:], cwd=there.parent)
    assert "cells: 1, found: 0, to run: 1; models to train: 0 original and 0 reference" in done.stderr
    capsys.readouterr()
    assert main(["import", str(exported), str(there)]) == 0
    assert capsys.readouterr().out.startswith("imported nothing")


def test_decoded_data_and_logs_move_too_when_asked_for(
    outputs: Path, tmp_path: Path, supreme: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    (outputs / "logs").mkdir(exist_ok=True)
    (outputs / "logs" / "0123456789abcdef.log").write_text("a log\n")
    assert main(["export", str(tmp_path / "x.tar"), str(outputs), "--data", "--logs"]) == 0
    there = tmp_path / "there" / "outputs"
    assert main(["import", str(tmp_path / "x.tar"), str(there)]) == 0
    assert (there / "logs" / "0123456789abcdef.log").read_text() == "a log\n"
    (pixels,) = (there / "store" / "data").glob("*/images.npy")
    before = pixels.stat()
    done = supreme(*SWEEP, cwd=there.parent)
    assert NOTHING_TO_RUN in done.stderr
    assert (pixels.stat().st_ino, pixels.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_rows_alone_are_enough_for_the_report(swept: Path, tmp_path: Path, supreme: Run) -> None:
    assert main(["export", str(tmp_path / "rows.tar"), str(swept), "--rows-only"]) == 0
    assert main(["import", str(tmp_path / "rows.tar"), str(tmp_path / "there")]) == 0
    assert {name.split("/")[0] for name in files_of(tmp_path / "there")} == {"rows", "store"}
    assert supreme("report", "there").returncode == 0


def test_an_import_that_was_killed_goes_on_when_it_is_given_again(
    swept: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    there = tmp_path / "there"
    for call in ("utime", "rename"):
        command = [sys.executable, "-c", SUICIDE, call, "7", "import", str(exported), str(there)]
        assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
        assert main(["verify", str(there)]) == 0, "what is there is whole"
        assert not list(there.glob("rows/*"))
    capsys.readouterr()
    assert main(["import", str(exported), str(there)]) == 0
    assert "here already: 0" not in capsys.readouterr().out
    assert not list((there / "store" / "tmp").iterdir())
    expected = {name: content for name, content in files_of(swept).items() if archive.unit_of(name) is not None}
    expected = {name: content for name, content in expected.items() if not name.startswith(("logs/", "store/data/"))}
    assert files_of(there) == expected | {"store/schema.json": (swept / "store" / "schema.json").read_bytes()}


def test_an_export_that_was_killed_or_met_a_corrupt_artefact_leaves_no_file(
    outputs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "x.tar"
    command = [sys.executable, "-c", SUICIDE, "fsync", "1", "export", str(target), str(outputs)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not target.exists()
    damage_bit(folder_of(outputs, "unlearned", keys_of(row_of(outputs, "finetune", 1))["unlearned"]))
    assert main(["export", str(target), str(outputs)]) == 1
    assert "is corrupt: type `supreme store verify" in capsys.readouterr().err
    assert not target.exists()
    target.touch()
    assert main(["export", str(target), str(outputs)]) == 1
    assert "exists already" in capsys.readouterr().err


def test_a_row_that_differs_stays_and_is_told(
    outputs: Path, exported: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed, missing = row_of(outputs, "ssd", 0), row_of(outputs, "ssd", 1)
    row = json.loads(changed.read_text())
    row["metrics"]["accuracy/test"] = 0.5
    changed.write_text(json.dumps(sealed_row(row)))
    missing.unlink()
    assert main(["import", str(exported), str(outputs)]) == 1
    told = capsys.readouterr()
    assert f"{changed} differs from the one in the file: the one here stays" in told.err
    assert "imported 1 row" in told.out
    assert json.loads(changed.read_text())["metrics"] == row["metrics"]
    assert missing.exists()


def test_an_edited_row_is_never_exported_and_gives_way_to_the_whole_one_of_an_import(
    swept: Path, outputs: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edited = row_of(outputs, "ssd", 0)
    edited.write_text(edited.read_text().replace("0.", "0.9", 1))
    assert main(["export", str(tmp_path / "x.tar"), str(outputs)]) == 1
    assert f"{edited} is no result of this version" in capsys.readouterr().err
    assert main(["import", str(exported), str(outputs)]) == 0
    assert "imported 1 row;" in capsys.readouterr().out
    assert edited.read_bytes() == (swept / "rows" / edited.name).read_bytes()
    assert [path.name[:21] for path in (outputs / "store" / "corrupt").iterdir()] == [f"rows-{edited.stem}"]


def test_a_truncated_artefact_here_is_replaced_by_the_whole_one(outputs: Path, exported: Path) -> None:
    folder = folder_of(outputs, "original", keys_of(row_of(outputs, "ssd", 0))["original"])
    damage_end(folder)
    assert main(["import", str(exported), str(outputs)]) == 0
    assert main(["verify", str(outputs)]) == 0
    assert folder.exists()


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.99])
def test_an_export_that_was_cut_off_is_refused_and_nothing_is_written(
    exported: Path, share: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = exported.read_bytes()
    cut = tmp_path / "cut.tar"
    cut.write_bytes(content[: int(share * len(content.rstrip(b"\0")))])
    assert main(["import", str(cut), str(tmp_path / "there")]) == 1
    assert "cut.tar" in capsys.readouterr().err
    assert not (tmp_path / "there").exists()


def test_what_was_damaged_on_the_way_is_left_out_and_the_rest_is_imported(
    swept: Path, exported: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = keys_of(row_of(swept, "finetune", 1))["unlearned"]
    name = f"store/unlearned/{key[:2]}/{key}/weights.safetensors"
    with tarfile.open(exported) as tar:
        place = tar.getmember(name).offset_data
    content = bytearray(exported.read_bytes())
    content[place + 1000] ^= 1
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(bytes(content))
    there = tmp_path / "there"
    assert main(["import", str(damaged), str(there)]) == 1
    assert f"store/unlearned/{key[:2]}/{key} is damaged in the file" in capsys.readouterr().err
    assert not folder_of(there, "unlearned", key).exists()
    assert main(["verify", str(there)]) == 0
    assert main(["import", str(exported), str(there)]) == 0
    assert folder_of(there, "unlearned", key).exists()


KEY = "ab" * 32


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, link
    return made


@pytest.mark.parametrize(
    "bad",
    [
        member("../rows/0123456789abcdef.json"),
        member("/tmp/evil.json"),
        member("rows/../../0123456789abcdef.json"),
        member("rows/0123456789abcdef.json/"),
        member("rows/evil.py"),
        member("store/schema.json"),
        member("store/claims/original.json"),
        member(f"store/claims/ab/{KEY}/manifest.json"),
        member(f"store/tmp/ab/{KEY}/manifest.json"),
        member(f"store/original/cd/{KEY}/manifest.json"),
        member(f"store/original/ab/{KEY}/.."),
        member(f"store/original/ab/{KEY}/a/b"),
        member("rows/0123456789abcdef.json", tarfile.SYMTYPE, "/etc/passwd"),
        member("rows/0123456789abcdef.json", tarfile.LNKTYPE, "/etc/passwd"),
        member("rows/0123456789abcdef.json", tarfile.CHRTYPE),
        member("rows/0123456789abcdef.json", tarfile.FIFOTYPE),
        member("rows/0123456789abcdef.json", tarfile.DIRTYPE),
    ],
    ids=lambda bad: f"{bad.type.decode()} {bad.name[:40]}",
)
def test_a_malicious_export_is_refused_whole(
    bad: tarfile.TarInfo, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    facts = {"bytes": 0, "sha256": digest(""), "mtime_ns": 0}
    write_tar(tmp_path / "evil.tar", {bad.name: facts}, bad)
    assert main(["import", str(tmp_path / "evil.tar"), str(tmp_path / "there")]) == 1
    assert "which no export of supreme does: nothing of it was used" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["evil.tar"]


@pytest.mark.parametrize(
    "facts",
    [
        {"rows/0123456789abcdef.json": {"bytes": 0, "sha256": "", "mtime_ns": 2**70}},
        {"rows/0123456789abcdef.json": {"bytes": 0, "sha256": ""}},
        {"rows/0123456789abcdef.json": {"bytes": 9, "sha256": "", "mtime_ns": 0}},
        {},
        [],
        "x",
    ],
)
def test_a_list_that_does_not_fit_the_files_is_refused(
    facts: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tar(tmp_path / "odd.tar", facts, member("rows/0123456789abcdef.json"))
    assert main(["import", str(tmp_path / "odd.tar"), str(tmp_path / "there")]) == 1
    assert "odd.tar" in capsys.readouterr().err
    assert not (tmp_path / "there").exists()


def test_a_file_that_an_export_names_as_a_row_and_is_none_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    name = "rows/0123456789abcdef.json"
    write_tar(tmp_path / "odd.tar", {name: {"bytes": 0, "sha256": empty, "mtime_ns": 0}}, member(name))
    assert main(["import", str(tmp_path / "odd.tar"), str(tmp_path / "there")]) == 1
    assert f"{name} is damaged in the file (it is empty)" in capsys.readouterr().err
    assert not (tmp_path / "there" / name).exists()


def write_tar(path: Path, files: Any, *members: tarfile.TarInfo) -> None:
    with tarfile.open(path, "w") as tar:
        for one in members:
            tar.addfile(one)
        content = json.dumps({"schema": archive.SCHEMA, "store_schema": SCHEMA, "files": files}).encode()
        last = tarfile.TarInfo(archive.LIST)
        last.size = len(content)
        tar.addfile(last, io.BytesIO(content))
