"""The table of methods says what the methods say of themselves, and conf/method/README.md shows the table as it is."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

from supreme.core import SupremeError
from supreme.report.catalogue.methods import BEGIN, END, method_entries, methods_markdown, with_methods
from supreme.report.command import main

ROOT = Path(__file__).parents[2]
PATHS = sorted((ROOT / "conf" / "method").glob("*.yaml"))
ENTRIES = {entry.name: entry for entry in method_entries()}
OURS = {"original", "retrain", "chain", "random_init", "mask_class", "given"}
"""Anchors and tools, which no paper proposed."""


def test_the_table_of_the_readme_is_up_to_date() -> None:
    text = (ROOT / "conf" / "method" / "README.md").read_text(encoding="utf-8")
    new = with_methods(text, methods_markdown(method_entries()))
    assert new == text, "type: supreme report methods --into conf/method/README.md"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_table_knows_of_each_method_what_its_class_says(path: Path) -> None:
    entry, target = ENTRIES[path.stem], re.search(r"^_target_: (.*)\.(.*)$", path.read_text(), re.MULTILINE)
    assert target is not None
    module, name = target.groups()
    component = getattr(importlib.import_module(module), name)
    if isinstance(component.needs, frozenset):
        assert entry.needs == ", ".join(sorted(component.needs))  # forget, retain, validation
    else:
        assert entry.needs == "depends"
    wanted = {"any": "any set", "class": "classes"}
    assert entry.applies_to == wanted.get(getattr(component, "applies_to", "any"), "depends")
    assert entry.what
    assert entry.cost
    assert f"Cost: {entry.cost}" in " ".join(component.__doc__.split())


@pytest.mark.parametrize("name", [path.stem for path in PATHS if path.stem not in OURS])
def test_every_published_method_names_its_paper(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.title, 'its docstring is to hold: "Title", Venue 2024, https://...'
    assert entry.venue[-4:].isdigit()
    assert entry.url.startswith("https://")


def test_a_method_becomes_a_line_of_markdown() -> None:
    (line,) = (line for line in methods_markdown(method_entries()).splitlines() if line.startswith("| `ssd` |"))
    title = "Fast Machine Unlearning Without Retraining Through Selective Synaptic Dampening"
    paper = f"[{title}](https://arxiv.org/abs/2308.07707), AAAI 2024"
    assert line.startswith(f"| `ssd` | Selective Synaptic Dampening | {paper} | forget, retain | any set | one pass")


def test_only_what_stands_between_the_markers_is_replaced() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert with_methods(text, "| new |\n") == f"before\n{BEGIN}\n| new |\n{END}\nafter\n"
    with pytest.raises(SupremeError, match="no place"):
        with_methods("no markers\n", "| new |\n")


def test_the_table_goes_to_the_terminal_to_a_file_and_into_a_file(tmp_path: Path, capsys) -> None:
    assert main(["methods"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ENTRIES)
    assert max(len(line) for line in shown.splitlines()) <= 100
    assert main(["methods", "--format", "markdown", "--output", str(tmp_path / "table.md")]) == 0
    table = methods_markdown(method_entries())
    assert (tmp_path / "table.md").read_text(encoding="utf-8") == table
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n", encoding="utf-8")
    assert main(["methods", "--into", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == f"{BEGIN}\n{table}{END}\n"
    assert main(["methods", "--into", str(tmp_path / "nowhere.md")]) == 1
    assert "nowhere.md" in capsys.readouterr().err


def test_the_table_imports_no_method_and_no_torch() -> None:
    script = (
        "import sys\nfrom supreme.report.command import main\nmain(['methods'])\n"
        "print('imported:', *sorted(name for name in sys.modules if name == 'torch' or 'supreme.methods' in name))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"


def test_a_yaml_without_a_class_or_with_a_missing_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "method").mkdir()
    yaml = tmp_path / "method" / "odd.yaml"
    yaml.write_text("lr: 0.1\n")
    with pytest.raises(SupremeError, match="names no class"):
        method_entries(tmp_path)
    yaml.write_text("_target_: supreme.methods.ssd.SSSD\n")
    with pytest.raises(SupremeError, match="does not define"):
        method_entries(tmp_path)
