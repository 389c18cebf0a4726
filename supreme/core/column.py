"""What a metric declares of its columns, so that whoever shows them need not know the metric."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from typing import Any

from supreme.core.errors import SupremeError

HOLDS_NO_ARITHMETIC = True  # so that no result depends on it: see supreme.store.fingerprint

UNITS = ("", "fraction", "nats", "bits", "logits", "seconds", "bytes", "images", "steps")
"""Of values; empty: none, or one that depends on the metric's own values, as that of a divergence does on its base."""
DIRECTIONS = ("reference", "lower", "higher", "none")
"""Where better values lie: nearer to the reference's own value, lower, higher, or nowhere."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """How one column of a metric is shown, and what its values mean.

    A metric declares its columns in `declared_columns: ClassVar[Mapping[str, Column]]`, by name. A name with a `*`
    stands for every column that it fits and no other name is equal to: `"loss/*": Column(unit="nats")`.
    """

    title: str = ""
    """Heading in tables; empty: the column's name."""
    unit: str = ""
    """One of UNITS."""
    direction: str = "reference"
    """One of DIRECTIONS."""
    format: str = ".4f"
    """As Python's `format` takes it; `%` multiplies by 100, and the title says so in place of each cell."""
    shown: bool = False
    """Whether tables show it unless told otherwise."""
    rank: int = 50
    """Place among the columns that tables show: lower ones stand further left."""
    only_beside: str = ""
    """Another column, without which tables do not show this one unless told otherwise."""

    def __post_init__(self) -> None:
        for name, allowed in (("unit", UNITS), ("direction", DIRECTIONS)):
            if getattr(self, name) not in allowed:
                known = ", ".join(filter(None, allowed))
                raise SupremeError(f"a column's {name}={getattr(self, name)!r} is not allowed: give one of {known}")
        try:
            format(0.5, self.format)
        except (TypeError, ValueError) as error:
            raise SupremeError(
                f"a column's format={self.format!r} is not allowed: give one for numbers, as .3f or .2% ({error})"
            ) from error

    def record(self) -> dict[str, Any]:
        """As a row holds it: what its values mean, and of how it is shown what is not as usual."""
        meaning = ("unit", "direction", "format")
        return {name: value for name, value in asdict(self).items() if name in meaning or value != _USUAL[name]}

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> Column:
        """What a row holds; a plain column where an older or newer version, or a stranger, has declared otherwise."""
        known = {field.name for field in fields(cls)}
        try:
            return cls(**{name: value for name, value in record.items() if name in known})
        except (SupremeError, TypeError):
            return cls()


_USUAL = asdict(Column())

Declared = Mapping[str, Column]
"""Columns by name, or by a name with a `*`."""


def declared_of(component: object) -> Declared:
    """What a metric declares of its columns; nothing where it does not."""
    return getattr(component, "declared_columns", {})


def column_in(declared: Declared, name: str) -> Column | None:
    """What is declared of the column of this name; None where nothing is."""
    if name in declared:
        return declared[name]
    return next((column for pattern, column in declared.items() if "*" in pattern and fnmatchcase(name, pattern)), None)


def columns_in(declared: Declared, names: Iterable[str]) -> dict[str, Column]:
    """Of these columns, those of which something is declared."""
    found = {name: column_in(declared, name) for name in names}
    return {name: column for name, column in found.items() if column is not None}
