"""What the code behind each stage was when its number in `SCHEMA` was last looked at.

A component's own code is in the key of what it computes. The code around components (training, prediction, evaluation,
context) is not: instead a test compares it with this record, and fails where it says something else under the same
number. Then either the number must be raised, in `supreme.pipeline.keys.SCHEMA`, or nothing that is stored would be
another:

    python -m tests.stage_code                    write the record anew; refused where code changed under its number
    python -m tests.stage_code --no-number-moved  the same, with the claim that no stored number would be another
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from supreme.pipeline.keys import SCHEMA
from supreme.store.decoded import cache
from supreme.store.fingerprint import code_of

RECORD = Path(__file__).parent / "golden" / "stage_code.json"

HANDED_ON = (
    "supreme.core.Split",
    "supreme.functional.classifier.Classifier",
    "supreme.store.decoded.cache.open",
    "supreme.pipeline.cell._drawn",
    "supreme.pipeline.prepared.Prepared",
)
"""Reached through objects that stages are given, and not by name."""

ROOTS: dict[str, tuple[str, ...]] = {
    "data": ("supreme.store.decoded.cache.prepare", "supreme.store.decoded.cache.open"),
    "original": ("supreme.pipeline.stages.original", *HANDED_ON),
    "reference": ("supreme.pipeline.stages.reference", *HANDED_ON),
    "unlearned": ("supreme.pipeline.stages.unlearned",),
    "predictions": ("supreme.pipeline.predictions.predictions", "supreme.pipeline.predictions.untrained"),
    "shared": ("supreme.pipeline.method_context.method_context",),
    "history": ("supreme.pipeline.history.StoredHistory",),
    "anchors": ("supreme.pipeline.rows._anchors", "supreme.pipeline.rows.measure"),
    "row": ("supreme.pipeline.rows.evaluate",),
    "audit": ("supreme.pipeline.audit.audit", "supreme.pipeline.ensembles.audit_jobs"),
}
"""Of each stage, where its code begins."""

BUILDS_ON: dict[str, tuple[str, ...]] = {
    "data": (),
    "original": (),  # the content of the decoded data is in their keys, not the number of "data"
    "reference": (),
    "unlearned": ("original",),
    "predictions": ("original", "reference", "unlearned"),
    "shared": ("original",),
    "history": ("original",),
    "anchors": ("original", "reference", "unlearned"),
    "row": ("original", "reference", "unlearned"),
    "audit": ("original", "reference", "unlearned", "row"),
}
"""The stages whose keys are in its own key: when their numbers are raised, it is computed anew without its own."""

SCHEMAS = {**SCHEMA, "data": cache.SCHEMA}


def code_now() -> dict[str, dict[str, Any]]:
    """Of each stage its number and, by name, the digest of every definition that no stage before it reaches."""
    reached = {
        stage: {name: said for root in roots for name, said in code_of(root).definitions.items()}
        for stage, roots in ROOTS.items()
    }
    return {
        stage: {"schema": SCHEMAS[stage], "definitions": _without(reached[stage], *map(reached.get, BUILDS_ON[stage]))}
        for stage in ROOTS
    }


def _without(own: dict[str, str], *others: dict[str, str] | None) -> dict[str, str]:
    left_out = {name for other in others if other for name in other}
    return {name: said for name, said in own.items() if name not in left_out and not name.endswith(".SCHEMA")}


def recorded() -> dict[str, dict[str, Any]]:
    return json.loads(RECORD.read_text())


def changed_under_its_number(before: dict[str, Any], now: dict[str, Any]) -> dict[str, list[str]]:
    """Of each stage whose number is the same, the definitions that say something else; moved ones do not."""
    found = {}
    for stage, own in now.items():
        then = before.get(stage, {"schema": None, "definitions": {}})
        if then["schema"] == own["schema"]:
            old, new = then["definitions"], own["definitions"]
            gone, added = Counter(old.values()) - Counter(new.values()), Counter(new.values()) - Counter(old.values())
            names = {name for name, said in old.items() if said in gone}
            names |= {name for name, said in new.items() if said in added}
            found |= {stage: sorted(names)} if names else {}
    return found


def main(arguments: list[str]) -> int:
    now = code_now()
    changed = changed_under_its_number(recorded() if RECORD.exists() else {}, now)
    if changed and arguments != ["--no-number-moved"]:
        print(told(changed))
        return 1
    RECORD.parent.mkdir(exist_ok=True)
    RECORD.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    return 0


def told(changed: dict[str, list[str]]) -> str:
    lines = [f"{stage}: {', '.join(names)}" for stage, names in changed.items()]
    return "\n".join(
        [
            "The code behind these stages says something else under the same number of SCHEMA:",
            *lines,
            "Raise their numbers (supreme/pipeline/keys.py; data: supreme/store/decoded/cache.py) and type",
            "`python -m tests.stage_code`,",
            "or type `python -m tests.stage_code --no-number-moved` to claim that no stored number would be another.",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
