"""What a command says before it imports anything."""

from __future__ import annotations

import shlex
import subprocess
import sys

import pytest

from supreme.command_line.first_line import COLUMNS, say, understood
from supreme.command_line.options import FLAGS, VALUED


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("-m method=scrub,neggrad seed=0..9", "composing 20 cells: method=scrub,neggrad seed=0..9"),
        ("-m 'seed=range(10)' method=ssd", "composing 10 cells: seed=range(10) method=ssd"),
        ("-m 'seed=range(0,10,3)'", "composing 4 cells: seed=range(0,10,3)"),
        ("-m seed=0..90..10 'metric=[accuracy,zrf]'", "composing 10 cells: seed=0..90..10 metric=[accuracy,zrf]"),
        ("--config-dir own -m seed=0..999 method=a,b", "composing 2,000 cells: seed=0..999 method=a,b"),
        ("-m 'method=glob(*)' seed=0,1", "composing the cells: method=glob(*) seed=0,1"),
        ("experiment=quickstart", "composing the cells: experiment=quickstart"),
        ("experiment=u_lira -m seed=0,1", "composing the cells: experiment=u_lira seed=0,1"),
        ("method=ssd seed=0 ~tracker", "composing one cell: method=ssd seed=0 ~tracker"),
        ("-m", "composing one cell"),
        ("", "alone it runs the default, method=scrub data=digits seed=0; see supreme --help"),
    ],
)
def test_it_says_what_was_understood(line: str, told: str) -> None:
    assert understood(shlex.split(line)) == f"supreme: {told}"


@pytest.mark.parametrize(
    "line",
    [
        *("--help", "-h", "seed=0 --cfg job", "--info", "--info=all", "--version", "--shell-completion install=bash"),
        *("list", "status", "store ls", "reprot", "method = ssd", "ssd", "-m seed=0, 1", "report --help", "help"),
    ],
)
def test_what_shows_something_at_once_or_is_wrong_at_first_sight_has_no_first_line(line: str) -> None:
    assert understood(shlex.split(line)) == ""


def test_a_long_command_keeps_to_one_line_of_eighty_columns(capsys: pytest.CaptureFixture[str]) -> None:
    say(["-m", *(f"recipe.epochs={number}" for number in range(20)), "output_dir=\x1b[2J±\n"])
    say(["output_dir=\x1b]0;x\x07"])
    first, second = capsys.readouterr().err.splitlines()
    assert len(first) <= COLUMNS
    assert first.endswith(" recipe.epochs=1 ...")
    assert understood(["-m", f"method={'scrub,' * 30}ssd"]).endswith("scrub,scrub ...")
    assert second == r"supreme: composing one cell: output_dir=\x1b]0;x\x07"


def test_it_knows_the_options_that_take_a_value() -> None:
    words = [word for option in VALUED if option not in ("--cfg", "-c", "--package", "-p") for word in (option, "x")]
    assert understood([*words, "seed=0"]) == "supreme: composing one cell: seed=0"
    assert understood([option for option in FLAGS if option in ("-m", "-r", "--resolve")]) != ""


def test_the_first_line_waits_for_no_import() -> None:
    heavy = "{'numpy', 'hydra', 'omegaconf', 'rich', 'pandas', 'torch', 'yaml'}"
    script = f"import supreme.cli, sys\nsupreme.cli.first_line.say(['seed=0'])\nprint(*{heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("\n", "supreme: composing one cell: seed=0\n")
