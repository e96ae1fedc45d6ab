"""The owner of a partition over a log in memory and a real store: offsets that hold nothing, too many ids, a silent Kafka."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from types import SimpleNamespace

import pytest
import rocksdict

from streams.join.deadlines import Rules
from streams.join.state import PRED, TRUE
from streams.process.linger import Linger
from streams.table import inputs
from streams.table import owner as module
from streams.table.context import ConsumedRecord
from streams.table.offset_gaps import Found
from streams.table.owner import Owner
from streams.table.store import PairsStore

RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
KINDS = ("y_true", "y_pred")


class Log:
    """A log that is appended to by one; `answer` is set while Kafka answers."""

    def __init__(self):
        self.records = []
        self.answer = asyncio.Event()
        self.answer.set()

    async def append(self, partition, record):
        await self.answer.wait()
        self.records.append(record)
        return len(self.records) - 1


class Outbox:
    """Takes letters, and keeps them."""

    async def put(self, entry):
        entry.confirm(entry.tag.offset)


class Around:
    """What Kafka holds: offsets with records, by side; the rest up to `end` are holes."""

    def __init__(self, *offsets, end):
        self.offsets, self.end, self.asked = set(offsets), end, 0
        self.acknowledged = []
        self.quarantined = []
        self.keeps = asyncio.Event()
        self.keeps.set()

    def is_caught_up(self, partition, side, input_offsets):
        return input_offsets + 1 >= self.end

    async def look(self, partition, side, start, until):
        self.asked += 1
        holes, expected = {}, start
        for offset in sorted(self.offsets | {self.end}):
            if offset > expected:
                holes[expected] = offset
            expected = max(expected, offset + 1)
        return Found(holes, [record(side, offset) for offset in sorted(self.offsets) if start <= offset < until])

    def acknowledge(self, partition, side, offset):
        self.acknowledged.append((partition, side, offset))

    async def quarantine(self, found):
        self.quarantined.append([(one.source, [row.reason for row in one.rows], one.properties) for one in found])
        await self.keeps.wait()


def record(side, offset):
    """Return a record as Kafka has it: one row, whose id is its offset."""
    value = json.dumps([{"id": str(offset), "ts": time.time(), KINDS[side]: 1.0}]).encode()
    return SimpleNamespace(offset=offset, timestamp=1000, value=value, key=None, headers=())


def arrival(side, offset, *ids, ts=None):
    rows = [{"id": row_id, "ts": ts or time.time(), KINDS[side]: 1.0} for row_id in ids]
    return ConsumedRecord(side, offset, 0.0, json.dumps(rows).encode())


@pytest.fixture
def store(tmp_path):
    store = PairsStore(tmp_path / "pairs-0", rocksdict.Cache(1 << 20))
    yield store
    store.close()


async def until(condition):
    """Let the loop go on until something holds."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, "not within 10 s"
        await asyncio.sleep(0)


def an_owner(store, context, log=None, beat_s=module.LINGER_S, **options):
    linger = Linger(beat_s, beat_s)
    return Owner(0, store, log or Log(), Outbox(), RULES, context, linger, writer="w", idle_record_s=1e9, **options)


async def while_running(owner, act):
    running = asyncio.create_task(owner.run())
    try:
        await act()
    finally:
        owner.stop()
        await running


def test_offsets_that_hold_no_record_are_passed_over(store):
    context = Around(0, 2, 5, end=7)

    async def play():
        owner = an_owner(store, context)

        async def act():
            await owner.feed([arrival(TRUE, 0, "a"), arrival(TRUE, 2, "b"), arrival(TRUE, 5, "c")])
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 5)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 3
    assert context.asked == 1


def test_rows_that_come_one_after_the_other_share_decisions(store, monkeypatch):
    monkeypatch.setattr(module, "FIRST_LINGER_S", 0.2)
    log = Log()

    async def play():
        owner = an_owner(store, Around(end=6), log, beat_s=1.0)

        async def act():
            await owner.feed([arrival(TRUE, 0, "a")])
            await asyncio.sleep(0)
            await owner.feed([arrival(PRED, 0, "a")])
            await until(lambda: log.records)
            for offset in range(1, 6):
                await owner.feed([arrival(TRUE, offset, str(offset))])
                await asyncio.sleep(0)
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 5)

        await while_running(owner, act)

    asyncio.run(play())
    assert len(log.records[0].done) == 1, "the other side came right behind"
    assert len(log.records) == 2, "the rest came within a beat"


def test_what_is_due_beyond_one_decision_does_not_wait_for_the_next_tick(store, monkeypatch):
    monkeypatch.setattr(module, "TICK_S", 1000.0)
    n, began, log = 4000, time.time() - 2000, Log()

    async def play():
        owner = an_owner(store, Around(end=2), log)

        async def act():
            await owner.feed([arrival(TRUE, 0, *(str(i) for i in range(n)), ts=began)])
            await until(lambda: store.checkpoint.counts.waiting == n)
            await owner.feed([arrival(TRUE, 1, "new")])
            await owner.feed([arrival(PRED, 0, "new")])  # both inputs are past the window of all that wait
            await until(lambda: store.checkpoint.counts.unmatched_true == n)

        await while_running(owner, act)

    asyncio.run(play())
    assert len(log.records) > 4, "one decision could not hold them"


