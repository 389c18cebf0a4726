"""The loop of a search: rounds of trials of all methods, until each has spent the same budget."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from supreme.sweep.tuning.study import MethodStudy
from supreme.sweep.tuning.trial import Proposal, Trial, Tried

Evaluate = Callable[[Sequence[Proposal]], Iterable[tuple[Proposal, Tried]]]
"""Runs proposals, and says of each what became of it."""


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What every method may spend."""

    trials: int
    """Failed ones and that of the defaults among them."""
    sample_passes: int | None = None
    """No trial begins once a method's trials have taken as many; None: trials alone count."""

    def spent_by(self, trials: Sequence[Trial]) -> bool:
        passes = sum(trial.sample_passes for trial in trials)
        return len(trials) >= self.trials or (self.sample_passes is not None and passes >= self.sample_passes)


def search(studies: Sequence[MethodStudy], budget: Budget, evaluate: Evaluate) -> None:
    """Run rounds until every study has spent its budget; what a study has spent before counts."""
    by_method = {study.method: study for study in studies}
    while proposals := [proposal for study in studies for proposal in _round(study, budget)]:
        for proposal, tried in evaluate(proposals):
            by_method[proposal.method].tell(proposal, tried)


def _round(study: MethodStudy, budget: Budget) -> list[Proposal]:
    spent = budget.spent_by(study.ended(budget.trials))
    return study.round(min(study.begun, budget.trials) if spent else budget.trials)
