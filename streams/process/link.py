"""The state of one link to a broker: up or down, the last problem as a sentence, and a log line when that changes."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import Literal

Event = Literal["new", "up", "lost"]
REMIND_S = 300.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0
STEADY_S = 10.0
"""A link that was up for this long starts again with short waits."""


class Link:
    """One link to a broker. Down until `up` is called.

    Args:
        name: for people, and for `count`.
        log: where it is said that the link went down, or works again.
        count: is told its name and what happened to it, for the metrics.
    """

    def __init__(self, name: str, log: logging.Logger, count: Callable[[str, Event], None] = lambda name, event: None):
        self.name, self._log, self._count = name, log, count
        self.is_up = False
        self.problem = ""
        self.problem_at: float | None = None
        self._said_at = float("-inf")
        self._up_at = float("inf")
        self._n_failures = 0
        count(name, "new")

    def up(self, sentence: str) -> None:
        """Say that the link works."""
        if not self.is_up:
            self._log.info(sentence)
            self._up_at = time.monotonic()
            self._count(self.name, "up")
        self.is_up = True

    def down(self, problem: str, *, said_elsewhere: bool = False) -> None:
        """Say that the link does not work, and why: logged when that is new, then rarely."""
        now = time.monotonic()
        if not said_elsewhere and (self.is_up or now - self._said_at > REMIND_S):
            self._log.warning(problem)
            self._said_at = now
        if self.is_up and now - self._up_at > STEADY_S:
            self._n_failures = 0
        if self.is_up:
            self._count(self.name, "lost")
        self.is_up, self.problem, self.problem_at = False, problem, time.time()

    def wait_s(self, chance: random.Random) -> float:
        """Return how long to wait before the next attempt, in seconds: doubling, bounded, with jitter."""
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**self._n_failures)
        self._n_failures = min(self._n_failures + 1, 16)
        return wait * chance.uniform(0.5, 1.0)

    def state(self) -> dict[str, object]:
        """Return the state for /readyz."""
        return {"up": self.is_up, "last_problem": self.problem, "last_problem_at": self.problem_at}
