"""Whatever becomes of a file below the output directory: found, healed or refused in a sentence, and no value moves.

The files are all that a real sweep with an audit leaves, and what killed processes leave beside them.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, command_line, start_command_line

from supreme import report
from supreme.core.canonical import Damaged
from supreme.core.row import read_row
from supreme.store.files import Process
from supreme.store.maintenance.command import main
from supreme.sweep.display.status import main as status_main

SWEEP = ("-m", "method=retrain,finetune", "seed=range(2)", "seeds.forget=0", "audit=excess_distance")
SWEEP += ("model.widths=[4,8]", "recipe.epochs=1", "metric=[accuracy,membership]", "tracker=csv")
NOTED = ("rows/", "audits/", "store/")
"""What `supreme store verify` looks at."""
UNSEEN = (
    "store/data/*/compared.json",
    "store/data/*/twins.digests",
    "store/claims/",
    "store/schema.json",
    "store/tmp",
    ".lock",
)
"""Of that, what holds nothing of its own: it heals by itself."""


def empty(path: Path, other: Path) -> None:
    path.write_bytes(b"")


def cut_in_half(path: Path, other: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path, other: Path) -> None:
    """Of a digit where there is one, so that JSON stays JSON; size and times are kept."""
    status, content = path.stat(), bytearray(path.read_bytes())
    digits = [at for at, byte in enumerate(content) if 48 <= byte <= 57]
    content[digits[len(digits) // 2] if path.suffix == ".json" and digits else len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def nest(path: Path, other: Path) -> None:
    path.write_text("[" * 100_000)


def another_file(path: Path, other: Path) -> None:
    path.write_bytes(other.read_bytes())


DAMAGES = (empty, cut_in_half, flip_a_bit, nest, another_file)
IN_CI = (flip_a_bit, another_file)
"""Of those, the two that leave files which still look like what they were; `make test-all` does all."""
ONE_BY_ONE = [pytest.param(one, marks=() if one in IN_CI else pytest.mark.exhaustive) for one in DAMAGES]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("swept")
    done = command_line(*SWEEP, cwd=directory)
    assert done.returncode == 0, done.stderr
    outputs = directory / "outputs"
    owner = {**vars(Process.current()), "pid": 2**22, "born": "1"}  # a process that has ended
    (outputs / "store" / "claims").mkdir(exist_ok=True)
    (outputs / "store" / "claims" / "use-0.json").write_text(json.dumps({**owner, "token": "0"}))
    doing = {"stage": "unlearn", "what": "epoch", "done": 1, "total": 2, "seconds": 1.0, "process": owner}
    (outputs / "logs" / f"{'0' * 16}.now").write_text(json.dumps(doing))
    return outputs


def kind_of(path: Path) -> str:
    """The file's name without what only says which one of its kind it is."""
    return re.sub(r"[0-9a-f]{16,64}|(?<=/)[0-9a-f]{2}(?=/)|[0-9]{8}-[0-9]{6}-[0-9]+", "*", path.as_posix())


def kinds(outputs: Path) -> dict[str, list[Path]]:
    """Every file, below the output directory, by its kind; reports are made anew each time, and locks hold nothing."""
    found = defaultdict[str, list[Path]](list)
    for path in sorted(outputs.rglob("*")):
        name = path.relative_to(outputs)
        if path.is_file() and path.stat().st_size and name.parts[0] != "reports" and path.suffix != ".lock":
            found[kind_of(name)].append(name)
    return found


def values(outputs: Path) -> dict[str, Any]:
    """What the table shows of each cell but the times; of the rows that are believed."""
    found = {}
    for path in (outputs / "rows").glob("*.json"):
        try:
            row = read_row(path)
        except Damaged:
            continue
        parts = {part: row[part] for part in ("metrics", "reference", "original")}
        found[row["cell"]] = {
            part: {name: value for name, value in of.items() if not name.startswith("cost/")}
            for part, of in parts.items()
        }
    return found


def shown(outputs: Path) -> Any:
    frame = report.load(outputs)
    frame = frame.loc[~frame["metric"].str.startswith("cost/")]
    return frame.set_index(["cell", "metric"])[["value", "reference", "original"]].to_dict("index")


