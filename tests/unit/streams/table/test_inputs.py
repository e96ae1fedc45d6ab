"""The inputs of a partition: every record once and in order, both sides alike, and when an input counts as idle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join.state import PRED, TRUE
from streams.kafka.fetcher import RECORD_BYTES, TP, Batch, Held
from streams.table import inputs as module
from streams.table.inputs import MAX_TAKEN_BYTES, Inputs
from tests.fake_record import FakeRecord
from tests.unit.clocks import Clock

TOPICS = ("y_true", "y_pred")


class Worker:
    """What the inputs ask of the worker around them."""

    is_away = False

    def is_heard(self, partition: int, side: int) -> bool:
        return not self.is_away


def batch(side: int, start: int, end: int, *offsets: int, is_last: bool = False, held: Held | None = None) -> Batch:
    made = Batch(TP(TOPICS[side], 0), start, end, held or Held(), [FakeRecord(o, b"x" * 10) for o in offsets], is_last)
    made.held.n_delivered += made.n_bytes
    return made


@given(st.lists(st.lists(st.booleans(), max_size=5), max_size=12), st.data())
def test_each_record_is_taken_once_in_order_and_every_byte_is_released(
    batches: list[list[bool]], data: st.DataObject
) -> None:
    """`batches`: of each offset whether it holds a record; what is between is a gap."""
    inputs, held, at, given_offsets, taken = Inputs(0, Worker(), (0, 0)), Held(), 0, [], []
    for offsets in batches:
        there = [at + i for i, holds in enumerate(offsets) if holds]
        inputs.feed(TRUE, batch(TRUE, at, at + len(offsets), *there, held=held))
        inputs.feed(TRUE, batch(TRUE, at + len(offsets) + 1, at + 99, at + 50))  # of another assignment
        at += len(offsets)
        given_offsets += there
        if data.draw(st.booleans()):
            taken += [r.offset() for side, records in inputs.take((-1, -1)) for r in records if side == TRUE]
    taken += [r.offset() for side, records in inputs.take((-1, -1)) for r in records if side == TRUE]

    assert taken == given_offsets
    assert held.n_bytes == 0


def test_both_sides_are_taken_alike_however_far_one_is_ahead() -> None:
    inputs = Inputs(0, Worker(), (0, 0))
    for side, n in ((TRUE, 30), (PRED, 10)):
        records = [FakeRecord(o, b"x" * 20_000) for o in range(n)]
        inputs.feed(side, Batch(TP(TOPICS[side], 0), 0, n, records=records))

    first = dict(inputs.take((-1, -1)))
    assert len(first[TRUE]) == len(first[PRED]) == MAX_TAKEN_BYTES // 2 // 20_000
    assert [len(records) for _, records in inputs.take((9, 9))] == [20], "the rest of the one side has all the room"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


def listened(inputs: Inputs, clock: Clock, seconds: float) -> tuple[bool, bool]:
    """Let time go by while the inputs are looked at; return what was said last."""
    said = (False, False)
    for _ in range(int(seconds / 0.5)):
        clock.now += 0.5
        said = inputs.idle(10.0)
    return said


def test_an_input_is_idle_once_it_is_read_to_its_end_and_quiet_for_the_out_of_orderness(clock: Clock) -> None:
    inputs = Inputs(0, Worker(), (0, 0))
    inputs.feed(TRUE, batch(TRUE, 0, 1, 0, is_last=True))
    inputs.feed(PRED, batch(PRED, 0, 1, 0))
    inputs.take((-1, -1))

    assert listened(inputs, clock, 9.0) == (False, False), "not yet"
    assert listened(inputs, clock, 3.0) == (True, False), "the end of y_pred is not known"
    inputs.feed(PRED, batch(PRED, 1, 3, is_last=True))
    assert listened(inputs, clock, 12.0) == (True, True), "offsets that hold nothing do not hold it up"
    inputs.feed(TRUE, batch(TRUE, 1, 2, 1, is_last=True))
    assert listened(inputs, clock, 12.0) == (False, True), "a row waits to be taken"


def test_an_input_is_not_idle_while_kafka_is_not_heard_or_nobody_listened(clock: Clock) -> None:
    worker = Worker()
    inputs = Inputs(0, worker, (0, 0))
    for side in (TRUE, PRED):
        inputs.feed(side, batch(side, 0, 0, is_last=True))
    assert listened(inputs, clock, 12.0) == (True, True)

    worker.is_away = True
    assert listened(inputs, clock, 1.0) == (False, False)
    worker.is_away = False
    assert listened(inputs, clock, 5.0) == (False, False), "what was silent while it was away counts for nothing"
    clock.now += 60.0
    assert inputs.idle(10.0) == (False, False), "the process was paused"
    assert listened(inputs, clock, 12.0) == (True, True)


def test_a_batch_weighs_what_its_records_hold() -> None:
    assert batch(TRUE, 0, 2, 0, 1).n_bytes == 2 * (10 + RECORD_BYTES)
