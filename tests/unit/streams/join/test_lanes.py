"""Several models for one id: the verdicts are those of a join for each model, in any order and through any restart."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.keys import id_of, key_of, model_of, other_key
from streams.join.lanes import FATES
from streams.wire.rows import PredRow, TrueRow
from tests.dict_view import DictView
from tests.oracle import Oracle, Row
from tests.player import Player
from tests.unit.streams.join.test_runs import singles_and_runs

NOW = 1_000_000.0
DAY_S = 24 * 3600.0
RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
A, B, C = "champion", "challenger", "a third, with a\u00a0blank"
BOTH = frozenset({"true", "pred"})

rules = st.builds(
    Rules,
    window_s=st.sampled_from([0.25, 2.0, 5.0]),
    max_out_of_orderness_s=st.sampled_from([0.0, 1.0, 3.0]),
    horizon_s=st.sampled_from([0.25, 4.0, DAY_S]),
)
pauses = st.sampled_from([0.0, 0.25, 1.0, 3.5, DAY_S])


@st.composite
def kafka_records(draw, names):
    """The rows of one Kafka record, as if it came at NOW: each prediction is of one of `names`."""
    side = draw(st.sampled_from(["true", "pred"]))
    model = st.sampled_from(names) if side == "pred" else st.none()
    ts = st.integers(-8, 60).map(lambda n: NOW - n / 4)
    values = st.sampled_from([-1.5, 0.0, 7.25])
    rows = st.builds(Row, st.just(side), st.sampled_from("abc"), ts, values, model)
    return draw(st.lists(rows, min_size=1, max_size=6))


def batches(names, min_size=0):
    return st.tuples(
        st.lists(kafka_records(names), min_size=min_size, max_size=4),
        pauses,
        st.sets(st.sampled_from(["true", "pred"])),
    )


def later(rows, by):
    return [row._replace(ts=row.ts + by) for row in rows]


class Union:
    """An oracle for each model: each reads all truths and the predictions of its model, all by the same clock."""

    def __init__(self, rules):
        self.rules, self.base, self.listed, self.by_model = rules, "", (), {}

    def of(self, name):
        return self.by_model.setdefault(name, Oracle(*self.rules))

    def list(self, names):
        """Restart with other models; what any model's predictions waited in becomes the first reference's."""
        if not self.base and names:
            self.base = names[0]
            self.by_model = dict.fromkeys([self.base] if self.by_model else [], self.by_model.get(""))
        self.listed = names

    @property
    def reading(self):
        return self.listed or (self.base,)

    def read(self, side, rows, now):
        newest = {"true": float("-inf"), "pred": float("-inf")}
        for one in self.by_model.values():
            newest = {each: max(newest[each], one.newest[each]) for each in newest}
        for name in self.reading:
            self.of(name)
        for name, one in self.by_model.items():
            one.newest = dict(newest)
            if name in self.reading:
                one.read(side, [row for row in rows if self.is_for(row, name)], now)
            one.newest[side] = max([newest[side], *(min(row.ts, now) for row in rows)])

    def named(self, name):
        """Return the model of a lane's verdicts; while none are listed, the base has that of its prediction."""
        return name if self.listed or name != self.base else None

    def is_for(self, row, name):
        return row.side == "true" or not self.listed or (row.model or self.listed[0]) == name

    def tick(self, now, idle):
        for one in self.by_model.values():
            one.tick(now, idle)

    def endings(self):
        reference = self.reading[0]
        found = [
            ending._replace(model=self.named(name), challenger=name != reference)
            for name, one in self.by_model.items()
            for ending in one.endings
        ]
        for one in self.by_model.values():
            one.endings.clear()
        return Counter(found)


def states_of(view, *, waiting):
    kinds = {key: packed[0] & 0xF < 2 for key, packed in view.packed.items() if key[:1] in b"ij"}
    return Counter((id_of(key), model_of(key)) for key, waits in kinds.items() if waits == waiting)


def states_that(union, name_of_states):
    return Counter(
        (row_id, "" if name == union.base else name)
        for name, one in union.by_model.items()
        for row_id in name_of_states(one)
    )


def new_endings(player, records, now, idle):
    n_known = len(player.endings)
    player.play(records, now, idle)
    player.settle(now, idle)
    return player.endings[n_known:]


