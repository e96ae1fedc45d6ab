"""What the data driver sends and when: rows of a data set, their truths later. Pure: clock and chance are given."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from commands.driver.delay import NONE, LabelDelay
from streams.kinds import Kind
from streams.wire.rows import FeaturesRow
from streams.wire.tags import NO_TAGS

MAX_LAG_S = 1.0
"""How far the schedule may fall behind the clock, in seconds: what an outage cost beyond that is not caught up."""


class Message(NamedTuple):
    """One body for one queue, to be sent at `due` (UTC epoch seconds)."""

    due: float
    queue: Kind
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How much is sent, and what goes wrong on the way.

    Args:
        rate: rows/s.
        count: number of rows; None goes on for ever.
        label_delay: how much later than its features each truth is sent.
        duplicate_rate: share of messages, of both queues, that are sent twice.
        missing_rate: share of truths that are never sent.
        bad_rate: share of truths that are sent as text which is no number.
        drift_at: when what follows begins, in seconds after the first row.
        drift: how many times as far apart the truths lie, about their mean.
        bias: by how much the truths are lower, so that a model's predictions are too high by it.
        tags: by key, the values of which each row of features has one.

    Raises:
        ValueError: a number is out of its range.
    """

    rate: float = 5.0
    count: int | None = None
    label_delay: LabelDelay = NONE
    duplicate_rate: float = 0.0
    missing_rate: float = 0.0
    bad_rate: float = 0.0
    drift_at: float = 0.0
    drift: float = 1.0
    bias: float = 0.0
    tags: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"The rate is {self.rate}: it must be a number of rows/s above 0.")
        if self.count is not None and self.count < 1:
            raise ValueError(f"The count is {self.count}: it must be at least 1.")
        shares = {"duplicate": self.duplicate_rate, "missing": self.missing_rate, "bad": self.bad_rate}
        for name, share in shares.items():
            if not 0 <= share <= 1:
                raise ValueError(f"The {name} rate is {share}: it must be a share from 0 to 1.")
        if not 0 <= self.drift_at < float("inf"):
            raise ValueError(f"The drift begins at {self.drift_at}: it must be a number of seconds, 0 or more.")
        if not 0 < self.drift < float("inf"):
            raise ValueError(f"The drift is {self.drift}: it must be a number above 0; 1 is none.")
        if not abs(self.bias) < float("inf"):
            raise ValueError(f"The bias is {self.bias}: it must be a number.")


def parse_tags(texts: Sequence[str]) -> dict[str, list[str]]:
    """Return tags by key as they are typed: `country=DE,FR`.

    Raises:
        ValueError: a text is none.
    """
    found = {}
    for text in texts:
        key, _, values = text.partition("=")
        named = [value.strip() for value in values.split(",") if value.strip()]
        if not key.strip() or not named:
            raise ValueError(f"--tag is a key and its values, such as country=DE,FR, not {text!r}.")
        found[key.strip()] = named
    return found


class Traffic:
    """Features at a steady rate, each followed by its truth.

    The truth's ts is when it became known, so |ts(y_true) - ts(y_pred)| is what the plan's `label_delay` draws. One
    seed draws the same rows, whatever else the plan says. A schedule that fell behind the clock is caught up in a burst.

    Args:
        rows: what is drawn from, with replacement: features and truth.
        clock: returns UTC epoch seconds.
        tail: digits that end every id, and so set this driver apart from others.
    """

    def __init__(
        self,
        plan: Plan,
        rows: Sequence[tuple[list[float], float]],
        rng: random.Random,
        clock: Callable[[], float],
        tail: str,
    ) -> None:
        self._plan = plan
        self._rows = rows
        self._rng = rng
        seed = rng.random()
        self._delays, self._tags = random.Random(seed), random.Random(seed + 1)
        self._mean = sum(y_true for _, y_true in rows) / len(rows)
        self._clock = clock
        self._tail = tail
        self._last_us = 0
        self._drift_from = float("inf")
        self.held: list[Message] = []
        """Truths of rows that were taken, whose own time has not come: a heap by time."""

    def __iter__(self) -> Iterator[Message]:
        """Yield messages in the order in which they are due. The clock is read as they are asked for."""
        step_s = 1 / self._plan.rate
        due = self._clock()
        self._drift_from = due + self._plan.drift_at
        for _ in itertools.repeat(None) if self._plan.count is None else range(self._plan.count):
            while self.held and self.held[0].due <= due:
                yield heapq.heappop(self.held)
            features, truths = self._row(due)
            yield from features
            for truth in truths:
                heapq.heappush(self.held, truth)
            now = self._clock()
            due = min(max(due + step_s, now - MAX_LAG_S), now + step_s)
        while self.held:
            yield heapq.heappop(self.held)

    def _row(self, ts: float) -> tuple[list[Message], list[Message]]:
        """Draw one row: return the messages of its features and those of its truth."""
        features, y_true = self._rng.choice(self._rows)
        twice, missing, truth_twice, bad = (self._rng.random() for _ in range(4))
        row_id = self._new_id(ts)
        known = ts + self._plan.label_delay.draw(self._delays)
        if ts >= self._drift_from:
            y_true = self._mean + self._plan.drift * (y_true - self._mean) - self._plan.bias
        body = {"id": row_id, "ts": known, "y_true": "n/a" if bad < self._plan.bad_rate else y_true}
        row = FeaturesRow(row_id, ts, [*features], self._drawn_tags() if self._plan.tags else NO_TAGS)
        message = Message(ts, "features", msgspec.json.encode(row))
        truth = Message(known, "y_true", msgspec.json.encode(body))
        n_truths = 0 if missing < self._plan.missing_rate else 1 + (truth_twice < self._plan.duplicate_rate)
        return [message] * (1 + (twice < self._plan.duplicate_rate)), [truth] * n_truths

    def _drawn_tags(self) -> msgspec.Raw:
        drawn = {key: self._tags.choice(values) for key, values in self._plan.tags.items()}
        return msgspec.Raw(msgspec.json.encode(drawn))

    def _new_id(self, ts: float) -> str:
        """Return epoch seconds as text: microseconds that strictly increase, then the driver's tail."""
        self._last_us = max(self._last_us + 1, round(ts * 1e6))
        seconds, us = divmod(self._last_us, 1_000_000)
        return f"{seconds}.{us:06d}{self._tail}"
