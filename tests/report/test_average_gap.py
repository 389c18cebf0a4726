"""The average gap of means of a summary, and the population SD beside the sample SD."""

import math

import pandas as pd
import pytest
from tidy_frames import frame

from supreme.core import SupremeError
from supreme.report import average_gap_of_means, summary

METRICS = ("accuracy/forget", "accuracy/test")
VALUES = {"a": [(0.94, 0.96), (0.96, 0.94)], "b": [(0.90, 0.96), (0.92, 0.94)]}


def of_two_metrics(second: dict[str, list[tuple[float, float]]]) -> pd.DataFrame:
    return summary(pd.concat([frame(VALUES, METRICS[0]), frame(second, METRICS[1])], ignore_index=True))


def test_gaps_of_seeds_that_cancel_leave_no_gap_of_means() -> None:
    found = average_gap_of_means(of_two_metrics(VALUES), METRICS[:1]).set_index("method")["average_gap_of_means"]
    assert found["a"] == pytest.approx(0)
    assert found["b"] == pytest.approx(0.04)


def test_the_average_takes_the_absolute_gap_of_each_metric() -> None:
    higher = {method: [(1 - value, 1 - reference) for value, reference in pairs] for method, pairs in VALUES.items()}
    higher["b"] = [(0.99, 0.91), (0.99, 0.91)]
    found = average_gap_of_means(of_two_metrics(higher), METRICS).set_index("method")["average_gap_of_means"]
    assert found["b"] == pytest.approx((0.04 + 0.08) / 2)
    assert set(found.index) == {"a", "b", "original"}


def test_a_method_without_one_of_the_metrics_has_no_average() -> None:
    found = average_gap_of_means(of_two_metrics({"a": VALUES["a"]}), METRICS).set_index("method")
    assert math.isnan(found["average_gap_of_means"]["b"])
    assert not math.isnan(found["average_gap_of_means"]["a"])


@pytest.mark.parametrize(
    ("metrics", "told"), [([], "needs the columns"), (["accuracy/forgot"], "did you mean accuracy/forget?")]
)
def test_metrics_that_are_not_there_are_refused(metrics: list[str], told: str) -> None:
    with pytest.raises(SupremeError, match=told.replace("?", r"\?")):
        average_gap_of_means(of_two_metrics(VALUES), metrics)


def test_the_population_sd_is_over_n_and_the_sd_over_one_less() -> None:
    table = of_two_metrics(VALUES)
    (line,) = table.query("method == 'b' and metric == 'accuracy/forget'").to_dict("records")
    assert line["sd"] == pytest.approx(0.02 / math.sqrt(2))
    assert line["sd_population"] == pytest.approx(0.01)