def both_play(player, union, records, now, idle):
    """Have both read records as if they came at `now`; return the endings that the player has of it."""
    records = [later(rows, now - NOW) for rows in records]
    for rows in records:
        union.read(rows[0].side, rows, now)
    union.tick(now, idle)
    return new_endings(player, records, now, idle)


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(rules, st.sampled_from([(A, B), (A, B, C), (B,)]), st.data())
def test_the_verdicts_are_those_of_a_join_for_each_model(rules, listed, data):
    player, union, now = Player(rules, models=listed), Union(rules), NOW
    union.list(listed)
    for given_records, pause_s, idle in data.draw(st.lists(batches((None, *listed)), max_size=10)):
        now += pause_s
        found = both_play(player, union, given_records, now, idle)

        assert Counter(found) == union.endings()
        assert states_of(player.view, waiting=True) == states_that(union, lambda one: one.waiting)
        assert states_of(player.view, waiting=False) == states_that(union, lambda one: one.ended)
        for name, counts in player.view.checkpoint.by_model.items():
            counted = {field: n for field, n in msgspec.structs.asdict(counts).items() if n}
            waiting = {"waiting": len(union.of(name).waiting)} if union.of(name).waiting else {}
            assert counted == dict(+union.of(name).counts) | waiting


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(rules, st.data())
def test_whatever_is_listed_after_a_restart_no_state_changes_its_model(rules, data):
    player, union, now = Player(rules), Union(rules), NOW
    listings = st.sampled_from([(), (A,), (A, B), (B, A), (B, C), (C,)])
    for listed in data.draw(st.lists(listings, min_size=1, max_size=8)):
        union.list(listed)
        player.models = listed
        given_records, pause_s, idle = data.draw(batches((None, *listed), min_size=1))
        now += pause_s
        found = both_play(player, union, given_records, now, idle)

        named = [one if one.challenger or listed else one._replace(model=None) for one in found]
        assert Counter(named) == union.endings()
        assert states_of(player.view, waiting=True) == states_that(union, lambda one: one.waiting)
        counts = player.view.checkpoint.counts
        assert counts.waiting == sum(len(one.waiting) for one in union.by_model.values())


@given(
    st.lists(
        st.tuples(st.sampled_from([None, A, B]), st.integers(0, 3), st.integers(0, 40), st.integers(0, 2)), max_size=30
    )
)
def test_a_run_decides_for_each_model_what_its_records_do_one_by_one(given_rows):
    rows = [
        PredRow(f"id-{number}", NOW + ts, float(y), model=model)
        if model is not None or y == 2
        else TrueRow(f"id-{number}", NOW + ts, float(y))
        for model, number, ts, y in given_rows
    ]
    narrow = Rules(window_s=3.0, max_out_of_orderness_s=1.0, horizon_s=50.0)
    found = []
    for inputs in singles_and_runs(rows):
        view = DictView()
        decided = decide(view.checkpoint, inputs, view, narrow, now=NOW + 20, models=(A, B))
        if decided is not None:
            view.apply(0, decided.record)
            found.append((Counter(decided.verdicts), view.packed, view.checkpoint))
    assert found == [] or found[0] == found[1]


def play(player, *records, now=NOW, idle=()):
    found = new_endings(player, list(records), now, idle)
    return [(one.id, one.verdict, one.y_pred, one.model, one.challenger) for one in found]


def test_one_truth_answers_the_predictions_of_all_models():
    player = Player(RULES, models=(A, B))
    predictions = [Row("pred", "x", NOW, 2.0, A), Row("pred", "x", NOW, 3.0, B)]
    assert play(player, predictions) == []
    assert play(player, [Row("true", "x", NOW, 1.0)]) == [
        ("x", "matched", 2.0, A, False),
        ("x", "matched", 3.0, B, True),
    ]
    counts = player.view.checkpoint.counts
    assert (counts.rows_true, counts.rows_pred, counts.fanned_out, counts.matched) == (1, 2, 1, 2)
    assert counts.conflicts == 0


def test_a_model_that_never_answers_is_counted_and_its_id_named():
    player = Player(RULES, models=(A, B))
    matched = play(player, [Row("true", "x", NOW, 1.0)], [Row("pred", "x", NOW, 2.0, A)])
    assert matched == [("x", "matched", 2.0, A, False)]
    assert play(player, now=NOW + 200, idle=BOTH) == [("x", "unmatched_true", None, B, True)]
    by_model = player.view.checkpoint.by_model
    assert (by_model[A].unmatched_true, by_model[B].unmatched_true) == (0, 1)


def test_a_prediction_that_names_no_model_is_the_reference_s():
    player = Player(RULES, models=(A, B))
    assert play(player, [Row("pred", "x", NOW, 2.0)], [Row("true", "x", NOW, 1.0)]) == [("x", "matched", 2.0, A, False)]


