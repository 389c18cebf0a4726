"""The keys of one fixed plan that has every component, as they were: what a change of the code's layout must not move.

    python -m tests.recorded_keys            say which keys are not as recorded
    python -m tests.recorded_keys --record   write them anew, which gives up what is stored under those that moved

A key that moves costs every user what they have computed. It may do so because arithmetic has changed, and for nothing
else. The versions of third-party libraries, which are in some keys, are left out here.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from pathlib import Path
from typing import Any
from unittest import mock

import hydra

from supreme.cli import CONF
from supreme.pipeline.cell import COMPONENTS, Cell
from supreme.pipeline.ensembles import audit_jobs
from supreme.store.files import digest
from supreme.store.fingerprint import identity, paths
from supreme.sweep.plan.compose import plain_values

RECORD = Path(__file__).parent / "golden" / "keys.json"
PLAIN = ("tuned=none", "data_dir=/nowhere")
MISSING = {
    "arrays": ("data.root=/nowhere",),
    "hf": ("data.path=/nowhere",),
    "torch": ("data.dataset=nowhere.Dataset",),
    "image_folder": ("data.root=/nowhere",),
    "pins": ("data.root=/nowhere",),
    "pins_224": ("data.root=/nowhere",),
}
MISSING |= {"timm": ("model.arch=resnet10t",), "indices": ("scenario.file=/nowhere",)}
"""What has no value of its own in the YAML of a component."""


def keys_now() -> dict[str, str]:
    """By what it is of, every key of the plan."""
    with (
        mock.patch.object(paths, "library", lambda top: top),
        hydra.initialize_config_dir(str(CONF), version_base="1.3"),
        tempfile.TemporaryDirectory() as folder,
    ):
        return dict(sorted(_keys(Path(folder))))


def _keys(folder: Path) -> Iterator[tuple[str, str]]:
    nodes = _nodes()
    for group in ("data", "model", "recipe", "scenario"):
        for name, node in nodes[group].items():
            yield f"{group} {name}", digest(identity(node, files=group != "data"))
    every = [f"{group}=[{','.join(names(group))}]" for group in ("metric", "audit")]
    first = composed(*every).resolved(folder)
    for name, key in first.metric_keys.items():
        yield f"metric {name}", key
    for job in audit_jobs([first, composed(*every, "seed=1", "seeds.forget=0").resolved(folder)]):
        yield f"audit {job.name}", job.id
    chosen = [("random", method) for method in nodes["method"]]
    # The digits, which need no download, have no subclasses and no groups; and a list is a file of somebody's.
    undrawn = ("random", "subclass", "group", "indices")
    chosen += [(scenario, "scrub") for scenario in nodes["scenario"] if scenario not in undrawn]
    plain = composed()
    for scenario, method in chosen:
        known_as = {"scenario": scenario, "method": method}
        own = {group: nodes[group][name] for group, name in known_as.items()}
        cell = replace(plain, names={**plain.names, **known_as}, nodes={**plain.nodes, **own}).resolved(folder)
        yield f"cell {method} {scenario}", cell.id
        for stage in ("original", "reference", "unlearned"):
            yield f"{stage} {method} {scenario}", cell.key(stage)


def _nodes() -> dict[str, dict[str, Mapping[str, Any]]]:
    """By group and name the node of every choice.

    One composition, which takes Hydra a tenth of a second, has the first choice of each group, the next one the second
    of each: what one group's node holds does not depend on another's choice.
    """
    choices = {group: names(group) for group in COMPONENTS}
    nodes: dict[str, dict[str, Mapping[str, Any]]] = {group: {} for group in COMPONENTS}
    for together in zip_longest(*choices.values()):
        chosen = {group: name for group, name in zip(choices, together, strict=True) if name}
        more = [override for name in chosen.values() for override in MISSING.get(name, ())]
        cell = composed(*(f"{group}={name}" for group, name in {"recipe": "sgd", **chosen}.items()), *more)
        for group, name in chosen.items():
            nodes[group][name] = cell.nodes[group]
    return nodes


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def composed(*overrides: str) -> Cell:
    config = hydra.compose("config", [*PLAIN, *overrides], return_hydra_config=True)
    return Cell.from_config(plain_values(config), config.hydra.runtime.choices)


def recorded() -> dict[str, str]:
    return json.loads(RECORD.read_text())


def moved(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """What has another key than before, or none; a component that is new has moved nothing."""
    return [name for name, key in before.items() if now.get(name) != key]


def main(arguments: list[str]) -> int:
    now = keys_now()
    if arguments == ["--record"]:
        RECORD.write_text(json.dumps(now, indent=1) + "\n")
    changed = moved(recorded(), now)
    sys.stdout.write("".join(f"{name}\n" for name in changed))
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
