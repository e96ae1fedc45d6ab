"""The state of one link to a broker, or to a disk: up or down, the problem as a sentence, a log line when that changes."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from streams.process.backoff import Backoff
from streams.process.log_throttle import NEVER_HELD_BACK

Event = Literal["new", "up", "lost"]
REMIND_S = 300.0
MOST_REASONS = 20
"""As many of one outage are told apart."""
_NUMBER = re.compile(r"\d+")
STEADY_S = 10.0
"""A link that was up for this long starts again with short waits."""


class Link:
    """One link. `problem` says what is wrong with it now; empty while nothing is known to be.

    Args:
        name: for people, and for `count`.
        log: where it is said that the link went down, or works again.
        count: is told its name and what happened to it, for the metrics.
        is_up: taken to work until `down` is called, so that nothing is said of it before.
    """

    def __init__(
        self,
        name: str,
        log: logging.Logger,
        count: Callable[[str, Event], None] = lambda name, event: None,
        *,
        is_up: bool = False,
    ):
        self.name, self.is_up = name, is_up
        self.problem = self.last_problem = ""
        self.last_problem_at: float | None = None
        self._log, self._count = log, count
        self._backoff = Backoff()
        self._said_at: dict[str, float] = {}
        self._up_since = float("-inf")
        count(name, "new")

    def up(self, sentence: str) -> None:
        """Say that the link works."""
        if not self.is_up:
            self._log.info(sentence)
            self._up_since = time.monotonic()
            self._count(self.name, "up")
        self.is_up, self.problem = True, ""

    def down(self, problem: str, *, said_elsewhere: bool = False) -> None:
        """Say that the link does not work, and why: logged when either is new, then rarely."""
        now = time.monotonic()
        if self.is_up:
            self._said_at.clear()
        if not said_elsewhere and self._is_new(problem, now):
            self._log.warning(problem, extra=NEVER_HELD_BACK)
        if self.is_up and now - self._up_since > STEADY_S:
            self._backoff.reset()
        if self.is_up:
            self._count(self.name, "lost")
        self.is_up, self.problem, self.last_problem, self.last_problem_at = False, problem, problem, time.time()

    def _is_new(self, problem: str, now: float) -> bool:
        """Tell whether a reason was not given for long. One that differs in its numbers alone is the same."""
        reason = _NUMBER.sub("0", problem)
        if now - self._said_at.get(reason, float("-inf")) <= REMIND_S:
            return False
        if len(self._said_at) >= MOST_REASONS:
            self._said_at.clear()
        self._said_at[reason] = now
        return True

    @contextmanager
    def answers_within(
        self, within_s: float, otherwise: str, n_answered: Callable[[], int] = lambda: 0
    ) -> Iterator[None]:
        """Call `down(otherwise)` whenever nothing is answered for that long inside; it goes on all the same."""
        loop = asyncio.get_running_loop()
        late: list[asyncio.TimerHandle] = []

        def look(n_before: int) -> None:
            n_now = n_answered()
            if n_now == n_before:
                self.down(otherwise)
            late[:] = [loop.call_later(within_s, look, n_now)]

        late.append(loop.call_later(within_s, look, n_answered()))
        try:
            yield
        finally:
            late[0].cancel()

    async def pause(self) -> None:
        """Wait before the next attempt: doubling, bounded, with jitter."""
        await self._backoff.pause()

    def state(self) -> dict[str, object]:
        """Return the state for /readyz."""
        return {"up": self.is_up, "last_problem": self.last_problem, "last_problem_at": self.last_problem_at}
