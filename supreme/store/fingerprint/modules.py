"""Modules as their source has them, found and read as Python finds and reads them; none is imported."""

from __future__ import annotations

import ast
import importlib
import importlib.metadata
import os
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

HOLDS_NO_ARITHMETIC = True

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
ASSIGNMENTS = (ast.Assign, ast.AnnAssign, ast.AugAssign)
INSTALLED = ("site-packages", "dist-packages")
"""Folders of libraries: code that nobody edits, known by its version."""


@dataclass(frozen=True)
class Imported:
    """What an import statement binds a name to."""

    module: str
    name: str | None = None
    """None: the module itself."""


@dataclass(frozen=True, eq=False)
class Module:
    """One source file, by what its names are bound to when it is imported."""

    name: str
    path: Path
    package: str
    """What a relative import starts from; of a package, its own name."""
    content: bytes
    bindings: defaultdict[str, list[ast.stmt | Imported]] = field(default_factory=lambda: defaultdict(list))
    effects: list[ast.stmt] = field(default_factory=list)
    """Statements that do something when the module is imported, beside binding a name."""
    stars: list[str] = field(default_factory=list)
    """Modules of which every name is imported."""
    imports: list[str] = field(default_factory=list)
    """Every module that importing this one imports."""
    opaque: bool = False
    """Whether it has no source: compiled code, known by its bytes."""

    @property
    def folders(self) -> list[Path]:
        """The module's folder and those above it, up to that of its outermost package."""
        depth = self.name.count(".") + (self.name == self.package)
        return [self.path.parent, *list(self.path.parent.parents)[: max(0, depth - 1)]]

    def absolute(self, node: ast.ImportFrom) -> str:
        """The full name of the module that a `from` import names."""
        if not node.level:
            return node.module or ""
        above = self.package.rsplit(".", node.level - 1)[0] if node.level > 1 else self.package
        return ".".join(part for part in (above, node.module) if part)

    def names_of(self, node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Imported]]:
        """The names that an import binds, `*` left out, and to what."""
        for alias in node.names:
            if isinstance(node, ast.ImportFrom):
                if alias.name != "*":
                    yield alias.asname or alias.name, Imported(self.absolute(node), alias.name)
            elif alias.asname:
                yield alias.asname, Imported(alias.name)
            else:
                yield alias.name.partition(".")[0], Imported(alias.name.partition(".")[0])

    def modules_of(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        """Every module that an import may run; the names of a package may be modules of it."""
        if isinstance(node, ast.Import):
            return [alias.name for alias in node.names]
        base = self.absolute(node)
        return [base, *(f"{base}.{alias.name}" for alias in node.names)]


@cache
def find(name: str) -> ModuleSpec | None:
    """Where the module lies, as the import system finds it, but without running any of its code; None: nowhere."""
    parent, _, last = name.rpartition(".")
    path = None
    if parent:
        above = find(parent)
        if above is None or above.submodule_search_locations is None:
            return None
        path = list(above.submodule_search_locations)
    for finder in sys.meta_path:
        with suppress(Exception):  # a finder of somebody else's
            if (found := finder.find_spec(name, path)) is not None:
                return found
    # A namespace package inside another one: the import system would look for its parent among what is imported.
    if folders := [folder for entry in path or () if os.path.isdir(folder := os.path.join(entry, last))]:
        spec = ModuleSpec(name, None, is_package=True)
        spec.submodule_search_locations = folders
        return spec
    return None


@cache
def read(name: str) -> Module | None:
    """The module of this name; None where there is no file of it (built in, a namespace, or not there at all)."""
    spec = find(name)
    if spec is None or not spec.origin or spec.origin in ("built-in", "frozen"):
        return None
    try:
        loader: Any = spec.loader
        content = loader.get_data(spec.origin) if hasattr(loader, "get_data") else Path(spec.origin).read_bytes()
    except OSError:
        return None
    package = name if spec.submodule_search_locations is not None else name.rpartition(".")[0]
    module = Module(name, Path(spec.origin), package, content)
    try:
        with deep_recursion():
            tree = ast.parse(content)  # of bytes: it minds the byte order mark and the coding cookie, as Python does
    except (SyntaxError, ValueError, RecursionError):
        return Module(name, module.path, package, content, opaque=True)
    collect(module, tree.body)
    return module


def forget_modules() -> None:
    """Look for every module, and read it, anew: in a process that goes on for hours, files are edited meanwhile."""
    importlib.invalidate_caches()
    find.cache_clear()
    read.cache_clear()


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Let an expression of thousands of parts be read."""
    usual = sys.getrecursionlimit()
    sys.setrecursionlimit(max(usual, 10_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(usual)


def is_installed(name: str) -> bool:
    """Whether the module belongs to a library, or to Python itself."""
    spec = find(name)
    places = [spec.origin or "", *(spec.submodule_search_locations or ())] if spec else []
    return any(part in INSTALLED for place in places for part in Path(place).parts)


@cache
def library(top: str) -> str:
    """The distribution that this top-level module comes from, with its version."""
    with suppress(importlib.metadata.PackageNotFoundError):
        return f"{top}=={importlib.metadata.version(top)}"
    names = importlib.metadata.packages_distributions().get(top, [])
    return ", ".join(f"{name}=={importlib.metadata.version(name)}" for name in sorted(set(names))) or top


def modules_beside(module: Module) -> list[str]:
    """Every module of the outermost package that this one is in; of one outside any package, those of its folder."""
    top = module.name.partition(".")[0]
    if (spec := find(top)) is None or spec.submodule_search_locations is None:
        return sorted(path.stem for path in module.path.parent.glob("*.py"))
    found = []
    for root in map(Path, spec.submodule_search_locations):
        for path in root.rglob("*.py"):
            parts = path.relative_to(root).with_suffix("").parts
            found.append(".".join([top, *(parts[:-1] if parts[-1] == "__init__" else parts)]))
    return sorted(set(found))


def collect(module: Module, statements: Iterable[ast.stmt]) -> None:
    for statement in statements:
        if isinstance(statement, ast.If) and (kind := _never_at_import(statement)):
            collect(module, statement.orelse if kind == "if" else statement.body)
        elif isinstance(statement, ast.Import | ast.ImportFrom):
            _collect_import(module, statement)
        elif isinstance(statement, DEFINITIONS):
            module.bindings[statement.name].append(statement)
        elif isinstance(statement, ASSIGNMENTS):
            if not isinstance(statement, ast.AnnAssign) or statement.value:
                _collect_names(module, statement)
        elif not is_words(statement) and not isinstance(statement, ast.Pass):
            _collect_names(module, statement)


def _collect_import(module: Module, node: ast.Import | ast.ImportFrom) -> None:
    for name, imported in module.names_of(node):
        module.bindings[name].append(imported)
    if isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names):
        module.stars.append(module.absolute(node))
    module.imports.extend(module.modules_of(node))


def _collect_names(module: Module, statement: ast.stmt) -> None:
    """Of an assignment, or of a statement that holds others: what it binds, and whether it does more than that."""
    for node in _walk_scope([statement]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _collect_import(module, node)
        elif isinstance(node, DEFINITIONS):
            module.bindings[node.name].append(statement)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            module.bindings[node.id].append(statement)
    if _acts(statement):
        module.effects.append(statement)


def _acts(statement: ast.stmt) -> bool:
    """Whether it calls something, writes into something or removes a name; more than that cannot be told from here."""
    writes = (ast.Attribute, ast.Subscript)
    return any(
        isinstance(node, ast.Call | ast.Delete) or (isinstance(node, writes) and not isinstance(node.ctx, ast.Load))
        for node in _walk_scope([statement])
    )


def _walk_scope(nodes: Sequence[ast.AST]) -> Iterator[ast.AST]:
    """Every node of these that runs with them: not what is inside functions and classes."""
    for node in nodes:
        yield node
        if not isinstance(node, (*DEFINITIONS, ast.Lambda)):
            yield from _walk_scope(list(ast.iter_child_nodes(node)))


def _never_at_import(statement: ast.If) -> str:
    """`if TYPE_CHECKING:` and `if __name__ == "__main__":` do not run when a module is imported: which part to skip."""
    test = ast.unparse(statement.test)
    if test in ("TYPE_CHECKING", "typing.TYPE_CHECKING") or test.replace("'", '"') == '__name__ == "__main__"':
        return "if"
    return "else" if test in ("not TYPE_CHECKING", "not typing.TYPE_CHECKING") else ""


def is_words(statement: ast.AST) -> bool:
    """Whether the statement is a docstring, or another constant that does nothing."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
