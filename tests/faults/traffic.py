"""What the load publishes: pairs in any order, some rows twice, some ids with one side only, some bytes of nonsense."""

from __future__ import annotations

import heapq
import json
import random
from collections.abc import Callable, Iterator
from typing import NamedTuple

from tests.faults.ledger import Message

QUEUES = ("y_true", "y_pred")
APART = 25.0
"""How many ids later the other side of an id may be published."""
MOST_ROWS = 12


class Mix(NamedTuple):
    """Shares of the ids, and of the rows, that are not as they should be."""

    lone: float = 0.02
    twice: float = 0.03
    unreadable: float = 0.01


class Traffic:
    """An endless supply of messages, drawn from one seed; `clock` gives each id its ts."""

    def __init__(self, prefix: str, chance: random.Random, clock: Callable[[], float], mix: Mix) -> None:
        self.prefix, self._chance, self._clock, self._mix = prefix, chance, clock, mix
        self._held: list[tuple[float, int, str, tuple[str, float, float]]] = []
        self.n_ids = 0

    def messages(self, n_ids: int) -> list[Message]:
        """Return the messages of so many further ids, and those that were held back until now."""
        for _ in range(n_ids):
            self._draw()
        return self._ripe(self.n_ids)

    def rest(self) -> list[Message]:
        """Return what is still held back."""
        return self._ripe(float("inf"))

    def _draw(self) -> None:
        chance, n = self._chance, self.n_ids
        self.n_ids += 1
        row_id, ts = f"{self.prefix}-{n}", self._clock()
        sides = list(zip(QUEUES, (float(n), n + 0.5), strict=True))
        if chance.random() < self._mix.lone:
            sides = [chance.choice(sides)]
        for queue, y in sides:
            for _ in range(2 if chance.random() < self._mix.twice else 1):
                heapq.heappush(self._held, (n + chance.uniform(0, APART), len(self._held), queue, (row_id, ts, y)))

    def _ripe(self, until: float) -> list[Message]:
        rows: dict[str, list[tuple[str, float, float]]] = {queue: [] for queue in QUEUES}
        while self._held and self._held[0][0] <= until:
            _, _, queue, row = heapq.heappop(self._held)
            rows[queue].append(row)
        messages = [message for queue in QUEUES for message in self._packed(queue, rows[queue])]
        self._chance.shuffle(messages)
        return messages

    def _packed(self, queue: str, rows: list[tuple[str, float, float]]) -> Iterator[Message]:
        chance = self._chance
        while rows:
            n = chance.choice([1, 1, MOST_ROWS])
            some, rows = rows[:n], rows[n:]
            bad = []
            if chance.random() < self._mix.unreadable * len(some):
                bad = [f'{{"id":"bad-{some[0][0]}-{chance.randrange(10**9)}","{queue}":NaN}}']
            yield _message(queue, some, bad)


def _message(queue: str, rows: list[tuple[str, float, float]], bad: list[str]) -> Message:
    pieces = [json.dumps({"id": row_id, "ts": ts, queue: y}) for row_id, ts, y in rows] + bad
    body = pieces[0] if len(pieces) == 1 else "[" + ",".join(pieces) + "]"
    return Message(queue, body.encode(), rows, bad)
