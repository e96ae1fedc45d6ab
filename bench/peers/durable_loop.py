"""The join as a durable loop by hand: what a Python engineer would write in an afternoon. The store is a module's own.

Rows, offsets and the length of the CSV are one transaction of the store, so that a kill leaves each id once. It has no
log to come back from without its file, no second worker, and no late or conflicting rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import msgspec
from confluent_kafka import Consumer, Message, TopicPartition

from bench.peers import given

N_AT_ONCE, WAIT_S = 50_000, 0.1
WINDOW_S = 3600.0
TOPICS = (f"{given.APP}-y_true", f"{given.APP}-y_pred")
Position = tuple[str, int]
Pair = tuple[str, float, float]


class Row(msgspec.Struct, gc=False):
    """Either side of one id."""

    id: str
    ts: float
    y_true: float | None = None
    y_pred: float | None = None


class Store(Protocol):
    """Where rows wait, with the next offset of each partition and the size of the CSV."""

    def positions(self) -> dict[Position, int]:
        """Return the offset that each partition goes on at."""

    def csv_bytes(self) -> int:
        """Return how long the CSV is."""

    def transaction(self) -> AbstractContextManager[object]:
        """Keep what is done meanwhile, all of it or nothing."""

    def join(self, rows: list[Row]) -> Iterable[Pair]:
        """Take rows; return the pairs that they complete. A row that came before changes nothing."""

    def move_on(self, positions: dict[Position, int], csv_bytes: int) -> None:
        """Keep positions and the size of the CSV."""

    def forget(self, before: float) -> None:
        """Forget ids whose newest row is older than that."""


_decode = msgspec.json.Decoder(Row | list[Row]).decode


def run(store: Store) -> None:
    """Join for ever."""
    positions = store.positions()
    consumer = Consumer({"bootstrap.servers": given.KAFKA, "group.id": given.APP, "enable.auto.commit": False})
    consumer.assign([TopicPartition(t, p, positions.get((t, p), 0)) for t in TOPICS for p in range(given.N_PARTITIONS)])
    forgotten_to = 0.0
    with given.CSV.open("ab") as log:
        log.truncate(store.csv_bytes())
        if not log.tell():
            log.write(given.HEADER.encode())
        while True:
            messages = consumer.consume(N_AT_ONCE, WAIT_S)
            if not messages:
                continue
            given.note_beginning()
            rows = list(_rows(messages, positions))
            with store.transaction():
                pairs = store.join(rows)
                log.write("".join([given.line(*pair) for pair in pairs]).encode())
                log.flush()
                os.fsync(log.fileno())
                store.move_on(positions, log.tell())
                now = rows[-1].ts
                if now > forgotten_to + WINDOW_S / 60:
                    forgotten_to = now
                    store.forget(now - WINDOW_S)


def _rows(messages: list[Message], positions: dict[Position, int]) -> Iterator[Row]:
    """Yield the rows of some messages; `positions` move on with them."""
    for message in messages:
        if message.error():
            raise RuntimeError(message.error().str())
        found = _decode(message.value())
        if isinstance(found, list):
            yield from found
        else:
            yield found
        positions[message.topic(), message.partition()] = message.offset() + 1
