"""Deadlines and the expiry index: each rule once more in plain words, and the arithmetic of the buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import deadlines
from streams.join import state as pair
from streams.join.deadlines import (
    BUCKET_S,
    CHUNK,
    EVENT,
    INDEX,
    MAX_DELAY_S,
    TIMER_KINDS,
    TOMBSTONE,
    WAIT_PRED,
    WAIT_TRUE,
    Rules,
    bucket_of,
    last_bucket,
)
from streams.join.state import MATCHED, NAN, PRED, TRUE, UNMATCHED, WAITING
from streams.wire.times import MAX_TS_S

RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
CURSORS = [INDEX.pack(timer_kind, 0, 0, 0) for timer_kind in TIMER_KINDS]
times = st.floats(0, MAX_TS_S)
spans = st.floats(0, 1e7)
WAITS = (WAITING + TRUE, 0, 0, 1.5, 1000.0, 2000.0, 7, b"")
DONE = (MATCHED, 0, 0, 1.5, 2.5, 1000.0, 1001.0, 2000.0, 2001.0, 3000.0, 7, 8, b"")


@pytest.mark.parametrize(
    ("timer_kind", "state", "due_at"),
    [(EVENT, WAITS, 1100.0), (WAIT_PRED, WAITS, 2110.0), (TOMBSTONE, DONE, 4000.0)],
    ids=["event time", "wall clock", "tombstone"],
)
def test_each_timer_kind_has_its_own_time_and_its_own_span(timer_kind, state, due_at):
    assert deadlines.deadline(timer_kind, state, RULES) == due_at


@pytest.mark.parametrize(
    ("kind", "of"),
    [
        (WAITING + TRUE, {EVENT, WAIT_PRED}),
        (WAITING + PRED, {EVENT, WAIT_TRUE}),
        (MATCHED, {TOMBSTONE}),
        (UNMATCHED + TRUE, {TOMBSTONE}),
        (UNMATCHED + PRED, {TOMBSTONE}),
    ],
)
def test_an_index_entry_speaks_of_an_id_only_while_it_is_what_it_was(kind, of):
    assert {timer_kind for timer_kind in TIMER_KINDS if deadlines.concerns(timer_kind, kind)} == of


@given(times, times, times, st.builds(Rules, spans, spans, spans))
def test_two_rows_join_if_they_are_within_the_window_and_the_first_is_not_over(waiting_ts, ts, watermark, rules):
    wanted = deadlines.is_within(ts, waiting_ts, rules) and not deadlines.is_over(waiting_ts, watermark, rules)
    assert deadlines.joins(waiting_ts, ts, watermark, rules) is wanted


def test_the_watermark_is_the_slower_input_less_the_out_of_orderness():
    assert deadlines.watermark([500.0, 300.0], RULES) == 290.0


@pytest.mark.parametrize(
    ("idle", "waits_for_pred_until", "waits_for_true_until"),
    [
        ((False, False), 1e6 - MAX_DELAY_S, 1e6 - MAX_DELAY_S),
        ((True, False), 1e6 - MAX_DELAY_S, 1e6),
        ((False, True), 1e6, 1e6 - MAX_DELAY_S),
        ((True, True), 1e6, 1e6),
    ],
    ids=str,
)
def test_an_id_waits_a_day_longer_for_an_input_that_is_not_idle(idle, waits_for_pred_until, waits_for_true_until):
    found = dict(zip(TIMER_KINDS, deadlines.clocks(5.0, 1e6, idle), strict=True))
    assert found == {EVENT: 5.0, WAIT_PRED: waits_for_pred_until, WAIT_TRUE: waits_for_true_until, TOMBSTONE: 1e6}


# The index


@pytest.mark.parametrize("carries", [b"", b"model"], ids=["", "carrying"])
@given(st.lists(st.tuples(st.sampled_from([TRUE, PRED]), times, times), max_size=8), st.lists(times, max_size=8))
def test_every_id_is_indexed_once_for_each_of_its_deadlines(carries, waiting, decided_at):
    waits = {
        f"w{i}".encode(): pair.pack((WAITING + side, 0, 0, 1.0, ts, at, 3, carries))
        for i, (side, ts, at) in enumerate(waiting)
    }
    states = [(UNMATCHED, 0, 0, 1.0, NAN, 1.0, NAN, 1.0, NAN, at, 3, -1, carries) for at in decided_at]
    done = {f"d{i}".encode(): pair.pack(state) for i, state in enumerate(states)}
    entries = deadlines.index_entries(waits, done, RULES, CURSORS, offset=9)

    found = sorted((key, *INDEX.unpack(index)[:3]) for index, keys in entries.items() for key in keys)
    wanted = [
        (key, timer_kind, bucket_of(deadlines.deadline(timer_kind, state, RULES)), 9)
        for key, packed in (waits | done).items()
        for state in [pair.unpack(packed)]
        for timer_kind in TIMER_KINDS
        if deadlines.concerns(timer_kind, state[0])
    ]
    assert found == sorted(wanted)


def test_nothing_is_indexed_before_the_cursor_where_nobody_looks_again():
    cursors = [INDEX.pack(timer_kind, 10_000, 0, 0) for timer_kind in TIMER_KINDS]
    entries = deadlines.index_entries({b"ia": pair.pack(WAITS)}, {}, RULES, cursors, offset=9)
    assert [INDEX.unpack(index)[:2] for index in entries] == [(EVENT, 10_000), (WAIT_PRED, 10_000)]


def test_ids_of_one_bucket_share_entries_of_a_bounded_size():
    waits = {b"i%d" % n: pair.pack(WAITS) for n in range(2 * CHUNK + 1)}
    entries = deadlines.index_entries(waits, {}, RULES, CURSORS, offset=9)
    assert [len(keys) for keys in entries.values()] == [CHUNK, CHUNK, 1] * 2
    assert [INDEX.unpack(index)[3] for index in entries] == [0, 1, 2] * 2


# Buckets


@given(times, times)
def test_a_deadline_is_due_once_its_bucket_is_and_never_before(deadline, now):
    if bucket_of(deadline) <= last_bucket(now):
        assert deadline < now
    if deadline + BUCKET_S <= now:
        assert bucket_of(deadline) <= last_bucket(now)


@given(st.integers(0, 10**9).map(lambda n: n * BUCKET_S), st.floats(0, 10**9))
def test_a_deadline_on_the_grid_is_due_at_the_next_step_of_the_grid(deadline, now):
    assert (bucket_of(deadline) <= last_bucket(now)) == (now >= deadline + BUCKET_S)


@given(times, times)
def test_later_deadlines_are_never_in_earlier_buckets(one, other):
    assert bucket_of(min(one, other)) <= bucket_of(max(one, other))


def test_no_deadline_that_a_row_may_have_is_out_of_the_indexs_range():
    assert INDEX.pack(TIMER_KINDS[0], bucket_of(2 * MAX_TS_S), 2**62, 0)
    assert bucket_of(0.0) > 0
