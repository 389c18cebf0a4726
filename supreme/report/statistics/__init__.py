"""The statistics of the report: pure functions that an auditor can call.

The training seed is the unit of replication. Where values of several draws are given (forget set, method or evaluation,
within one training seed) the first axis is the training seed, and the other axes are averaged away before anything is
inferred: more draws within a seed never narrow an interval as more seeds would.

One seed gives no interval: the answer is None, never NaN. Impossible input raises ValueError.
"""

from supreme.report.statistics.contrasts import Verdict
from supreme.report.statistics.evidence import Equivalence, delta_star, sign_flip_p, tost, verdict
from supreme.report.statistics.intervals import (
    Gap,
    Interval,
    gap_interval,
    mean_interval,
    summary_gap_interval,
    wilson_interval,
)
from supreme.report.statistics.many import (
    benjamini_hochberg,
    critical_difference,
    friedman,
    holm,
    interquartile_mean,
    probability_of_improvement,
)
from supreme.report.statistics.variance import VarianceComponents, variance_components, variance_of_mean

__all__ = [
    "Equivalence",
    "Gap",
    "Interval",
    "VarianceComponents",
    "Verdict",
    "benjamini_hochberg",
    "critical_difference",
    "delta_star",
    "friedman",
    "gap_interval",
    "holm",
    "interquartile_mean",
    "mean_interval",
    "probability_of_improvement",
    "sign_flip_p",
    "summary_gap_interval",
    "tost",
    "variance_components",
    "variance_of_mean",
    "verdict",
    "wilson_interval",
]
