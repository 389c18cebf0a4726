"""The average gap of means, as most papers on unlearning print it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from supreme.core import SupremeError
from supreme.report.rows.columns import refuse_unknown
from supreme.report.rows.per_seed import LINE


def average_gap_of_means(table: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One line for each method of each block: |mean - mean of the reference|, averaged over metrics.

    The gap of SalUn (arXiv 2310.12508), DualOptim (arXiv 2504.15827) and others: of forget, retain and test accuracy
    and one attack. It is never larger than the average of the seeds' gaps, `scores/average_gap`: two seeds at 0.94 and
    0.96 beside references at 0.96 and 0.94 have a gap of means of 0. NaN where a metric has no gap to the reference.

        >>> table = supreme.report.summary(supreme.report.load("outputs"))
        >>> columns = ["accuracy/forget", "accuracy/retain", "accuracy/test", "svc_efficacy/confidence"]
        >>> supreme.report.average_gap_of_means(table, columns)

    Args:
        table: what `summary` gives.
        metrics: columns of it, as in `accuracy/forget`.

    Raises:
        SupremeError: no metric is named, or the table has not one of them.
    """
    if not (metrics := list(dict.fromkeys(metrics))):
        raise SupremeError("average_gap_of_means needs the columns that it averages over, as in ['accuracy/forget']")
    for name in metrics:
        refuse_unknown(name, list(table["metric"].unique()))
    of_reference: Any = table.loc[(table["contrast"] == "reference") & table["metric"].isin(metrics)]
    gaps = of_reference.pivot(index=LINE[:-1], columns="metric", values="gap").reindex(columns=metrics)
    average = gaps.abs().mean(axis=1, skipna=False)
    return average.rename("average_gap_of_means").reset_index()
