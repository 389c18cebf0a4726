"""`import supreme` is for nothing: what it offers is imported when it is asked for."""

from __future__ import annotations

import subprocess
import sys

import supreme

HEAVY = ("torch", "pandas", "hydra", "omegaconf", "numpy", "rich")

FRESH = f"""
import sys, time
start = time.process_time()
import supreme
seconds = time.process_time() - start
print(seconds, *(name for name in {HEAVY} if name in sys.modules))
assert {{*supreme.__all__}} <= {{*dir(supreme)}}
"""


def test_importing_takes_less_than_50_milliseconds_and_imports_nothing_heavy() -> None:
    seconds, *heavy = subprocess.run(
        [sys.executable, "-c", FRESH], check=True, capture_output=True, text=True
    ).stdout.split()
    assert not heavy
    assert float(seconds) < 0.05


def test_everything_that_it_offers_is_there_and_documented() -> None:
    for name in supreme.__all__:
        assert getattr(supreme, name).__doc__, name


def test_loading_is_what_the_reports_load_with() -> None:
    from supreme.report import load

    assert supreme.load is load
