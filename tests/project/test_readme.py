"""What the READMEs show works as it stands: every command of the first one, names and links of all."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import tomllib
from itertools import chain
from pathlib import Path

import pytest
from conftest import Run, environment, start_command_line

import supreme.cli

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BESIDE = chain.from_iterable((ROOT / folder).rglob("README.md") for folder in ("conf", "supreme", "outputs", "tests"))
READMES = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *BESIDE)}
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
GROUPS = ("audit", "data", "experiment", "scenario", "tracker")
"""Whose README lists every choice; the tables of methods and metrics have tests of their own."""

SMALL = ("recipe.epochs=1", "model.widths=[4,8]")
INSTALLS = (
    r"-e '\.\[(\w+)\]'",
    r"git\+<this repository>",
    r"torch torchvision --index-url https://download\.pytorch\.org/whl/cpu",
)
"""What `pip install` may be given: this clone with an extra, this repository, or PyTorch from where PyTorch says."""


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """Every command of its shell blocks, without the comment behind it."""
    lines = chain.from_iterable(block.splitlines() for block in blocks(text, "bash"))
    split = (shlex.split(line.replace("<this repository>", "ADDRESS"), comments=True) for line in lines)
    return [shlex.join(words) for words in split if words]


def with_method(folder: Path) -> str:
    """Write the method and its YAML as the README shows them; the PYTHONPATH that finds them."""
    (folder / "my_lab").mkdir()
    (folder / "my_conf" / "method").mkdir(parents=True)
    (method,) = (block for block in blocks(README, "python") if "class WeightNoise" in block)
    (folder / "my_lab" / "weight_noise.py").write_text(method)
    (folder / "my_conf" / "method" / "weight_noise.yaml").write_text(*blocks(README, "yaml"))
    return os.pathsep.join([str(folder), environment()["PYTHONPATH"]])


OURS = [command for command in commands(README) if command.startswith(("python -m supreme", "supreme "))]
VERBS = [command for command in OURS if command.startswith("supreme ")]
PLANNED = [command for command in OURS if command not in VERBS]


def test_the_readme_is_short_and_its_commands_are_those_that_are_run_here() -> None:
    assert len(README.splitlines()) <= 150
    others = [command for command in commands(README) if command not in OURS]
    set_up = [
        "git clone ADDRESS supreme '&&' cd supreme",
        "make demo",
        "source .venv/bin/activate",
        "python3 -m venv .venv",
        ".venv/bin/pip install torch torchvision --index-url https://download.pytorch.org/whl/cpu",
    ]
    assert others == set_up
    both = "supreme report outputs other_outputs"
    assert ["supreme list method", "supreme report", both, "supreme status", "supreme store ls"] == VERBS


@pytest.mark.slow
@pytest.mark.parametrize("command", PLANNED)
def test_every_run_of_the_readme_can_be_planned(command: str, supreme: Run, tmp_path: Path) -> None:
    path = with_method(tmp_path)
    arguments = shlex.split(command)[3:]
    shows = {"--cfg", "--help"} & set(arguments)
    done = supreme(*arguments, *([] if shows or "dry_run=true" in arguments else ["dry_run=true"]), PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert shows or "Dry run: nothing is started." in done.stdout


@pytest.mark.slow
def test_the_method_of_the_readme_runs_resumes_is_reported_and_keeps_its_promises(supreme: Run, tmp_path: Path) -> None:
    path = with_method(tmp_path)
    (command,) = (command for command in PLANNED if "weight_noise" in command)
    arguments = [argument.replace("range(10)", "range(2)") for argument in shlex.split(command)[3:]]
    done = supreme(*arguments, *SMALL, PYTHONPATH=path)
    assert done.returncode == 0, done.stderr
    assert "weight_noise" in done.stdout
    again = supreme(*arguments, *SMALL, PYTHONPATH=path)
    assert again.returncode == 0, again.stderr
    assert "cells: 4, found: 4" in again.stdout + again.stderr
    shutil.copytree(tmp_path / "outputs" / "rows", tmp_path / "other_outputs" / "rows")
    for verb in VERBS:
        shown = supreme(*shlex.split(verb)[1:])
        assert shown.returncode == 0, shown.stderr
        assert shown.stdout
    assert (tmp_path / "outputs" / "reports" / "report.html").is_file()
    (check,) = re.findall(r"`supreme\.testing\.(check_method\(WeightNoise\(.*?\)\))`", README)
    script = f"from my_lab.weight_noise import WeightNoise\nfrom supreme.testing import check_method\n{check}\n"
    kit = start_command_line(cwd=tmp_path, code=script, PYTHONPATH=path)
    _, told = kit.communicate()
    assert kit.returncode == 0, told


@pytest.mark.parametrize("name", READMES)
def test_every_link_of_a_readme_leads_somewhere(name: str) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", READMES[name]):
        if target.startswith("https://"):
            continue
        place, _, anchor = target.partition("#")
        path = (ROOT / name).parent / place if place else ROOT / name
        assert path.exists(), target
        titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE) if anchor else []
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in anchors, f"{target}: {anchors}"


@pytest.mark.parametrize("name", READMES)
def test_every_make_target_verb_and_component_that_a_readme_names_exists(name: str) -> None:
    text = READMES[name]
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"(?:`|^    |^)make ([a-z][a-z0-9-]+)", text, re.MULTILINE)) <= targets
    assert set(re.findall(r"(?:`|^)supreme ([a-z]+)\b", text, re.MULTILINE)) <= set(supreme.cli.VERBS)
    for group, choices in re.findall(r"(?<![\w./])(\w+)=\[?([a-z]\w*(?:,[a-z]\w*)*)", text):
        if (ROOT / "conf" / group).is_dir() and group != "tuned":
            known = {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} | {"weight_noise"}
            assert set(choices.split(",")) - {"glob"} <= known, f"{group}={choices}"


@pytest.mark.parametrize("group", GROUPS)
def test_the_readme_of_a_group_lists_every_choice(group: str) -> None:
    table = re.search(rf"^\| `{group}=` .*?\n\n", READMES[f"conf/{group}/README.md"], re.DOTALL | re.MULTILINE)
    assert table is not None
    names = {
        name for cell in re.findall(r"^\| (`.*?) \|", table[0], re.MULTILINE)[1:] for name in cell.split("`")[1::2]
    }
    assert names == {path.stem for path in (ROOT / "conf" / group).glob("*.yaml")} - {"none"}


def test_every_group_of_conf_and_every_large_room_of_the_package_has_a_readme() -> None:
    groups = {f"conf/{path.name}/README.md" for path in (ROOT / "conf").iterdir() if path.is_dir()}
    rooms = {f"supreme/{room}/README.md" for room in ("api", "store", "sweep", "sharing", "report", "testing")}
    others = {"README.md", "conf/README.md", "supreme/README.md", "outputs/README.md", "tests/README.md"}
    others |= {"tests/golden/README.md", "supreme/report/published/README.md"}
    assert (groups - {"conf/hydra/README.md"}) | rooms | others == READMES.keys()


def test_nobody_is_told_to_install_a_package_of_our_name_from_the_index() -> None:
    """`supreme` on the index is a stranger's. (That of the ORL faces is never shown: see its docstring.)"""
    sources = [path for room in ("supreme", "conf", "tests") for path in (ROOT / room).rglob("*.*")]
    texts = {path: path.read_text() for path in sources if path.suffix in (".py", ".yaml", ".md")}
    advice = re.compile(r"pip install [^\n]*?'?supreme(?!-sweeper)")
    told = {path.name for path, text in texts.items() if advice.search(text) and path != Path(__file__)}
    assert told <= {"orl_faces.py"}
    for text in READMES.values():
        for given in re.findall(r"pip install ([^`\n]*)", text):
            found = [match for allowed in INSTALLS if (match := re.fullmatch(allowed, given.strip()))]
            assert found, given
            assert set(found[0].groups()) <= EXTRAS.keys()
