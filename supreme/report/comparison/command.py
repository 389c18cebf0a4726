"""What `supreme report A B` and `supreme report A --commits OLD NEW` say, in each format."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from supreme.core import SupremeError
from supreme.report.comparison.differences import differences
from supreme.report.comparison.page import PLACE, as_html
from supreme.report.comparison.pairs import Pairs, pairs_of
from supreme.report.comparison.parts import Comparison
from supreme.report.comparison.rendered import as_csv, as_latex, as_markdown, on_terminal
from supreme.report.comparison.shown import comparison
from supreme.report.comparison.sides import two_commits, two_folders
from supreme.report.rows.columns import columns_asked, found_columns
from supreme.report.rows.endpoints import parse_endpoints
from supreme.report.tables.latex import standalone
from supreme.report.tables.terminal import plain


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says of a comparison."""

    directories: Sequence[str]
    """Two; one where commits are given."""
    commits: Sequence[str] | None
    condition: str | None
    metrics: str | None
    endpoints: str | None
    standalone: bool
    width: int

    @property
    def place(self) -> Path:
        """Where its page goes when nobody says."""
        return Path(self.directories[0]).expanduser() / PLACE


def compare(
    first: str | Path,
    second: str | Path | None = None,
    *,
    commits: tuple[str, str] | None = None,
    condition: str | None = None,
) -> pd.DataFrame:
    """What differs between two output directories, or between two commits of one, paired by seed; see `differences`.

        >>> differences = supreme.report.compare("outputs", "other_outputs")
        >>> differences.query("metric == 'accuracy/forget'")[["method", "difference", "low", "high", "verdict"]]

    Args:
        first: A.
        second: B; differences are B minus A.
        commits: A and B, where they are the rows of `first` that were made at these two commits.
        condition: of which rows, as `supreme report --filter` takes it.

    Raises:
        SupremeError: a directory has no row, or the two have none in common.
    """
    return differences(_pairs([str(one) for one in (first, second) if one is not None], commits, condition))


def compared(asked: Asked, form: str) -> str:
    """The comparison in one of `FORMATS`.

    Raises:
        SupremeError: there is nothing to compare, or no row has what is asked for.
    """
    if form not in FORMATS:
        raise SupremeError(f"two sweeps are not compared in --format {form}: give {', '.join(FORMATS)}")
    pairs = _pairs(asked.directories, asked.commits, asked.condition)
    whole = pd.concat(pairs.frames, ignore_index=True)
    whole.attrs = pairs.frames[1].attrs
    columns = None if asked.metrics is None else columns_asked(asked.metrics, whole)
    endpoints = None if asked.endpoints is None else parse_endpoints(asked.endpoints, whole)
    shown = comparison(pairs, columns, endpoints)
    if form == "csv" and columns is not None:
        metrics = [column.metric for column in found_columns(columns, list(shown.differences["metric"].unique()))]
        shown = replace(shown, differences=shown.differences.loc[shown.differences["metric"].isin(metrics)])
    return FORMATS[form](shown, asked)


def _pairs(directories: Sequence[str], commits: Sequence[str] | None, condition: str | None) -> Pairs:
    if len(directories) > 2:
        raise SupremeError(
            f"two folders are compared, not the {len(directories)} that are given ({', '.join(directories)}): name "
            "two, A and B, as in `supreme report outputs other_outputs`"
        )
    if commits is None:
        if len(directories) < 2:
            raise SupremeError("name two folders, or two commits of one")
        return pairs_of(*two_folders(*directories), condition)
    if len(directories) > 1:
        raise SupremeError(
            f"--commits compares two commits of one folder, and two folders are given ({', '.join(directories)}): "
            "leave one of them out, or --commits"
        )
    return pairs_of(*two_commits(directories[0], *commits), condition)


def _latex(shown: Comparison, asked: Asked) -> str:
    text = as_latex(shown)
    return standalone(text) if asked.standalone else text


FORMATS: Mapping[str, Callable[[Comparison, Asked], str]] = {
    "terminal": lambda shown, asked: plain(on_terminal(shown, asked.width), asked.width),
    "markdown": lambda shown, _: as_markdown(shown),
    "csv": lambda shown, _: as_csv(shown),
    "latex": _latex,
    "html": lambda shown, _: as_html(shown),
}
"""What makes a comparison of each format."""
