"""The definitions that a component can reach, each with what it says and what it leads to."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from supreme.store.fingerprint.content import content_of
from supreme.store.fingerprint.modules import DEFINITIONS, Imported, Module, deep_recursion, find, modules_beside, read
from supreme.store.fingerprint.own_output import is_written
from supreme.store.fingerprint.paths import OURS, Definition, Found, Outside, Paths, is_ours, place, statements_of
from supreme.store.fingerprint.text import BY_TEXT, COLUMNS, NAME, Text, write

HOLDS_NO_ARITHMETIC = True


DECLARATIONS = frozenset({"__post_init__", "check_split", "check_model", "needs_history", COLUMNS})
"""What a class of our own may hold that says what to refuse, or how to show results, and computes none."""


@dataclass(frozen=True, kw_only=True)
class Node:
    """A definition that was read."""

    text: Text
    outside: Outside
    files: Mapping[str, str]
    """Files beside the code that it names, and the digest of each."""

    @property
    def targets(self) -> list[Definition]:
        return list(dict.fromkeys(one for part in self.text.parts if isinstance(part, tuple) for one in part))


class Graph:
    """The definitions that components of one outermost package can reach, read when asked for and kept."""

    def __init__(self, top: str) -> None:
        self._paths = Paths(top)
        self._nodes: dict[Definition, Node] = {}

    def find(self, module_name: str, names: list[str]) -> tuple[Definition, ...]:
        """The definitions that a full name means; none where it leads to no code that is followed."""
        self._paths.outside = Outside()
        found, _ = self._paths.follow(module_name, names)
        return () if isinstance(found, str) else found

    def node(self, definition: Definition) -> Node:
        if definition not in self._nodes:
            self._paths.outside = outside = Outside()
            text = self._read(definition)
            files = files_of(definition.module, text)
            if not is_ours(definition.module):
                self._follow_what_is_named_while_it_runs(definition.module, text, bool(files))
            self._nodes[definition] = Node(text=text, outside=outside, files=files)
        return self._nodes[definition]

    def reach(self, roots: Iterable[Definition]) -> tuple[list[Definition], list[Definition]]:
        """Every definition that the roots lead to; and, of these, what runs because its module is imported."""
        reached: dict[Definition, None] = {}
        acting: dict[Definition, None] = {}
        run: set[str] = set()
        ahead = list(roots)
        while ahead:
            definition = ahead.pop()
            if definition in reached:
                continue
            reached[definition] = None
            ahead += self.node(definition).targets
            for module in self._imported_with(definition, run):
                if (acts := self._acts(module)).statements:
                    acting[acts] = None
                    ahead.append(acts)
        return list(reached), list(acting)

    def shallow(self, definition: Definition) -> str:
        """What a definition says itself, a reference being the name of what it leads to."""
        parts = self.node(definition).text.parts
        said = (part if isinstance(part, str) else " ".join(one.name for one in part) for part in parts)
        return _sha(f"{definition.name} {''.join(said)}")

    def wired(self, reached: Iterable[Definition]) -> dict[Definition, str]:
        """For each of these a digest of what it says and of what its references lead to, whatever that is called.

        Each round puts the digests of the round before in place of references, until no more of them can be told
        apart; all of them together then say what all of it computes.
        """
        digests, different = {definition: self.shallow(definition) for definition in reached}, 0
        while len(set(digests.values())) > different:
            different = len(set(digests.values()))
            digests = {definition: self._wired(definition, digests) for definition in digests}
        return digests

    def _wired(self, definition: Definition, digests: Mapping[Definition, str]) -> str:
        parts = self.node(definition).text.parts
        said = (part if isinstance(part, str) else " ".join(sorted(digests[one] for one in part)) for part in parts)
        return _sha(digests[definition] + "".join(said))

    # What a definition says.

    def _read(self, definition: Definition) -> Text:
        module = definition.module
        if module.opaque:
            self._paths.outside.unfollowed.add(f"what {module.path.name} imports, of which there is no source,")
            return Text(parts=[hashlib.sha256(module.content).hexdigest()])
        if definition.name == "*":
            return Text(parts=[tuple(self._all_of(module))])

        def resolve(names: list[str], local: list[Imported] | None) -> Found | None:
            return self._paths.resolve(module, names, local)

        leave_out = holds_no_arithmetic if is_ours(module) else lambda _node: False
        with deep_recursion():
            return write(list(definition.statements), module, resolve, leave_out)

    def _all_of(self, module: Module) -> list[Definition]:
        """Every definition of a module and what it passes on from elsewhere, in another order than the file's."""
        found: set[Definition] = set()
        for name, bound in module.bindings.items():
            if statements := statements_of(bound):
                found.add(Definition(module, name, statements))
            for one in bound:
                if isinstance(one, Imported) and one.name:
                    targets, _ = self._paths.follow(one.module, [one.name], frozenset({(module.name, name)}))
                    found |= set() if isinstance(targets, str) else set(targets)
        return sorted(found, key=str)

    def _follow_what_is_named_while_it_runs(self, module: Module, text: Text, names_files: bool) -> None:
        """Modules and files that a user's code takes by names which it makes up, or by constants."""
        more: set[Definition] = set()
        unfollowed = self._paths.outside.unfollowed
        for how, name in text.dynamic:
            if name is not None:
                more |= set(self._paths.whole(f"{module.package}{name}" if name.startswith(".") else name))
            elif how not in BY_TEXT:
                more |= {one for beside in modules_beside(module) for one in self._paths.whole(beside)}
            elif not names_files:
                unfollowed.add(f"what {module.path.name} runs by {how}")
        for constant in text.strings:  # sys.modules["lab.helper"], a lazy import of somebody's own
            more |= set(self._named(constant.partition(":")[0]))
        if more:
            text.parts.append(tuple(sorted(more, key=str)))
        if text.reads_environment:
            unfollowed.add(f"the environment variables that {module.path.name} reads")
        if text.reads_files and not names_files:
            unfollowed.add(f"the files that {module.path.name} reads")

    def _named(self, constant: str) -> list[Definition]:
        """The module of a user's that a constant names, itself or one of its parts: `lab.helper`, `lab.helper.f`."""
        outermost = constant.partition(".")[0]
        if outermost in ("", constant, OURS) or not NAME.fullmatch(constant):
            return []
        if place(outermost, self._paths.top) != "followed":
            return []
        while constant and find(constant) is None:
            constant = constant.rpartition(".")[0]
        return self._paths.whole(constant) if constant else []

    # What importing a module does.

    def _imported_with(self, definition: Definition, run: set[str]) -> list[Module]:
        """The modules, of users only, that run before this definition can be used; those in `run` are left out."""
        found, ahead = list[Module](), [definition.module.name, *sorted(self.node(definition).text.runs)]
        while ahead:
            name = ahead.pop()
            outermost = name.partition(".")[0]
            if not name or name in run or outermost == OURS or place(name, self._paths.top) != "followed":
                continue
            run.add(name)
            ahead.append(name.rpartition(".")[0])
            if (module := read(name)) is not None:
                found.append(module)
                ahead += module.imports
        return found

    def _acts(self, module: Module) -> Definition:
        """What importing a module does beside binding names: calls, and decorators of somebody's own."""
        statements = dict.fromkeys(module.effects)
        for one in (one for bound in module.bindings.values() for one in bound):
            if isinstance(one, DEFINITIONS) and any(self._is_own(module, each) for each in one.decorator_list):
                statements[one] = None
        return Definition(module, "import", tuple(sorted(statements, key=lambda one: one.lineno)))

    def _is_own(self, module: Module, decorator: ast.expr) -> bool:
        names = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator).split(".")
        found = self._paths.resolve(module, names) if names[0].isidentifier() else None
        return found is not None and not isinstance(found[0], str)


def files_of(module: Module, text: Text) -> dict[str, str]:
    """The files that constants of a text name, in the module's folders and, for a user's code, where the user works."""
    found: dict[str, str] = {}
    folders = module.folders if is_ours(module) else [*module.folders, Path()]
    for constant in sorted(text.strings):
        if constant.startswith(("/proc", "/dev", "/sys")) or not ({".", "/"} & set(constant) or text.reads_files):
            continue
        for path in (folder / constant for folder in folders):
            if path.absolute() == module.path or is_written(path):
                continue
            if path.is_file() or (text.reads_files and path.is_dir() and constant.strip("./")):
                found[f"{module.name}: {constant}"] = content_of(path)
                break
    return found


def holds_no_arithmetic(node: ast.AST) -> bool:
    """Of our own code what no number depends on: protocols and errors; and of a class its refusals and declarations."""
    if isinstance(node, ast.ClassDef):
        bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
        return any(base == "Protocol" or base.endswith(("Error", "Exception")) for base in bases)
    if isinstance(node, ast.Name):
        return node.id == "bounded"
    name = ast.unparse(node.target) if isinstance(node, ast.AnnAssign) else getattr(node, "name", "")
    return name in DECLARATIONS


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
