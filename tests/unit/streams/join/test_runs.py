"""A run of records of one row each decides as the records do one by one, wherever it begins and ends."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.decision import Decision
from streams.join.input import Input
from streams.wire.decoder import Decoder
from streams.wire.rows import PredRow, TrueRow
from tests.dict_view import DictView

RULES = Rules(window_s=3.0, max_out_of_orderness_s=1.0, horizon_s=50.0)
NOW = 1020.0
rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 5), st.integers(0, 40), st.integers(0, 1)), max_size=30)


def made(side: int, number: int, ts: int, y: int) -> TrueRow | PredRow:
    return (TrueRow, PredRow)[side](f"id-{number}", 1000.0 + ts, float(y))


def played(batches: list[list[Input]]) -> tuple[DictView, list[Decision]]:
    view, records = DictView(), []
    for batch in batches:
        decided = decide(view.checkpoint, batch, view, RULES, now=NOW)
        if decided is not None:
            record = decided.record
            record.checkpoint.log = "log"
            records.append(record)
            view.apply(len(records) - 1, record)
    return view, records


def singles_and_runs(rows: Iterable[TrueRow | PredRow]) -> tuple[list[Input], list[Input]]:
    """Return rows that came in this order, each as the record that it is, and in runs as long as a side goes on."""
    singles: list[Input] = []
    runs: list[Input] = []
    offsets = [0, 0]
    for row in rows:
        side = int(isinstance(row, PredRow))
        singles.append(Input(side, offsets[side], [row]))
        last = runs[-1] if runs else None
        if last is not None and last.side == side:
            runs[-1] = Input(side, offsets[side], [*last.rows, row], offsets=[*last.offsets, offsets[side]])
        else:
            runs.append(Input(side, offsets[side], [row], offsets=[offsets[side]]))
        offsets[side] += 1
    return singles, runs


@given(rows)
def test_a_run_decides_what_its_records_do_one_by_one(given_rows: list[tuple[int, int, int, int]]) -> None:
    singles, runs = singles_and_runs(made(*one) for one in given_rows)
    one_by_one, records = played([singles])
    together, same = played([runs])
    assert [msgspec.json.encode(record.verdicts) for record in records] == [
        msgspec.json.encode(record.verdicts) for record in same
    ]
    assert one_by_one.packed == together.packed
    assert one_by_one.checkpoint == together.checkpoint


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=30), st.sampled_from([b'{"id":"a","ts":1,"y_true":2}', b'{"id":"b","ts":2,"y_true":3}'])
        ),
        max_size=6,
    )
)
def test_records_are_decoded_together_only_as_they_are_decoded_one_by_one(values: list[bytes]) -> None:
    found = Decoder("y_true").run(values)
    if found is not None:
        assert [[row] for row in found] == [Decoder("y_true").record(value, 0.0)[0] for value in values]


def test_what_looks_like_other_records_when_joined_is_not_decoded_together() -> None:
    row = b'{"id":"a","ts":1,"y_true":2}'
    assert Decoder("y_true").run([row, row]) is not None
    for values in (
        [row + b"\n" + row],
        [row + b"\n" + row, b""],
        [row[:9], row[9:]],
        [b"[" + row + b"]", row],
        [row, b""],
    ):
        assert Decoder("y_true").run(values) is None
