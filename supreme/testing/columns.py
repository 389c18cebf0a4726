"""The promises of what a metric declares of its columns."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from supreme.core import Column, Metric
from supreme.core.column import columns_in, declared_of
from supreme.testing.promises import Promises


def check_columns(promise: Promises, metric: Metric, given: Collection[str]) -> None:
    """Hold the declarations of a metric, which it need not have, to the columns that it gives here.

    A column that it has elsewhere only is known by its family, `accuracy` of `accuracy/validation`.
    """
    declared = declared_of(metric)
    if not declared:
        return
    kept = isinstance(declared, Mapping) and all(isinstance(column, Column) for column in declared.values())
    promise("declares its columns", kept, f"declared_columns is {declared!r}, and no mapping from names to Column")
    families = {name.partition("/")[0] for name in given}
    odd = [name for name in declared if name not in given and name.partition("/")[0] not in families]
    detail = f"it declares {', '.join(odd)} and gives {', '.join(given)}"
    promise("declares columns that it has", not odd, detail)
    promise("declares columns that it has", bool(columns_in(declared, given)), f"no name fits {', '.join(given)}")
    titled = [column.title for name, column in columns_in(declared, given).items() if column.title]
    promise("gives each column a title of its own", len(set(titled)) == len(titled), f"titles are {titled}")
    shared = [name for name, column in declared.items() if "*" in name and column.title]
    promise("gives each column a title of its own", not shared, f"{', '.join(shared)} would title several columns")
