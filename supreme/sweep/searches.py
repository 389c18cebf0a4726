"""What sweepers that search (Optuna's, Ax's, Nevergrad's) expect of a run, and whether `objective` gives it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.objective import DIRECTIONS, Objective
from supreme.sweep.plan.objectives import natural_direction

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint


def is_ours(sweeper: Any) -> bool:
    """Whether the sweeper of this node of the config is the one of supreme."""
    return str(sweeper.get("_target_")).endswith(".SupremeSweeper")


def searches(sweeper: Any) -> bool:
    """Whether the sweeper of this node of the config needs a number from each run; False where that is not known."""
    return expected_directions(sweeper) is not None


def expected_directions(sweeper: Any) -> tuple[str, list[str]] | None:
    """The key that says what the sweeper does, and minimize or maximize for each number; None where nothing says it."""
    for key, read in (
        ("direction", _names),  # Optuna
        ("optim.maximize", lambda maximize: [DIRECTIONS[bool(maximize)]]),  # Nevergrad
        ("ax_config.experiment.minimize", lambda minimize: [DIRECTIONS[not minimize]]),
    ):
        found: Any = sweeper
        for part in key.split("."):
            found = found.get(part) if hasattr(found, "get") else None
        if found is not None:
            return key, read(found)
    return None


def check_search(objectives: Sequence[Objective], sweeper: Any, metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse an objective that is not what the sweeper expects.

    Args:
        sweeper: the node `hydra.sweeper` of the config.
        metrics: the nodes of the metrics, by name.

    Raises:
        SupremeError: there is none, another number of them, or one is better when it goes the other way.
    """
    if (expected := expected_directions(sweeper)) is None:
        return
    key, directions = f"hydra.sweeper.{expected[0]}", expected[1]
    if not objectives:
        raise SupremeError(
            "this sweeper needs a number from each run: type objective=gap/accuracy/forget, say, which is how far a "
            "column is from the retrained model's"
        )
    if len(objectives) != len(directions):
        raise SupremeError(
            f"objective names {_count(len(objectives), 'number')} and {key} {_count(len(directions), 'direction')}: "
            f"type as many of both, as in 'hydra.sweeper.direction=[{','.join(['minimize'] * len(objectives))}]'"
        )
    for objective, direction in zip(objectives, directions, strict=True):
        wanted = objective.direction or natural_direction(objective, metrics)
        if wanted and wanted != direction:
            why = "asks to" if objective.direction else "is there to"
            raise SupremeError(
                f"objective={objective} {why} {wanted}, and the sweeper {direction}s: type {_typed(key, wanted)}"
                + ("" if objective.direction else f", or objective={direction}:{objective} if that is what you mean")
            )


def _typed(key: str, direction: str) -> str:
    value = direction if key.endswith("direction") else str(key.endswith(direction)).lower()
    return f"{key}={value}"


def _names(given: Any) -> list[str]:
    listed = [given] if isinstance(given, str) or not hasattr(given, "__iter__") else list(given)
    return [str(getattr(one, "name", one)).lower() for one in listed]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
