"""Rebuilding the house moves no key: what users have computed is found again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.recorded_keys import moved, recorded

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_no_key_of_the_recorded_plan_has_moved() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.recorded_keys"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), f"{done.stdout}{done.stderr}"


def test_another_key_counts_as_moved_and_a_new_component_does_not() -> None:
    before = recorded()
    assert moved(before, {**before, "method new": "0"}) == []
    assert moved(before, {**before, "metric zrf": "0"}) == ["metric zrf"]
    assert moved(before, {name: key for name, key in before.items() if name != "metric zrf"}) == ["metric zrf"]
