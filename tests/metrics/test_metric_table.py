"""The table of metrics says what the metrics say of themselves, is complete, and is in conf/metric/README.md."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from test_conformance import component

from supreme.core.column import column_in
from supreme.report.catalogue.methods import with_methods
from supreme.report.catalogue.metrics import METRIC_MARKERS, metric_entries, metrics_markdown, our_columns
from supreme.report.command import main
from supreme.testing.evaluations import tiny_evaluation

ROOT = Path(__file__).parents[2]
README = (ROOT / "conf" / "metric" / "README.md").read_text(encoding="utf-8")
PATHS = sorted((ROOT / "conf" / "metric").glob("*.yaml"))
ENTRIES = {entry.name: entry for entry in metric_entries()}
OURS = {"cost", "activation_distance_rms", "legacy_activation_distance", "legacy_batch_accuracy"}
"""Which no paper proposed."""


def test_the_table_of_the_readme_is_up_to_date() -> None:
    new = with_methods(README, metrics_markdown(metric_entries()), *METRIC_MARKERS)
    assert new == README, "type: supreme report metrics --into conf/metric/README.md"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_table_knows_of_each_metric_what_its_class_says(path: Path) -> None:
    entry, target = ENTRIES[path.stem], re.search(r"^_target_: (.*)\.(.*)$", path.read_text(), re.MULTILINE)
    assert target is not None
    module, name = target.groups()
    component = getattr(importlib.import_module(module), name)
    assert set(filter(None, entry.needs.split(", "))) == component.needs
    told = " ".join(component.__doc__.split())
    assert told.startswith(entry.what)
    for word, text in (
        ("Range", entry.range),
        ("Ideal", entry.ideal),
        ("Cost", entry.cost),
        ("Least n", entry.least_n),
    ):
        assert text, f'its docstring is to have a line "{word}: ..."'
        assert f"{word}: {text}" in told


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_declared_columns_are_read_without_importing_the_metric_and_no_code_relies_on_them(path: Path) -> None:
    module, name = re.findall(r"^_target_: (.*)\.(.*)$", path.read_text(), re.MULTILINE)[0]
    component = getattr(importlib.import_module(module), name)
    assert ENTRIES[path.stem].columns == component.declared_columns
    assert {key.partition("/")[0] for key in component.declared_columns} <= {path.stem, "loss"}
    read = [node for node in ast.walk(ast.parse(inspect.getsource(component))) if isinstance(node, ast.Attribute)]
    assert "declared_columns" not in {node.attr for node in read}, "no key would move where that changes a number"


@pytest.mark.parametrize("forgets_class", [False, True])
def test_every_column_of_our_metrics_is_declared(forgets_class: bool) -> None:
    evaluation = tiny_evaluation(forgets_class=forgets_class)
    for path in PATHS:
        for column in component("metric", path.stem).columns(evaluation):
            assert column_in(our_columns(), column) is not None, column


def test_the_terminal_tells_unit_and_direction_of_each_column(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["metrics"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "Columns: kl_divergence/* (nats, lower)" in told
    assert "accuracy/forget (fraction, near the reference's)" in told


@pytest.mark.parametrize("name", [path.stem for path in PATHS if path.stem not in OURS])
def test_every_published_metric_names_its_paper(name: str) -> None:
    entry = ENTRIES[name]
    assert entry.title, 'its docstring is to hold: "Title", Venue 2024, https://...'
    assert entry.venue[-4:].isdigit()
    assert entry.url.startswith("https://")


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_metric_warns_if_and_only_if_it_names_a_least_n(path: Path) -> None:
    module, name = re.findall(r"^_target_: (.*)\.(.*)$", path.read_text(), re.MULTILINE)[0]
    component = getattr(importlib.import_module(module), name)
    assert hasattr(component, "warnings") != ENTRIES[path.stem].least_n.startswith("none")


def test_a_metric_becomes_a_line_of_markdown() -> None:
    (line,) = (line for line in metrics_markdown(metric_entries()).splitlines() if line.startswith("| `linear_cka`"))
    paper = "[Similarity of Neural Network Representations Revisited](https://arxiv.org/abs/1905.00414), ICML 2019"
    assert line.endswith(f"with fewer, even unrelated features look alike | {paper} |")
    assert "| features | a forward pass for the features of each model" in line


def test_the_table_goes_to_the_terminal_to_a_file_and_into_a_file(tmp_path: Path, capsys) -> None:
    assert main(["metrics"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ENTRIES)
    assert max(len(line) for line in shown.splitlines()) <= 100
    begin, end = METRIC_MARKERS
    table, page = metrics_markdown(metric_entries()), tmp_path / "page.md"
    page.write_text(f"{begin}\n{end}\n", encoding="utf-8")
    assert main(["metrics", "--into", str(page)]) == 0
    assert page.read_text(encoding="utf-8") == f"{begin}\n{table}{end}\n"
    page.write_text("<!-- methods -->\n<!-- /methods -->\n", encoding="utf-8")
    assert main(["metrics", "--into", str(page)]) == 1
    assert begin in capsys.readouterr().err


def test_the_table_imports_no_metric_and_no_torch() -> None:
    script = (
        "import sys\nfrom supreme.report.command import main\nmain(['metrics'])\n"
        "print('imported:', *sorted(name for name in sys.modules if name == 'torch' or 'supreme.metrics' in name))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "imported:"
