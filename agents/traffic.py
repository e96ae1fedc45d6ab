"""What the data driver sends and when: rows of a data set, their truths later. Pure: clock and chance are given."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from streams.records import FeaturesRow, TrueRow
from streams.settings import Kind

MAX_LAG_S = 1.0
"""How far the schedule may fall behind the clock, in seconds: what an outage cost beyond that is not caught up."""


class Message(NamedTuple):
    """One body for one queue, to be sent at `due` (UTC epoch seconds)."""

    due: float
    queue: Kind
    body: bytes


class Traffic:
    """Features at a steady rate, each followed by its truth `label_delay` seconds later.

    The truth's ts is when it became known, so |ts(y_true) - ts(y_pred)| is `label_delay`. One seed draws the same
    rows, whatever the shares are.

    Args:
        rows: what is drawn from, with replacement: features and truth.
        tail: digits that end every id and set this driver apart from others that started in the same microsecond.
        rate: rows/s. A clock that is ahead of the schedule is followed in bursts, up to `MAX_LAG_S`.
        count: number of rows; None goes on for ever.
        label_delay: seconds, the same for every row.
        duplicate_rate: share of messages of both queues that are sent twice.
        missing_rate: share of truths that are never sent.

    Raises:
        ValueError: a number is out of its range.
    """

    def __init__(
        self,
        rows: Sequence[tuple[list[float], float]],
        rng: random.Random,
        clock: Callable[[], float],
        tail: str,
        *,
        rate: float,
        count: int | None,
        label_delay: float,
        duplicate_rate: float,
        missing_rate: float,
    ) -> None:
        _check(rate, count, label_delay, duplicate_rate, missing_rate)
        self._rows = rows
        self._rng = rng
        self._clock = clock
        self._tail = tail
        self._step = 1 / rate
        self._count = count
        self._label_delay = label_delay
        self._duplicate_rate = duplicate_rate
        self._missing_rate = missing_rate
        self._last_us = 0
        self.held: deque[Message] = deque()
        """Truths whose time has not come."""

    def __iter__(self) -> Iterator[Message]:
        """Yield messages in the order in which they are due. The clock is read as they are asked for."""
        due = self._clock()
        n_rows = 0
        while self._count is None or n_rows < self._count:
            while self.held and self.held[0].due <= due:
                yield self.held.popleft()
            yield from self._row(due)
            n_rows += 1
            now = self._clock()
            due = min(max(due + self._step, now - MAX_LAG_S), now + self._step)
        while self.held:
            yield self.held.popleft()

    def _row(self, ts: float) -> list[Message]:
        """Draw one row: hold its truth, return its features message, once or twice."""
        features, y_true = self._rng.choice(self._rows)
        twice, missing, truth_twice = self._rng.random(), self._rng.random(), self._rng.random()
        row_id = self._new_id(ts)
        if missing >= self._missing_rate:
            known = ts + self._label_delay
            truth = Message(known, "y_true", msgspec.json.encode(TrueRow(row_id, known, y_true)))
            self.held.extend([truth] * (1 + (truth_twice < self._duplicate_rate)))
        message = Message(ts, "features", msgspec.json.encode(FeaturesRow(row_id, ts, features)))
        return [message] * (1 + (twice < self._duplicate_rate))

    def _new_id(self, ts: float) -> str:
        """Return epoch seconds as text: microseconds that strictly increase, then the driver's tail."""
        self._last_us = max(self._last_us + 1, round(ts * 1e6))
        seconds, us = divmod(self._last_us, 1_000_000)
        return f"{seconds}.{us:06d}{self._tail}"


def _check(rate: float, count: int | None, label_delay: float, duplicate_rate: float, missing_rate: float) -> None:
    if not 0 < rate < float("inf"):
        raise ValueError(f"rate is {rate}: it must be a number of rows/s above 0.")
    if count is not None and count < 1:
        raise ValueError(f"count is {count}: it must be at least 1.")
    if not 0 <= label_delay < float("inf"):
        raise ValueError(f"label_delay is {label_delay}: it must be a number of seconds, 0 or more.")
    for name, share in (("duplicate_rate", duplicate_rate), ("missing_rate", missing_rate)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} is {share}: it must be a share from 0 to 1.")
