"""The owner and the log's word: what others wrote in between, what was not confirmed, and which verdicts go out."""

from __future__ import annotations

import asyncio
import itertools

import msgspec
import pytest

from streams.join import decision
from streams.join.decide import decide
from streams.join.input import Input
from streams.join.keys import key_of
from streams.join.state import PRED, TRUE
from streams.table import owner as module
from streams.table.reading import RUN_FROM
from streams.wire.rows import PredRow, TrueRow
from tests.fake_record import FakeRecord
from tests.unit.streams.table.owners import RULES, Log, Outbox, an_owner, give, row, until, while_running

NOW = 1e9


def pair(owner, offset, row_id):
    """Give both rows of an id, each as the record at `offset` of its input."""
    for side in (TRUE, PRED):
        give(owner, side, row(side, offset, row_id))


async def matched(store, n):
    """Wait until so many ids have matched."""
    await until(lambda: store.checkpoint.counts.matched == n)


def decided_by_another(store, row_id, offset=0):
    """Return what another owner of the partition decides, which has read both rows of an id."""
    rows = {TRUE: TrueRow(row_id, NOW, 1.0), PRED: PredRow(row_id, NOW, 2.0)}
    inputs = [Input(side, offset, [rows[side]]) for side in (TRUE, PRED)]
    record = decide(store.checkpoint, inputs, store, RULES, now=NOW, writer="another").record
    record.checkpoint.log = store.checkpoint.log or "log"
    return record


def run(owner, act):
    asyncio.run(while_running(owner, act))


def test_rows_that_another_owner_decided_meanwhile_are_not_decided_again_and_its_verdicts_are_sent(store):
    log, outbox = Log(), Outbox()
    log.others = [[decided_by_another(store, "a")]]
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        give(owner, TRUE, row(TRUE, 0, "a"))
        await until(lambda: store.checkpoint.offset == 1)
        give(owner, PRED, row(PRED, 0, "a"))
        pair(owner, 1, "b")
        await until(lambda: store.checkpoint.counts.matched == 2)

    run(owner, act)
    assert [record.writer for record in log.records] == ["another", "w", "w"]
    assert not decision.is_valid(log.records[1], 1)
    assert decision.is_valid(log.records[2], 2)
    assert store.checkpoint.counts.rows_true == store.checkpoint.counts.rows_pred == 2
    assert outbox.tags == [(0, -1), (2, 0)]
    from_the_log, ours = outbox.local
    assert from_the_log is None
    assert [verdict.id for verdict in ours] == ["b"]
    assert msgspec.json.encode(ours) == log.records[2].verdicts


def test_of_records_that_are_decided_together_those_that_another_owner_applied_are_not_counted_again(store):
    log = Log()
    log.others = [[decided_by_another(store, "a", offset=4)]]
    owner = an_owner(store, log=log)
    n = 2 * RUN_FROM

    async def act():
        give(owner, TRUE, *(FakeRecord(i, b'{"id":"%d","ts":1e9,"y_true":1.0}' % i) for i in range(n)))
        await until(lambda: store.checkpoint.input_offsets[TRUE] == n - 1)

    run(owner, act)
    counts = store.checkpoint.counts
    assert (counts.rows_true, counts.waiting, counts.duplicates) == (1 + n - 5, n - 5, 0)
    assert store.states([key_of("4")]) == [None]


@pytest.mark.parametrize("appended", [True, False], ids=["it was appended", "it was not"])
def test_a_decision_that_kafka_did_not_confirm_counts_once_whether_it_was_appended_or_not(store, appended):
    log, outbox = Log(), Outbox()
    log.unconfirmed = [appended]
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        pair(owner, 0, "a")
        await until(lambda: store.checkpoint.counts.matched == 1 and not owner.problem)

    run(owner, act)
    assert store.checkpoint.counts.rows_true == store.checkpoint.counts.rows_pred == 1
    assert sum(len(record.done) for record in log.records) == 1
    assert [entry.tag.offset for entry in outbox.entries] == [store.checkpoint.verdicts_at]


class Ended(Exception):
    """Stands for the end of the process."""


@pytest.fixture
def ended(monkeypatch):
    """Return the sentences with which the process would have ended."""
    said = []

    def fatal(sentence):
        said.append(sentence)
        raise Ended

    monkeypatch.setattr(module, "fatal", fatal)
    return said


def interlopers(store):
    """Yield records that are void wherever they are appended: each is on a base of its own."""
    for n in itertools.count():
        record = decision.empty(store.checkpoint, "another", NOW, RULES)
        record.base = 1_000_000 + n
        yield record


def test_an_owner_whose_log_another_one_keeps_writing_ends_with_a_sentence(store, ended):
    log = Log()
    log.others = [[record] for record in itertools.islice(interlopers(store), module.MAX_FENCED + 1)]
    owner = an_owner(store, log=log)

    async def play():
        pair(owner, 0, "a")
        with pytest.raises(Ended):
            await asyncio.wait_for(owner.run(), 10)

    asyncio.run(play())
    assert ended[0] == "another worker owns partition 0 and keeps writing its log."


def test_an_owner_that_is_overtaken_now_and_then_goes_on(store, ended):
    log, n = Log(), 2 * module.MAX_FENCED
    for record in itertools.islice(interlopers(store), n):
        log.others += [[record], []]
    owner = an_owner(store, log=log)

    async def act():
        for offset in range(n):
            pair(owner, offset, str(offset))
            await matched(store, offset + 1)

    run(owner, act)
    assert ended == []
    assert sum(record.writer == "another" for record in log.records) == n


