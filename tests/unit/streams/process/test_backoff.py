"""Waits between attempts."""

from __future__ import annotations

import random

from streams.process.backoff import LONGEST_S, Backoff


def test_waits_double_are_bounded_and_differ() -> None:
    backoff = Backoff(random.Random(7))

    waits = [backoff.next_s() for _ in range(12)]

    assert waits[0] < 0.3
    assert all(LONGEST_S / 2 <= wait <= LONGEST_S for wait in waits[6:])
    assert len(set(waits)) == len(waits)


def test_after_a_reset_waits_are_short_again() -> None:
    backoff = Backoff(random.Random(7))
    for _ in range(2000):
        backoff.next_s()

    backoff.reset()

    assert backoff.next_s() < 0.3