def test_a_hole_is_found_while_records_keep_coming_behind_it(store):
    context = Around(0, 2, end=3)

    async def play():
        owner = an_owner(store, context)

        async def act():
            def passed():
                owner.inputs._came_at[TRUE] = time.monotonic()  # as if a record had come just now
                return store.checkpoint.input_offsets[TRUE] == 2

            await owner.feed([arrival(TRUE, 0, "a"), arrival(TRUE, 2, "b")])
            await until(passed)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 2
    assert context.asked == 1


def test_an_input_that_ends_with_a_hole_is_silent_in_the_end(store, monkeypatch):
    monkeypatch.setattr(inputs, "LOOK_AT_END_S", 0.0)
    context = Around(0, end=2)

    async def play():
        owner = an_owner(store, context)

        async def act():
            await owner.feed([arrival(TRUE, 0, "a")])
            await until(lambda: context.asked and context.is_caught_up(0, TRUE, owner.inputs._holes[TRUE].after(0) - 1))

        await while_running(owner, act)

    asyncio.run(play())


def test_a_record_that_the_consumer_never_delivers_is_read_from_kafka(store):
    context = Around(0, 1, 2, 3, end=4)

    async def play():
        owner = an_owner(store, context)

        async def act():
            await owner.feed([arrival(TRUE, 0, "a"), arrival(TRUE, 3, "d")])
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 3)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 4
    assert context.acknowledged == [(0, TRUE, 1), (0, TRUE, 2)]


def test_a_record_that_is_there_is_waited_for(store):
    context = Around(0, 1, 2, end=3)

    async def play():
        owner = an_owner(store, context)

        async def act():
            await owner.feed([arrival(TRUE, 0, "a"), arrival(TRUE, 2, "c")])
            await until(lambda: context.asked)
            assert store.checkpoint.input_offsets[TRUE] == 0
            await owner.feed([arrival(TRUE, 1, "b")])
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 2)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 3


def test_what_cannot_be_read_goes_to_quarantine_at_once_and_before_it_is_decided(store):
    context = Around(end=3)
    context.keeps.clear()

    async def play():
        owner = an_owner(store, context)

        async def act():
            came_with = (b"a-1", [("trace", b"7")])
            bad = [ConsumedRecord(TRUE, 0, 0.0, b"{not json", *came_with), ConsumedRecord(TRUE, 2, 0.0, b"[1,2]")]
            await owner.feed([bad[0], arrival(TRUE, 1, "a"), bad[1]])
            await until(lambda: context.quarantined)
            await asyncio.sleep(2 * module.LONGEST_LINGER_S)
            assert store.checkpoint.input_offsets[TRUE] == -1
            context.keeps.set()
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 2)

        await while_running(owner, act)

    asyncio.run(play())
    assert context.quarantined == [
        [
            ("topic y_true/0@0", ["not_json"], {"key": "a-1", "headers": [["trace", "7"]]}),
            ("topic y_true/0@2", ["bad_row"], {}),
        ]
    ]
    assert (store.checkpoint.counts.rows_true, store.checkpoint.counts.unreadable) == (1, 2)


def test_more_ids_than_may_wait_end_before_their_time(store, caplog):
    async def play():
        owner = an_owner(store, Around(0, end=1), max_waiting=100)

        async def act():
            await owner.feed([arrival(TRUE, 0, *(f"id-{i}" for i in range(5000)))])
            await until(lambda: store.checkpoint.counts.rows_true == 5000 and store.checkpoint.counts.waiting <= 100)

        await while_running(owner, act)

    with caplog.at_level(logging.WARNING):
        asyncio.run(play())
    counts = store.checkpoint.counts
    assert counts.difference() == 0
    assert counts.evicted == counts.unmatched_true == 5000 - counts.waiting
    assert "more than 100 ids wait for their other side (HINDSIGHT_MAX_WAITING_IDS)" in caplog.text


def test_a_log_that_does_not_answer_is_a_problem_until_it_does(store, monkeypatch, caplog):
    monkeypatch.setattr(module, "SILENT_S", 0.0)

    async def play():
        log = Log()
        owner = an_owner(store, Around(0, 1, end=2), log)

        async def act():
            log.answer.clear()
            await owner.feed([arrival(PRED, 0, "a")])
            await until(lambda: owner.problem)
            log.answer.set()
            await until(lambda: not owner.problem)
            assert store.checkpoint.counts.rows_pred == 1

        await while_running(owner, act)

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    assert caplog.text.count("Kafka does not answer, waiting for it") == 1
    assert caplog.text.count("Kafka answers again") == 1
