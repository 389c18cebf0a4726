"""A sweep in which each method runs over the values of its own intensity, as `experiment=frontier` asks for."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence

from hydra.errors import HydraException

from supreme.core import SupremeError
from supreme.pipeline.cell import Cell
from supreme.sweep.plan.preset_files import flat
from supreme.sweep.plan.search_spaces import SearchSpaces
from supreme.sweep.plan.settings import Settings

log = logging.getLogger(__name__)


def with_intensities(
    jobs: Iterable[Sequence[str]], spaces: SearchSpaces, cell_of: Callable[[Sequence[str]], Cell]
) -> list[list[str]]:
    """Each job once for each value of its method's intensity, around the value that its cell has without.

    A job that gives a value of that field itself is left as it is, and so is one whose method has no intensity, which
    is told, and one that is no cell, which is for the plan to refuse.

    Raises:
        SupremeError: a file of conf/search is no such file, or its factors are of what is no number.
    """
    known: dict[tuple[str, ...], list[str]] = {}
    points: dict[str, str] = {}
    found: list[list[str]] = []
    for job in jobs:
        same = tuple(word for word in job if not word.startswith(("seed=", "seeds.")))
        if same not in known:
            known[same] = _values(job, spaces, cell_of, points)
        found += [[*job, *filter(None, [word])] for word in known[same]]
    for method, why in points.items():
        log.info("method %s is one point of the frontier: %s", method, why)
    return found


def _values(
    job: Sequence[str], spaces: SearchSpaces, cell_of: Callable[[Sequence[str]], Cell], points: dict[str, str]
) -> list[str]:
    """What to add to the job, one override for each value; one empty word where there is nothing to add."""
    try:
        cell = cell_of(job)
    except (SupremeError, HydraException):
        return [""]
    method = cell.names["method"]
    search = spaces.of(method)
    if search is None or search.intensity is None:
        points[method] = search.why if search else f"nothing in conf/search/{method}.yaml grades how hard it forgets"
        return [""]
    key, value = f"method.{search.intensity.field}", flat(cell.nodes["method"]).get(search.intensity.field)
    if key in [word.partition("=")[0].lstrip("+") for word in job]:
        return [""]
    if search.intensity.factors and (isinstance(value, bool) or not isinstance(value, int | float)):
        raise SupremeError(
            f"search/{method}.yaml has factors of {key}, which is {value} here: give numbers, as in {key}=0.1,1,10"
        )
    return [f"{key}={number}" for number in search.intensity.around(value)]


def refuse_intensity(settings: Settings, instead: str) -> None:
    """Where nothing reads it; `instead` says what to type."""
    if settings.sweep_intensity:
        raise SupremeError(f"sweep_intensity=true is for a sweep of supreme's own: {instead}")
