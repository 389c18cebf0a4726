"""From keyword arguments to the words of a command line, and to YAML files for what no word can say."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from omegaconf import OmegaConf

from supreme.api.nodes import PLAIN, node_of, plain
from supreme.core import SupremeError
from supreme.core.registry import SEVERAL
from supreme.pipeline.cell import COMPONENTS

LISTS = (*SEVERAL, "devices", "grids", "report.pilot_seeds")
"""Keys of which a list is one value, and no list of values to sweep over."""


@dataclass
class Words:
    """The words of a sweep; components that are Python objects get YAML files, which `write` writes."""

    words: list[str] = field(default_factory=list)
    nodes: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    """By group and name, the nodes of components that are Python objects."""
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """By group, the names that are taken: those of our YAML files."""

    def add(self, key: str, value: Any) -> None:
        """Add what was given for this key.

        Raises:
            SupremeError: no word says it, and no YAML file could.
        """
        if isinstance(value, Mapping) and "_target_" not in value:
            for name, one in value.items():
                self.add(f"{key}.{name}", one)
            return
        if key in LISTS:
            several = list(value) if isinstance(value, list | tuple) else [value]
            told = [self._word(key, one) for one in several]
            self.words.append(f"{key}={told[0] if isinstance(value, str) else '[' + ','.join(told) + ']'}")
            return
        if isinstance(value, range | list | set | frozenset) or (isinstance(value, np.ndarray) and value.ndim):
            swept = sorted(value) if isinstance(value, set | frozenset) else list(value)
            if not swept:
                raise SupremeError(f"{key}={value!r} spans no cell: give one value or more")
            told = [self._word(key, one) for one in swept]
            self.words.append(f"{key}={','.join(told)}")
            return
        self.words.append(f"{key}={self._word(key, value)}")

    def _word(self, key: str, value: Any) -> str:
        if isinstance(value, str):
            return value
        if key in (*COMPONENTS, *SEVERAL):
            return self._chosen(key, value)
        return _literal(plain(value, key))

    def _chosen(self, group: str, component: Any) -> str:
        """The name of the YAML file of a component that is a Python object."""
        if isinstance(component, Mapping):
            node = plain(component, group)
        elif _is_network(component):
            raise SupremeError(
                f"{group}: a {type(component).__name__} that exists already is not allowed: a sweep trains models "
                "of its own for every seed. Give the class or the function that makes one, and weights that are "
                "trained already as original=FILE; supreme.unlearn takes a network as it is"
            )
        elif isinstance(component, PLAIN):
            raise SupremeError(f"{group}={component!r} is not allowed: give a name, a class or a function")
        else:
            node = node_of(component, group)
        name = self._free_name(group, node)
        self.nodes[group, name] = node
        return name

    def _free_name(self, group: str, node: Mapping[str, Any]) -> str:
        """A name that says what it is, and is no other one's; the same in every session."""
        module, _, name = str(node["_target_"]).rpartition(".")
        if name in self.known.get(group, ()):
            name = f"{module.partition('.')[0]}_{name}"
        others = [other for kind, other in self.nodes if kind == group and self.nodes[kind, other] != node]
        return f"{name}-{_digest(node)[:6]}" if name in others else name

    def write(self, folder: Path) -> Path | None:
        """Write the YAML files to a folder of their own in this one, and return it; None where there are none."""
        if not self.nodes:
            return None
        files = {f"{group}/{name}.yaml": _yaml(group, name, node) for (group, name), node in self.nodes.items()}
        own = folder / _digest(files)[:8]
        for path, text in files.items():
            (own / path).parent.mkdir(parents=True, exist_ok=True)
            (own / path).write_text(text, encoding="utf-8")
        return own


def _yaml(group: str, name: str, node: Mapping[str, Any]) -> str:
    header = f"# @package {group}.{name}\n" if group in SEVERAL else ""
    return f"{header}# Written by supreme.sweep from Python\n{OmegaConf.to_yaml(OmegaConf.create(dict(node)))}"


def _literal(value: Any) -> str:
    """A plain value in Hydra's grammar."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list):
        return f"[{','.join(map(_literal, value))}]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_literal(one)}" for name, one in value.items()) + "}"
    quoted = str(value).replace("'", "\\'")
    return f"'{quoted}'"


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def _is_network(component: Any) -> bool:
    kind = component if isinstance(component, type) else type(component)
    if isinstance(component, type | partial) or dataclasses.is_dataclass(component):
        return False
    return any(f"{one.__module__}.{one.__qualname__}" == "torch.nn.modules.module.Module" for one in kind.__mro__)


def given_twice(words: Sequence[str]) -> str | None:
    """The key that two of these words give, if there is one."""
    keys = defaultdict(int)
    for word in words:
        keys[word.partition("=")[0].lstrip("+")] += 1
    return next((key for key, count in keys.items() if count > 1), None)
