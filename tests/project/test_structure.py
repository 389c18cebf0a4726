"""Dependencies point one way, what must start fast imports nothing heavy, and YAML files match their classes."""

from __future__ import annotations

import ast
import dataclasses
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from supreme.core.registry import as_component
from tests.conf_files import CONF, GROUPS, YAMLS, defaults_of, node_of, target_of

ROOT = Path(__file__).parents[2]
HEAVY = ("torch", "torchvision", "timm", "sklearn", "tensorboard", "wandb", "mlflow", "ray")

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted((ROOT / "supreme").rglob("*.py"))
}
COMPONENTS = {target_of(path).rpartition(".")[0] for path in YAMLS}
"""Modules that hold a component; the others beside them are helpers."""

CONTENT = ("data", "models", "recipes", "scenarios", "methods", "metrics", "audits", "trackers")
COMPONENT = {"core", "functional"}
"""What a component may import beside the helpers in its own room."""
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),  # supreme/__init__.py, which imports from `api` and `report` what it is asked for
    "core": set(),
    "functional": {"core"},
    "store": {"", "core"},
    "report": {"core"},
    "data": COMPONENT | {"store"},  # for what a source has read before
    "models": COMPONENT,
    "recipes": COMPONENT,
    "scenarios": COMPONENT,
    "methods": COMPONENT,
    "metrics": COMPONENT,
    "audits": COMPONENT | {"metrics"},
    "trackers": COMPONENT,
    "pipeline": {"core", "functional", "store", "recipes"},
    "testing": {"core", "functional", "pipeline", "sweep"},
    "sweep": {"core", "store", "pipeline", "report", "command_line"},
    "sharing": {"core", "store", "report", "pipeline"},
    "_hydra": {"core", "sweep"},
    "api": {"", *CONTENT, "core", "functional", "store", "pipeline", "report", "sweep", "command_line", "cli"},
    "command_line": {"core"},
    "cli": {"", "core", "command_line", "sweep", "report"},
    "__main__": {"cli"},
}
"""Room of the package -> the rooms that it may import."""


def part(module: str) -> str:
    return ".".join(module.split(".")[1:2])


def tree_of(module: str) -> ast.Module:
    return ast.parse(MODULES[module].read_text())


def is_for_types_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def walk(node: ast.AST, into_functions: bool) -> Iterator[ast.AST]:
    """Every node below this one that runs, or only those that run when the module is imported."""
    for child in ast.iter_child_nodes(node):
        if is_for_types_only(child):
            continue
        if not into_functions and isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield child
        yield from walk(child, into_functions)


def imports(tree: ast.Module, at_import_only: bool = False) -> Iterator[str]:
    """Full names of the modules that a module imports, those of our own packages as far down as they go."""
    for node in walk(tree, into_functions=not at_import_only):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in MODULES else str(node.module)


def is_or_is_in(module: str, package: str) -> bool:
    return f"{module}.".startswith(f"{package}.")


def test_the_reading_of_imports_sees_those_in_functions_and_not_those_for_types() -> None:
    source = (
        "import torch.nn\nfrom supreme.core import Split, seeds\n"
        "if TYPE_CHECKING:\n    import hydra\n"
        "def f():\n    import timm\n    class C:\n        from supreme.sweep.plan.plan import x\n"
        "try:\n    import sklearn\nexcept ImportError:\n    pass\n"
    )
    tree = ast.parse(source)
    at_import = ["torch.nn", "supreme.core.seeds", "supreme.core", "sklearn"]
    assert sorted(imports(tree, at_import_only=True)) == sorted(at_import)
    assert sorted(imports(tree)) == sorted([*at_import, "timm", "supreme.sweep.plan.plan"])


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_what_lies_below_it(module: str) -> None:
    assert part(module) in MAY_IMPORT, f"say in MAY_IMPORT what {module} may import"
    ours = {name for name in imports(tree_of(module)) if is_or_is_in(name, "supreme")}
    wrong = {name for name in ours if part(name) not in MAY_IMPORT[part(module)] | {part(module)}}
    assert not wrong


WITHIN_SWEEP: dict[str, set[str]] = {
    "": set(),  # supreme/sweep/__init__.py
    "devices": set(),
    "ground": set(),
    "jobs": set(),
    "schedule": set(),
    "failures": {"schedule"},
    "objective": set(),
    "hydra_keys": set(),
    "plan": {"devices", "jobs", "objective", "schedule"},
    "searches": {"objective", "plan"},
    "hydra_jobs": {"schedule"},
    "executors": {"devices", "plan", "schedule"},
    "tracking": {"devices", "executors", "plan"},
    "display": {"devices", "executors", "failures", "plan", "schedule"},
}
WITHIN_SWEEP["hydra_sweep"] = {*WITHIN_SWEEP}
WITHIN_SWEEP["single_cell"] = {*WITHIN_SWEEP}
WITHIN_SWEEP["other_sweepers"] = {*WITHIN_SWEEP}
WITHIN_SWEEP["hydra_main"] = {"single_cell"}
WITHIN_SWEEP["sweep_end"] = {*WITHIN_SWEEP}
WITHIN_SWEEP["tuning"] = {*WITHIN_SWEEP}
"""Part of the largest room -> the parts that it may import, those above it alone."""


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) == "sweep"])
def test_within_the_sweep_too_imports_point_one_way(module: str) -> None:
    own = ".".join(module.split(".")[2:3])
    found = {
        name.split(".")[2]
        for name in imports(tree_of(module))
        if is_or_is_in(name, "supreme.sweep") and name != "supreme.sweep"
    }
    assert found - {own} <= WITHIN_SWEEP[own]


