"""One id's state: packed and back, and as people see it."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import state as pair
from streams.join.state import (
    CONFLICT,
    DUPLICATE,
    LATE,
    MATCHED,
    MAX_REPEATS,
    NAN,
    PRED,
    REDELIVERED,
    TRUE,
    UNMATCHED,
    WAITING,
)
from tests.pair import pair as spelled_out

values = st.floats(allow_nan=False, allow_infinity=False)
times = st.floats(0, 1e11)
offsets = st.integers(0, 2**63 - 1)
flags = st.integers(0, sum(REDELIVERED) + DUPLICATE + CONFLICT + LATE)
n_repeats = st.integers(0, MAX_REPEATS)
carries = st.just(b"") | st.binary(min_size=1, max_size=9)
waiting = st.tuples(
    st.sampled_from([WAITING + TRUE, WAITING + PRED]), flags, n_repeats, values, times, times, offsets, carries
)
matched = st.tuples(
    *(st.just(MATCHED), flags, n_repeats, values, values, times, times, times, times, times, offsets, offsets, carries)
)


@given(waiting | matched)
def test_a_state_comes_back_as_it_was_packed(state):
    assert pair.unpack(pair.pack(state)) == state


@given(waiting | matched)
def test_a_packed_state_tells_by_its_first_byte_whether_it_waits_and_its_version(state):
    packed, n_bytes = pair.pack(state), pair.WAITING_BYTES if state[0] < MATCHED else pair.DONE_BYTES
    assert pair.kind_of(packed) == packed[0] == state[0]
    assert packed[0] >> 4 == 1, "the version"
    assert packed[n_bytes:] == state[-1]


@given(waiting | matched)
def test_a_state_of_the_version_that_carried_nothing_is_read(state):
    layout = "<BBHdddq" if state[0] < MATCHED else "<BBHdddddddqq"
    oldest = struct.pack(layout, state[0] - 16, *state[1:-1])
    assert pair.unpack(oldest) == (*state[:-1], b"")
    assert pair.kind_of(oldest) == state[0]


@given(matched)
def test_a_matched_id_shows_both_sides(state):
    seen = spelled_out("a", pair.pack(state))

    assert (seen.id, seen.state) == ("a", "matched")
    assert (seen.y_true, seen.y_pred, seen.ts_true, seen.ts_pred) == state[3:7]
    assert (seen.at_true, seen.at_pred, seen.decided_at, seen.offset_true, seen.offset_pred) == state[7:12]


@pytest.mark.parametrize(("side", "name"), [(TRUE, "waiting_for_pred"), (PRED, "waiting_for_true")])
@given(state=waiting)
def test_a_waiting_id_shows_the_side_that_is_there_and_none_for_the_other(side, name, state):
    _, _, _, y, ts, at, offset, _ = state
    seen = spelled_out("a", pair.pack((WAITING + side, *state[1:])))
    there = (y, ts, at, offset)
    trues = (seen.y_true, seen.ts_true, seen.at_true, seen.offset_true)
    preds = (seen.y_pred, seen.ts_pred, seen.at_pred, seen.offset_pred)

    assert seen.state == name
    assert (trues, preds) == ((there, (None,) * 4) if side == TRUE else ((None,) * 4, there))
    assert seen.decided_at is None


def test_an_id_that_ended_unmatched_shows_the_side_that_came_and_when_it_was_decided():
    true = (UNMATCHED + TRUE, 0, 0, 1.5, NAN, 10.0, NAN, 11.0, NAN, 99.0, 7, -1, b"")
    pred = (UNMATCHED + PRED, 0, 0, NAN, 2.5, NAN, 20.0, NAN, 21.0, 99.0, -1, 8, b"")

    assert spelled_out("a", pair.pack(true))[:11] == (
        "a",
        "unmatched_true",
        1.5,
        None,
        10.0,
        None,
        11.0,
        None,
        99.0,
        7,
        None,
    )
    assert spelled_out("a", pair.pack(pred))[:11] == (
        "a",
        "unmatched_pred",
        None,
        2.5,
        None,
        20.0,
        None,
        21.0,
        99.0,
        None,
        8,
    )


def test_a_value_of_zero_is_not_taken_for_one_that_never_came():
    seen = spelled_out("a", pair.pack((WAITING + TRUE, 0, 0, 0.0, 0.0, 0.0, 0, b"")))

    assert (seen.y_true, seen.ts_true, seen.at_true, seen.offset_true) == (0.0, 0.0, 0.0, 0)


@pytest.mark.parametrize(
    ("flag", "name"),
    [
        (REDELIVERED[TRUE], "redelivered_true"),
        (REDELIVERED[PRED], "redelivered_pred"),
        (DUPLICATE, "duplicate"),
        (CONFLICT, "conflict"),
        (LATE, "late"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_each_flag_has_its_own_name(flag, name):
    seen = spelled_out("a", pair.pack((WAITING + TRUE, flag, 3, 0.0, 0.0, 0.0, 0, b"")))

    assert {field for field, value in seen._asdict().items() if value is True} == {name}
    assert seen.n_repeats == 3
