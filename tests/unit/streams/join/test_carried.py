"""What rows carry: from a row, through the state of its id, to its verdict, in any order and after any wait."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import carried, decision, state
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.join.state import PRED, TRUE, WAITING
from streams.wire import verdicts
from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Carried, Verdict
from tests.dict_view import DictView
from tests.pair import pair

NOW = 1e9
KEYS = ("country", "tier")
RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
names = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


class Join:
    """One partition; what it writes goes through bytes."""

    def __init__(self):
        self.view, self.verdicts, self.reports = DictView(), [], []

    def play(self, *inputs, now=NOW, idle=(False, False)):
        offsets = self.view.checkpoint.input_offsets
        given = [Input(side, offsets[side] + 1, rows) for side, rows in inputs]
        decided = decide(self.view.checkpoint, given, self.view, RULES, now=now, idle=idle, segments=KEYS)
        record = decision.decode(decision.encode(decided.record))
        assert verdicts.decode_rows(record.verdicts) == decided.verdicts
        self.view.apply(self.view.checkpoint.offset + 1, record)
        self.verdicts += decided.verdicts
        self.reports.append(decided.report)

    def model(self, row_id):
        return pair(row_id, self.view.packed[b"i" + row_id.encode()]).carried.model


def true(row_id):
    return TRUE, [TrueRow(row_id, NOW, 1.0)]


def pred(row_id, model, y=2.0):
    return PRED, [PredRow(row_id, NOW, y, model=model)]


def test_the_fields_are_those_that_a_verdict_ends_with():
    assert Verdict.__struct_fields__[-len(carried.FIELDS) - 1 : -1] == carried.FIELDS == Carried.__struct_fields__


@pytest.mark.parametrize("apart", [False, True], ids=["in one decision", "in two"])
@pytest.mark.parametrize(
    "order", [(true("a"), pred("a", "ridge-3")), (pred("a", "ridge-3"), true("a"))], ids=["true", "pred"]
)
def test_a_pair_has_the_model_of_its_prediction_whichever_came_first(order, apart):
    join = Join()
    for inputs in [[one] for one in order] if apart else [order]:
        join.play(*inputs)
    assert join.verdicts == [Verdict("a", "matched", NOW, 1.0, 2.0, NOW, NOW, model="ridge-3")]
    assert join.model("a") == "ridge-3"


def test_a_prediction_whose_truth_never_comes_ends_with_its_model():
    join = Join()
    join.play(pred("a", "ridge-3"), true("b"))
    assert join.model("a") == "ridge-3"
    join.play(now=NOW + 200, idle=(True, True))
    assert {(row.id, row.verdict, row.model) for row in join.verdicts} == {
        ("a", "unmatched_pred", "ridge-3"),
        ("b", "unmatched_true", None),
    }
    join.play(pred("a", "ridge-3"), now=NOW + 201)
    assert join.model("a") == "ridge-3", "a repeat changes nothing"


def test_the_model_of_the_first_prediction_stays():
    join = Join()
    join.play(pred("a", "ridge-3"))
    join.play(pred("a", "ridge-4", y=9.0), pred("a", "ridge-4"))
    join.play(true("a"))
    assert [(row.y_pred, row.model) for row in join.verdicts] == [(2.0, "ridge-3")]
    assert (join.view.checkpoint.counts.conflicts, join.view.checkpoint.counts.duplicates) == (1, 1)


@pytest.mark.parametrize("model", ["", "x" * 129, "\ud800", 7], ids=["empty", "too long", "no text", "a number"])
def test_a_model_that_is_no_name_costs_the_name_and_not_the_row(model):
    join = Join()
    join.play(pred("a", model), true("a"))
    assert [(row.verdict, row.model) for row in join.verdicts] == [("matched", None)]


@given(st.lists(names, max_size=6))
def test_what_rows_carry_comes_back(models):
    rows = [PredRow("a", NOW, 1.0, model=model) for model in models]
    packed, n_left_out = carried.of_rows(PRED, rows)
    assert not n_left_out
    assert [carried.unpack(one).model for one in packed] == models
    assert [one == carried.NOTHING for one in packed] == [model is None for model in models]
    assert carried.of_rows(TRUE, [TrueRow("a", NOW, 1.0)] * 2) == ([carried.NOTHING] * 2, 0)


@given(st.binary(max_size=40))
def test_what_somebody_else_packed_is_nothing_or_a_name(packed):
    assert isinstance(carried.unpack(packed).model, str | None)


def test_fields_of_a_later_version_are_kept_and_not_read():
    packed = msgspec.msgpack.encode({"model": "ridge-3", "colour": {"red": 1}})
    assert carried.unpack(packed) == Carried("ridge-3")
    waits = (WAITING + PRED, 0, 0, 2.0, NOW, NOW, 3, packed)
    assert state.unpack(state.pack(waits))[-1] == packed


def tagged(row_type, row_id, tags, y=1.0, **more):
    return row_type(
        row_id, NOW, y, tags=msgspec.Raw(tags if isinstance(tags, bytes) else msgspec.json.encode(tags)), **more
    )


@pytest.mark.parametrize("apart", [False, True], ids=["in one decision", "in two"])
@pytest.mark.parametrize("first", [TRUE, PRED], ids=["the truth first", "the prediction first"])
def test_a_pair_has_the_tags_of_both_rows_whichever_came_first(first, apart):
    rows = {
        TRUE: (TRUE, [tagged(TrueRow, "a", {"tier": "gold"})]),
        PRED: (PRED, [tagged(PredRow, "a", {"country": "DE", "page": "/"}, 2.0, model="ridge-3")]),
    }
    join = Join()
    for inputs in [[rows[first]], [rows[1 - first]]] if apart else [[rows[first], rows[1 - first]]]:
        join.play(*inputs)
    of_both = ("ridge-3", '{"country":"DE"}', '{"tier":"gold"}')
    assert [(row.model, row.tags, row.true_tags) for row in join.verdicts] == [of_both]
    assert pair("a", join.view.packed[b"ia"]).carried == Carried(*of_both)
    arrived = [(one.model, one.tags, one.n_predictions) for each in join.reports if each for one in each.arrivals]
    assert arrived == [("ridge-3", '{"country":"DE"}', [1])]


def test_the_same_tags_are_one_text_however_they_are_written():
    rows = [
        tagged(PredRow, "a", b'{ "tier":"a\\u0062",  "country" : "DE" }'),
        tagged(PredRow, "b", {"country": "DE", "tier": "ab"}),
    ]
    packed, _ = carried.of_rows(PRED, rows, KEYS)
    assert packed[0] == packed[1]
    assert carried.unpack(packed[0]).tags == '{"country":"DE","tier":"ab"}'


@pytest.mark.parametrize(
    ("tags", "text", "n_left_out"),
    [
        (b"null", None, 0),
        (b"{}", None, 0),
        (b'{"country": null}', None, 0),
        (b'"DE"', None, 1),
        (b"[1, 2]", None, 1),
        (b'{"country": 7, "tier": "gold"}', '{"tier":"gold"}', 1),
        (b'{"country": "", "tier": {"a": 1}}', None, 2),
        (b'{"country": "%s"}' % (b"x" * 65), None, 1),
        (b'{"country": "%s"}' % (b"x" * 64), '{"country":"%s"}' % ("x" * 64), 0),
        (b'{"page": 7, "other": []}', None, 0),
        (b'{"country": "DE", "page": "%s"}' % (b"x" * 10_000), None, 1),
        (b'{"country": "\\ud800"}', None, 1),
        (b'{"country": "\xff"}', None, 1),
    ],
)
def test_bad_tags_cost_the_tags_and_never_the_row(tags, text, n_left_out):
    for row_type, side, name in ((TrueRow, TRUE, "true_tags"), (PredRow, PRED, "tags")):
        packed, n = carried.of_rows(side, [tagged(row_type, "a", tags), tagged(row_type, "b", tags)], KEYS)
        assert [getattr(carried.unpack(one), name) for one in packed] == [text, text]
        assert n == 2 * n_left_out
    join = Join()
    join.play((TRUE, [tagged(TrueRow, "a", tags)]), pred("a", None))
    assert [row.verdict for row in join.verdicts] == ["matched"]
    assert sum(report.n_bad_tags for report in join.reports) == n_left_out


def test_no_tag_is_looked_at_while_none_counts():
    assert carried.of_rows(PRED, [tagged(PredRow, "a", b"[no JSON", 1.0)]) == ([carried.NOTHING], 0)


def test_memory_does_not_grow_with_the_number_of_tags():
    rows = [tagged(PredRow, "a", {"country": f"c{i}"}) for i in range(20_000)]
    packed, _ = carried.of_rows(PRED, rows, KEYS)
    assert len(set(packed)) == 20_000
    assert len(carried._known(PRED, KEYS)) <= carried.MAX_KNOWN


def test_a_verdict_without_a_model_is_the_same_json_as_before():
    assert msgspec.json.encode(Verdict("a", "matched", 1.0, 1.0, 2.0, 3.0, 4.0)) == (
        b'{"id":"a","verdict":"matched","at":1.0,"y_true":1.0,"y_pred":2.0,"ts_true":3.0,"ts_pred":4.0}'
    )


def test_what_is_longer_than_anybody_reads_is_not_remembered():
    known = carried._Known(PRED, ("a",))
    for model, raw in (("m", b'{"a":"1"}'), ("m", b'{"a":"%s"}' % (b"x" * 10_000)), ("m" * 10_000, b'{"a":"1"}')):
        assert known[model, raw] == known[model, raw]
    assert list(known) == [("m", b'{"a":"1"}')]
