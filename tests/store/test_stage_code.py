"""Whatever a number passes through is in the key of its component, or in the record of its stage's code."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator

import pytest

from supreme.core.registry import FUNCTIONS, NETWORK, STEM
from supreme.store.fingerprint import code, code_of, graph, modules, paths
from tests.conf_files import YAMLS, target_of
from tests.project.test_structure import MODULES, part
from tests.stage_code import ROOTS, changed_under_its_number, code_now, recorded, told

TARGETS = sorted({target_of(path) for path in YAMLS if path.parent.name != "tracker"})
PLAIN_NETWORKS = (NETWORK, STEM, *FUNCTIONS.values(), "supreme.functional.network.as_network")
"""What a network or a function named in a YAML becomes, and how a network is given back: no YAML of ours names them."""
EVERY = [*TARGETS, *PLAIN_NETWORKS, *(root for roots in ROOTS.values() for root in roots)]

NO_NUMBER = {"", "__main__", "cli", "command_line", "_hydra", "sweep", "report", "api", "testing", "trackers"}
NO_NUMBER.add("sharing")
"""Rooms that plan, run and show, and compute nothing that is stored; nor do the commands about the store."""

COMPUTES = [name for name in MODULES if part(name) not in NO_NUMBER and ".maintenance" not in name]


@pytest.fixture(scope="module")
def reach() -> dict[str, set[str]]:
    """Of each component and each stage, the definitions that it can reach."""
    return {target: set(code_of(target).definitions) for target in EVERY}


def test_the_code_of_a_stage_changes_only_with_its_number() -> None:
    changed = changed_under_its_number(recorded(), code_now())
    assert not changed, told(changed)


def test_the_record_has_the_present_numbers() -> None:
    now = {stage: own["schema"] for stage, own in code_now().items()}
    assert {stage: own["schema"] for stage, own in recorded().items()} == now, "type `python -m tests.stage_code`"


def test_every_module_that_a_number_may_pass_through_is_reached(reach: dict[str, set[str]]) -> None:
    reached = {definition.rpartition(".")[0] for definitions in reach.values() for definition in definitions}
    declared = {name for name in MODULES if "HOLDS_NO_ARITHMETIC" in modules.read(name).bindings}  # type: ignore[union-attr]
    silent = set(COMPUTES) - reached - declared
    assert {name for name in silent if _functions(name)} == set(), "no component and no stage reaches these modules"


@pytest.mark.parametrize("name", COMPUTES)
def test_importing_a_module_of_ours_only_binds_names(name: str) -> None:
    """So that it need not be followed what importing our modules does."""
    module = modules.read(name)
    assert module is not None
    bare = [line for line in module.effects if not isinstance(line, ast.Assign | ast.AnnAssign)]
    assert [ast.unparse(line) for line in bare] == []


def _functions(name: str) -> list[str]:
    """The names of a module's functions, and of classes that have some, protocols and errors left out."""
    module = modules.read(name)
    assert module is not None
    found = [one for bound in module.bindings.values() for one in bound if isinstance(one, modules.DEFINITIONS)]
    return [
        one.name
        for one in found
        if not graph.holds_no_arithmetic(one) and any(isinstance(node, ast.FunctionDef) for node in ast.walk(one))
    ]


class _Mutation(ast.NodeTransformer):
    """The first operator, comparison or number changed into another; or else what is returned or called."""

    def __init__(self, calls: bool) -> None:
        self.calls, self.done = calls, False

    def visit(self, node: ast.AST) -> ast.AST:
        if self.done:
            return node
        if isinstance(node, ast.BinOp):
            node.op, self.done = (ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()), True
        elif isinstance(node, ast.Compare):
            node.ops, self.done = [ast.GtE() if isinstance(node.ops[0], ast.Lt) else ast.Lt(), *node.ops[1:]], True
        elif isinstance(node, ast.Constant) and type(node.value) in (int, float, bool):
            node.value, self.done = node.value + 1, True
        elif isinstance(node, ast.AnnAssign):  # its annotation computes nothing
            self.visit(node.value) if node.value else None
            return node
        elif self.calls and isinstance(node, ast.Return):
            node.value, self.done = ast.Constant(value=None), True
        elif self.calls and isinstance(node, ast.Call):
            node.args, self.done = [*node.args, ast.Constant(value=None)], True
        return super().visit(node) if not self.done else node


def _mutated(name: str, reached: set[str], calls: bool) -> Iterator[tuple[str, modules.Module]]:
    """The module with one line of the first function changed that somebody reaches and that can be changed."""
    module = modules.read(name)
    assert module is not None
    tree = ast.parse(module.content)
    for definition in tree.body:
        if not isinstance(definition, modules.DEFINITIONS) or f"{name}.{definition.name}" not in reached:
            continue
        mutation = _Mutation(calls)
        for line in definition.body if isinstance(definition, ast.FunctionDef) else _method_lines(definition):
            if not modules.is_words(line):
                mutation.visit(line)
            if mutation.done:
                changed = dataclasses.replace(module, bindings=type(module.bindings)(list), effects=[], imports=[])
                modules.collect(changed, tree.body)
                yield f"{name}.{definition.name}", changed
                return


def _method_lines(definition: ast.AST) -> list[ast.stmt]:
    methods = [one for one in ast.walk(definition) if isinstance(one, ast.FunctionDef)]
    methods = [one for one in methods if not graph.holds_no_arithmetic(one)]
    return [line for method in methods for line in method.body]


ON_THE_PATH = [name for name in COMPUTES if _functions(name)]


@pytest.mark.parametrize("name", ON_THE_PATH)
def test_a_changed_line_moves_every_key_and_every_stage_that_can_reach_it(
    name: str, reach: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    module = modules.read(name)
    assert module is not None
    if "HOLDS_NO_ARITHMETIC" in module.bindings:
        pytest.skip("declares that no number depends on it")
    everything = set().union(*reach.values())
    mutations = [one for calls in (False, True) for one in _mutated(name, everything, calls)]
    assert mutations, "no line to change was found"
    definition, changed = mutations[0]
    before = {target: code_of(target).digest for target, reached in reach.items() if definition in reached}
    assert before
    original = modules.read

    def read(asked: str) -> modules.Module | None:
        return changed if asked == name else original(asked)

    with monkeypatch.context() as patch:
        patch.setattr(paths, "read", read)
        patch.setattr(graph, "read", read)
        patch.setattr(code, "_graph", graph.Graph)
        after = {target: code_of.__wrapped__(target).digest for target in before}
    assert {target for target in before if after[target] == before[target]} == set()


def test_an_error_a_protocol_and_a_refusal_of_ours_hold_no_arithmetic() -> None:
    assert not [name for name in code_of("supreme.methods.ssd.SSD").definitions if "require" in name]
    definitions = code_of("supreme.scenarios.random.Random").definitions
    assert "supreme.core.split.Split" in definitions
    assert "supreme.core.components.Scenario" not in definitions


def test_the_record_names_what_changed_and_leaves_alone_what_only_moved() -> None:
    before = {"row": {"schema": 1, "definitions": {"supreme.a.f": "1", "supreme.a.g": "2"}}}
    moved = {"row": {"schema": 1, "definitions": {"supreme.b.f": "1", "supreme.a.g": "2"}}}
    edited = {"row": {"schema": 1, "definitions": {"supreme.a.f": "3", "supreme.a.g": "2"}}}
    assert changed_under_its_number(before, moved) == {}
    assert changed_under_its_number(before, edited) == {"row": ["supreme.a.f"]}
    assert changed_under_its_number(before, {"row": {**edited["row"], "schema": 2}}) == {}
