"""The outbox without Kafka: what goes into one request, and who hears of it."""

from __future__ import annotations

import asyncio

from aiokafka.errors import KafkaConnectionError

from streams.table import outbox as module
from streams.table.outbox import Outbox, entry
from streams.wire.verdicts import Tag


class Sending(Outbox):
    """An outbox whose requests end here. `sizes`: letters of each."""

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


def test_letters_that_are_taken_on_the_short_way_gather_for_one_request(monkeypatch):
    monkeypatch.setattr(module, "GATHER_S", 0.5)
    outbox = Sending(lambda entry: True)
    run(outbox, 5)
    assert outbox.sizes == [5]


def test_a_letter_that_nobody_has_taken_waits_for_no_others(monkeypatch):
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
