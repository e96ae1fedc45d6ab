"""What the topic `metric` brings: ours is written once, and no record of anybody hides what comes behind it."""

from __future__ import annotations

import asyncio
import json
import logging

import pytest

from agents.metric_log.incoming import MAX_STEP, CannotTell, Incoming
from streams.kafka.fetcher import TP, Batch
from streams.process import void_records
from streams.process.unavailable import Unavailable
from streams.table.decision_log import LogIsNewer
from streams.wire.verdicts import Tag, record_bytes
from tests.fake_record import FakeRecord

ROWS = b'[{"id":"a","verdict":"matched","at":1.0,"y_true":2.0,"y_pred":1.0,"ts_true":3.0,"ts_pred":4.0}]'


class Decisions:
    """The decisions that were made, by offset; what they are asked for is kept."""

    def __init__(self, *tags, problem=None):
        self.tags, self.asked, self.problem = tags, [], problem

    async def confirms(self, tag):
        self.asked.append(tag.offset)
        if self.problem is not None:
            raise self.problem
        return (tag.offset, tag.previous) in self.tags


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(void_records, "_said", set())


def topic(*values):
    records = [FakeRecord(offset, value) for offset, value in enumerate(values)]
    return [Batch(TP("metric", 0), 0, len(records), records=records)]


def of(offset, previous, rows=ROWS, log="log"):
    return record_bytes(Tag(log, 0, offset, previous), rows)


def read(decisions, written, *values, incoming=None):
    incoming = incoming or Incoming(decisions.confirms)
    return [record.offset for record in asyncio.run(incoming.unwritten(topic(*values), written))]


def n_void():
    return void_records.n_void.labels("metric")._value.get()


def test_what_follows_is_believed_at_once_and_what_was_seen_is_left_out():
    decisions, written = Decisions(), {"log": {0: 3}}
    assert read(decisions, written, of(3, 1), of(5, 3), of(5, 3), of(6, 5)) == [5, 6]
    assert written == {"log": {0: 6}}
    assert decisions.asked == []


@pytest.mark.parametrize(
    "value",
    [
        b"",
        None,
        b"\xff",
        b"no json",
        b'{"log":"\xff","partition":0,"offset":1,"previous":-1,"rows":[]}',
        b'{"x":' + b"[" * 20_000 + b"]" * 20_000 + b"}",
        b'{"log":"log","partition":0,"offset":4,"previous":3,"rows":1}',
        b'{"log":"log","partition":0,"offset":4,"previous":3,"rows":[{"id":"x","verdict":"matched","at":1.0}]}',
        b'{"log":"log","partition":0,"offset":4,"previous":7,"rows":[]}',
        b'{"log":"log","partition":-1,"offset":4,"previous":3,"rows":[]}',
        b'{"log":"","partition":0,"offset":4,"previous":3,"rows":[]}',
        b'{"version":9}',
    ],
    ids=lambda value: repr(value)[:60],
)
def test_what_is_none_of_ours_is_stepped_over_said_once_and_counted(value, caplog):
    before, written = n_void(), {"log": {0: 3}}
    assert read(Decisions(), written, of(3, 1), value, value, of(4, 3)) == [4]
    assert written == {"log": {0: 4}}
    assert n_void() == before + 2
    assert [line.getMessage()[:37] for line in caplog.records] == ["metric/0@1 is no record of ours: it h"]


def test_an_offset_that_no_decision_has_hides_nothing():
    decisions, written = Decisions(), {"log": {0: 3}}
    assert read(decisions, written, of(1 << 62, -1), of(1 << 62, 3), of(4, 3)) == [4]
    assert decisions.asked == [1 << 62, 1 << 62]


def test_the_first_record_of_a_log_is_not_believed_whatever_its_offset():
    assert read(Decisions(), {}, of(1 << 62, -1), of(2, -1)) == [2]


def test_a_gap_that_the_log_bears_out_is_taken_and_left_to_the_chain_to_tell():
    assert read(Decisions((9, 7)), {"log": {0: 3}}, of(9, 7), of(10, 9)) == [9, 10]


def test_many_decisions_without_verdicts_in_between_are_looked_up():
    decisions = Decisions((3 + MAX_STEP + 1, 3))
    assert read(decisions, {"log": {0: 3}}, of(3 + MAX_STEP + 1, 3)) == [3 + MAX_STEP + 1]
    assert len(decisions.asked) == 1
    assert read(decisions, {"log": {0: 3}}, of(3 + MAX_STEP, 3)) == [3 + MAX_STEP]
    assert len(decisions.asked) == 1


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (Unavailable("Kafka does not answer."), "Kafka does not answer."),
        (LogIsNewer("start the newer one"), "start the newer one."),
    ],
    ids=["away", "newer"],
)
def test_while_the_log_cannot_be_asked_nothing_is_taken_and_nothing_is_lost(problem, said):
    decisions = Decisions((9, 7), problem=problem)
    with pytest.raises(CannotTell) as caught:
        read(decisions, {"log": {0: 3}}, of(4, 3), of(9, 7))
    assert str(caught.value) == said
    decisions.problem = None
    assert read(decisions, {"log": {0: 3}}, of(4, 3), of(9, 7)) == [4, 9]


def test_a_record_of_a_newer_version_waits_for_the_program_that_knows_it():
    newer = json.dumps(json.loads(of(4, 3)) | {"version": 7, "rows": {"new": "shape"}}).encode()
    said = r"^the topic metric is of version 7, .*versions up to 3: .* Start that version.*lost\.$"
    with pytest.raises(CannotTell, match=said):
        read(Decisions(), {"log": {0: 3}}, newer)


def test_a_record_that_comes_again_after_a_failure_is_counted_once(caplog):
    before, incoming = n_void(), Incoming(Decisions().confirms)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert read(None, {"log": {0: 3}}, b"x", of(4, 3), incoming=incoming) == [4]
    assert n_void() == before + 1
