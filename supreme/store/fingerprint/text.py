"""The code of one definition, written so that only what it computes counts, with what it refers to left open.

Left out are docstrings, comments, layout, annotations and import lines. A name that leads to a definition elsewhere is
written as a reference to it, by whatever import and under whatever alias the code has it. The text is our own and not
`ast.unparse`'s, which changes from one version of Python to the next.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from supreme.store.fingerprint.modules import DEFINITIONS, Imported, Module, is_words

HOLDS_NO_ARITHMETIC = True

Scope = dict[str, list[Imported]]
"""The local names of a function; those that an import inside it binds have what they are bound to."""

LEFT_OUT = frozenset({"annotation", "returns", "type_comment", "type_params", "kind", "ctx"})
"""Fields of Python's syntax tree that compute nothing."""

BY_NAME = frozenset({"importlib.import_module", "import_module", "__import__", "runpy.run_module"})
BY_TEXT = frozenset({"exec", "eval", "runpy.run_path"})
BY_TEXT |= {"importlib.util.spec_from_file_location", "importlib.machinery.SourceFileLoader"}
"""Ways of running code that names cannot be followed through."""


COLUMNS = "declared_columns"
"""What a metric's class calls the mapping from names of columns to what reports need to know of them."""


@dataclass(eq=False)
class Text:
    """What `write` made of a definition."""

    parts: list[str | Any] = field(default_factory=list)
    """Text, and between it the targets of references, as `resolve` gave them."""
    strings: set[str] = field(default_factory=set)
    """Constants that may name a file or a module."""
    runs: set[str] = field(default_factory=set)
    """Modules that imports inside functions run."""
    dynamic: list[tuple[str, str | None]] = field(default_factory=list)
    """How code is run that is named while the program runs, and that name where it is a constant."""
    reads_environment: bool = False
    """Whether it asks for environment variables."""
    reads_files: bool = False
    """Whether it asks where its own file lies."""


Resolve = Callable[[list[str], "list[Imported] | None"], "tuple[Any, list[str]] | None"]
"""(a dotted name, what a local import binds its first part to) -> what it leads to, and the rest of the name."""


def write(statements: list[ast.stmt], module: Module, resolve: Resolve, leave_out: Callable[[ast.AST], bool]) -> Text:
    """The text of these statements of a module.

    Args:
        leave_out: whether of a class only its name is to be said, and nothing of a method or a decorator of one.
    """
    writer = _Writer(module, resolve, leave_out)
    for statement in statements:
        writer.put(statement)
    return writer.text


