"""The outbox without Kafka: what goes into one request, who hears of it, and who waits while it is full."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import KafkaConnectionError

from streams.table import outbox as module
from streams.table.outbox import Outbox, entry
from streams.wire.verdicts import Tag


class Sending(Outbox):
    """An outbox whose requests end here. `sizes`: entries of each."""

    def __init__(self, deliver_locally, n_failing=0):
        super().__init__("metric", {}, deliver_locally)
        self.sizes, self.n_failing, self.confirmed = [], n_failing, []
        self.is_done = asyncio.Event()

    async def _request(self):
        if self.n_failing:
            self.n_failing -= 1
            raise KafkaConnectionError("away")
        self.sizes.append(len(self._entries))
        return len(self._entries)

    def confirm(self, offset):
        self.confirmed.append(offset)
        if self.n_bytes == 0:
            self.is_done.set()


async def sent(outbox, n):
    for offset in range(n):
        outbox.is_done.clear()
        await outbox.put(entry(Tag("log", 0, offset, offset - 1), b"[]", outbox.confirm))
        await asyncio.sleep(0)
    await outbox.is_done.wait()


def run(outbox, n):
    async def both():
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(sent(outbox, n), 10)
        running.cancel()

    asyncio.run(both())
    assert outbox.confirmed == list(range(n))
    assert outbox.n_bytes == 0


def test_entries_that_are_taken_on_the_local_path_gather_for_one_request(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 0.5)
    outbox = Sending(lambda entry: True)
    run(outbox, 5)
    assert outbox.sizes == [5]


def test_an_entry_that_nobody_has_taken_waits_for_no_others(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 1e9)
    taken = []
    outbox = Sending(lambda entry: taken.append(entry) or False)
    run(outbox, 3)
    assert [entry.tag.offset for entry in taken] == [0, 1, 2]


def test_a_full_request_waits_for_no_others(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 1e9)
    monkeypatch.setattr(module, "REQUEST_BYTES", 10)
    run(Sending(lambda entry: True), 3)


def test_what_kafka_refuses_stays_and_goes_again(monkeypatch):
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    outbox = Sending(lambda entry: False, n_failing=2)
    run(outbox, 2)
    assert outbox.problem == ""


def test_whoever_puts_waits_while_the_outbox_is_full_and_goes_on_once_kafka_has_some(monkeypatch):
    value = b"[" + b" " * 100 + b"]"
    monkeypatch.setattr(module, "MAX_BYTES", 250)
    outbox = Sending(lambda entry: False)

    async def play():
        for offset in range(2):
            await outbox.put(entry(Tag("log", 0, offset, offset - 1), value, outbox.confirm))
        third = asyncio.create_task(outbox.put(entry(Tag("log", 0, 2, 1), value, outbox.confirm)))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not third.done()
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(third, 10)
        running.cancel()

    asyncio.run(play())
    assert outbox.confirmed[:2] == [0, 1]


class Producer:
    """Takes batches as aiokafka's producer does. `made`: all of them; the first `n_failing` fail at their first batch."""

    made: list[Producer]
    n_failing = 0

    def __init__(self):
        self.batches, self.is_stopped, self.fails = [], False, len(Producer.made) < Producer.n_failing
        Producer.made.append(self)

    async def start(self):
        pass

    async def stop(self):
        self.is_stopped = True

    def create_batch(self):
        return Batch()

    async def send_batch(self, batch, topic, partition):
        assert (topic, partition) == ("metric", 0)
        if self.fails:
            raise KafkaConnectionError("away")
        self.batches.append(batch.values)
        return asyncio.sleep(0)

    async def send_and_wait(self, topic, value, partition):
        await (await self.send_batch(Batch([value]), topic, partition))


class Batch:
    """A batch that is never full by itself."""

    def __init__(self, values=()):
        self.values = list(values)

    def append(self, *, key, value, timestamp):
        self.values.append(value)
        return len(self.values)

    def close(self):
        pass


@pytest.fixture
def producers(monkeypatch):
    Producer.made = []
    monkeypatch.setattr(module, "AIOKafkaProducer", Producer)
    return Producer.made


async def all_confirmed(n, n_bytes):
    """Put entries of so many bytes into an outbox, and let it send them; return the offsets that were confirmed."""
    confirmed, done = [], asyncio.Event()

    def confirm(offset):
        confirmed.append(offset)
        if len(confirmed) == n:
            done.set()

    outbox = Outbox("metric", {})
    for offset in range(n):
        await outbox.put(entry(Tag("log", 0, offset, offset - 1), b"[" + b" " * n_bytes + b"]", confirm))
    running = asyncio.create_task(outbox.run())
    await asyncio.wait_for(done.wait(), 10)
    running.cancel()
    await asyncio.wait([running])
    return confirmed


def test_a_request_holds_no_more_than_kafka_takes_and_one_entry_that_is_larger_goes_alone(monkeypatch, producers):
    monkeypatch.setattr(module, "REQUEST_BYTES", 2000)

    assert asyncio.run(all_confirmed(9, 400)) == list(range(9))
    assert [len(values) for values in producers[0].batches] == [3, 3, 3]

    assert asyncio.run(all_confirmed(2, 2000)) == [0, 1]
    assert [len(values) for values in producers[1].batches] == [1, 1]


def test_a_producer_that_failed_is_stopped_and_another_one_sends(monkeypatch, producers):
    monkeypatch.setattr(module, "RETRY_S", 0.0)
    monkeypatch.setattr(Producer, "n_failing", 1)

    assert asyncio.run(all_confirmed(3, 10)) == [0, 1, 2]
    assert [(producer.is_stopped, len(producer.batches)) for producer in producers] == [(True, 0), (True, 1)]
