"""One cell of a published table: what it says and of what. The README of this folder has the format of the files."""

from __future__ import annotations

from dataclasses import dataclass

from supreme.core.column import column_in
from supreme.report.catalogue.metrics import our_columns

STATUSES = ("full text", "code", "page", "issue", "second hand")
"""Where a number was read: in the paper, in a table of the authors' repository, on a page such as a model card, in an
issue, or in another work that quotes it."""
FIT = ("full text", "code")
"""Those that a claim can rest on without a second look."""
SPREADS = ("sd", "population sd", "unsaid")
QUANTITIES = ("value", "gap")
REFERENCE = "reference"
"""The method whose lines are of the retrained model."""


@dataclass(frozen=True, kw_only=True)
class Number:
    """One cell of a published table, in our names and units; absent texts are "", absent numbers None."""

    source: str
    recipe: str
    """One of recipes.yaml."""
    data: str
    model: str
    scenario: str
    method: str
    metric: str
    """Our column that measures the same; "" where there is none."""
    mean: float
    status: str = ""
    """One of STATUSES."""
    column: str = ""
    """The heading as printed; the metric's name where it is not told."""
    targets: str = ""
    """As typed after scenario.target=, separated by blanks; the value is the mean over them."""
    fraction: str = ""
    quantity: str = "value"
    """value, or gap: unlearned minus reference."""
    metric_fixed: str = ""
    """The column that measures the same under protocol=fixed; `metric` in a file without this column."""
    metric_values: str = ""
    """What the metric must be computed with to be the same: `entropy_solver=sklearn`."""
    spread: float | None = None
    spread_kind: str = ""
    """One of SPREADS."""
    seeds: int | None = None
    note: str = ""
    gap: float | None = None
    """The absolute gap that is printed beside the value, for `check-published`; so are the two averages of the row."""
    average_gap: float | None = None
    average_spread: float | None = None
    file: str
    line: int
    digits: int
    """Decimals of the mean as it is written."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"

    @property
    def table(self) -> tuple[str, ...]:
        """What the lines share whose reference is the same."""
        return self.recipe, self.data, self.model, self.scenario, self.targets, self.fraction

    @property
    def forget_set(self) -> str:
        """`fraction=0.1`, or `target=3`, or as many as there are."""
        return f"fraction={self.fraction}" if self.fraction else f"target={self.targets}" if self.targets else ""

    @property
    def is_fraction(self) -> bool:
        """Whether the value lies in [0, 1], a gap in [-1, 1]."""
        declared = column_in(our_columns(), self.metric)
        return declared is not None and declared.unit == "fraction"
