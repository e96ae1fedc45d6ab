"""Fetching from a real Kafka: every record once and in order, whatever it is compressed with and whoever wrote it."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from streams.kafka import client
from streams.kafka import fetcher as module
from streams.kafka.fetcher import TP, Batch, Fetcher
from streams.kafka.offsets import positions
from streams.settings import load
from tests.brokers import Brokers
from tests.waiting import until

WITHIN_S = 30.0


class Seen:
    """What was delivered, by partition; it is held until `release`."""

    def __init__(self) -> None:
        self.values: dict[TP, list[bytes | None]] = {}
        self.batches: list[Batch] = []
        self.ends: dict[TP, int] = {}
        self.releases = True
        self._came = asyncio.Event()

    def deliver(self, batch: Batch) -> None:
        self.batches.append(batch)
        self.values.setdefault(batch.tp, []).extend(record.value() for record in batch.records)
        if batch.is_last:
            self.ends[batch.tp] = batch.end
        if self.releases:
            batch.held.n_released += batch.n_bytes
        self._came.set()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until what was delivered fulfils a condition."""
        async with asyncio.timeout(WITHIN_S):
            while not condition():
                self._came.clear()
                await self._came.wait()


@pytest.fixture
def topic(brokers: Brokers) -> str:
    """A topic of two partitions."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    admin = AdminClient({"bootstrap.servers": brokers.kafka})
    admin.create_topics([NewTopic(name, 2, 1)])[name].result(WITHIN_S)
    return name


@asynccontextmanager
async def fetching(brokers: Brokers) -> AsyncIterator[tuple[Fetcher, Seen]]:
    seen = Seen()
    fetcher = Fetcher(client.librdkafka(load({"HINDSIGHT_KAFKA": brokers.kafka})), seen.deliver)
    fetcher.start()
    try:
        yield fetcher, seen
    finally:
        await fetcher.stop()


def play(brokers: Brokers, work: Callable[[Fetcher, Seen], Awaitable[None]]) -> None:
    async def run() -> None:
        async with fetching(brokers) as (fetcher, seen):
            await work(fetcher, seen)

    asyncio.run(run())


def produce(brokers: Brokers, topic: str, values: list[bytes], partition: int = 0, **options: Any) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers.kafka, **options})
    for value in values:
        producer.produce(topic, value, partition=partition)
    assert producer.flush(WITHIN_S) == 0


def numbered(n: int, first: int = 0) -> list[bytes]:
    return [b"%d" % i for i in range(first, first + n)]


@pytest.mark.parametrize("codec", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_records_of_every_codec_come_once_and_in_order_and_their_end_is_known(
    brokers: Brokers, topic: str, codec: str
) -> None:
    produce(brokers, topic, numbered(3000), **{"compression.type": codec})
    tp = TP(topic, 0)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign({tp: 0, TP(topic, 1): 0})
        await seen.until(lambda: len(seen.ends) == 2)
        assert seen.values[tp] == numbered(3000)
        assert seen.ends == {tp: 3000, TP(topic, 1): 0}
        produce(brokers, topic, numbered(10, 3000))
        await seen.until(lambda: seen.ends[tp] == 3010)
        assert seen.values[tp] == numbered(3010)
        assert all(after.start == before.end for before, after in pairs_of(seen, tp)), "batches follow each other"
        assert fetcher.is_heard(tp)

    play(brokers, work)


def pairs_of(seen: Seen, tp: TP) -> list[tuple[Batch, Batch]]:
    batches = [batch for batch in seen.batches if batch.tp == tp]
    return list(itertools.pairwise(batches))


def test_rows_that_a_transaction_took_back_are_not_given_and_its_ends_hold_nothing_up(
    brokers: Brokers, topic: str
) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers.kafka, "transactional.id": topic})
    producer.init_transactions(WITHIN_S)
    for i in range(20):
        producer.begin_transaction()
        producer.produce(topic, b"%d" % i, partition=0)
        assert producer.flush(WITHIN_S) == 0
        producer.commit_transaction(WITHIN_S) if i % 2 == 0 else producer.abort_transaction(WITHIN_S)
    tp = TP(topic, 0)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign({tp: 0})
        await seen.until(lambda: seen.ends.get(tp) == 40)
        assert seen.values[tp] == [b"%d" % i for i in range(0, 20, 2)]

    play(brokers, work)


def test_after_a_drop_nothing_comes_and_after_an_assignment_it_comes_from_where_it_is_told(
    brokers: Brokers, topic: str
) -> None:
    produce(brokers, topic, numbered(20_000))
    tp = TP(topic, 0)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        for _ in range(5):
            await fetcher.assign({tp: 0})
            await seen.until(lambda: bool(seen.batches))
            await fetcher.drop([tp])
            n = len(seen.batches)
            produce(brokers, topic, [b"more"], partition=1)
            await fetcher.assign({TP(topic, 1): 0})
            await seen.until(lambda: TP(topic, 1) in seen.ends)
            assert not [batch for batch in seen.batches[n:] if batch.tp == tp]
            await fetcher.drop([TP(topic, 1)])
            seen.batches.clear(), seen.values.clear(), seen.ends.clear()
        await fetcher.assign({tp: 19_990})
        await seen.until(lambda: seen.ends.get(tp) == 20_000)
        assert seen.values[tp] == numbered(10, 19_990)

    play(brokers, work)


def test_a_client_that_hears_of_no_broker_is_replaced_and_the_next_goes_on_where_it_was(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RENEW_S", 2.0)
    monkeypatch.setattr(module._Brokers, "heard_mono", 0.0)
    tp = TP(topic, 0)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign({tp: 0, TP(topic, 1): 0})
        for n in range(0, 900, 300):
            client_of_now = fetcher._consumer
            produce(brokers, topic, numbered(300, n))
            await seen.until(lambda n=n: len(seen.values.get(tp, ())) >= n + 300)  # type: ignore[misc]
            await until(lambda client_of_now=client_of_now: fetcher._consumer is not client_of_now, WITHIN_S)  # type: ignore[misc]
        produce(brokers, topic, [b"last"])
        await seen.until(lambda: b"last" in seen.values[tp])
        assert seen.values[tp] == [*numbered(900), b"last"]

    play(brokers, work)


def test_a_partition_that_nobody_takes_from_holds_up_no_other_and_loses_nothing(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_STUCK_BYTES", 200_000)
    monkeypatch.setattr(module, "RESUME_BYTES", 50_000)
    monkeypatch.setattr(module, "AT_ONCE", 500)
    stuck, other = TP(topic, 0), TP(topic, 1)
    values = [b"%08d" % i + b"." * 1000 for i in range(5000)]
    produce(brokers, topic, values)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        seen.releases = False
        await fetcher.assign({stuck: 0, other: 0})
        await seen.until(lambda: seen.batches[-1].held.n_bytes > 200_000 if seen.batches else False)
        produce(brokers, topic, numbered(100), partition=1)
        await seen.until(lambda: len(seen.values.get(other, ())) == 100)
        assert len(seen.values[stuck]) < 5000, "it is held back"
        while seen.ends.get(stuck) != 5000:
            for batch in seen.batches:
                if batch.tp == stuck:
                    batch.held.n_released = batch.held.n_delivered
            n = len(seen.batches)
            await seen.until(lambda n=n: len(seen.batches) > n or seen.ends.get(stuck) == 5000)  # type: ignore[misc]
        assert seen.values[stuck] == values, "what was fetched ahead and thrown away comes again, once"

    play(brokers, work)


def test_many_partitions_of_one_stuck_reader_hold_up_no_other(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of them holds much, but together they fill all that may be handed over."""
    monkeypatch.setattr(module, "MAX_HANDED_BYTES", 200_000)
    monkeypatch.setattr(module, "RESUME_BYTES", 40_000)
    monkeypatch.setattr(module, "AT_ONCE", 100)
    stuck, other = TP(topic, 0), TP(topic, 1)
    produce(brokers, topic, [b"." * 1000] * 1000)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        seen.releases = False
        await fetcher.assign({stuck: 0, other: 0})
        await seen.until(lambda: len(seen.values.get(stuck, ())) > 100)
        produce(brokers, topic, numbered(100), partition=1)
        await seen.until(lambda: len(seen.values.get(other, ())) == 100)
        assert len(seen.values[stuck]) < 1000, "it is held back"

    play(brokers, work)


