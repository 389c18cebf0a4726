"""The components' YAML files with what they inherit, read without Hydra's 60 ms for each."""

from __future__ import annotations

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

CONF = Path(__file__).parents[1] / "conf"
GROUPS = ("data", "model", "recipe", "scenario", "method", "metric", "audit", "tracker")
YAMLS = [path for group in GROUPS for path in sorted((CONF / group).glob("*.yaml")) if path.stem != "none"]


def node_of(path: Path) -> dict[str, Any]:
    """The node of the component that a YAML describes, as Hydra composes it; see `defaults_of`."""
    node = _content(path)
    node.pop("defaults", None)
    parents, inner = defaults_of(path)
    inherited = {key: value for parent in parents for key, value in node_of(parent).items()}
    return {**inherited, **node, **{field: node_of(chosen) for field, chosen in inner.items()}}


def defaults_of(path: Path) -> tuple[list[Path], dict[str, Path]]:
    """The YAML files that this one inherits, and by field those of the components inside it.

    Both are of its group: `defaults: [sgd, _self_]`, `defaults: [{/method@first: neggrad}]`.
    """
    entries = _content(path).get("defaults", [])
    parents = [entry for entry in entries if isinstance(entry, str) and entry != "_self_"]
    inner = {
        where.partition("@")[2]: chosen
        for entry in entries
        if isinstance(entry, dict)
        for where, chosen in entry.items()
    }
    return [path.with_name(f"{name}.yaml") for name in parents], {
        field: path.with_name(f"{name}.yaml") for field, name in inner.items()
    }


def _content(path: Path) -> dict[str, Any]:
    """What the file says, a new dictionary each time."""
    return deepcopy(_parsed(path))


@cache
def _parsed(path: Path) -> dict[str, Any]:
    content: Any = OmegaConf.to_container(OmegaConf.load(path))
    return content


def target_of(path: Path) -> str:
    """The class that a YAML, or the one that it inherits, names."""
    return str(node_of(path)["_target_"])