def target_of(kind: str, before: dict[str, list[Path]]) -> tuple[Path, Path]:
    """One file of this kind, and another file of it or, where there is one only, of another kind."""
    names = before[kind]
    return names[0], names[-1] if len(names) > 1 else next(names[0] for other, names in before.items() if other != kind)


def looked_at(outputs: Path, capsys: pytest.CaptureFixture[str]) -> list[Path]:
    """What `verify` names; and every other command that looks there says what it has to say without a traceback."""
    capsys.readouterr()
    status = main(["verify", str(outputs), "--json"])
    flaws = json.loads(capsys.readouterr().out)["flaws"]
    assert status == (1 if flaws else 0)
    assert main(["ls", str(outputs)]) == 0
    assert status_main([str(outputs)]) in (0, 1)
    return [Path(path).relative_to(outputs) for path in flaws]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("damage", ONE_BY_ONE, ids=lambda damage: damage.__name__)
def test_damage_to_a_file_of_any_kind_is_named_and_moves_no_value_that_is_shown(
    swept: Path, tmp_path: Path, damage: Callable[[Path, Path], None], capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = Path(shutil.copytree(swept, tmp_path / "outputs"))
    table, before, told = shown(outputs), kinds(outputs), set[str]()
    assert {"rows/*.json", "audits/*.json", "store/schema.json", "store/data/*/meta.json"} <= before.keys()
    for kind in before:
        name, other = target_of(kind, before)
        damage(outputs / name, outputs / other)
        if any(name.is_relative_to(flaw) for flaw in looked_at(outputs, capsys)):
            told.add(kind)
        found = shown(outputs)
        assert found.items() <= table.items(), kind
        assert (len(found) < len(table)) == (kind == "rows/*.json"), kind
        shutil.copy2(swept / name, outputs / name)
    missed = {kind for kind in before if kind.startswith(NOTED)} - told
    assert not {kind for kind in missed if not kind.startswith(UNSEEN)}
    with capsys.disabled():
        for kind in before:
            print(f"| {damage.__name__} | {kind} | {'named by verify' if kind in told else 'no result'} |")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("damage", ONE_BY_ONE, ids=lambda damage: damage.__name__)
def test_the_same_command_heals_a_file_of_every_kind_at_once(
    swept: Path, tmp_path: Path, damage: Callable[[Path, Path], None], supreme: Run
) -> None:
    outputs = Path(shutil.copytree(swept, tmp_path / "outputs"))
    clean, table, before = values(outputs), shown(outputs), kinds(outputs)
    targets = {kind: target_of(kind, before) for kind in before}
    for name, other in targets.values():
        damage(outputs / name, outputs / other)
    for row in (outputs / "rows").glob("*.json"):  # so that every artefact is needed; the damaged row stays
        if row.relative_to(outputs) != targets["rows/*.json"][0]:
            row.unlink()
    done = supreme(*SWEEP, timeout=600)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert values(outputs) == clean
    assert shown(outputs) == table
    main(["verify", str(outputs), "--set-aside"])  # what no cell needed
    assert main(["verify", str(outputs)]) == 0
    assert (outputs / "store" / "schema.json").read_bytes() == (swept / "store" / "schema.json").read_bytes()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_sweep_whose_output_directory_is_deleted_stops_once_and_the_same_command_begins_again(
    swept: Path, tmp_path: Path, supreme: Run
) -> None:
    outputs = tmp_path / "outputs"
    with (tmp_path / "told.txt").open("w+") as told:
        sweep = start_command_line(*SWEEP, cwd=tmp_path, stderr=told)
        while not list((outputs / "store").glob("original/*/*")) and sweep.poll() is None:
            time.sleep(0.05)
        while outputs.exists():  # its workers still write there
            shutil.rmtree(outputs, ignore_errors=True)
        assert sweep.wait() == 1
        told.seek(0)
        lines = told.read().splitlines()
    assert lines[-1] == (
        "supreme: outputs was deleted or moved away while the sweep ran, so it stopped: the same command begins again"
    )
    assert not [line for line in lines if "failed" in line or "Traceback" in line]
    done = supreme(*SWEEP, timeout=600)
    assert done.returncode == 0, done.stderr
    assert values(outputs) == values(swept)
    assert not (outputs / "store" / "corrupt").exists()
