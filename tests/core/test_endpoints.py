"""Endpoints are declared in a config, a row or on the command line, and mean the same in each."""

from __future__ import annotations

import pytest

from supreme.core import SupremeError
from supreme.core.endpoints import Endpoints, role_of

DECLARED = Endpoints({"accuracy/forget": 0.02, "js_divergence/forget": None})


@pytest.mark.parametrize(
    ("metric", "role"),
    [
        ("accuracy/forget", "memory"),
        ("accuracy/forget_test", "memory"),
        ("accuracy/retain", "utility"),
        ("accuracy/retain_test", "utility"),
        ("accuracy/test", "utility"),
        ("js_divergence/test", "utility"),
        ("accuracy/test (batch=3)", "utility"),
        ("membership/auc", "memory"),
        ("scores/tug_of_war", "memory"),
        ("linear_cka/reference", "memory"),
    ],
)
def test_what_speaks_of_the_forget_set_is_memory_and_other_accuracies_are_utility(metric: str, role: str) -> None:
    assert role_of(metric) == role


def test_text_config_and_row_say_the_same() -> None:
    assert Endpoints.from_text("accuracy/forget=0.02, js_divergence/forget=relative") == DECLARED
    told = {"accuracy/forget": 0.02, "js_divergence/forget": "relative", "membership/auc": None}
    assert Endpoints.of(told) == DECLARED
    assert Endpoints.of("accuracy/forget=0.02,js_divergence/forget=relative", 0.25) == DECLARED
    assert Endpoints.of(**DECLARED.record()) == DECLARED


@pytest.mark.parametrize(
    "margins",
    [
        {"accuracy/forget": 0},
        {"accuracy/forget": -0.1},
        {"accuracy/forget": float("nan")},
        {"accuracy/forget": "much"},
        {"accuracy/forget": True},
        "accuracy/forget",
        "=0.02",
        "accuracy/forget=",
    ],
)
def test_what_is_no_margin_is_refused(margins: object) -> None:
    with pytest.raises(SupremeError, match=r"declares no endpoint: give a metric and a margin above 0"):
        Endpoints.of(margins)


def test_utility_needs_a_number_and_the_share_that_may_be_left_lies_between_0_and_1() -> None:
    with pytest.raises(SupremeError, match=r"accuracy/test=relative is no margin: .*as in accuracy/test=0.01"):
        Endpoints.of({"accuracy/test": "relative"})
    for share in (0, 1, "half", None):
        with pytest.raises(SupremeError, match=r"most_left=.* is not allowed: give a share between 0 and 1"):
            Endpoints.of({}, share)
    with pytest.raises(SupremeError, match=r"report.margins=3 is not allowed"):
        Endpoints.of(3)