def test_what_a_model_says_twice_is_its_own_duplicate_or_conflict():
    player = Player(RULES, models=(A, B))
    twice = [Row("pred", "x", NOW, y, model) for model, y in ((A, 2.0), (B, 3.0), (B, 3.0), (B, 4.0))]
    play(player, twice)
    of_a, of_b = player.view.checkpoint.by_model[A], player.view.checkpoint.by_model[B]
    assert (of_a.duplicates, of_a.conflicts, of_b.duplicates, of_b.conflicts) == (0, 0, 1, 1)
    assert other_key(key_of("x", B)) in player.view.packed
    play(player, now=NOW + 200, idle=BOTH)
    play(player, now=NOW + 2000, idle=BOTH)
    assert not player.view.packed, "the row that conflicted goes with the id"


def test_the_challenger_becomes_the_reference_and_nothing_is_lost_on_the_way():
    player = Player(RULES, models=(A, B))
    play(player, [Row("pred", "x", NOW, 2.0, A), Row("pred", "x", NOW, 3.0, B)])
    player.models = (B, A)
    assert play(player, [Row("true", "x", NOW, 1.0)]) == [
        ("x", "matched", 3.0, B, False),
        ("x", "matched", 2.0, A, True),
    ]


def test_what_a_removed_model_waits_for_ends_at_its_deadline():
    player = Player(RULES, models=(A, B))
    play(player, [Row("pred", "x", NOW, 2.0, A), Row("pred", "x", NOW, 3.0, B)])
    player.models = (A,)
    assert play(player, [Row("true", "x", NOW, 1.0)]) == [("x", "matched", 2.0, A, False)]
    assert play(player, now=NOW + 200, idle=BOTH) == [("x", "unmatched_pred", 3.0, B, True)]


def test_an_added_model_answers_for_the_ids_whose_truth_comes_from_then_on():
    player = Player(RULES)
    play(player, [Row("true", "before", NOW, 1.0)])
    player.models = (A, B)
    both = [Row("pred", row_id, NOW, y, model) for row_id in ("before", "after") for model, y in ((A, 2.0), (B, 3.0))]
    assert play(player, both) == [("before", "matched", 2.0, A, False)]
    assert play(player, [Row("true", "after", NOW, 1.0)]) == [
        ("after", "matched", 2.0, A, False),
        ("after", "matched", 3.0, B, True),
    ]
    assert play(player, now=NOW + 200, idle=BOTH) == [("before", "unmatched_pred", 3.0, B, True)]


def test_more_than_may_wait_is_counted_over_all_models():
    player = Player(RULES, models=(A, B))
    player.play([[Row("true", f"{i}", NOW + i, 1.0) for i in range(10)]], NOW)
    view = player.view
    while decided := decide(view.checkpoint, [], view, RULES, now=NOW, max_waiting=5, models=(A, B)):
        player.append(decided.record)
        player.catch_up()
    by_model, counts = view.checkpoint.by_model, view.checkpoint.counts
    assert counts.waiting <= 5
    assert counts.evicted == sum(one.evicted for one in by_model.values()) == 20 - counts.waiting


def test_without_models_the_record_says_nothing_of_any():
    player = Player(RULES)
    play(player, [Row("true", "x", NOW, 1.0)], [Row("pred", "x", NOW, 2.0, A)])
    checkpoint = player.view.checkpoint
    assert (checkpoint.base, checkpoint.by_model, checkpoint.counts.fanned_out) == ("", {}, 0)
    assert list(player.view.packed) == [b"ix"]


ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(ids, st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_key_says_its_id_and_its_model_whatever_the_id_holds(row_id, model):
    for key, own in ((key_of(row_id), ""), (key_of(row_id, model), model)):
        assert (id_of(key), model_of(key)) == (row_id, own)
    assert (
        len({key_of(row_id), key_of(row_id, model), other_key(key_of(row_id)), other_key(key_of(row_id, model))}) == 4
    )


@given(ids, st.sampled_from(["", A]))
def test_the_record_of_a_model_is_sound(row_id, model):
    player = Player(RULES, models=(C, A))
    record = player.decide([[Row("pred", row_id, NOW, 2.0, model or None)]], NOW)
    assert record is not None
    found = decision.decode(decision.encode(record))
    assert isinstance(found, decision.Decision)
    assert set(found.waiting) == {key_of(row_id, model)}


def test_the_totals_are_what_the_lanes_count():
    assert set(FATES) < set(decision.Counts.__struct_fields__)
