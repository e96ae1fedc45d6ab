"""Waiting for an effect, instead of sleeping and hoping."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
LOOK_EVERY_S = 0.02
SHARE = 4
"""A look that takes long is followed by a pause so many times as long: looking must not slow down what is looked at."""


def wait_until(condition: Callable[[], T], timeout_s: float, what: str) -> T:
    """Return the first true value of `condition`; fail, saying `what` did not happen, after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    looked_at = time.monotonic()
    while not (value := condition()):
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(max(LOOK_EVERY_S, min(SHARE * (now - looked_at), 1.0)))
        looked_at = time.monotonic()
    return value