def test_what_comes_right_behind_is_handed_over_together(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 3.0)
    tps = [TP(topic, 0), TP(topic, 1)]

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign(dict.fromkeys(tps, 0))
        produce(brokers, topic, numbered(8), **{"linger.ms": 1000})  # until it is flushed: they come at once
        await seen.until(lambda: len(seen.values.get(tps[0], ())) == 8)
        seen.batches.clear()
        for i in range(10):
            await asyncio.to_thread(produce, brokers, topic, numbered(1, i), i % 2)
        await seen.until(lambda: sum(map(len, seen.values.values())) == 18)
        assert sorted(len(batch.records) for batch in seen.batches if batch.records) == [5, 5]

    play(brokers, work)


def test_what_was_gathered_before_or_comes_alone_or_in_masses_waits_less(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINGER_S", 1000.0)
    monkeypatch.setattr(module, "FULL_BYTES", 100_000)
    tp = TP(topic, 0)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign({tp: 0})
        produce(brokers, topic, [b"." * 20_000] * 10, **{"linger.ms": 1000})
        await seen.until(lambda: len(seen.values.get(tp, ())) == 10)
        producer = confluent_kafka.Producer({"bootstrap.servers": brokers.kafka, "linger.ms": 1000})
        for n in (20, 30):
            for _ in range(10):
                producer.produce(topic, b"of a bridge", partition=0, headers={"partitions": b"2"})
            assert producer.flush(WITHIN_S) == 0
            await seen.until(lambda n=n: len(seen.values[tp]) == n)  # type: ignore[misc]
        for n in (31, 32):
            produce(brokers, topic, [b"alone"])
            await seen.until(lambda n=n: len(seen.values[tp]) == n)  # type: ignore[misc]

    play(brokers, work)


def test_a_group_that_committed_nothing_begins_at_the_first_record(brokers: Brokers, topic: str) -> None:
    produce(brokers, topic, numbered(3))
    settings = load({"HINDSIGHT_KAFKA": brokers.kafka, "HINDSIGHT_NAMESPACE": f"{topic}."})
    found = asyncio.run(positions(settings, [TP(topic, 0), TP(topic, 1)]))
    assert [(at.start, at.end, at.committed) for at in found.values()] == [(0, 3, None), (0, 0, None)]


def test_an_offset_that_kafka_does_not_have_ends_the_process_with_a_sentence(
    brokers: Brokers, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    came = threading.Event()

    def note(sentence: str) -> None:
        said.append(sentence)
        came.set()

    monkeypatch.setattr(module, "fatal", note)

    async def work(fetcher: Fetcher, seen: Seen) -> None:
        await fetcher.assign({TP(topic, 0): 77, TP(topic, 1): 0})
        await asyncio.wait_for(asyncio.to_thread(came.wait), WITHIN_S)

    play(brokers, work)
    assert f"Kafka does not have offset 77 of partition 0 of the topic '{topic}' any more" in said[0]