def test_the_rule_has_no_circle() -> None:
    below = {name: set(parts) - {name} for name, parts in MAY_IMPORT.items()}
    while below:
        lowest = {name for name, parts in below.items() if not parts & below.keys()}
        assert lowest, f"a circle among {sorted(below)}"
        below = {name: parts for name, parts in below.items() if name not in lowest}


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) in CONTENT])
def test_content_imports_no_component_but_may_import_the_helpers_beside_it(module: str) -> None:
    if module != "supreme.recipes":  # under whose name stored rows know the one recipe
        assert not set(imports(tree_of(module))) & COMPONENTS


def test_only_the_command_line_and_the_shims_import_hydra() -> None:
    found = {name for name in MODULES if any(is_or_is_in(other, "hydra") for other in imports(tree_of(name)))}
    plugins = {name for name in MODULES if part(name) == "_hydra"}
    assert found - plugins <= {
        "supreme.api.hydra_here",
        "supreme.command_line.read_once",
        "supreme.command_line.refusals",
        "supreme.command_line.words",
        "supreme.sweep.plan.compose",
        "supreme.sweep.plan.globs",
        "supreme.sweep.plan.grids",
        "supreme.sweep.plan.intensities",
        "supreme.sweep.hydra_jobs",
        "supreme.sweep.hydra_main",
        "supreme.sweep.hydra_sweep",
        "supreme.sweep.other_sweepers",
        "supreme.sweep.single_cell",
        "supreme.sweep.sweep_end",
        "supreme.sweep.plan.search_spaces",
        "supreme.sweep.plan.shown",
        "supreme.sweep.plan.sources",
        "supreme.sweep.tuning.command",
        "supreme.sweep.tuning.options",
        "supreme.sweep.plan.dimension",
    }
    assert found & plugins


@pytest.mark.parametrize("module", MODULES)
def test_heavy_packages_are_imported_only_where_a_function_needs_them(module: str) -> None:
    found = set(imports(tree_of(module), at_import_only=True))
    assert not {name for name in found for heavy in HEAVY[1:] if is_or_is_in(name, heavy)}


WITHOUT_TORCH = (
    "",
    "core",
    "store",
    "data",
    "scenarios",
    "trackers",
    "report",
    "sweep",
    "sharing",
    "command_line",
    "cli",
    "_hydra",
    "__main__",
)
LIGHT = {f"supreme.pipeline.{name}" for name in ("cell", "keys", "workplace", "process_cache", "ensembles", "activity")}


@pytest.mark.parametrize("module", [name for name in MODULES if part(name) in WITHOUT_TORCH or name in LIGHT])
def test_what_plans_a_sweep_imports_no_torch(module: str) -> None:
    found = set(imports(tree_of(module), at_import_only=True))
    assert not {name for name in found if is_or_is_in(name, "torch")}


FAST = {
    "the command line": ["supreme.cli"],
    "the nouns": [name for name in MODULES if part(name) == "core"],
    "the plan": ["supreme.pipeline.cell", "supreme.sweep.plan.plan"],
    "the store": [name for name in MODULES if part(name) == "store"],
    "the report": [name for name in MODULES if part(name) == "report"],
    "data, scenarios and trackers": [name for name in MODULES if part(name) in ("data", "scenarios", "trackers")],
    "what is shared": [name for name in MODULES if part(name) == "sharing"],
    "the sweep": [name for name in MODULES if part(name) == "sweep"],
    "the plugin that Hydra always loads": ["hydra_plugins.supreme_launcher"],
    "what the workers of an executor under test run": ["supreme.testing.executor_tasks"],
}


@pytest.mark.parametrize("modules", FAST.values(), ids=FAST.keys())
def test_what_must_start_fast_imports_nothing_heavy(modules: list[str]) -> None:
    script = f"import sys, {', '.join(modules)}\nprint(*sorted({set(HEAVY)!r} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


# YAML files and classes.


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_yaml_names_its_class_first_and_gives_exactly_its_fields(path: Path) -> None:
    target, *given = as_component(node_of(path), path.parent.name).items()
    assert target[0] == "_target_"
    module, _, name = target[1].rpartition(".")
    component = getattr(importlib.import_module(module), name)
    assert dataclasses.is_dataclass(component)
    assert [name for name, _ in given] == [field.name for field in dataclasses.fields(component)]


HEIRS = [path for path in YAMLS if "defaults" in OmegaConf.load(path)]


@pytest.mark.parametrize("path", HEIRS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_yaml_that_inherits_says_only_what_differs_and_tests_read_it_as_hydra_does(path: Path) -> None:
    own = OmegaConf.to_container(OmegaConf.load(path))
    assert isinstance(own, dict)
    inherited = {key: value for parent in defaults_of(path)[0] for key, value in node_of(parent).items()}
    assert not {key for key in own if key in inherited and own[key] == inherited[key]}
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose(f"{path.parent.name}/{path.stem}")[path.parent.name]
    assert OmegaConf.to_container(composed) == node_of(path)


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_component_is_frozen_takes_keywords_and_has_no_default(path: Path) -> None:
    module, _, name = target_of(path).rpartition(".")
    component = getattr(importlib.import_module(module), name)
    assert component.__dataclass_params__.frozen
    for field in dataclasses.fields(component):
        assert field.kw_only, field.name
        assert field.default is dataclasses.MISSING, f"{field.name}: its value belongs in the YAML"
        assert field.default_factory is dataclasses.MISSING, f"{field.name}: its value belongs in the YAML"


@pytest.mark.parametrize("path", YAMLS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_yaml_lies_in_the_group_of_its_class(path: Path) -> None:
    folder = {"data": "data", "recipe": "recipes"}.get(path.parent.name, f"{path.parent.name}s")
    assert part(target_of(path)) == folder


def test_every_group_has_components() -> None:
    assert {path.parent.name for path in YAMLS} == set(GROUPS)
