"""The outbox without Kafka: what goes into one request, who hears of it, and who waits while it is full."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.errors import NotLeaderForPartitionError
from aiokafka.structs import RecordMetadata

from streams.kafka import producer
from streams.process import backoff
from streams.settings import Settings
from streams.table import outbox as module
from streams.table.outbox import Outbox, entry
from streams.wire.verdicts import Tag, VerdictRecord


class Sending(Outbox):
    """An outbox whose requests end here. `sizes`: entries of each."""

    def __init__(self, deliver_locally):
        super().__init__(Settings(), deliver_locally)
        self.sizes, self.confirmed = [], []
        self.is_done = asyncio.Event()
        self._producer = self

    async def write(self, topic, partition, records):
        assert (topic, partition) == ("metric", 0)
        self.sizes.append(len(records))

    async def stop(self):
        pass

    def confirm(self, offset):
        self.confirmed.append(offset)
        if self.n_bytes == 0:
            self.is_done.set()


async def sent(outbox, n):
    for offset in range(n):
        outbox.is_done.clear()
        told = VerdictRecord("log", 0, offset, offset - 1, [])
        await outbox.put(entry(Tag("log", 0, offset, offset - 1), b"[]", outbox.confirm), told)
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
    outbox = Sending(lambda record, n_bytes: True)
    run(outbox, 5)
    assert outbox.sizes == [5]


def test_an_entry_that_nobody_has_taken_waits_for_no_others(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 1e9)
    taken = []
    outbox = Sending(lambda record, n_bytes: taken.append(record) or False)
    run(outbox, 3)
    assert [record.offset for record in taken] == [0, 1, 2]


def test_an_entry_that_was_read_from_the_log_goes_through_kafka_and_waits_for_no_others(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 1e9)
    taken = []
    outbox = Sending(lambda record, n_bytes: taken.append(record) or True)

    async def act():
        running = asyncio.create_task(outbox.run())
        await outbox.put(entry(Tag("log", 0, 0, -1), b"[]", outbox.confirm))
        await asyncio.wait_for(outbox.is_done.wait(), 10)
        running.cancel()

    asyncio.run(act())
    assert outbox.confirmed == [0]
    assert not taken


def test_a_full_request_waits_for_no_others(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 1e9)
    monkeypatch.setattr(module, "REQUEST_BYTES", 10)
    run(Sending(lambda record, n_bytes: True), 3)


def test_whoever_puts_waits_while_the_outbox_is_full_and_goes_on_once_kafka_has_some(monkeypatch):
    value = b"[" + b" " * 100 + b"]"
    monkeypatch.setattr(module, "MAX_BYTES", 250)
    outbox = Sending(lambda record, n_bytes: False)

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


class Client:
    """Takes records as aiokafka's producer does. `made`: all of them; the first `n_failing` fail at their first record."""

    made: list[Client]
    n_failing = 0

    def __init__(self, prepare, **options):
        self.taken, self.fails = [], len(Client.made) < Client.n_failing
        self.ended = asyncio.get_running_loop().create_future()
        Client.made.append(self)

    async def start(self):
        pass

    async def end(self):
        self.ended.set_result(None)

    async def send(self, topic, value, *, key, partition, headers):
        assert (topic, partition) == ("metric", 0)
        if self.fails:
            raise NotLeaderForPartitionError
        self.taken.append(value)
        answer = asyncio.get_running_loop().create_future()
        answer.set_result(RecordMetadata("metric", 0, None, len(self.taken) - 1, 0, 0, 0))
        return answer


@pytest.fixture
def clients(monkeypatch):
    Client.made = []
    monkeypatch.setattr(producer, "_Client", Client)
    monkeypatch.setattr(backoff, "LONGEST_S", 0.0)
    return Client.made


async def all_confirmed(n, n_bytes):
    """Put entries of so many bytes into an outbox, and let it send them; return the offsets that were confirmed."""
    confirmed, done = [], asyncio.Event()

    def confirm(offset):
        confirmed.append(offset)
        if len(confirmed) == n:
            done.set()

    outbox = Outbox(Settings())
    for offset in range(n):
        await outbox.put(entry(Tag("log", 0, offset, offset - 1), b"[" + b" " * n_bytes + b"]", confirm))
    running = asyncio.create_task(outbox.run())
    await asyncio.wait_for(done.wait(), 10)
    running.cancel()
    await asyncio.wait([running])
    return confirmed


def test_a_request_holds_no_more_than_kafka_takes_and_one_entry_that_is_larger_goes_alone(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 0.5)
    monkeypatch.setattr(module, "REQUEST_BYTES", 2000)

    async def requests(*sizes):
        outbox = Sending(lambda record, n_bytes: True)
        for offset, size in enumerate(sizes):
            await outbox.put(entry(Tag("log", 0, offset, offset - 1), b"[" + b" " * size + b"]", outbox.confirm))
        running = asyncio.create_task(outbox.run())
        await asyncio.wait_for(outbox.is_done.wait(), 10)
        running.cancel()
        assert outbox.confirmed == list(range(len(sizes)))
        return outbox.sizes

    assert asyncio.run(requests(*[400] * 9)) == [3, 3, 3]
    assert asyncio.run(requests(2000, 2000)) == [1, 1]
    assert asyncio.run(requests(10, 10, 2000, 10)) == [2, 1, 1]


def test_what_kafka_refuses_stays_and_goes_again_over_another_producer(monkeypatch, clients):
    monkeypatch.setattr(Client, "n_failing", 1)

    assert asyncio.run(all_confirmed(3, 10)) == [0, 1, 2]
    assert [(client.ended.done(), len(client.taken)) for client in clients] == [(True, 0), (True, 3)]
