"""What the records of one input hold: whose rows, and which of them are looked at for their partition."""

from __future__ import annotations

import json

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


def test_rows_of_other_partitions_are_parted_from_ours_record_by_record() -> None:
    found = read(Decoder("y_true"), 2, N, [packet(0, MINE[0], THEIRS[0]), packet(1, MINE[1]), packet(2, THEIRS[1])])

    assert not found.refused
    assert [[row.id for row in given.rows] for given in found.inputs] == [[MINE[0]], [MINE[1]], []]
    assert [{p: [row.id for row in rows] for p, rows in given.foreign.items()} for given in found.inputs] == [
        {3: [THEIRS[0]]},
        {},
        {3: [THEIRS[1]]},
    ]
    assert [given.offset for given in found.inputs] == [0, 1, 2]


def test_records_that_say_how_they_were_packed_or_who_sent_them_on_are_believed() -> None:
    origin = forwarding.origin_of("abc", 5, 0)
    records = [
        packet(0, THEIRS[0], headers=[forwarding.packed_for(N)]),
        packet(1, THEIRS[1], headers=[forwarding.forwarded_by(origin)]),
        packet(2, THEIRS[2], headers=[forwarding.packed_for(N + 1)]),
    ]
    found = read(Decoder("y_true"), 2, N, records)

    assert [len(given.rows) for given in found.inputs] == [1, 1, 0], (
        "packed for another number of partitions says nothing"
    )
    assert [given.origin for given in found.inputs] == [None, origin, None]


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


def test_a_run_with_anything_else_in_it_is_read_record_by_record() -> None:
    good = [
        FakeRecord(i, json.dumps({"id": name, "ts": 1.0, "y_true": 2.0}).encode()) for i, name in enumerate(MINE[:9])
    ]
    others = (
        FakeRecord(9, b"{nonsense"),
        packet(9, MINE[0]),
        packet(9, THEIRS[0]),
        packet(9, MINE[0], headers=[forwarding.forwarded_by(forwarding.origin_of("abc", 1, 0))]),
    )
    for other in others:
        found = read(Decoder("y_true"), 2, N, [*good, other])
        assert [given.offset for given in found.inputs] == list(range(10))
        assert all(not given.offsets for given in found.inputs)


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
