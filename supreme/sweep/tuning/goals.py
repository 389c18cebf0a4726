"""What a search is judged by, from the cells of its methods: the endpoints that they declare, or `objective=`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.objective import Objective
from supreme.sweep.plan.compose import Problems
from supreme.sweep.plan.objectives import check_objectives, natural_direction
from supreme.sweep.plan.planned_columns import planned_columns
from supreme.sweep.tuning.goal import Asked, Goal, distance_of


def goal_of(by_method: Mapping[str, Sequence[Cell]], objectives: Sequence[Objective]) -> Goal:
    """What the cells are judged by: their declared endpoints, or the objective that was typed."""
    first = next(iter(by_method.values()))[0]
    if not objectives:
        return distance_of(first.declared, list(planned_columns(first) or ()))
    if len(objectives) > 1:
        raise SupremeError("supreme tune searches for one objective: give one, or a sum of columns with + between them")
    problems = Problems()
    check_objectives([own[0] for own in by_method.values()], objectives, problems)
    problems.refuse()
    natural = natural_direction(objectives[0], first.metrics)
    if not (direction := objectives[0].direction or natural):
        raise SupremeError(
            f"objective={objectives[0]} does not say what is better: type objective=minimize:{objectives[0]} or "
            f"objective=maximize:{objectives[0]}"
        )
    return Asked(objective=objectives[0], direction=direction)


def metrics_of(cell: Cell, goal: Goal) -> list[str]:
    """The metrics of a cell that give what the goal reads: a trial needs no other."""
    columns = {name: planned_columns(replace(cell, metrics={name: node})) for name, node in cell.metrics.items()}
    needed = [name for name, own in columns.items() if own is None or set(own) & set(goal.columns)]
    return needed or list(cell.metrics)
