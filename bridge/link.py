"""The state of one link to a broker: up or down, the last problem as a sentence, and a log line when that changes."""

from __future__ import annotations

import logging
import random
import time

from bridge import counts

log = logging.getLogger("bridge")

REMIND_S = 300.0
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 5.0
STEADY_S = 10.0
"""A link that was up for this long starts again with short waits."""


class Link:
    """One link to a broker. Down until `up` is called."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_up = False
        self.problem = ""
        self.problem_at: float | None = None
        self._said_at = float("-inf")
        self._up_at = float("inf")
        self._n_failures = 0
        counts.up.labels(name).set(0)

    def up(self, sentence: str) -> None:
        """Say that the link works."""
        if not self.is_up:
            log.info(sentence)
            self._up_at = time.monotonic()
        self.is_up = True
        counts.up.labels(self.name).set(1)

    def down(self, problem: str, *, said_elsewhere: bool = False) -> None:
        """Say that the link does not work, and why: logged when that is new, then rarely."""
        now = time.monotonic()
        if not said_elsewhere and (self.is_up or now - self._said_at > REMIND_S):
            log.warning(problem)
            self._said_at = now
        if self.is_up and now - self._up_at > STEADY_S:
            self._n_failures = 0
        if self.is_up:
            counts.lost.labels(self.name).inc()
        self.is_up, self.problem, self.problem_at = False, problem, time.time()
        counts.up.labels(self.name).set(0)

    def wait_s(self, chance: random.Random) -> float:
        """Return how long to wait before the next attempt, in seconds: doubling, bounded, with jitter."""
        wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**self._n_failures)
        self._n_failures = min(self._n_failures + 1, 16)
        return wait * chance.uniform(0.5, 1.0)

    def state(self) -> dict[str, object]:
        """Return the state for /readyz."""
        return {"up": self.is_up, "last_problem": self.problem, "last_problem_at": self.problem_at}