def test_garbage_in_the_log_ends_no_owner_however_often_it_comes_first(store, ended):
    log = Log()
    log.others = [[b"garbage", b""] for _ in range(4 * module.MAX_FENCED)]
    owner = an_owner(store, log=log)

    async def act():
        pair(owner, 0, "a")
        await matched(store, 1)

    run(owner, act)
    assert ended == []
    assert owner.n_fenced == 0
    assert sum(record is None for record in log.records) == 8 * module.MAX_FENCED


def test_rows_that_one_decision_cannot_hold_are_decided_in_several(store, monkeypatch):
    monkeypatch.setattr(module, "MAX_DECISION_BYTES", 800)
    log = Log()
    owner = an_owner(store, log=log)

    async def act():
        give(owner, TRUE, *(row(TRUE, offset, f"{offset}a", f"{offset}b") for offset in range(20)))
        await until(lambda: store.checkpoint.input_offsets[TRUE] == 19)

    run(owner, act)
    assert store.checkpoint.counts.waiting == 40
    assert len(log.records) > 1
    assert all(len(decision.encode(record)) <= 800 for record in log.records)


def test_once_it_is_known_what_a_row_takes_no_batch_is_decided_for_nothing(store, monkeypatch):
    monkeypatch.setattr(module, "MAX_DECISION_BYTES", 100_000)
    log, tried = Log(), []
    monkeypatch.setattr(module, "decide", lambda *args, **kwargs: tried.append(len(args[1])) or decide(*args, **kwargs))
    owner = an_owner(store, log=log)

    async def act():
        for batch in range(4):
            first = 40 * batch
            packets = (row(TRUE, n, *(f"{n}-{i}" for i in range(100))) for n in range(first, first + 40))
            give(owner, TRUE, *packets)
            await until(lambda last=first + 39: store.checkpoint.input_offsets[TRUE] == last)
            taken.append((len([n for n in tried if n]), len(log.records)))

    taken = []
    run(owner, act)
    (n_tried, n_first), *_, (n_tried_in_all, n_in_all) = taken
    assert n_tried > n_first  # the first batch was too large to be known
    assert n_in_all - n_first > 3
    assert n_tried_in_all - n_tried == n_in_all - n_first


def test_each_entry_names_the_one_before_it_whatever_was_decided_without_a_verdict_between(store):
    outbox = Outbox()
    owner = an_owner(store, outbox=outbox)

    async def act():
        for offset in range(3):
            give(owner, TRUE, row(TRUE, offset, str(offset)))
            await until(lambda: store.checkpoint.counts.waiting)
            give(owner, PRED, row(PRED, offset, str(offset)))
            await matched(store, offset + 1)

    run(owner, act)
    assert outbox.tags == [(1, -1), (3, 1), (5, 3)]


def test_what_metric_has_is_never_said_to_be_less(store):
    log, outbox = Log(), Outbox(confirms=False)
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        for offset in range(2):
            pair(owner, offset, str(offset))
            await matched(store, offset + 1)
        first, second = outbox.entries
        second.confirm(second.tag.offset)
        first.confirm(first.tag.offset)
        pair(owner, 2, "2")
        await until(lambda: store.checkpoint.counts.matched == 3)

    run(owner, act)
    assert log.records[-1].checkpoint.confirmed == outbox.entries[1].tag.offset


def test_after_a_restart_just_the_verdicts_that_are_not_confirmed_are_sent_again(store):
    log, outbox = Log(), Outbox(confirms=False)
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        for offset in range(4):
            pair(owner, offset, str(offset))
            await matched(store, offset + 1)
            if offset == 1:
                outbox.entries[-1].confirm(outbox.entries[-1].tag.offset)

    run(owner, act)
    again = Outbox()
    asyncio.run(an_owner(store, log=log, outbox=again).resend())

    assert store.checkpoint.confirmed == outbox.entries[1].tag.offset
    assert again.entries[0].value == outbox.entries[2].value
    assert again.tags == outbox.tags[2:]


@pytest.mark.parametrize("n_left", [1, 0], ids=["all but the last", "all"])
def test_where_retention_has_removed_decisions_the_others_are_sent_again_and_it_is_said(store, caplog, n_left):
    log, outbox = Log(), Outbox(confirms=False)
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        for offset in range(3):
            pair(owner, offset, str(offset))
            await matched(store, offset + 1)

    run(owner, act)
    log.first, again = len(log.records) - n_left, Outbox()
    asyncio.run(an_owner(store, log=log, outbox=again).resend())
    assert again.tags == outbox.tags[3 - n_left :]
    assert f"Kafka removed the decisions 0 to {log.first - 1}, and nothing tells" in caplog.text


def test_verdicts_are_sent_again_as_soon_as_kafka_answers(store):
    log, outbox = Log(), Outbox(confirms=False)
    owner = an_owner(store, log=log, outbox=outbox)

    async def act():
        pair(owner, 0, "a")
        await matched(store, 1)

    run(owner, act)
    log.n_unanswered, again = 1, Outbox()
    owner = an_owner(store, log=log, outbox=again)
    asyncio.run(owner.resend())
    assert again.tags == outbox.tags
    assert not owner.problem


def test_nothing_is_sent_again_where_all_is_confirmed(store):
    log = Log()
    owner = an_owner(store, log=log)

    async def act():
        pair(owner, 0, "a")
        await until(lambda: store.checkpoint.counts.matched == 1)
        give(owner, TRUE, row(TRUE, 1, "b"))
        await until(lambda: store.checkpoint.confirmed == store.checkpoint.verdicts_at)

    run(owner, act)
    again = Outbox()
    asyncio.run(an_owner(store, log=log, outbox=again).resend())
    assert again.entries == []
