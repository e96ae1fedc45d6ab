"""The owner of a partition over a log in memory and a real store: what it is given, too many ids, no answer."""

from __future__ import annotations

import asyncio
import logging
import time

from streams.join.deadlines import Rules
from streams.join.keys import key_of
from streams.join.state import PRED, TRUE
from streams.kafka.fetcher import TP, Batch
from streams.table import inputs
from streams.table import owner as module
from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.partition import partition_of
from tests.fake_record import FakeRecord
from tests.unit.streams.table.owners import Log, Worker, an_owner, give, row, until, while_running


def test_offsets_that_hold_no_record_are_passed_over(store):
    context = Worker()

    async def play():
        owner = an_owner(store, context)

        async def act():
            give(owner, TRUE, row(TRUE, 0, "a"), row(TRUE, 2, "b"), row(TRUE, 5, "c"))
            await until(lambda: context.positions.get(0) == [5, -1])

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 3


def test_records_of_another_assignment_are_left_and_those_that_are_applied_are_left_out(store):
    async def play():
        owner = an_owner(store)

        async def act():
            give(owner, TRUE, row(TRUE, 0, "a"), row(TRUE, 1, "b"))
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 1)
            stray = Batch(TP("y_true", 0), 7, 9, records=[row(TRUE, 7, "x"), row(TRUE, 8, "y")])
            stray.held.n_delivered = stray.n_bytes
            owner.inputs.feed(TRUE, stray)
            assert stray.held.n_bytes == 0, "it is released"
            store.checkpoint.input_offsets[TRUE] = 2  # somebody else applied it, and we read it from the log
            give(owner, TRUE, row(TRUE, 2, "c"), row(TRUE, 3, "d"))
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 3)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.rows_true == 3, "a, b and d"


def test_rows_that_come_while_a_decision_is_on_its_way_share_the_next(store):
    log = Log()
    log.answer.clear()

    async def play():
        owner = an_owner(store, log=log)

        async def act():
            give(owner, TRUE, row(TRUE, 0, "a"))
            give(owner, PRED, row(PRED, 0, "a"))
            await until(lambda: not any(owner.inputs._queues))
            for offset in range(1, 6):
                give(owner, TRUE, row(TRUE, offset, str(offset)))
                await asyncio.sleep(0)
            log.answer.set()
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 5)

        await while_running(owner, act)

    asyncio.run(play())
    assert len(log.records[0].done) == 1, "both sides came together"
    assert len(log.records) == 2, "the rest was taken together"


def test_rows_of_other_partitions_are_sent_on_in_few_packets_and_no_decision_sends_more_than_it_can_number(
    store, monkeypatch
):
    n, n_partitions, context = 3000, 4, Worker()
    monkeypatch.setattr(forwarding, "MAX_CHUNKS", 4)

    async def play():
        owner = an_owner(store, context, n_partitions=n_partitions)

        async def act():
            give(owner, TRUE, *(row(TRUE, i, f"id-{i}") for i in range(n)))
            await until(lambda: store.checkpoint.input_offsets[TRUE] == n - 1)

        await while_running(owner, act)

    asyncio.run(play())
    packets = [one for decided in context.forwarded for one in decided.forwards]
    sent_on = [(one.partition, given.id) for one in packets for given in Decoder("y_true").record(one.packet, 0.0)[0]]
    ids = [f"id-{i}" for i in range(n)]
    assert sorted(sent_on) == sorted((p, i) for i in ids if (p := partition_of(i, n_partitions)) != 0)
    assert len(packets) < 30
    assert all(len(decided.forwards) <= 4 for decided in context.forwarded)
    assert len(context.forwarded) > 1
    assert store.checkpoint.counts.rows_true + store.checkpoint.counts.forwarded == n


def test_of_one_record_that_makes_more_than_kafka_takes_the_rest_comes_back_as_records_of_its_own(store, monkeypatch):
    n, models, context, log = 300, ("champion", "challenger"), Worker(), Log()
    monkeypatch.setattr(module, "MAX_DECISION_BYTES", 10_000)
    monkeypatch.setattr(module, "LARGEST_DECISION_BYTES", 20_000)
    ids = [f"id-{i}" for i in range(n)]

    async def play():
        owner = an_owner(store, context, log, models=models)

        async def act():
            give(owner, TRUE, row(TRUE, 0, *ids))
            await until(lambda: store.checkpoint.input_offsets[TRUE] == 0)
            offset = 0
            while context.forwarded:
                decided = context.forwarded.copy()
                context.forwarded.clear()
                for one in decided:
                    for i, forward in enumerate(one.forwards):
                        assert (forward.side, forward.partition) == (TRUE, 0)
                        headers = [forwarding.forwarded_by(forwarding.origin_of(one.log, one.offset, i))]
                        offset += 1
                        give(owner, TRUE, FakeRecord(offset, forward.packet, headers=headers))
                await until(lambda end=offset: store.checkpoint.input_offsets[TRUE] == end)

        await while_running(owner, act)

    asyncio.run(play())
    counts = store.checkpoint.counts
    assert (counts.rows_true, counts.waiting, counts.difference()) == (n, n * len(models), 0)
    assert len(log.records) > 2
    assert max(map(len, log._packed)) <= 20_000
    assert all(all(store.states([key_of(one), key_of(one, "challenger")])) for one in ids)


