"""An owner over a log in memory and a real store, and what it is given: helpers of the tests beside this file."""

from __future__ import annotations

import asyncio
import json
import time

from streams.join import decision
from streams.join.deadlines import Rules
from streams.kafka.errors import OffsetsRemoved
from streams.kafka.fetcher import TP, Batch
from streams.process.unavailable import Unavailable
from streams.table.owner import Owner
from tests.fake_record import FakeRecord

RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
KINDS = ("y_true", "y_pred")


class Log:
    """A decision log in memory. `answer` is set while Kafka answers.

    `others`: what other writers append right before our next records, a list for each, of decisions or of any bytes;
    `unconfirmed`: of our next records, whether each is appended although its confirmation is lost. `first`: the offset
    that it begins at, now that retention has removed what was before. `n_unanswered`: how often it is asked in vain.
    """

    def __init__(self):
        self._packed, self.others, self.unconfirmed = [], [], []
        self.first = self.n_unanswered = 0
        self.answer = asyncio.Event()
        self.answer.set()

    @property
    def records(self):
        """What readers of the log see: None for what is none of ours."""
        return [decision.decode(packed) for packed in self._packed]

    async def append(self, partition, value):
        await self.answer.wait()
        others = self.others.pop(0) if self.others else []
        self._packed += [one if isinstance(one, bytes) else decision.encode(one) for one in others]
        appended = self.unconfirmed.pop(0) if self.unconfirmed else None
        if appended is not False:
            self._packed.append(value)
        if appended is not None:
            raise Unavailable("no answer")
        return len(self._packed) - 1

    async def bounds(self, partitions):
        if self.n_unanswered:
            self.n_unanswered -= 1
            raise Unavailable("no answer")
        return {partition: (self.first, len(self._packed)) for partition in partitions}

    async def read(self, partition, start, end):
        if start < min(self.first, end):
            raise OffsetsRemoved("their retention has ended")
        for offset in range(start, end):
            yield [(offset, self.records[offset])]


class Outbox:
    """Takes entries, and keeps them; confirms each at once where it `confirms`. `local`: the verdicts to deliver locally."""

    def __init__(self, confirms=True):
        self.confirms, self.entries, self.local = confirms, [], []

    @property
    def tags(self):
        return [(entry.tag.offset, entry.tag.previous) for entry in self.entries]

    async def put(self, entry, told=None):
        self.entries.append(entry)
        self.local.append(None if told is None else told.rows)
        if self.confirms:
            entry.confirm(entry.tag.offset)


class Worker:
    """What an owner asks of the worker; `keeps` is set while quarantine takes rows."""

    def __init__(self):
        self.quarantined, self.forwarded, self.positions = [], [], {}
        self.keeps = asyncio.Event()
        self.keeps.set()

    def is_heard(self, partition, side):
        return True

    def applied(self, partition, input_offsets):
        self.positions[partition] = list(input_offsets)

    async def forward(self, forwarding):
        self.forwarded.append(forwarding)
        forwarding.confirm(forwarding.offset)

    async def quarantine(self, found):
        self.quarantined.append([(one.source, [row.reason for row in one.rows], one.properties) for one in found])
        await self.keeps.wait()


def row(side, offset, *ids, ts=None):
    """Return a record of rows."""
    rows = [{"id": row_id, "ts": ts or time.time(), KINDS[side]: 1.0} for row_id in ids]
    return FakeRecord(offset, json.dumps(rows).encode())


def give(owner, side, *records, end=None, is_last=True):
    """Hand records to an owner as the fetcher does: all that lies before offset `end` (right behind the last one)."""
    start = owner.inputs._next[side]
    end = records[-1].offset() + 1 if end is None else end
    owner.inputs.feed(side, Batch(TP(KINDS[side], 0), start, end, records=list(records), is_last=is_last))


async def until(condition):
    """Let the loop go on until something holds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not within 10 s"
        await asyncio.sleep(0)


def an_owner(store, context=None, log=None, outbox=None, rules=RULES, **options):
    """Return an owner of partition 0 that does not run yet."""
    parts = (store, log or Log(), outbox or Outbox(), rules, context or Worker())
    return Owner(0, *parts, writer="w", idle_record_s=1e9, **options)


async def while_running(owner, act):
    """Let an owner run until `act` has ended."""
    running = asyncio.create_task(owner.run())
    try:
        await act()
    finally:
        owner.stop()
        await running
