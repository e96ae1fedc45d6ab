"""Waiting for an effect, instead of sleeping and hoping."""

from __future__ import annotations

import asyncio
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


async def until(condition: Callable[[], object], timeout_s: float) -> None:
    """Let the loop go on until something holds; fail after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout_s:g} s"
        await asyncio.sleep(0.001)
