"""What is typed behind `supreme tune`: words of its own, and overrides of the config."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser

from supreme.command_line.conf_folder import CONF, groups, near_names
from supreme.core import SupremeError

OWN = ("budget", "seeds", "budget_passes", "at_once", "write")
"""Words of its own, beside space.<method>.<field>."""

EXAMPLE = "supreme tune method=scrub,salun budget=30 seeds=100..104"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a search is to do."""

    budget: int
    """Trials of each method."""
    seeds: tuple[int, ...]
    """Training seeds; no sweep may report a preset that was found on them on the same ones."""
    budget_passes: int | None = None
    """Images that the trials of a method may send forward or backward, over all seeds; None: no limit."""
    at_once: int = 4
    """Trials of a method that are proposed together, without knowing each other's results."""
    write: Path | None = None
    """The folder of the presets; None: `tuned` in the output folder."""
    spaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By method and field, what is searched beside or instead of conf/search."""

    def refuse_values(self) -> None:
        """Raise SupremeError where a number is not allowed."""
        for name in ("budget", "budget_passes", "at_once"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise SupremeError(f"{name}={value} is not allowed: give a whole number from 1")


def read(words: Sequence[str]) -> tuple[Options, list[str]]:
    """The options among these words, which are readable as Hydra's overrides, and the other words.

    Raises:
        SupremeError: one is missing or not allowed, or no word of tune and no key of the config.
    """
    given: dict[str, Any] = {}
    spaces: dict[str, dict[str, str]] = {}
    rest: list[str] = []
    for word in words:
        key, _, value = word.partition("=")
        if key in OWN:
            given[key] = value
        elif key.startswith("space."):
            _, method, *fields = key.split(".")
            if not fields:
                raise SupremeError(
                    f"{word} is not allowed: name method and field, as in 'space.scrub.lr=tag(log,interval(1e-5,1e-2))'"
                )
            spaces.setdefault(method, {})[".".join(fields)] = value
        else:
            _refuse(word, key, value)
            rest.append(word)
    if not any(word.startswith(("method=", "experiment=")) for word in rest):
        raise SupremeError(f"supreme tune needs method=, the methods to find values for, as in {EXAMPLE}")
    for name, why in (("budget", "the trials of each method"), ("seeds", "the training seeds to judge them by")):
        if name not in given:
            raise SupremeError(f"supreme tune needs {name}=, {why}, as in {EXAMPLE}")
    write = Path(given["write"].strip("'\"")).expanduser() if given.get("write") else None
    if write is not None and write.name != "tuned":
        raise SupremeError(
            f"write={write} is not allowed: presets lie in a folder called tuned, where --config-dir finds them: type "
            f"write={write / 'tuned'}"
        )
    numbers = {name: _whole(name, given[name]) for name in ("budget", "budget_passes", "at_once") if name in given}
    options = Options(
        **numbers,  # type: ignore[arg-type]
        seeds=_seeds(given["seeds"]),
        write=write,
        spaces=spaces,
    )
    options.refuse_values()
    return options, rest


def _refuse(word: str, key: str, value: str) -> None:
    """What cannot be said to a search."""
    if key == "seed":
        raise SupremeError(f"{word}: a search runs every trial on the training seeds of seeds=: type seeds={value}")
    if key == "hydra/sweeper" or key.startswith("hydra.sweeper"):
        raise SupremeError(f"{word}: supreme tune is a sweeper of its own; leave it out")
    if key == "data.evaluate_on" and value != "validation":
        raise SupremeError(
            f"{word}: supreme tune chooses values on validation images, never on test images: leave it out"
        )
    if key in ("audit", "tracker") and value not in ("[]", "none"):
        raise SupremeError(f"{word}: a trial is no result to audit or to log; leave it out")
    bare = key.lstrip("+~").partition(".")[0].partition("/")[0].partition("@")[0]
    if bare not in _keys() and (near := near_names(bare, [*OWN, *_keys()])):
        raise SupremeError(f"{word}: supreme tune has no {bare}; did you mean {near[0]}?")


def _keys() -> list[str]:
    """The top level of the config."""
    lines = (CONF / "config.yaml").read_text(encoding="utf-8").splitlines()
    return [*groups(), "hydra", *(found[1] for line in lines if (found := re.match(r"(\w+):", line)))]


def _whole(name: str, text: str) -> int:
    try:
        number = float(text)
    except ValueError:
        number = 0.5
    if not number.is_integer():
        example = {"budget": 30, "budget_passes": "1e6"}.get(name, 4)
        raise SupremeError(f"{name}={text} is not allowed: give a whole number from 1, as in {name}={example}")
    return int(number)


def _seeds(text: str) -> tuple[int, ...]:
    wrong = SupremeError(
        f"seeds={text} is not allowed: give training seeds that no table will report, as in seeds=100..104 or "
        "seeds=100,101"
    )
    if not text:
        raise wrong
    override = OverridesParser.create().parse_override(f"seeds={text}")
    found: Any = override.value()
    values: Any = list(override.sweep_iterator()) if override.is_discrete_sweep() else found
    values = values if isinstance(values, list) else [values]
    if not values or not all(type(one) is int and one >= 0 for one in values) or len(set(values)) < len(values):
        raise wrong
    return tuple(values)
