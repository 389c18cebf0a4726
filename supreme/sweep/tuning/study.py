"""The trials of one method: proposed by Optuna, kept in a journal that outlives this process."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

from supreme.core import SupremeError
from supreme.sweep.plan.dimension import Dimension
from supreme.sweep.tuning.trial import DEFAULTS, Proposal, Trial, Tried

FEWEST = 10
"""Trials of which there is a best tenth."""

OLDEST = 5
"""Version of Optuna."""


@dataclass(kw_only=True)
class MethodStudy:
    """A search for one method. Its trials depend on its space and on what was tried before, on nothing else."""

    method: str
    name: str
    """In the journal: a digest of everything that its trials' results depend on."""
    space: Mapping[str, Dimension]
    defaults: Mapping[str, Any]
    """Of the fields of the space, the values without a search."""
    direction: str
    journal: Path
    at_once: int
    """Trials of a round, proposed without knowing each other's results."""
    _study: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        storages = needs_optuna().storages
        storage = storages.JournalStorage(storages.journal.JournalFileBackend(str(self.journal)))
        self._study = needs_optuna().create_study(
            storage=storage, study_name=self.name, direction=self.direction, load_if_exists=True
        )

    def round(self, budget: int) -> list[Proposal]:
        """The trials to run now: those that ran when a process died, and new ones up to the end of the round.

        While part of a round has its results nothing is proposed, so an interrupted search proposes what an
        uninterrupted one does.
        """
        running = self._trials("RUNNING")
        for trial in running:
            if "values" not in trial.user_attrs:
                self._fill(needs_optuna().trial.Trial(self._study, trial._trial_id))
        count = len(self._trials())
        if not running or count % self.at_once:
            for _ in range(count, min(budget, (count // self.at_once + 1) * self.at_once)):
                self._propose()
        return [
            Proposal(method=self.method, number=trial.number, values=trial.user_attrs["values"])
            for trial in self._trials("RUNNING")
            if trial.number < budget
        ]

    @property
    def begun(self) -> int:
        """The number of trials that were proposed."""
        return len(self._trials())

    def tell(self, proposal: Proposal, tried: Tried) -> None:
        """Keep what became of a proposal."""
        optuna = needs_optuna()
        found = next(one for one in self._trials("RUNNING") if one.number == proposal.number)
        optuna.trial.Trial(self._study, found._trial_id).set_user_attr("tried", asdict(tried))
        if tried.per_seed:
            self._study.tell(proposal.number, fmean(tried.per_seed))
        else:
            self._study.tell(proposal.number, state=optuna.trial.TrialState.FAIL)

    def ended(self, budget: int) -> list[Trial]:
        """The trials that have ended, of the first `budget`, by number."""
        found = [one for one in self._trials("COMPLETE", "FAIL") if one.number < budget]
        return [_trial(one, one.user_attrs["values"] or self.defaults) for one in found]

    def importances(self) -> dict[str, float]:
        """How much each field sets the best tenth of the trials apart (PED-ANOVA), in shares of 1.

        Empty where too few have succeeded for a best tenth, or nothing tells it apart.
        """
        optuna = needs_optuna()
        if len(self._trials("COMPLETE")) < FEWEST:
            return {}
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on trials of the defaults that lie outside of the space
            try:
                found = optuna.importance.get_param_importances(self._study, evaluator=evaluator)
            except (ValueError, RuntimeError):
                return {}
        return {name: float(value) for name, value in found.items()}

    def _propose(self) -> None:
        number = len(self._trials())
        if number == DEFAULTS:  # as far as they lie in the space, the sampler learns from them, too
            self._study.enqueue_trial(self._defaults_inside(), skip_if_exists=True)
        digest = hashlib.sha256(f"{self.method} {number}".encode()).digest()
        self._study.sampler = needs_optuna().samplers.TPESampler(seed=int.from_bytes(digest[:4], "big"))
        self._fill(self._study.ask())

    def _fill(self, trial: Any) -> None:
        """Have values proposed for a trial that has none, or not all of them."""
        inside = self._defaults_inside() if trial.number == DEFAULTS else self.space
        values = {name: one.rounded(_suggested(trial, name, one)) for name, one in self.space.items() if name in inside}
        trial.set_user_attr("values", {} if trial.number == DEFAULTS else values)

    def _defaults_inside(self) -> dict[str, Any]:
        return {name: value for name, value in self.defaults.items() if self.space[name].holds(value)}

    def _trials(self, *states: str) -> list[Any]:
        """The trials that were begun, in these states or in any."""
        return [
            trial
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.name != "WAITING" and (not states or trial.state.name in states)
        ]


def _suggested(trial: Any, name: str, one: Dimension) -> Any:
    if one.choices:
        return trial.suggest_categorical(name, one.choices)
    if one.is_whole:
        return trial.suggest_int(name, int(one.low), int(one.high), step=int(one.step or 1), log=one.log)
    return trial.suggest_float(name, one.low, one.high, step=one.step, log=one.log)


def _trial(found: Any, values: Mapping[str, Any]) -> Trial:
    tried = Tried(**found.user_attrs["tried"])
    return Trial(
        number=found.number,
        values=values,
        objective=fmean(tried.per_seed) if tried.per_seed else None,
        **asdict(tried),
    )


def needs_optuna() -> Any:
    """The package optuna, which says of itself only what goes wrong.

    Raises:
        SupremeError: it is not here, or is too old.
    """
    try:
        import optuna
    except ImportError:
        optuna = None
    if optuna is None or int(optuna.__version__.partition(".")[0]) < OLDEST:
        has = "is not installed" if optuna is None else f"is here as version {optuna.__version__}"
        raise SupremeError(f"supreme tune needs Optuna {OLDEST} or newer, which {has}: pip install -e '.[tune]'")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
