"""What the records of one input hold: whose rows, and which of them are looked at for their partition."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import repeat

from hypothesis import given
from hypothesis import strategies as st

from streams.join.input import Input
from streams.table.reading import read
from streams.wire import forwarding
from streams.wire.decoder import Decoder
from streams.wire.partition import partition_of
from tests.fake_record import FakeRecord

N = 4
MINE = [name for name in map(str, range(100)) if partition_of(name, N) == 2]
THEIRS = [name for name in map(str, range(100)) if partition_of(name, N) == 3]


def packet(offset: int, *ids: str, headers: list[tuple[str, bytes]] | None = None) -> FakeRecord:
    rows = [{"id": name, "ts": 1.0, "y_true": 2.0} for name in ids]
    return FakeRecord(offset, json.dumps(rows).encode(), headers=headers)


def test_rows_of_other_partitions_are_parted_from_ours() -> None:
    found = read(Decoder("y_true"), 2, N, [packet(0, MINE[0], THEIRS[0]), packet(1, MINE[1]), packet(2, THEIRS[1])])

    assert not found.refused
    assert told(found.inputs) == {
        "mine": [(0, MINE[0]), (1, MINE[1])],
        "foreign": {3: [(0, THEIRS[0]), (2, THEIRS[1])]},
        "n_unreadable": 0,
    }


def test_records_that_say_how_they_were_packed_are_believed() -> None:
    records = [
        packet(0, THEIRS[0], headers=[forwarding.packed_for(N)]),
        packet(2, THEIRS[2], headers=[forwarding.packed_for(N + 1)]),
    ]
    found = read(Decoder("y_true"), 2, N, records)

    assert [len(given.rows) for given in found.inputs] == [1, 0], "packed for another number of partitions says nothing"


def test_what_was_sent_on_before_the_topics_grew_is_sent_on_again() -> None:
    origin = forwarding.origin_of("abc", 5, 0)
    (given,) = read(
        Decoder("y_true"), 2, N, [packet(1, MINE[0], THEIRS[1], headers=[forwarding.forwarded_by(origin)])]
    ).inputs

    assert given.origin == origin
    assert [row.id for row in given.rows] == [MINE[0]]
    assert {partition: [row.id for row in rows] for partition, rows in given.foreign.items()} == {3: [THEIRS[1]]}


def test_what_cannot_be_read_is_named_with_what_came_with_it() -> None:
    bad = FakeRecord(7, b"{nonsense", b"the-key", [("trace", b"1")])
    found = read(Decoder("y_true"), 2, N, [bad])

    assert [(one.source, one.properties) for one in found.refused] == [
        ("topic y_true/2@7", {"key": "the-key", "headers": [["trace", "1"]]})
    ]
    assert [(given.offset, given.n_unreadable) for given in found.inputs] == [(7, 1)]


def test_many_records_of_one_row_are_read_as_a_run_that_keeps_each_offset() -> None:
    records = [
        FakeRecord(10 + 2 * i, json.dumps({"id": name, "ts": 1.0, "y_true": 2.0}).encode())
        for i, name in enumerate(MINE)
    ]
    (run,) = read(Decoder("y_true"), 2, N, records).inputs

    assert [row.id for row in run.rows] == MINE
    assert list(run.offsets) == [10 + 2 * i for i in range(len(MINE))]
    assert run.offset == run.offsets[-1]


def test_a_record_that_is_not_just_a_row_stands_beside_the_run() -> None:
    good = [one_row(i, name) for i, name in enumerate(MINE[:9])]
    others = (
        FakeRecord(9, b"{nonsense"),
        packet(9, MINE[0], MINE[1]),
        packet(9, MINE[0], THEIRS[0]),
        packet(9, MINE[0], headers=[forwarding.forwarded_by(forwarding.origin_of("abc", 1, 0))]),
    )
    for other in others:
        found = read(Decoder("y_true"), 2, N, [*good, other])
        assert [(one.offset, len(one.offsets)) for one in found.inputs] == [(8, 9), (9, 0)]
    in_other_forms = [FakeRecord(i, json.dumps({"id": name, "body": 2.0}).encode()) for i, name in enumerate(MINE[:9])]
    (run,) = read(Decoder("y_true"), 2, N, in_other_forms).inputs
    assert list(run.offsets) == list(range(9))


def one_row(offset: int, name: str) -> FakeRecord:
    return FakeRecord(offset, json.dumps({"id": name, "ts": 1.0, "y_true": 2.0}).encode())


def told(inputs: Iterable[Input]) -> dict[str, object]:
    """What inputs say, however the records are put together: of each row its offset, ours and those of each partition."""
    mine: list[tuple[int, str]] = []
    foreign: dict[int, list[tuple[int, str]]] = {}
    n_unreadable = 0
    for one in inputs:
        mine += [(o, row.id) for o, row in zip(one.offsets or repeat(one.offset), one.rows, strict=False)]
        for partition, rows in one.foreign.items():
            offsets = one.foreign_offsets.get(partition, repeat(one.offset))
            foreign.setdefault(partition, []).extend((o, row.id) for o, row in zip(offsets, rows, strict=False))
        n_unreadable += one.n_unreadable
    return {"mine": mine, "foreign": {p: rows for p, rows in foreign.items() if rows}, "n_unreadable": n_unreadable}


WHATEVER = st.sampled_from(
    [
        *[lambda offset, name=name: one_row(offset, name) for name in (MINE[:5] + THEIRS[:2])],
        lambda offset: FakeRecord(offset, b'{"id": "a", "y_true": "n/a"}', b"key"),
        lambda offset: packet(offset, MINE[7], THEIRS[7]),
        lambda offset: packet(offset, THEIRS[8], headers=[forwarding.packed_for(N)]),
    ]
)
MOSTLY_GOOD = st.one_of(*[st.just(lambda offset: one_row(offset, MINE[offset % len(MINE)]))] * 30, WHATEVER)


@given(st.one_of(st.lists(MOSTLY_GOOD, max_size=150), st.lists(WHATEVER, max_size=80)), st.data())
def test_records_read_together_say_what_each_says_alone(
    made: list[Callable[[int], FakeRecord]], data: st.DataObject
) -> None:
    records = [make(3 * i) for i, make in enumerate(made)]
    found = read(Decoder("y_true"), 2, N, records)
    alone = [read(Decoder("y_true"), 2, N, [record]) for record in records]

    assert told(found.inputs) == told(given for one in alone for given in one.inputs)
    assert found.refused == [refused for one in alone for refused in one.refused]
    assert [given.offset for given in found.inputs][-1:] == [record.offset() for record in records[-1:]]

    applied = data.draw(st.integers(-1, 3 * len(records)))
    behind = [given for one in found.inputs if (given := one.behind(applied)) is not None]
    later = [given for one in alone for given in one.inputs if given.offset > applied]
    assert told(behind) == told(later), "what somebody else has applied is left out"


def test_what_cannot_be_read_costs_few_others_the_run() -> None:
    bad = FakeRecord(250, b"{nonsense")
    records = [one_row(i, MINE[0]) for i in range(500)]
    records[250] = bad
    found = read(Decoder("y_true"), 2, N, records)

    assert [one.offset for one in found.inputs] == [249, 250, 499]
    assert sum(len(given.rows) for given in found.inputs) == 499


def predictions(offset: int, *models: str | None) -> FakeRecord:
    rows = [{"id": MINE[i], "ts": 1.0, "y_pred": 2.0, "model": model} for i, model in enumerate(models)]
    return FakeRecord(offset, json.dumps(rows[0] if len(rows) == 1 else rows).encode())


def test_predictions_of_a_model_that_is_not_listed_are_refused_with_a_sentence_and_counted() -> None:
    found = read(Decoder("y_pred"), 2, N, [predictions(0, "a", "c", None), predictions(1, "b")], ("a", "b"))

    assert [[row.model for row in given.rows] for given in found.inputs] == [["a", None], ["b"]]  # type: ignore[union-attr]
    assert [given.n_unreadable for given in found.inputs] == [1, 0]
    ((source, (refused,), _),) = found.refused
    assert source == "topic y_pred/2@0"
    assert (refused.reason, refused.detail) == (
        "unlisted_model",
        "its model 'c' is not in HINDSIGHT_MODELS (a, b): name it there, and requeue the row",
    )
    assert json.loads(refused.raw) == {"id": MINE[1], "ts": 1.0, "y_pred": 2.0, "model": "c"}
    assert not read(Decoder("y_pred"), 2, N, [predictions(0, "a", "c", None)]).refused, "without a list, any model"


def test_a_refused_prediction_among_many_records_of_one_row_costs_no_other() -> None:
    records = [predictions(i, "c" if i == 3 else "a") for i in range(20)]
    found = read(Decoder("y_pred"), 2, N, records, ("a",))

    assert sum(len(given.rows) for given in found.inputs) == 19
    assert [source for source, _, _ in found.refused] == ["topic y_pred/2@3"]
