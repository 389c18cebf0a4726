"""Where the configs lie that come with the package, and what they are called."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

_PACKAGE = Path(__file__).resolve().parents[1]
CONF = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"
"""A wheel carries conf/ inside the package; a checkout has it beside."""

OTHER_NAMES = re.compile(r"#\s*also called:(.*)", re.IGNORECASE)


def groups() -> list[str]:
    """The config groups, those of Hydra aside."""
    return sorted(path.name for path in CONF.iterdir() if path.is_dir() and path.name != "hydra")


def names(group: str) -> list[str]:
    """The choices that come with the package, by name."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


@cache
def described(group: str) -> Mapping[str, str]:
    """Name -> what the head of its YAML says of it; empty where that says nothing."""
    return {name: _head(CONF / group / f"{name}.yaml") for name in names(group)}


@cache
def other_names(group: str) -> Mapping[str, str]:
    """What else the literature calls a choice, from its YAML's line `# also called: mia, ...`, in small letters."""
    found: dict[str, str] = {}
    for name in names(group):
        for line in (CONF / group / f"{name}.yaml").read_text().splitlines():
            if match := OTHER_NAMES.match(line):
                found |= {other.strip().lower(): name for other in match[1].split(",")}
    return found


def near_names(given: str, there: Iterable[str], group: str = "") -> list[str]:
    """Up to three of these that were probably meant, the best first: by another name, spelling, or beginning."""
    there, wanted = list(there), _plain(given)
    known = other_names(group).get(given.lower()) if group else None
    plain = {_plain(name): name for name in there}
    close = difflib.get_close_matches(wanted, plain, 3, cutoff=0.7)
    begins = [name for name in plain if wanted and (name.startswith(wanted) or wanted.startswith(name))]
    looser = difflib.get_close_matches(wanted, plain, 2, cutoff=0.55)
    found = [known] * (known in there) + [plain[name] for name in (*close, *sorted(begins, key=len), *looser)]
    return [name for name in dict.fromkeys(found) if name][:3]


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _head(path: Path) -> str:
    for line in path.read_text().splitlines():
        text = line.removeprefix("#").strip()
        if line.startswith("#") and text and not text.startswith("@package") and not OTHER_NAMES.match(line):
            return text
        if not line.startswith("#"):
            return ""
    return ""
