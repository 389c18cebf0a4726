"""What each method does to a real model: 200 digits, memorised in forty epochs, of which some are to be forgotten.

Its values are those of conf/tuned where there are some, else the method's own, as in `python -m supreme method=...`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import inf
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra

from supreme.metrics import arithmetic
from supreme.pipeline.cell import Cell
from supreme.pipeline.predictions import predictions
from supreme.pipeline.prepared import Prepared
from supreme.pipeline.workplace import Workplace
from supreme.sweep.plan.compose import Composer

CONF = Path(__file__).parents[2] / "conf"
METHODS = sorted(path.stem for path in (CONF / "method").glob("*.yaml") if path.stem != "given")  # which needs a file
SEED = 7
SLOW = ("ntk",)


@dataclass(frozen=True)
class Answers:
    """What a model answers, in the terms of this file."""

    forget: float
    """Accuracy on the forget set."""
    loss: float
    """Mean cross entropy of the forget set, in nats."""
    test: float
    """Accuracy on test images; where a class is forgotten, on those of the other classes."""


@dataclass(frozen=True)
class Effect:
    """Bounds on what a model answers: lowest and highest, or the lowest alone."""

    forget: tuple[float, float]
    """Accuracy on the forget set."""
    loss: tuple[float, float]
    """Loss of the forget set, in multiples of the original's."""
    test: float
    """Accuracy on test images."""

    def fits(self, answers: Answers, original: Answers) -> bool:
        forget = self.forget[0] <= answers.forget <= self.forget[1]
        loss = self.loss[0] * original.loss <= answers.loss <= self.loss[1] * original.loss
        return forget and loss and answers.test >= self.test


EFFECTS: dict[str, dict[str, Effect]] = {
    "full_class": {
        "advneggrad": Effect((0, 0.4), (1000, inf), 0.83),
        "amnesiac": Effect((0, 0.2), (1000, inf), 0.93),
        "amun": Effect((0.8, 1), (2.2, inf), 0.93),
        "assd": Effect((0, 0.25), (500, inf), 0.93),
        "bad_teacher": Effect((0, 0.25), (500, inf), 0.92),
        "boundary_expand": Effect((0.75, 1), (100, inf), 0.89),
        "boundary_shrink": Effect((0, 0.35), (1000, inf), 0.85),
        "cf_k": Effect((0.9, 1), (0.5, 1.5), 0.93),
        "cfw": Effect((0, 0.25), (1000, inf), 0.83),
        "chain": Effect((0.6, 1), (50, inf), 0.91),
        "ct": Effect((0, 0.2), (1000, inf), 0.89),
        "cup": Effect((0, 0.2), (2000, inf), 0.7),
        "delete": Effect((0, 0.2), (1000, inf), 0.92),
        "dualoptim_salun": Effect((0.8, 1), (100, inf), 0.91),
        "dualoptim_scrub": Effect((0, 0.3), (1000, inf), 0.88),
        "dualoptim_sfron": Effect((0.8, 1), (2, inf), 0.92),
        "duck": Effect((0, 0.2), (1000, inf), 0.9),
        "esc": Effect((0, 0.2), (1000, inf), 0.92),
        "esc_t": Effect((0, 0.2), (1000, inf), 0.92),
        "eu_k": Effect((0, 0.2), (2000, inf), 0.93),
        "fcs": Effect((0.8, 1), (1.4, inf), 0.93),
        "finetune": Effect((0.9, 1), (0, 0.7), 0.92),
        "fisher": Effect((0, 0.25), (1000, inf), 0.9),
        "gdr_gma": Effect((0.2, 0.85), (500, inf), 0.89),
        "hamu": Effect((0.8, 1), (4, inf), 0.93),
        "head_only": Effect((0, 0.2), (2000, inf), 0.93),
        "influence": Effect((0, 0.6), (500, inf), 0.82),
        "jit": Effect((0.7, 1), (1.8, inf), 0.91),
        "kde": Effect((0, 0.2), (2000, inf), 0.9),
        "kodge_svd": Effect((0, 0.2), (1000, inf), 0.88),
        "lfssd": Effect((0, 0.3), (500, inf), 0.92),
        "lotus": Effect((0.4, 1), (500, inf), 0.91),
        "mask_class": Effect((0, 0.2), (1e6, inf), 0.93),
        "msg": Effect((0.8, 1), (1.6, inf), 0.91),
        "mu_mis": Effect((0, 1), (2.1, inf), 0.9),
        "munba": Effect((0.2, 1), (100, inf), 0.92),
        "neggrad": Effect((0.25, 1), (100, inf), 0.89),
        "neggrad_plus": Effect((0.5, 1), (1.2, inf), 0.93),
        "negmerge": Effect((0, 1), (200, inf), 0.88),
        "original": Effect((1, 1), (1, 1), 0.93),
        "pgu": Effect((0, 0.2), (1000, inf), 0.88),
        "prmq": Effect((0, 0.2), (1000, inf), 0.91),
        "prune_then_unlearn": Effect((0, 0.2), (1000, inf), 0.92),
        "random_init": Effect((0, 1), (500, inf), 0),
        "random_label": Effect((0, 0.2), (2000, inf), 0.91),
        "retrain": Effect((0, 0.2), (1000, inf), 0.93),
        "rewind_to_delete": Effect((0, 0.2), (1000, inf), 0.93),
        "rni": Effect((0, 0.2), (1000, inf), 0.91),
        "salun": Effect((0, 0.9), (500, inf), 0.91),
        "scar": Effect((0, 0.2), (1000, inf), 0.89),
        "scissorhands": Effect((0, 0.2), (2000, inf), 0.91),
        "scrub": Effect((0, 0.2), (2000, inf), 0.92),
        "scrub_rewind": Effect((0, 0.2), (2000, inf), 0.7),
        "sfron": Effect((0, 0.2), (5000, inf), 0.92),
        "ssd": Effect((0, 0.25), (1000, inf), 0.75),
        "successive_random_label": Effect((0, 1), (100, inf), 0.84),
        "uam": Effect((0, 1), (20, inf), 0.91),
        "unsir": Effect((0, 0.6), (500, inf), 0.8),
        "weight_negation": Effect((0, 0.2), (1000, inf), 0.92),
    },
    "random": {
        "amun": Effect((0.8, 1), (1.8, inf), 0.92),
        "bad_teacher": Effect((0.8, 1), (10, inf), 0.91),
        "boundary_expand": Effect((0.8, 1), (4.9, inf), 0.9),
        "fcs": Effect((0.8, 1), (3.3, inf), 0.92),
        "l1_sparse": Effect((0.8, 1), (3.8, inf), 0.91),
        "lotus": Effect((0.8, 1), (2.3, inf), 0.93),
        "msg": Effect((0.8, 1), (5.5, inf), 0.91),
        "mu_mis": Effect((0.8, 1), (1.2, inf), 0.92),
        "munba": Effect((0.8, 1), (3.7, inf), 0.92),
        "noisy_sgd": Effect((0.8, 1), (3.1, inf), 0.92),
        "ntk": Effect((0.8, 1), (1.2, inf), 0.93),
        "original": Effect((1, 1), (1, 1), 0.93),
        "random_init": Effect((0, 1), (500, inf), 0),
        "random_label": Effect((0.8, 1), (5.1, inf), 0.92),
        "retrain": Effect((0.75, 1), (5, inf), 0.93),
        "rni": Effect((0.8, 1), (50, inf), 0.91),
        "salun": Effect((0.75, 1), (5.8, inf), 0.91),
        "scrub": Effect((0.75, 1), (10, inf), 0.93),
        "successive_random_label": Effect((0.8, 1), (8.4, inf), 0.91),
        "uam": Effect((0.7, 1), (20, inf), 0.92),
    },
}
"""What tuned methods do to digits, with room for other seeds and machines (bounds lie outside of what six seeds gave).

A forgotten class is to be answered wrongly (forget accuracy near 0) and a random set with less confidence (a higher
loss), while other test images stay known. Not all get there, as in tests/benchmarks/results/methods_digits.md: where
only the loss rises, the accuracy is bounded from below, for that is what the method does here. `cf_k` trains the head
alone and `finetune` what is known by heart, so that neither forgets: the one leaves the loss, the other lowers it.
"""


