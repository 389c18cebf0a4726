"""Processes that tests watch, wait for, and have killed in the middle of a call."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import psutil

Found = TypeVar("Found")

KILLED_IN_CALL = """
import os, signal

def killed_in_call(name, left):
    original = getattr(os, name)

    def deadly(*arguments, **options):
        nonlocal left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    setattr(os, name, deadly)
"""
"""Code for another process: after `killed_in_call("rename", 3)` its third `os.rename` is its death."""


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def within(seconds: float, condition: Callable[[], object]) -> bool:
    """Whether it comes to be so in this time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def wait_for(condition: Callable[[], Found], seconds: float = 200.0) -> Found:
    """The first value of the condition that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)
    return found
