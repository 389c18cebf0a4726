"""What the code of each scenario and metric was when its version was last looked at.

Rows of two versions never stand in one table, and rows of one version do, whoever made them and with whichever code. So
code that changes under its version is a question to its author, which a test asks: does a column now mean something
else, or is another set forgotten by the same config? Then raise `version: ClassVar[int]` of the class (absent, it is
1). Or is it only written otherwise, or mended where it failed? Then say so:

    python -m tests.meanings                       write the record anew; refused where code changed under its version
    python -m tests.meanings --meaning-unchanged   the same, with the claim that every value means what it meant
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from supreme.core.components import version_of
from supreme.core.registry import imported
from supreme.store.fingerprint import code_of
from tests.conf_files import YAMLS, target_of
from tests.stage_code import changed_under_its_number

RECORD = Path(__file__).parent / "golden" / "meanings.json"


def meanings_now() -> dict[str, dict[str, Any]]:
    """By `metric accuracy`, its version and the digest of every definition that it reaches, by name."""
    paths = [path for path in YAMLS if path.parent.name in ("metric", "scenario")]
    return {f"{path.parent.name} {path.stem}": _meaning(target_of(path)) for path in paths}


def _meaning(target: str) -> dict[str, Any]:
    component = imported(target, "component")
    return {"schema": version_of(object.__new__(component)), "definitions": code_of(target).definitions}


def recorded() -> dict[str, dict[str, Any]]:
    return json.loads(RECORD.read_text())


def told(changed: dict[str, list[str]]) -> str:
    return "\n".join(
        [
            "The code of these says something else under the same version:",
            *(f"{name}: {', '.join(definitions)}" for name, definitions in changed.items()),
            "Raise `version` of the class if its values mean something else, and type `python -m tests.meanings`,",
            "or type `python -m tests.meanings --meaning-unchanged` to claim that they mean the same.",
        ]
    )


def main(arguments: list[str]) -> int:
    now = meanings_now()
    changed = changed_under_its_number(recorded() if RECORD.exists() else {}, now)
    if changed and arguments != ["--meaning-unchanged"]:
        sys.stdout.write(told(changed) + "\n")
        return 1
    RECORD.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
