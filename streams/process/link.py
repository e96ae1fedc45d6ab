"""The state of one link to a broker, or to a disk: up or down, the problem as a sentence, a log line when that changes."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal
from weakref import WeakSet

from streams.process.backoff import Backoff
from streams.process.log_throttle import NEVER_HELD_BACK

Event = Literal["new", "up", "lost"]
REMIND_S = 300.0
MOST_REASONS = 20
"""As many of one outage are told apart."""
_NUMBER = re.compile(r"\d+")
STEADY_S = 10.0
"""A link that was up for this long starts again with short waits."""


class Said:
    """What was said of one outage: each reason once, whichever of the links that share this gives it.

    Args:
        all_up: what is said once none of them is down any more, in place of what the last one would say.
    """

    def __init__(self, all_up: str = "") -> None:
        self._all_up = all_up
        self._at: dict[str, float] = {}
        self._down: WeakSet[Link] = WeakSet()

    def down(self, link: Link) -> None:
        """Note that a link is down; an outage begins if it is the first one."""
        if not self._down:
            self._at.clear()
        self._down.add(link)

    def up(self, link: Link, sentence: str) -> str:
        """Note that a link is up; return what is to be said, empty while another one is down."""
        self._down.discard(link)
        return "" if self._down else self._all_up or sentence

    def is_new(self, problem: str) -> bool:
        """Tell whether a reason was not given for long. One that differs in its numbers alone is the same."""
        reason, now = _NUMBER.sub("0", problem), time.monotonic()
        if now - self._at.get(reason, float("-inf")) <= REMIND_S:
            return False
        if len(self._at) >= MOST_REASONS:
            self._at.clear()
        self._at[reason] = now
        return True


class Link:
    """One link. `problem` says what is wrong with it now; empty while nothing is known to be.

    Args:
        name: for people, and for `count`.
        log: where it is said that the link went down, or works again.
        count: is told its name and what happened to it, for the metrics.
        is_up: taken to work until `down` is called, so that nothing is said of it before.
        said: what was said of it, if other links share that.
    """

    def __init__(
        self,
        name: str,
        log: logging.Logger,
        count: Callable[[str, Event], None] = lambda name, event: None,
        *,
        is_up: bool = False,
        said: Said | None = None,
    ):
        self.name, self.is_up = name, is_up
        self.problem = self.last_problem = ""
        self.last_problem_at: float | None = None
        self._log, self._count = log, count
        self._backoff = Backoff()
        self._said = said or Said()
        self._up_since = float("-inf")
        count(name, "new")

    def up(self, sentence: str) -> None:
        """Say that the link works."""
        if not self.is_up:
            if told := self._said.up(self, sentence):
                self._log.info(told)
            self._up_since = time.monotonic()
            self._count(self.name, "up")
        self.is_up, self.problem = True, ""

    def down(self, problem: str, *, said_elsewhere: bool = False) -> None:
        """Say that the link does not work, and why: logged when either is new, then rarely."""
        if self.is_up:
            self._said.down(self)
            self._count(self.name, "lost")
            if time.monotonic() - self._up_since > STEADY_S:
                self._backoff.reset()
        if not said_elsewhere and self._said.is_new(problem):
            self._log.warning(problem, extra=NEVER_HELD_BACK)
        self.is_up, self.problem, self.last_problem, self.last_problem_at = False, problem, problem, time.time()

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
