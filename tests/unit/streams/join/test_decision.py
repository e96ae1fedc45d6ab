"""The decision record and the checkpoint: through their bytes and back, and what counts in the log."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import decision
from streams.join import state as pair
from streams.join.deadlines import INDEX, TIMER_KINDS, Rules
from streams.join.decision import NOWHERE_TS, Checkpoint, Counts, Decision, checkpoint_after, is_valid
from streams.join.keys import id_of, key_of, other_key
from streams.wire import versions
from streams.wire.times import MAX_TS_S
from streams.wire.values import MAX_ID_CHARS
from streams.wire.versions import Newer

ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=MAX_ID_CHARS)
keys = ids.map(key_of)
numbers = st.integers(0, 2**62)
offsets = st.integers(-1, 2**62 - 1)
times = st.floats(0, MAX_TS_S)
checkpoints = st.builds(
    Checkpoint,
    offset=offsets,
    log=st.text("0123456789abcdef", max_size=16),
    input_offsets=st.lists(offsets, min_size=2, max_size=2),
    ts=st.lists(times | st.just(NOWHERE_TS), min_size=2, max_size=2),
    timer_cursors=st.tuples(*[numbers.map(lambda n, kind=kind: INDEX.pack(kind, n, n, 7)) for kind in TIMER_KINDS]).map(
        list
    ),
    counts=st.builds(Counts, *[st.integers(0, 2**62 - 1)] * 12),
    verdicts_at=offsets,
    confirmed=offsets,
)
values = st.floats()
flags, n_repeats = st.integers(0, 31), st.integers(0, 0xFFFF)
carries = st.just(b"") | st.binary(min_size=1, max_size=9)
waiting = st.tuples(st.integers(0x10, 0x11), flags, n_repeats, values, times, times, offsets, carries).map(pair.pack)
done = st.tuples(
    *(
        st.integers(0x12, 0x14),
        flags,
        n_repeats,
        values,
        values,
        values,
        values,
        values,
        values,
        times,
        offsets,
        offsets,
        carries,
    )
).map(pair.pack)
beside = st.builds(pair.pack_other, st.integers(0, 1), values, values, values, offsets)
decisions = st.builds(
    Decision,
    base=offsets,
    writer=st.text(max_size=20),
    at=times,
    rules=st.builds(Rules, times, times, times),
    checkpoint=checkpoints,
    waiting=st.dictionaries(keys, waiting, max_size=5),
    done=st.dictionaries(keys, done, max_size=5),
    updated=st.dictionaries(keys, waiting | done, max_size=5)
    | st.dictionaries(keys.map(other_key), beside, max_size=5),
    deleted=st.lists(keys, max_size=5),
    unindexed=st.lists(st.builds(INDEX.pack, st.sampled_from(TIMER_KINDS), numbers, numbers, st.just(3)), max_size=5),
    verdicts=st.binary(max_size=50),
    report=st.binary(max_size=50),
)
entries = st.tuples(st.sampled_from(TIMER_KINDS), numbers, numbers, st.integers(0, 65_535))


# Bytes


@given(decisions)
@pytest.mark.slow
def test_a_decision_comes_back_as_it_was_encoded(record):
    assert decision.decode(decision.encode(record)) == record


@given(checkpoints)
def test_a_checkpoint_comes_back_as_it_was_encoded(checkpoint):
    assert decision.decode_checkpoint(decision.encode_checkpoint(checkpoint)) == checkpoint


NOW = 1e9
WAITS, DONE = pair.pack((0x10, 0, 0, 1.0, NOW, NOW, 3, b"")), pair.pack((0x12, 0, 0, *[1.0] * 6, NOW, 3, 4, b""))
BESIDE = pair.pack_other(0, 1.0, NOW, NOW, 5)


@pytest.mark.parametrize(
    "unsound",
    [
        {"at": float("nan")},
        {"base": 2**63},
        {"rules": Rules(1.0, -1.0, 1.0)},
        {"rules": Rules(1.0, 1.0, float("inf"))},
        {"waiting": {b"h": WAITS}},
        {"waiting": {b"i\xff": WAITS}},
        {"waiting": {b"ia": b"\x00" + WAITS[1:] + b"x"}},
        {"waiting": {b"ia": DONE}},
        {"waiting": {b"ia": b""}},
        {"waiting": {b"ia": WAITS[:-1]}},
        {"waiting": {b"ia": b"\x20" + WAITS[1:] + b"of a version that nobody knows"}},
        {"waiting": {b"ia": b"\x12" + WAITS[1:] + b"x"}},
        {"waiting": {b"ia": b"\x02" + WAITS[1:]}},
        {"done": {b"ia": b"\x11" + DONE[1:]}},
        {"waiting": {b"ia": pair.pack((0x10, 0, 0, 1.0, float("nan"), NOW, 3, b""))}},
        {"waiting": {b"ia": pair.pack((0x10, 0, 0, 1.0, NOW, 1e300, 3, b""))}},
        {"done": {b"ia": WAITS}},
        {"done": {b"ia": b"\x05" + DONE[1:]}},
        {"done": {b"ia": pair.pack((0x12, 0, 0, *[1.0] * 6, float("inf"), 3, 4, b"model"))}},
        {"updated": {b"oa": DONE}},
        {"updated": {b"ia": BESIDE}},
        {"updated": {b"ia": b""}},
        {"deleted": [b"h"]},
        {"deleted": [b""]},
        {"unindexed": [b"h"]},
        {"unindexed": [b"ia" + b"x" * 17]},
        {"checkpoint": Checkpoint(ts=[float("inf"), 1.0])},
        {"checkpoint": Checkpoint(ts=[1.0])},
        {"checkpoint": Checkpoint(input_offsets=[1, 2, 3])},
        {"checkpoint": Checkpoint(input_offsets=[-2, 0])},
        {"checkpoint": Checkpoint(timer_cursors=[b"", b"", b"", b""])},
        {"checkpoint": Checkpoint(timer_cursors=Checkpoint().timer_cursors[::-1])},
        {"checkpoint": Checkpoint(counts=Counts(matched=2**63))},
        {"checkpoint": Checkpoint(log='"')},
    ],
    ids=str,
)
def test_a_record_that_could_not_be_applied_is_no_record(unsound):
    record = decision.empty(Checkpoint(), "w", NOW, Rules(1.0, 1.0, 1.0))
    record.waiting, record.done, record.updated = (
        {b"ia": WAITS},
        {b"ib": DONE},
        {b"ic": WAITS, b"id": DONE, b"od": BESIDE},
    )
    assert decision.decode(decision.encode(record)) == record
    assert decision.decode(decision.encode(msgspec.structs.replace(record, **unsound))) is None


@pytest.mark.parametrize(
    "value", [None, b"", b"garbage", b"\xc1hs\x02", b"\x9b" * 20_000, b'{"a":1}'], ids=lambda v: repr(v)[:20]
)
def test_what_is_no_record_is_none(value):
    assert decision.decode(value) is None
    assert value is None or decision.decode_checkpoint(value) is None


def test_a_newer_version_is_named_with_what_to_do():
    newer = versions.marked(decision.VERSION + 1, b"whatever it holds")
    for found, what in ((decision.decode(newer), "decision log"), (decision.decode_checkpoint(newer), "database")):
        assert isinstance(found, Newer)
        assert str(found) == (
            f"the {what} is of version 6, and this program knows versions up to 5: a newer Hindsight wrote it. "
            "Start that version, or a newer one; nothing is lost"
        )


def test_rules_of_whole_seconds_come_back_as_rules():
    record = decision.empty(Checkpoint(), "", 1.0, Rules(3600, 60, 3600))

    assert Rules(*decision.decode(decision.encode(record)).rules) == Rules(3600.0, 60.0, 3600.0)


@given(ids)
def test_any_id_comes_back_from_its_key(row_id):
    assert id_of(key_of(row_id)) == row_id


@given(ids, ids)
def test_two_ids_never_share_a_key(one, other):
    assert (key_of(one) == key_of(other)) == (one == other)


@given(ids)
def test_no_key_of_an_id_is_taken_for_an_index_entry_or_the_head(row_id):
    assert key_of(row_id)[:1] not in (*TIMER_KINDS, b"h")


@given(entries, entries)
def test_index_keys_are_in_the_order_of_their_numbers(one, other):
    assert (INDEX.pack(*one) < INDEX.pack(*other)) == (one < other)


# Validity


@given(decisions, numbers)
def test_a_record_counts_just_where_it_follows_its_base(record, offset):
    assert is_valid(record, record.base + 1)
    assert is_valid(record, offset) == (offset - 1 == record.base)


@given(decisions, numbers)
def test_the_checkpoint_after_a_record_is_its_own_with_the_offset_it_was_appended_at(record, offset):
    checkpoint = checkpoint_after(record, offset)

    assert checkpoint.offset == offset
    assert checkpoint.verdicts_at == (offset if record.verdicts or record.report else record.checkpoint.verdicts_at)
    assert msgspec.structs.replace(checkpoint, offset=0, verdicts_at=0) == msgspec.structs.replace(
        record.checkpoint, offset=0, verdicts_at=0
    )


@given(checkpoints)
def test_an_empty_record_changes_nothing_but_the_offset(checkpoint):
    record = decision.empty(checkpoint, "w", 5.0, Rules(1.0, 1.0, 1.0))

    assert (record.waiting, record.done, record.updated, record.deleted, record.unindexed) == ({}, {}, {}, [], [])
    assert checkpoint_after(record, 3) == msgspec.structs.replace(checkpoint, offset=3)
    assert is_valid(record, checkpoint.offset + 1)


# The invariant


@given(st.integers(0, 9), st.tuples(*[st.integers(0, 9)] * 6))
def test_the_invariant_holds_when_every_row_is_accounted_for(matched, others):
    true, pred, duplicates, conflicts, late, waiting = others
    n_rows = 2 * matched + sum(others)
    counts = Counts(n_rows // 3, n_rows - n_rows // 3, matched, true, pred, duplicates, conflicts, late, waiting)

    assert counts.difference() == 0


@pytest.mark.parametrize(
    ("field", "weight"),
    [
        ("rows_true", 1),
        ("rows_pred", 1),
        ("matched", -2),
        ("unmatched_true", -1),
        ("unmatched_pred", -1),
        ("duplicates", -1),
        ("conflicts", -1),
        ("late", -1),
        ("waiting", -1),
        ("unreadable", 0),
        ("skipped", 0),
    ],
)
def test_a_count_that_is_off_shows_in_the_invariant(field, weight):
    assert msgspec.structs.replace(Counts(), **{field: 1}).difference() == weight


def test_counts_of_several_partitions_are_added_name_by_name():
    first, second = Counts(rows_true=3, matched=1, fanned_out=2), Counts(rows_true=4, evicted=5)
    assert Counts.together([first, second]) == Counts(rows_true=7, matched=1, evicted=5, fanned_out=2)
    assert Counts.together([]) == Counts()
