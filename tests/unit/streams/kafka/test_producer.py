"""The writer on a producer that refuses what it is told to refuse: Kafka cannot be made to refuse one record of a batch."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError, KafkaTimeoutError, NotLeaderForPartitionError

from streams.kafka import producer as module
from streams.kafka.producer import Producer


class RefusingProducer:
    """Takes records; `at_once` and `later` are the errors that each value meets, one a try."""

    def __init__(self):
        self.taken, self.at_once, self.later, self.n_started, self.start_errors = [], {}, {}, 0, []

    def __call__(self, **options):
        return self

    async def start(self):
        self.n_started += 1
        if self.start_errors:
            raise self.start_errors.pop()

    async def stop(self):
        pass

    async def send(self, topic, value, *, partition, headers):
        if self.at_once.get(value):
            raise self.at_once[value].pop()
        answer = asyncio.get_running_loop().create_future()
        if self.later.get(value):
            answer.set_exception(self.later[value].pop())
        else:
            self.taken.append((topic, partition, value, headers))
            answer.set_result(None)
        return answer


@pytest.fixture
def producer(monkeypatch):
    producer = RefusingProducer()
    monkeypatch.setattr(module, "AIOKafkaProducer", producer)
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    return producer


def write(*values):
    writer = Producer({})
    asyncio.run(writer.write("t", 3, [(value, [("n", value)]) for value in values]))
    return writer


def test_records_are_written_in_their_order(producer):
    assert write(b"a", b"b").problem == ""
    assert producer.taken == [("t", 3, b"a", [("n", b"a")]), ("t", 3, b"b", [("n", b"b")])]


def test_nothing_to_write_asks_for_no_kafka(producer):
    write()
    assert producer.n_started == 0


@pytest.mark.parametrize("when", ["at_once", "later"])
def test_only_what_was_not_taken_is_written_again(producer, when, caplog):
    getattr(producer, when)[b"b"] = [NotLeaderForPartitionError(), KafkaTimeoutError()]
    assert write(b"a", b"b", b"c").problem == ""
    values = [value for _, _, value, _ in producer.taken]
    assert (values.count(b"a"), values.count(b"b"), values.count(b"c")) == (1, 1, 1)
    assert caplog.text.count("Kafka does not accept a record of 't', trying again") == 1


def test_a_kafka_that_is_away_is_waited_for(producer):
    producer.start_errors = [KafkaConnectionError("away")] * 3
    write(b"a")
    assert (producer.n_started, len(producer.taken)) == (4, 1)


def test_a_defect_is_no_reason_to_try_again(producer):
    producer.later[b"a"] = [ValueError("a defect")]
    with pytest.raises(ValueError, match="a defect"):
        write(b"a")
