"""The rows that are measured with, how they get into Kafka, and what must come out of them."""

from __future__ import annotations

import asyncio
import csv
import random
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from bench.program import BenchError
from streams.kafka.topics import declare, topics
from streams.settings import Settings
from streams.wire.partition import partitions_of
from streams.wire.rows import PredRow, TrueRow, encode_packet

CHUNK_IDS = 100_000
"""`pairs` of so many ids lie within one second."""


class Record(NamedTuple):
    """A record for Kafka."""

    topic: str
    partition: int
    value: bytes
    key: bytes | None = None


class Pairs(NamedTuple):
    """Both sides of some ids. The ids look like epoch seconds, as those of simple services do."""

    true: list[TrueRow]
    pred: list[PredRow]


def pairs(n_ids: int, at: int) -> Pairs:
    """Return `n_ids` pairs that happened at `at` (epoch seconds), the same each time; each side in an order of its own."""
    chance, ts = random.Random(at), float(at)
    ids = [f"{at + i * 1e-5:.6f}" for i in range(n_ids)]
    true = [TrueRow(name, ts, float(chance.randint(25, 346))) for name in ids]
    pred = [PredRow(name, ts, chance.gauss(152, 60), "ridge-1") for name in ids]
    for start in range(0, n_ids, 300):
        block = pred[start : start + 300]
        chance.shuffle(block)
        pred[start : start + 300] = block
    return Pairs(true, pred)


def many_true(topic: str, n_ids: int, at: int, n_partitions: int, packet_rows: int = 500) -> Iterator[Record]:
    """Yield the Kafka records of the truths of so many ids that holding all at once would take gigabytes."""
    for chunk_at, n in chunks(n_ids, at):
        yield from packets(topic, pairs(n, chunk_at).true, n_partitions, packet_rows)


def chunks(n_ids: int, at: int) -> list[tuple[int, int]]:
    """Return when each chunk of so many ids happens, a second after the one before and all before `at`, and its size."""
    starts = range(0, n_ids, CHUNK_IDS)
    return [(at - len(starts) + i, min(CHUNK_IDS, n_ids - start)) for i, start in enumerate(starts)]


def singles(topic: str, rows: Sequence[TrueRow | PredRow], n_partitions: int) -> list[Record]:
    """Return the Kafka records of some rows as other producers write them: one each, with its id as the key."""
    partitions = partitions_of([row.id for row in rows], n_partitions)
    return [Record(topic, p, encode_packet(row), row.id.encode()) for row, p in zip(rows, partitions, strict=True)]


def packets(topic: str, rows: Sequence[TrueRow | PredRow], n_partitions: int, packet_rows: int) -> list[Record]:
    """Return the Kafka records of some rows: of each partition, `packet_rows` in one."""
    by_partition: list[list[TrueRow | PredRow]] = [[] for _ in range(n_partitions)]
    for row, partition in zip(rows, partitions_of([row.id for row in rows], n_partitions), strict=True):
        by_partition[partition].append(row)
    longest = max(map(len, by_partition), default=0)
    return [
        Record(topic, partition, encode_packet(some[start : start + packet_rows]))
        for start in range(0, longest, packet_rows)
        for partition, some in enumerate(by_partition)
        if some[start:]
    ]


def records(y_true: str, y_pred: str, given: Pairs, n_partitions: int, packet_rows: int) -> list[Record]:
    """Return the Kafka records of both sides, one of one topic, then one of the other; `packet_rows` 1: a row a record."""
    sides = ((y_true, given.true), (y_pred, given.pred))
    if packet_rows == 1:
        both = [singles(topic, side, n_partitions) for topic, side in sides]
    else:
        both = [packets(topic, side, n_partitions, packet_rows) for topic, side in sides]
    return [record for some in zip_longest(*both) for record in some if record]


def load_pairs(settings: Settings, given: Pairs, packet_rows: int = 500) -> None:
    """Declare the topics of `settings` and put both sides into them."""
    names = topics(settings)
    load(settings, records(names.y_true.name, names.y_pred.name, given, settings.partitions, packet_rows))


def load(settings: Settings, records: Iterable[Record]) -> None:
    """Declare the topics of `settings` and put records into them."""
    asyncio.run(declare(settings))
    produce(settings.kafka_address, records)


def produce(kafka: str, records: Iterable[Record], codec: str | None = None) -> None:
    """Put records into Kafka, in batches that are compressed if a codec is named."""
    asyncio.run(_produce(kafka, records, codec))


async def _produce(kafka: str, records: Iterable[Record], codec: str | None) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka, max_batch_size=1 << 20, linger_ms=5, compression_type=codec)
    await producer.start()
    try:
        for record in records:
            await producer.send(record.topic, record.value, key=record.key, partition=record.partition)
        await producer.flush()
    finally:
        await producer.stop()


def check_csv(path: Path, given: Pairs) -> None:
    """Hold a metric log against the rows that went in: each id once, with its values.

    Raises:
        BenchError: it is not so.
    """
    with path.open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    found = {row[0]: (float(row[1]), float(row[2])) for row in rows}
    predicted = {row.id: row.y_pred for row in given.pred}
    expected = {row.id: (row.y_true, predicted[row.id]) for row in given.true if row.id in predicted}
    if len(rows) != len(found) or found != expected:
        missing, foreign = len(expected.keys() - found.keys()), len(found.keys() - expected.keys())
        raise BenchError(
            f"{path.name} is wrong: {len(rows)} rows, {len(found)} ids, {missing} missing, {foreign} foreign"
        )


def check_long_csv(path: Path, given: Iterator[Pairs]) -> None:
    """Hold a metric log against rows that are too many to hold at once; they went in as `given` yields them.

    Raises:
        BenchError: it does not hold each id once, with its values.
    """
    expected: dict[str, tuple[float, float]] = {}
    with path.open(newline="") as file:
        found = csv.reader(file)
        next(found)
        for row_id, y_true, y_pred, _ in found:
            while row_id not in expected and (chunk := next(given, None)) is not None:
                predicted = {row.id: row.y_pred for row in chunk.pred}
                expected.update({row.id: (row.y_true, predicted[row.id]) for row in chunk.true})
            if expected.pop(row_id, None) != (float(y_true), float(y_pred)):
                raise BenchError(
                    f"{path.name} is wrong: the row of {row_id} is foreign, there twice, or has other values"
                )
    n_missing = len(expected) + sum(len(chunk.true) for chunk in given)
    if n_missing:
        raise BenchError(f"{path.name} is wrong: {n_missing} ids are missing")


class Lines:
    """Counts the lines of a file that grows, reading each part once."""

    def __init__(self, path: Path) -> None:
        self._path, self._n_read, self._n_lines = path, 0, 0

    def count(self) -> int:
        """Return how many there are by now."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._n_read)
                new = file.read()
            self._n_read += len(new)
            self._n_lines += new.count(b"\n")
        return self._n_lines
