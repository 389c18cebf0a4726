"""Whether the golden cases of a method would notice a mistake in it.

    python -m tests.golden.mutations scrub

changes one value of a case after the other (a number by a fifth, a whole number by one, a switch, each number of a
list) and counts what the test would not notice. A change of code, such as evaluation for training mode, is tried by
hand: the last lines of the test say whether it is noticed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any

from supreme.core import SupremeError
from tests.golden import cases


def changed(values: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each change of one value, in words and as fields."""
    for key, value in values.items():
        if isinstance(value, bool):
            yield f"{key}={not value}", {key: not value}
        elif isinstance(value, int):
            yield f"{key}={value + 1}", {key: value + 1}
            yield f"{key}={value - 1}", {key: value - 1}
        elif isinstance(value, float):
            other = 1.2 * value if 1.2 * value <= 1 or value > 1 else 0.8 * value
            yield f"{key}={other or 0.1:g}", {key: other or 0.1}
        elif isinstance(value, list) and value and all(isinstance(one, int | float) for one in value):
            yield f"{key}[0]+1", {key: [value[0] + 1, *value[1:]]}
            yield f"{key}[-1] gone", {key: value[:-1]}


def main() -> None:
    for method in sys.argv[1:] or cases.methods():
        survivors: dict[str, list[str]] = {}
        noticed = 0
        for case in cases.cases(method):
            for words, fields in changed(case.told["values"]):
                try:
                    difference = case.difference(case.result(**fields))
                except (SupremeError, ValueError):
                    continue
                if difference > 1:
                    noticed += 1
                else:
                    survivors.setdefault(words, []).append(str(case.told["name"]))
        unnoticed = "; ".join(f"{words} ({', '.join(names)})" for words, names in survivors.items()) or "none"
        print(f"{method}: {noticed} changes noticed; not noticed: {unnoticed}", flush=True)


if __name__ == "__main__":
    main()
