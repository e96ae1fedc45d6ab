"""Our reader, admin and producer on a real Kafka, which forgets, refuses, falls silent and comes back."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete
from aiokafka.client import AIOKafkaClient

from streams.kafka import aiokafka_overrides, reader
from streams.kafka.admin import Admin
from streams.kafka.errors import OffsetsRemoved, RecordRefused, RecordTooLarge
from streams.kafka.producer import Producer
from streams.kafka.reader import Bounds, Reader
from streams.kafka.records import TP, Record, StoredRecord
from streams.kafka.topics import TopicMismatch, TopicRefused, declare, topics
from streams.process.unavailable import Unavailable
from streams.settings import Settings, load
from tests.brokers import Brokers
from tests.faults.link import Link

MANY = 100


@pytest.fixture
def settings(brokers: Brokers) -> Settings:
    """Settings whose topics are there."""
    made = settings_of(brokers)
    asyncio.run(declare(made))
    return made


def settings_of(brokers: Brokers, **given: object) -> Settings:
    environ = brokers.environ(**given)
    return load({name: value for name, value in environ.items() if name.startswith("HINDSIGHT_")})


def tp_of(settings: Settings) -> TP:
    return TP(topics(settings).y_true.name, 1)


async def written(settings: Settings, *values: bytes) -> None:
    producer = Producer(settings)
    await producer.write(*tp_of(settings), [(value, ()) for value in values])
    await producer.stop()


async def all_of(kafka: Reader, tp: TP, start: int, end: int) -> list[tuple[int, bytes | None]]:
    found: list[StoredRecord] = []
    async for records in kafka.read(tp, start, end):
        found += records
    return [(record.offset, record.value) for record in found]


async def removed_before(settings: Settings, offset: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_address)
    await admin.start()
    await admin.delete_records({TopicPartition(*tp_of(settings)): RecordsToDelete(before_offset=offset)})
    await admin.close()


def test_a_range_is_read_from_its_start_up_to_its_end(settings: Settings) -> None:
    async def work() -> None:
        await written(settings, *(b"%d" % n for n in range(10)))
        tp = tp_of(settings)
        async with Reader(settings) as kafka:
            assert await kafka.bounds([tp]) == {tp: Bounds(0, 10)}
            assert await all_of(kafka, tp, 2, 5) == [(2, b"2"), (3, b"3"), (4, b"4")]
            assert await all_of(kafka, tp, 9, 10) == [(9, b"9")]
            assert await all_of(kafka, tp, 5, 5) == []
            assert len(await all_of(kafka, tp, 0, 10)) == 10

    asyncio.run(work())


def test_a_range_that_nobody_reads_to_its_end_leaves_the_reader_good_for_others(settings: Settings) -> None:
    async def work() -> None:
        await written(settings, *(b"%d" % n for n in range(10)))
        async with Reader(settings) as kafka:
            async for _ in kafka.read(tp_of(settings), 0, 10):
                break
            assert await all_of(kafka, tp_of(settings), 3, 4) == [(3, b"3")]

    asyncio.run(work())


def test_what_a_transaction_took_back_is_not_there_and_ends_no_range(settings: Settings) -> None:
    async def work() -> None:
        tp = tp_of(settings)
        await written(settings, b"kept")
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_address, transactional_id=f"t-{tp.topic}")
        await producer.start()
        await producer.begin_transaction()
        await producer.send_and_wait(tp.topic, b"taken back", partition=tp.partition)
        await producer.abort_transaction()
        await producer.stop()
        async with Reader(settings, committed_only=True) as kafka:
            (found,) = (await kafka.bounds([tp])).values()
            assert found.end == 3  # the row, what was taken back, and the mark that says so
            assert await all_of(kafka, tp, *found) == [(0, b"kept")]

    asyncio.run(work())


@pytest.mark.parametrize(("start", "end"), [(0, 5), (7, 9)], ids=["removed", "beyond the end"])
def test_offsets_that_kafka_does_not_hold_are_said_and_the_reader_goes_on(
    settings: Settings, start: int, end: int
) -> None:
    async def work() -> None:
        await written(settings, *(b"%d" % n for n in range(5)))
        await removed_before(settings, 2)
        tp = tp_of(settings)
        async with Reader(settings) as kafka:
            with pytest.raises(OffsetsRemoved, match=rf"does not show {tp.topic}/1@{start}"):
                await all_of(kafka, tp, start, end)
            assert [offset for offset, _ in await all_of(kafka, tp, 2, 5)] == [2, 3, 4]

    asyncio.run(work())


def test_a_kafka_that_falls_silent_is_unavailable_and_is_read_again_once_it_answers(
    brokers: Brokers, kafka_link: Link, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "STALLED_S", 0.5)
    settings = settings_of(brokers)
    through = settings.model_copy(update={"kafka": kafka_link.address})

    async def work() -> None:
        await declare(settings)
        await written(settings, b"row")
        async with Reader(through, timeout_s=2.0) as kafka:
            assert await all_of(kafka, tp_of(settings), 0, 1) == [(0, b"row")]
            kafka_link.block()
            with pytest.raises(Unavailable, match=f"Kafka at {kafka_link.address} does not"):
                await all_of(kafka, tp_of(settings), 0, 1)
            kafka_link.heal()
            assert await all_of(kafka, tp_of(settings), 0, 1) == [(0, b"row")]

    try:
        asyncio.run(work())
    finally:
        kafka_link.heal()


def test_a_group_has_committed_what_it_said_and_one_that_never_did_nothing(settings: Settings) -> None:
    async def work() -> None:
        tp = tp_of(settings)
        await written(settings, b"a", b"b")
        consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_address, group_id=settings.app_id)
        await consumer.start()
        consumer.assign([TopicPartition(*tp)])
        await consumer.commit({TopicPartition(*tp): 2})
        await consumer.stop()
        async with Admin(settings) as admin:
            assert await admin.committed(settings.app_id) == {tp: 2}
            assert await admin.committed("nobody-" + settings.app_id) == {}

    asyncio.run(work())


def test_topics_are_declared_once_and_known_with_their_configuration(settings: Settings) -> None:
    async def work() -> None:
        wanted = topics(settings)
        assert await declare(settings) == []
        async with Admin(settings) as admin:
            there = await admin.partitions()
            assert {topic.name: there[topic.name] for topic in wanted} == {t.name: t.partitions for t in wanted}
            kept = await admin.config(wanted.pairs_log.name)
            assert kept | wanted.pairs_log.config == kept

    asyncio.run(work())


def test_a_topic_of_other_partitions_and_one_that_kafka_refuses_are_two_sentences(brokers: Brokers) -> None:
    settings = settings_of(brokers, partitions=3)
    asyncio.run(declare(settings))
    with pytest.raises(TopicMismatch, match="has 3 partitions, but 5 are required"):
        asyncio.run(declare(settings.model_copy(update={"partitions": 5})))
    refused = r"did not create the topic '.*': .*[Rr]eplication factor.* correct HINDSIGHT_REPLICATION"
    with pytest.raises(TopicRefused, match=refused):
        asyncio.run(declare(settings_of(brokers, replication=3)))


def test_what_kafka_refuses_of_a_record_is_told_from_what_it_cannot_do_now(settings: Settings) -> None:
    async def work() -> Sequence[object]:
        producer = Producer(settings)
        compacted, y_true = topics(settings).resolved.name, tp_of(settings).topic
        outcomes = [
            (await producer.send([record]))[0]
            for record in (
                Record(compacted, 0, b"a row without a key"),
                Record(y_true, 1, b"x" * 2_000_000),
                Record(y_true, 17, b"a row"),
                Record(y_true, 1, b"a row"),
            )
        ]
        await producer.stop()
        return outcomes

    keyless, large, elsewhere, taken = asyncio.run(work())
    assert type(keyless) is RecordRefused
    assert "InvalidRecordError" in str(keyless)
    assert type(large) is RecordTooLarge
    assert str(elsewhere).endswith(f"has no partition 17 of the topic {tp_of(settings).topic!r}.")
    assert taken == 0


def test_where_nobody_leads_kafka_is_asked_no_more_often_than_we_rest(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our override aiokafka asks as fast as it is answered; once it does not, that has a reason less."""

    async def rate(update: object) -> float:
        enough, times = asyncio.Event(), list[float]()

        async def counted(self: AIOKafkaClient, *args: object) -> bool:
            times.append(time.monotonic())
            if len(times) == MANY:
                enough.set()
            return bool(await update(self, *args))  # type: ignore[operator]

        monkeypatch.setattr(AIOKafkaClient, "_metadata_update", counted)
        consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_address)
        await consumer.start()
        consumer.assign([TopicPartition("nobody-made-this", 0)])
        await enough.wait()
        await consumer.stop()
        return (len(times) - 1) / (times[-1] - times[0])

    assert asyncio.run(rate(aiokafka_overrides.rested)) <= 10.1
    assert asyncio.run(rate(aiokafka_overrides.asked)) > 20
