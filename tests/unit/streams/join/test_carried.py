"""What a prediction carries: from its row, through the state of its id, to its verdict, in any order and after any wait."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import carried, decision, state
from streams.join.deadlines import Rules
from streams.join.decide import Input, decide
from streams.join.state import PRED, TRUE, WAITING
from streams.wire import verdicts
from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Carried, Verdict
from tests.dict_view import DictView
from tests.pair import pair

NOW = 1e9
RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
names = st.none() | st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)


class Join:
    """One partition; what it writes goes through bytes."""

    def __init__(self):
        self.view, self.verdicts = DictView(), []

    def play(self, *inputs, now=NOW, idle=(False, False)):
        offsets = self.view.checkpoint.input_offsets
        given = [Input(side, offsets[side] + 1, rows) for side, rows in inputs]
        decided = decide(self.view.checkpoint, given, self.view, RULES, now=now, idle=idle)
        record = decision.decode(decision.encode(decided.record))
        assert verdicts.decode_rows(record.verdicts) == decided.verdicts
        self.view.apply(self.view.checkpoint.offset + 1, record)
        self.verdicts += decided.verdicts

    def model(self, row_id):
        return pair(row_id, self.view.packed[b"i" + row_id.encode()]).carried.model


def true(row_id):
    return TRUE, [TrueRow(row_id, NOW, 1.0)]


def pred(row_id, model, y=2.0):
    return PRED, [PredRow(row_id, NOW, y, model=model)]


def test_the_fields_are_those_that_a_verdict_ends_with_and_that_a_row_has():
    assert Verdict.__struct_fields__[-len(carried.FIELDS) :] == carried.FIELDS == Carried.__struct_fields__
    assert carried.OF_SIDE == ((), ("model",))
    assert set().union(*carried.OF_SIDE) == set(carried.FIELDS)


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
    packed = list(carried.of_rows(PRED, rows))
    assert [carried.unpack(one).model for one in packed] == models
    assert [one == carried.NOTHING for one in packed] == [model is None for model in models]
    assert list(carried.of_rows(TRUE, [TrueRow("a", NOW, 1.0)] * 2)) == [carried.NOTHING] * 2


@given(st.binary(max_size=40))
def test_what_somebody_else_packed_is_nothing_or_a_name(packed):
    assert isinstance(carried.unpack(packed).model, str | None)


def test_fields_of_a_later_version_are_kept_and_not_read():
    packed = msgspec.msgpack.encode({"model": "ridge-3", "tags": {"country": "DE"}})
    assert carried.unpack(packed) == Carried("ridge-3")
    waits = (WAITING + PRED, 0, 0, 2.0, NOW, NOW, 3, packed)
    assert state.unpack(state.pack(waits))[-1] == packed


def test_a_verdict_without_a_model_is_the_same_json_as_before():
    assert msgspec.json.encode(Verdict("a", "matched", 1.0, 1.0, 2.0, 3.0, 4.0)) == (
        b'{"id":"a","verdict":"matched","at":1.0,"y_true":1.0,"y_pred":2.0,"ts_true":3.0,"ts_pred":4.0}'
    )