class _Writer:
    def __init__(self, module: Module, resolve: Resolve, leave_out: Callable[[ast.AST], bool]) -> None:
        self.text = Text()
        self._module, self._resolve, self._leave_out = module, resolve, leave_out
        self._scopes: list[Scope] = []

    def put(self, node: Any) -> None:
        special = getattr(self, f"_put_{type(node).__name__.lower()}", None)
        if special is not None:
            special(node)
        elif isinstance(node, ast.AST):
            self._say(f"({type(node).__name__}")
            self._put_fields(node)
            self._say(")")
        elif isinstance(node, list):
            for entry in node:
                self.put(entry)
                self._say(",")
        else:
            self._say(repr(node))

    def _say(self, words: str) -> None:
        self.text.parts.append(words)

    def _put_fields(self, node: ast.AST, *but: str) -> None:
        for name, value in ast.iter_fields(node):
            if name in LEFT_OUT or name in but or value is None or value == []:
                continue
            if name == "body" and isinstance(value, list):
                value = [line for line in value if not is_words(line)]
            self._say(f" {name}=")
            self.put(value)

    # Definitions.

    def _put_functiondef(self, node: Any) -> None:
        self._say(f"({type(node).__name__}")
        self._put_fields(node, "body", "args")
        self._put_function(node)
        self._say(")")

    _put_asyncfunctiondef = _put_functiondef

    def _put_lambda(self, node: ast.Lambda) -> None:
        self._say("(Lambda")
        self._put_function(node)
        self._say(")")

    def _put_function(self, node: Any) -> None:
        arguments: ast.arguments = node.args
        self._say(" defaults=")
        self.put([*arguments.defaults, *arguments.kw_defaults])
        with self._inside(_local_names(node, self._module)):
            self._say(" args=")
            bare = ast.arguments(**{**dict(ast.iter_fields(arguments)), "defaults": [], "kw_defaults": []})
            self._put_fields(bare)
            self._put_fields(ast.Expression(body=node.body))

    def _put_classdef(self, node: ast.ClassDef) -> None:
        self._say(f"(ClassDef name={node.name}")
        if not self._leave_out(node):
            kept = [self._named_only(line) for line in node.body if not self._leave_out(line)]
            node = copy.copy(node)
            node.decorator_list = [one for one in node.decorator_list if not self._leave_out(one)]
            self._put_fields(node, "name", "body")
            self._put_fields(ast.Expression(body=kept))  # type: ignore[arg-type]
        self._say(")")

    def _put_annassign(self, node: ast.AnnAssign) -> None:
        self._say("(AnnAssign ")
        self.put(node.target)
        self.put(node.value)
        self._say(")")

    def _named_only(self, line: ast.stmt) -> ast.stmt:
        """Of what a class declares of its columns the names, on which its code may rely; the rest is for reports."""
        target = line.target if isinstance(line, ast.AnnAssign) else None
        target = line.targets[0] if isinstance(line, ast.Assign) and len(line.targets) == 1 else target
        value = line.value if isinstance(line, ast.Assign | ast.AnnAssign) else None
        if not (isinstance(target, ast.Name) and target.id == COLUMNS and isinstance(value, ast.Dict)):
            return line
        keys = [key for key in value.keys if isinstance(key, ast.Constant)]
        if len(keys) < len(value.keys) or not all(map(self._is_column, value.values)):
            return line
        return ast.Assign(targets=[target], value=ast.Tuple(elts=list[ast.expr](keys)))

    def _is_column(self, node: ast.expr) -> bool:
        """Whether it is a `Column` of constants, so that nothing is computed."""
        return (
            isinstance(node, ast.Call)
            and self._called(node.func) in ("supreme.core.Column", "supreme.core.column.Column")
            and all(isinstance(part, ast.Constant) for part in (*node.args, *(one.value for one in node.keywords)))
        )

    @contextmanager
    def _inside(self, scope: Scope) -> Iterator[None]:
        self._scopes.append(scope)
        yield
        self._scopes.pop()

    # Imports: what they bind matters where it is used.

    def _put_import(self, node: Any) -> None:
        self.text.runs |= set(self._module.modules_of(node))

    _put_importfrom = _put_import

    # Names.

    def _put_name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load) or self._scopes:
            self._put_dotted([node.id])
        else:  # what a class or a module assigns
            self._say(f"<.{node.id}>")

    def _put_attribute(self, node: ast.Attribute) -> None:
        names, base = [node.attr], node.value
        while isinstance(base, ast.Attribute):
            names.insert(0, base.attr)
            base = base.value
        if isinstance(base, ast.Name):
            self._put_dotted([base.id, *names])
        else:
            self._say(f"(.{node.attr} ")
            self.put(node.value)
            self._say(")")

    def _put_dotted(self, names: list[str]) -> None:
        local = next((scope[names[0]] for scope in reversed(self._scopes) if names[0] in scope), None)
        if names[0] in ("__file__", "__path__", "__spec__"):
            self.text.reads_files = True
        found = None if local == [] else self._resolve(names, local)
        target, rest = found if found else ("", names)
        if target == "sys.modules":
            self.text.dynamic.append((target, None))
        elif isinstance(target, str) and target.startswith(("os.environ", "os.getenv")):
            self.text.reads_environment = True
        self._say("<")
        self.text.parts.append(target)
        self._say(f".{'.'.join(rest)}>")

    def _put_call(self, node: ast.Call) -> None:
        names = self._called(node.func)
        if names in BY_NAME | BY_TEXT:
            first = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            self.text.dynamic.append((names, first if isinstance(first, str) and names in BY_NAME else None))
        if names in ("globals", "vars", "locals") and not node.args:
            self.text.dynamic.append((names, self._module.name))
        if names.startswith(("importlib.resources.", "pkgutil.get_data")):
            self.text.reads_files = True
        self._say("(Call")
        self._put_fields(node)
        self._say(")")

    def _called(self, node: ast.expr) -> str:
        """The full name of what is called, through any alias; empty where it has none."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        local = next((scope[node.id] for scope in reversed(self._scopes) if node.id in scope), None)
        bound = self._module.bindings.get(node.id, []) if local is None else local
        imported = next((one for one in bound if isinstance(one, Imported)), None)
        first = [part for part in (imported.module, imported.name) if part] if imported else [node.id]
        return ".".join([*first, *names])

    # Constants.

    def _put_constant(self, node: ast.Constant) -> None:
        if isinstance(node.value, str) and 0 < len(node.value) < 256 and "\n" not in node.value:
            self.text.strings.add(node.value)
        self._say(f"{type(node.value).__name__}:{node.value!r}")


def _local_names(function: Any, module: Module) -> Scope:
    """The names that are local to the function; too few make a fingerprint depend on more than it needs to."""
    arguments: ast.arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    scope: Scope = {argument.arg: [] for argument in every if argument is not None}
    shared: set[str] = set()
    ahead: list[ast.AST] = list(function.body) if isinstance(function.body, list) else [function.body]
    inner = (ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
    while ahead:
        node = ahead.pop()
        if isinstance(node, DEFINITIONS):
            scope.setdefault(node.name, [])
            continue
        if isinstance(node, inner):
            continue
        if isinstance(node, ast.Global | ast.Nonlocal):
            shared |= set(node.names)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            for name, imported in module.names_of(node):
                scope[name] = [*scope.get(name, []), imported]
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            scope.setdefault(node.id, [])
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            scope.setdefault(node.name, [])
        elif isinstance(node, ast.MatchMapping) and node.rest:
            scope.setdefault(node.rest, [])
        ahead += ast.iter_child_nodes(node)
    return {name: imported for name, imported in scope.items() if name not in shared}


NAME = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
"""What may be the full name of a module."""
