"""Of what a file holds the one list that is meant: by its key, by its column, or because there is no other."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from supreme.core import SupremeError

Values = np.ndarray
"""One-dimensional: bool, int64, float64, or str."""

USUAL = frozenset(
    (
        *(f"{of}_{what}" for of in ("unlearn", "forget") for what in ("idx", "idxs", "index", "indices")),
        *("unlearn", "forget", "forget_set_indices", "idx", "idxs", "index", "indexes", "indices", "position"),
        *("positions", "file", "files", "filename", "file_name", "filepath", "path", "image_path"),
    )
)
"""What a column or key is usually called that says what to forget, in small letters."""
TOLD = 8
"""Names that a sentence lists."""


@dataclass(frozen=True, kw_only=True)
class Chooser:
    """What the user says of where in the file the list is; see `supreme.scenarios.indices.Indices`."""

    file: str
    key: str | int | None
    column: str | int | None

    def refuse(self, told: str) -> NoReturn:
        raise SupremeError(f"{self.file} {told}")

    def pick(self, found: Any) -> Values:
        """The list in this structure of mappings, sequences and arrays."""
        found = self._keyed(found, self.key)
        if isinstance(found, np.ndarray) and found.dtype.names:
            found = found[self.column_of(found.dtype.names)]
        elif _is_list(found) and len(found) and all(isinstance(entry, Mapping) for entry in found):
            name = self.column_of([str(one) for one in found[0]])
            found = [entry.get(name) for entry in found]
        elif isinstance(found, np.ndarray) and found.ndim > 1:
            found = self._of_many_axes(found)
        elif self.column is not None:
            self.refuse("has no columns: type scenario.column=null")
        return self.flat(found)

    def _keyed(self, found: Any, asked: str | int | None, above: str = "") -> Any:
        """What the key leads to; without one, what the only or usual key of each mapping leads to."""
        names = {str(key): entry for key, entry in found.items()} if isinstance(found, Mapping) else None
        if names is None and asked is not None and _is_list(found) and len(found) and all(map(_is_list, found)):
            names = {str(number): entry for number, entry in enumerate(found)}  # one list a seed, say
        if names is None:
            if asked is not None:
                self.refuse(f"holds one list and no key {above}{asked}: type scenario.key={above[:-1] or 'null'}")
            return found
        first, _, rest = str(asked).partition(".")
        if asked is not None and str(asked) not in names and first in names and rest:
            return self._keyed(names[first], rest, f"{above}{first}.")
        name = self.named(list(names), "key", asked, above)
        return self._keyed(names[name], None, f"{above}{name}.")

    def _of_many_axes(self, found: np.ndarray) -> np.ndarray:
        if sum(length != 1 for length in found.shape) <= 1:
            return found.reshape(-1)
        if found.ndim == 2 and self.column is not None:
            return found[:, int(self.column_of([str(number) for number in range(found.shape[1])]))]
        shape = " x ".join(map(str, found.shape))
        advice = "type scenario.column=0, say, for one column" if found.ndim == 2 else "save one list as one axis"
        return self.refuse(f"holds an array of {shape}, where one list is expected: {advice}")

    def column_of(self, names: Sequence[str]) -> str:
        """The column that is meant, of these."""
        return self.named(names, "column", self.column)

    def named(self, names: Sequence[str], what: str, asked: str | int | None, above: str = "") -> str:
        """The name that is asked for; where none is, the only one or the only one that is usual."""
        every = _listed([f"{above}{name}" for name in names]) or "none"
        if not names:
            self.refuse(f"has no {what}s: nothing is listed there")
        if asked is None:
            usual = [name for name in names if name.lower() in USUAL]
            if len(names) == 1 or len(usual) == 1:
                return names[0] if len(names) == 1 else usual[0]
            first = above + (usual or list(names))[0]
            self.refuse(f"has the {what}s {every}: type scenario.{what}={first}, or another one of them")
        if str(asked) in names:
            return str(asked)
        near = difflib.get_close_matches(str(asked).lower(), [name.lower() for name in names], 1)
        hint = next((f"; did you mean {above}{name}?" for name in names if near and name.lower() == near[0]), ".")
        return self.refuse(f"has no {what} {above}{asked}{hint} It has {every}")

    def flat(self, found: Any) -> Values:
        """The list as a one-dimensional array of one kind of value."""
        if isinstance(found, np.ndarray):
            kind = found.dtype.kind
            if kind == "S":
                return np.array([one.decode(errors="replace") for one in found.reshape(-1).tolist()], dtype=str)
            if kind in "bU":
                return found.reshape(-1)
            if kind in "iu" and not (kind == "u" and found.size and int(found.max()) > np.iinfo(np.int64).max):
                return found.reshape(-1).astype(np.int64)
            if kind == "f":
                return found.reshape(-1).astype(np.float64)
            self.refuse(f"holds values of type {found.dtype}, where positions or names of files are expected")
        if not _is_list(found):
            shown = "nothing that can be read safely" if found is None else f"a {type(found).__name__}"
            self.refuse(f"holds {shown} where a list of positions or of names of files is expected")
        return self._flat_of_objects(
            [one.item() if isinstance(one, np.generic | np.ndarray) and one.size == 1 else one for one in found]
        )

    def _flat_of_objects(self, found: Sequence[Any]) -> Values:
        kinds = {type(one) for one in found}
        if kinds <= {bool}:
            return np.array(found, dtype=bool) if found else np.array([], dtype=np.int64)
        if kinds <= {int} and all(abs(one) <= np.iinfo(np.int64).max for one in found):
            return np.array(found, dtype=np.int64)
        if kinds <= {int, float}:
            return np.array([float(one) if abs(one) < 1e300 else np.inf for one in found])
        if kinds <= {str}:
            return np.array(found, dtype=str)
        if all(map(_is_list, found)):
            return self.refuse(f"holds {len(found)} lists: type scenario.key=0, say, for the first one")
        names = ", ".join(sorted(kind.__name__ for kind in kinds))
        return self.refuse(f"mixes values of the types {names}: list positions only, or names of files only")


def _is_list(found: Any) -> bool:
    return isinstance(found, list | tuple | set | frozenset) or (isinstance(found, np.ndarray) and found.ndim == 1)


def _listed(names: Iterable[str]) -> str:
    every = list(names)
    more = f" and {len(every) - TOLD} more" if len(every) > TOLD else ""
    return ", ".join(every[:TOLD]) + more