@cache
def _composer() -> Composer:
    """One for all cells: to begin with takes Hydra twice as long as a cell."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        context = SimpleNamespace(config_loader=GlobalHydra.instance().config_loader())
        return Composer(context, compose("config", return_hydra_config=True))


@cache
def place(directory: Path) -> Workplace:
    at = Workplace(output_dir=str(directory), device="cpu")
    at.store.prepare()
    return at


@pytest.fixture(scope="module")
def at(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """One store: original and reference are trained once for each scenario."""
    return place(tmp_path_factory.mktemp("effects"))


@cache
def cell_of(method: str, scenario: str, at: Workplace) -> Cell:
    chosen = [f"method={method}", f"scenario={scenario}", f"seed={SEED}", "metric=accuracy"]
    cell, _ = _composer()(chosen)
    return cell.resolved(Path(at.output_dir) / "data")


@cache
def answers(method: str, scenario: str, at: Workplace, stage: str = "unlearned") -> Answers:
    prepared = Prepared(cell_of(method, scenario, at), at)
    logits, split = torch.from_numpy(predictions(prepared, stage).load("logits").copy()), prepared.split
    forgotten, kept = logits[split.forget.indices], split.retain_test if split.forget_classes else split.test
    return Answers(
        forget=arithmetic.accuracy(forgotten, split.forget.labels),
        loss=arithmetic.cross_entropy(forgotten, split.forget.labels),
        test=arithmetic.accuracy(logits[kept.indices], kept.labels),
    )


LINES = [
    pytest.param(scenario, method, marks=pytest.mark.slow if method in SLOW else ())
    for scenario, lines in EFFECTS.items()
    for method in lines
]


@pytest.mark.parametrize(("scenario", "method"), LINES)
def test_forgetting_moves_as_the_method_says_and_the_rest_stays_known(
    scenario: str, method: str, at: Workplace
) -> None:
    got, original = answers(method, scenario, at), answers(method, scenario, at, "original")
    expected = EFFECTS[scenario][method]
    assert expected.fits(got, original), f"{got} after {original}, and not {expected}"


@pytest.mark.parametrize("scenario", EFFECTS)
def test_the_reference_is_where_forgetting_leads(scenario: str, at: Workplace) -> None:
    reference, original = (answers("original", scenario, at, stage) for stage in ("reference", "original"))
    assert EFFECTS[scenario]["retrain"].fits(reference, original)


@pytest.mark.parametrize("scenario", EFFECTS)
def test_a_model_that_forgot_nothing_or_everything_fits_no_line_of_a_method_that_forgets(
    scenario: str, at: Workplace
) -> None:
    original = answers("original", scenario, at)
    fresh = answers("random_init", scenario, at)
    lines = EFFECTS[scenario].items()
    assert {method for method, line in lines if line.fits(original, original)} <= {"original", "cf_k"}
    assert [method for method, line in lines if line.fits(fresh, original)] == ["random_init"]


def test_every_method_has_a_line() -> None:
    assert sorted(EFFECTS["full_class"] | EFFECTS["random"]) == METHODS