def test_what_is_due_beyond_one_decision_does_not_wait_for_the_next_tick(store, monkeypatch):
    monkeypatch.setattr(module, "TICK_S", 1000.0)
    n, began, log = 4000, time.time() - 2000, Log()

    async def play():
        owner = an_owner(store, log=log)

        async def act():
            give(owner, TRUE, row(TRUE, 0, *(str(i) for i in range(n)), ts=began))
            await until(lambda: store.checkpoint.counts.waiting == n)
            give(owner, TRUE, row(TRUE, 1, "new"))
            give(owner, PRED, row(PRED, 0, "new"))  # both inputs are past the window of all that wait
            await until(lambda: store.checkpoint.counts.unmatched_true == n)

        await while_running(owner, act)

    asyncio.run(play())
    assert len(log.records) > 4, "one decision could not hold them"


def test_what_cannot_be_read_goes_to_quarantine_at_once_and_before_it_is_decided(store):
    context = Worker()
    context.keeps.clear()

    async def play():
        owner = an_owner(store, context)

        async def act():
            bad = FakeRecord(0, b"{not json", b"a-1", [("trace", b"7")])
            give(owner, TRUE, bad, row(TRUE, 1, "a"), FakeRecord(2, b"[1,2]"))
            await until(lambda: context.quarantined)
            for _ in range(100):
                await asyncio.sleep(0)
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
        owner = an_owner(store, max_waiting=100)

        async def act():
            give(owner, TRUE, row(TRUE, 0, *(f"id-{i}" for i in range(5000))))
            await until(lambda: store.checkpoint.counts.rows_true == 5000 and store.checkpoint.counts.waiting <= 100)

        await while_running(owner, act)

    with caplog.at_level(logging.WARNING):
        asyncio.run(play())
    counts = store.checkpoint.counts
    assert counts.difference() == 0
    assert counts.evicted == counts.unmatched_true == 5000 - counts.waiting
    assert "more than 100 ids wait for their other side (HINDSIGHT_MAX_WAITING_IDS)" in caplog.text


def test_an_id_whose_other_input_is_idle_ends_by_the_clock(store, monkeypatch):
    monkeypatch.setattr(module, "TICK_S", 0.01)
    monkeypatch.setattr(inputs, "MAX_PAUSE_S", 0.2)

    async def play():
        owner = an_owner(store, rules=Rules(window_s=0.3, max_out_of_orderness_s=0.1, horizon_s=1000.0))

        async def act():
            give(owner, PRED, end=0)
            give(owner, TRUE, row(TRUE, 0, "lone"))
            await until(lambda: store.checkpoint.counts.unmatched_true == 1)

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.waiting == 0


def test_an_id_waits_past_its_window_while_its_other_input_is_not_read_to_the_end(store, monkeypatch):
    monkeypatch.setattr(module, "TICK_S", 0.01)
    monkeypatch.setattr(inputs, "MAX_PAUSE_S", 0.2)

    async def play():
        owner = an_owner(store, rules=Rules(window_s=0.3, max_out_of_orderness_s=0.1, horizon_s=1000.0))

        async def act():
            give(owner, PRED, row(PRED, 0, "other"), is_last=False)  # more of y_pred is to come
            give(owner, TRUE, row(TRUE, 0, "lone"))
            await until(lambda: store.checkpoint.counts.unmatched_pred == 1)  # y_true is idle

        await while_running(owner, act)

    asyncio.run(play())
    assert store.checkpoint.counts.waiting == 1


def test_a_log_that_does_not_answer_is_a_problem_until_it_does(store, monkeypatch, caplog):
    monkeypatch.setattr(module, "SILENT_S", 0.0)

    async def play():
        log = Log()
        owner = an_owner(store, log=log)

        async def act():
            log.answer.clear()
            give(owner, PRED, row(PRED, 0, "a"))
            await until(lambda: owner.problem)
            log.answer.set()
            await until(lambda: not owner.problem)
            assert store.checkpoint.counts.rows_pred == 1

        await while_running(owner, act)

    with caplog.at_level(logging.INFO):
        asyncio.run(play())
    assert caplog.text.count("partition 0 waits for Kafka") == 1
    assert caplog.text.count("Kafka answers again") == 1
