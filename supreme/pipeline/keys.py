"""The keys of a cell: digests of what its artefacts and its row depend on, and of nothing else. No torch here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supreme.core.row import SCHEMAS
from supreme.pipeline.given_files import given_content
from supreme.pipeline.judged import on_validation
from supreme.pipeline.process_cache import PROCESS_CACHE, node_key
from supreme.pipeline.twins import are_together
from supreme.store import fingerprint
from supreme.store.files import digest
from supreme.store.fingerprint import identity, named_files

if TYPE_CHECKING:
    from supreme.pipeline.cell import Cell

HOLDS_NO_ARITHMETIC = True  # what moves a key is held by tests.recorded_keys

SCHEMA: dict[str, int] = dict.fromkeys(
    ("original", "reference", "unlearned", "predictions", "shared", "history"), 1
) | {"anchors": 2, **SCHEMAS}
"""Version of what each stage computes. Raise it when that changes: what older versions stored is then left alone."""


def leave_out(output_dir: Path) -> None:
    """Leave this sweep's own results out of all keys: before any of them is asked for."""
    if fingerprint.leave_out(output_dir):
        PROCESS_CACHE.identities.clear()


def forget_code() -> None:
    """Read code anew for the next sweep of a process that goes on for hours, such as a notebook's."""
    fingerprint.forget_code()
    PROCESS_CACHE.identities.clear()


def node_identity(node: Mapping[str, Any]) -> Any:
    """The component's node as keys see it: its values, its code and the content of its files."""
    return PROCESS_CACHE.identities.get(node_key(node), lambda: identity(node))


def stage_key(cell: Cell, stage: str) -> str:
    """The key of the model that this stage leaves: original, reference or unlearned."""
    if stage == "unlearned":
        return digest(
            {
                "schema": SCHEMA["unlearned"],
                "original": cell.key("original"),
                "split": cell.split_digest,
                "method": node_identity(cell.method_node),
                "stream": [cell.seed, cell.seeds["unlearn"]],
            }
        )
    training = {
        "stage": stage,
        "schema": SCHEMA[stage],
        "data": cell.fingerprint,
        "model": node_identity(cell.nodes["model"]),
        "recipe": node_identity(cell.nodes["recipe"]),
        **cell.numerics,
    }
    if path := cell.given_path(stage):  # whose training knows no stream of ours
        of = {"split": cell.split_digest} if stage == "reference" else {}
        return digest({**training, **of, "given": given_content(path, stage)})
    if stage == "original":
        return digest({**training, "stream": [cell.seed]})
    stream = [cell.seed, cell.seeds["reference"]]
    return digest({**training, "split": cell.split_digest, "stream": stream})


def row_key(cell: Cell) -> str:
    """16 hexadecimal digits: the name of the cell's row and of its log."""
    asked = [cell.names, node_identity(cell.scenario)]  # two ways to ask for the same split are two rows
    asked += ["twins together"] * are_together(cell.nodes["data"])
    asked += ["evaluated on validation images"] * on_validation(cell.nodes["data"])
    parts = [SCHEMA["row"], asked, cell.key("unlearned"), cell.key("reference"), cell.seeds["evaluate"]]
    return digest(parts)[:16]


def component_keys(cell: Cell) -> dict[str, str]:
    """Of each component but the data, whose images have a fingerprint: the same wherever code and values are."""
    return {group: digest(node_identity(node)) for group, node in cell.nodes.items() if group != "data"}


def dependencies(cell: Cell) -> dict[str, Any]:
    """What the cell's row depends on beside its values, part by part, to tell later why it was made again."""
    nodes = [node for group, node in cell.nodes.items() if group not in ("data", "scenario", "method")]
    nodes += [cell.scenario, cell.method_node]
    nodes += [{"path": str(cell.given_path(stage))} for stage in cell.given]
    return {
        "schemas": {stage: number for stage, number in SCHEMA.items() if stage != "audit"},
        "data": cell.fingerprint,
        "split": cell.split_digest,
        "code": {target: code.digest for target, code in cell.codes.items()},
        "files": named_files([*nodes, *cell.metrics.values()]),
    }
