"""What a component is, to the keys of the store: its values, and its code. No torch here."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import math
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from supreme.core import SupremeError


def identity(value: Any) -> Any:
    """A component's node as keys see it.

    A file of weights is known by its content and not by its path; 5 and 5.0 are the same number; and beside the name
    of a class stands the digest of its code, so that an edited method is another method.
    """
    if isinstance(value, Mapping):
        known = {name: identity(entry) for name, entry in value.items()}
        if value.get("checkpoint"):
            known["checkpoint"] = _file_digest(value["checkpoint"])
        return {**known, "code": _code_digest(value["_target_"])} if "_target_" in value else known
    if isinstance(value, list | tuple):
        return [identity(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise SupremeError(f"the value {value} is not allowed: every number must be finite")
    return int(value) if isinstance(value, float) and value.is_integer() else value


@cache
def _code_digest(target: str) -> str:
    """SHA-256 of the code of this class's module, and of what it imports from its own folder, directly or not.

    Comments, docstrings and layout do not count. Files are read and nothing is imported, so planning stays fast.
    """
    module = str(target).rpartition(".")[0]
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        return "unreadable"  # building it says why
    package, ahead, found = module.rpartition(".")[0], [Path(spec.origin)], {}
    while ahead:
        if (path := ahead.pop()) in found:
            continue
        try:
            tree = _code(path)
        except (OSError, ValueError, SyntaxError):
            return "unreadable"
        found[path] = ast.unparse(tree)
        ahead += _imported_files(tree, package, Path(spec.origin).parent)
    return hashlib.sha256(json.dumps(sorted(found.values())).encode()).hexdigest()


def _code(path: Path) -> ast.Module:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(body := getattr(node, "body", None), list):
            code = [line for line in body if not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))]
            node.body = code or [ast.Pass()]  # type: ignore[attr-defined]
    return tree


def _imported_files(tree: ast.Module, package: str, folder: Path) -> Iterator[Path]:
    """The files in this folder, which is that of the package, that hold modules which the code imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if package and name.startswith(f"{package}."):
                place = folder.joinpath(*name.removeprefix(f"{package}.").split("."))
                yield from (path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file())


@cache
def _file_digest(path: str) -> str:
    try:
        with Path(path).expanduser().open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise SupremeError(f"checkpoint={path} cannot be read ({error.strerror}); give a file of weights") from error
