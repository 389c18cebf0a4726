"""What the method took."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from supreme.core import Column, Evaluation, Undefined


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Time, memory and work of the method, around its pure work: no evaluation, loading or imports.

    `cost/seconds` (an upper bound where other jobs shared the device), `cost/peak_memory_bytes`, and
    `cost/forward_samples` and `cost/backward_samples`, which depend on no hardware. `cost/speedup`: seconds of the
    reference's training over the method's; a method below 1 has no reason to be.

    Range: 0 or more; speed-up above 0.
    Ideal: 0; speed-up the more the better.
    Cost: nothing.
    Least n: none.
    """

    declared_columns: ClassVar[Mapping[str, Column]] = {
        "cost/seconds": Column(title="seconds", unit="seconds", direction="lower", format=".2f", shown=True, rank=90),
        "cost/peak_memory_bytes": Column(unit="bytes", direction="lower"),
        "cost/*_samples": Column(unit="images", direction="lower"),
        "cost/speedup": Column(direction="higher"),
    }
    needs: ClassVar[frozenset[str]] = frozenset()

    def columns(self, evaluation: Evaluation) -> tuple[str, ...]:
        names = ("seconds", "peak_memory_bytes", "forward_samples", "backward_samples", "speedup")
        return tuple(f"cost/{name}" for name in names)

    def __call__(self, evaluation: Evaluation) -> Mapping[str, float | Undefined]:
        cost = evaluation.cost
        memory = Undefined("this device does not tell") if cost.peak_memory_bytes is None else cost.peak_memory_bytes
        values = (cost.seconds, memory, cost.forward_samples, cost.backward_samples, _speedup(evaluation))
        return dict(zip(self.columns(evaluation), values, strict=True))


def _speedup(evaluation: Evaluation) -> float | Undefined:
    if evaluation.subject_name == "original":
        return Undefined("the original is no method: it forgets nothing")
    if evaluation.subject_name == "reference":
        return Undefined("the reference model would be compared with itself")
    if evaluation.cost.seconds == 0:
        return Undefined("the method took no time that could be measured")
    return evaluation.reference_cost.seconds / evaluation.cost.seconds
