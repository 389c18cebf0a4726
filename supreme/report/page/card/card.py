"""The evaluation card: what was evaluated, how, with what, and what the numbers do not say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import yaml

from supreme.core.endpoints import Endpoints
from supreme.report.page.card.attacks import attacks, audited, metrics, strangers, threat_model
from supreme.report.page.card.components import components, forget_sets, protocols
from supreme.report.page.card.compute import compute, determinism
from supreme.report.page.card.entries import entries_of
from supreme.report.page.card.inference import statistics
from supreme.report.page.card.limits import not_supported
from supreme.report.page.card.methods import methods
from supreme.report.page.card.samples import images_told
from supreme.report.page.card.trainings import references, seeds_told
from supreme.report.rows.environments import environment_counts
from supreme.report.tables.block_claims import claims_by_block

VERSION = 3
"""Of the card's form: raised when a key changes its meaning."""


def evaluation_card(
    frame: pd.DataFrame,
    table: pd.DataFrame,
    rows: Sequence[Mapping[str, Any]],
    audits: pd.DataFrame,
    verdicts: pd.DataFrame,
    endpoints: Endpoints | None = None,
    samples: bool = True,
) -> dict[str, Any]:
    """The card of these cells, as plain values, to write as YAML or JSON.

    Args:
        frame: what `load` gives of the cells.
        table: its `summary` with these endpoints.
        rows: as they are stored.
        audits: what `load_audits` gives of them.
        verdicts: what `joint.verdicts` says of both with these endpoints.
        endpoints: where some were given instead of those that the rows declare.
        samples: whether forgotten images may be shown.
    """
    entries = entries_of(frame, rows)
    attacked = attacks(entries, audits)
    claims = claims_by_block(frame, table, verdicts, endpoints)
    return {
        "evaluation_card": VERSION,
        "protocol": protocols(entries),
        **components(entries),
        "forget_sets": forget_sets(entries),
        "method": methods(entries),
        "images": images_told(rows, samples),
        "seeds": seeds_told(frame, entries),
        "reference": references(entries),
        "metrics": metrics(frame, entries),
        "audits": [{name: one[name] for name in one if name != "attacker"} for one in audited(audits)],
        "threat_model": threat_model(attacked, strangers(entries, audits)),
        "statistics": statistics(frame, table, verdicts, endpoints),
        "compute": compute(entries),
        "determinism": determinism(entries),
        "environments": environment_counts(rows),
        "not_supported": not_supported(frame, table, entries, attacked, claims),
    }


def as_yaml(card: Mapping[str, Any]) -> str:
    return yaml.dump(card, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)


class _Plain(yaml.SafeDumper):
    """Without anchors: what is said twice is written twice, and can be read without looking elsewhere."""

    def ignore_aliases(self, data: object) -> bool:
        return True
