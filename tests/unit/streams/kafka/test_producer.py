"""The producer on a client that refuses what it is told to refuse: Kafka cannot be made to refuse one record of a batch."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

import pytest
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaConnectionError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
    UnknownError,
)

from streams.kafka import producer as module
from streams.kafka.errors import ClocksDiffer, KafkaRefused, NotDelivered, RecordRefused, RecordTooLarge
from streams.kafka.producer import Producer, Refused
from streams.kafka.records import Record
from streams.process import backoff
from streams.process.link import Link
from streams.process.unavailable import Unavailable
from streams.settings import Settings


class Confirmed(NamedTuple):
    """What Kafka answers."""

    offset: int


class Client:
    """Takes records; `at_once` and `later` are the errors that each value meets, one a try; `held` are not answered."""

    taken: list[tuple[str, int, bytes, list[Any]]]
    at_once: dict[bytes, list[BaseException]]
    later: dict[bytes, list[BaseException]]
    held: set[bytes]
    start_errors: list[BaseException]
    started: list[Client]

    def __init__(self, prepare: Any, **_: Any) -> None:
        self.ended = asyncio.get_running_loop().create_future()

    async def start(self) -> None:
        if self.start_errors:
            raise self.start_errors.pop()
        self.started.append(self)

    async def end(self) -> None:
        if not self.ended.done():
            self.ended.set_result(None)

    async def send(
        self, topic: str, value: bytes, *, key: bytes | None, partition: int, headers: list[Any]
    ) -> asyncio.Future[Confirmed]:
        if self.at_once.get(value):
            raise self.at_once[value].pop()
        answer: asyncio.Future[Confirmed] = asyncio.get_running_loop().create_future()
        if self.later.get(value):
            answer.set_exception(self.later[value].pop())
        elif value not in self.held:
            self.taken.append((topic, partition, value, headers))
            answer.set_result(Confirmed(len(self.taken) - 1))
        return answer


@pytest.fixture
def kafka(monkeypatch: pytest.MonkeyPatch) -> type[Client]:
    class Kafka(Client):
        taken, at_once, later, held, start_errors, started = [], {}, {}, set(), [], []  # noqa: RUF012

    async def away(_: Settings, otherwise: BaseException) -> str:
        return f"Kafka is away: {otherwise}."

    monkeypatch.setattr(module, "_Client", Kafka)
    monkeypatch.setattr(module, "why_away", away)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.0)
    return Kafka


def write(*values: bytes) -> Producer:
    async def work() -> Producer:
        producer = Producer(Settings())
        await producer.write("t", 3, [(value, [("n", value)]) for value in values])
        await producer.stop()
        return producer

    return asyncio.run(work())


def sent(*values: bytes) -> list[Any]:
    async def work() -> list[Any]:
        producer = Producer(Settings())
        outcomes = await producer.send([Record("t", 3, value) for value in values])
        await producer.stop()
        return outcomes

    return asyncio.run(work())


def values(kafka: type[Client]) -> list[bytes]:
    return [value for _, _, value, _ in kafka.taken]


def test_records_are_written_in_their_order(kafka):
    assert write(b"a", b"b").problem == ""
    assert kafka.taken == [("t", 3, b"a", [("n", b"a")]), ("t", 3, b"b", [("n", b"b")])]


def test_nothing_to_write_asks_for_no_kafka(kafka):
    write()
    assert kafka.started == []


@pytest.mark.parametrize("when", ["at_once", "later"])
def test_only_what_was_not_taken_is_written_again(kafka, when, caplog):
    getattr(kafka, when)[b"b"] = [NotLeaderForPartitionError(), KafkaTimeoutError()]
    assert write(b"a", b"b", b"c").problem == ""
    taken = values(kafka)
    assert (taken.count(b"a"), taken.count(b"b"), taken.count(b"c")) == (1, 1, 1)
    assert caplog.text.count("does not accept a record of the topic 't'") == 2  # each reason once


def test_a_producer_that_failed_is_replaced(kafka):
    kafka.later[b"a"] = [OutOfOrderSequenceNumber()]
    write(b"a")
    first, second = kafka.started
    assert first.ended.done()
    assert second is not first


def test_one_whose_buffer_is_full_is_not(kafka):
    kafka.at_once[b"a"] = [KafkaTimeoutError()]
    write(b"a")
    assert len(kafka.started) == 1


def test_a_kafka_that_is_away_is_waited_for_and_that_is_said_once(kafka, caplog):
    kafka.start_errors = [KafkaConnectionError("away")] * 3
    caplog.set_level("INFO")
    assert write(b"a").problem == ""
    assert (len(kafka.started), values(kafka)) == (1, [b"a"])
    said = [record.getMessage() for record in caplog.records]
    assert [text.split(":")[0] for text in said] == ["Kafka is away", "Kafka at 127.0.0.1"]
    assert said[-1].endswith("confirms again.")


def test_a_defect_is_no_reason_to_try_again(kafka):
    kafka.later[b"a"] = [ValueError("a defect")]
    with pytest.raises(ValueError, match="a defect"):
        write(b"a")


def test_each_record_that_is_sent_has_its_own_outcome(kafka):
    kafka.later[b"b"] = [InvalidTimestampError()]
    kafka.later[b"c"] = [MessageSizeTooLargeError()]
    kafka.at_once[b"d"] = [AssertionError("Unrecognized partition")]
    first, refused, large, none = sent(b"a", b"b", b"c", b"d")
    assert first == 0
    assert [type(outcome) for outcome in (refused, large, none)] == [ClocksDiffer, RecordTooLarge, KafkaRefused]
    assert str(none).endswith("has no partition 3 of the topic 't'.")


def test_what_is_too_large_in_a_batch_is_written_alone_in_its_order(kafka, caplog):
    kafka.later |= {value: [MessageSizeTooLargeError()] for value in (b"a", b"b", b"c")}
    write(b"a", b"b", b"c")
    assert values(kafka) == [b"a", b"b", b"c"]
    assert "max.message.bytes" not in caplog.text


def test_what_is_too_large_alone_holds_up_what_follows_until_kafka_takes_it(kafka, caplog):
    kafka.later |= {b"a": [MessageSizeTooLargeError()] * 3, b"b": [MessageSizeTooLargeError()]}
    write(b"a", b"b")
    assert values(kafka) == [b"a", b"b"]
    assert "refuses a record of 1 bytes in the topic 't': raise its max.message.bytes" in caplog.text


def test_what_is_produced_and_is_too_large_comes_back(kafka):
    kafka.later[b"b"] = [MessageSizeTooLargeError()]

    async def work() -> list[Refused]:
        return await Producer(Settings()).produce([Record("t", 0, b"a"), Record("t", 0, b"b")])

    (refused,) = asyncio.run(work())
    assert (refused.record, refused.is_too_large) == (Record("t", 0, b"b"), True)


def test_what_is_produced_and_is_refused_for_its_own_sake_comes_back_and_kafka_is_not_blamed(
    kafka, monkeypatch, caplog
):
    async def fine(_: Settings, topic: str) -> str:
        return ""

    monkeypatch.setattr(module, "problem_of_topic", fine)
    kafka.later |= {b"good": [UnknownError()], b"bad": [UnknownError()] * 3}

    async def work() -> list[Refused]:
        producer = Producer(Settings())
        refused = await producer.produce([Record("t", 0, b"good"), Record("t", 0, b"bad")])
        assert producer.link.last_problem == ""
        return refused

    (refused,) = asyncio.run(work())
    assert refused.record.value == b"bad"
    assert type(refused.why) is RecordRefused
    assert kafka.later[b"bad"] == [], "it was sent with the others, and twice alone"
    assert values(kafka) == [b"good"]


def test_a_clock_that_differs_is_waited_for_longer_and_said_once(kafka, monkeypatch, caplog):
    monkeypatch.setattr(ClocksDiffer, "pause_s", 0.001)
    kafka.later[b"a"] = [InvalidTimestampError()] * 3
    write(b"a")
    assert values(kafka) == [b"a"]
    assert caplog.text.count("refuses the time of our records: the clock here says") == 1


def test_a_record_that_is_appended_once_has_its_offset_or_raises(kafka):
    kafka.later[b"b"] = [NotLeaderForPartitionError()]

    async def work() -> None:
        producer = Producer(Settings())
        assert [await producer.append(Record("t", 0, b"a")) for _ in range(2)] == [0, 1]
        with pytest.raises(Unavailable, match="does not accept a record of the topic 't'"):
            await producer.append(Record("t", 0, b"b"))
        assert await producer.append(Record("t", 0, b"b")) == 2

    asyncio.run(work())
    assert len(kafka.started) == 2


def test_what_a_replaced_producer_gave_up_is_sent_over_the_new_one(kafka, caplog):
    """Two write over one producer; one record stays without an answer, the other makes the producer be replaced."""
    kafka.held.add(b"held")
    kafka.later[b"stuck"] = [OutOfOrderSequenceNumber()]

    async def work() -> list[Any]:
        producer = Producer(Settings())
        waiting = asyncio.create_task(producer.send([Record("t", 0, b"held")]))
        await asyncio.sleep(0)
        await producer.produce([Record("t", 0, b"stuck")])
        (given_up,) = await waiting
        kafka.held.clear()
        assert await producer.produce([Record("t", 0, b"held")]) == []
        return [given_up]

    (given_up,) = asyncio.run(work())
    assert isinstance(given_up, NotDelivered)
    assert values(kafka) == [b"stuck", b"held"]


def test_a_kafka_that_does_not_answer_is_a_problem_until_it_confirms(kafka, monkeypatch, caplog):
    monkeypatch.setattr(module, "SILENT_S", 0.0)
    kafka.held.add(b"a")

    async def work() -> None:
        went_down = asyncio.Event()
        link = Link("t", logging.getLogger("t"), lambda _, event: event == "lost" and went_down.set(), is_up=True)
        producer = Producer(Settings(), link, waiting="the verdicts wait")
        writing = asyncio.create_task(producer.write("t", 0, [(b"a", ())]))
        await went_down.wait()
        await asyncio.sleep(0)
        assert "does not confirm what it is sent: the verdicts wait until it does" in producer.problem
        kafka.held.clear()
        await kafka.started[0].end()
        await writing
        assert producer.problem == ""

    asyncio.run(work())
    assert caplog.text.count("does not confirm") == 1


def test_a_producer_can_be_stopped_and_used_again(kafka):
    async def work() -> None:
        producer = Producer(Settings())
        await producer.write("t", 0, [(b"a", ())])
        await producer.stop()
        await producer.write("t", 0, [(b"b", ())])
        await producer.stop()

    asyncio.run(work())
    assert values(kafka) == [b"a", b"b"]
    assert all(client.ended.done() for client in kafka.started)
