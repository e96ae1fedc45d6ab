"""The predictions that a decision reports: each id's first, once, when it comes; by model and second."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join import decision, state
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Report
from tests.dict_view import DictView
from tests.oracle import Oracle, Row
from tests.player import Player, as_inputs

NOW = 1_000_000.0
rules = st.builds(Rules, st.sampled_from([0.25, 5.0]), st.sampled_from([0.0, 3.0]), st.sampled_from([0.25, 86_400.0]))
sides = st.sampled_from(["true", "pred"])


@st.composite
def kafka_records(draw):
    side = draw(sides)
    ages = st.integers(-8, 60).map(lambda n: n / 4)
    rows = st.builds(
        Row, st.just(side), st.sampled_from("abcdef"), ages.map(lambda age: NOW - age), st.integers(0, 1), st.none()
    )
    return draw(st.lists(rows, min_size=1, max_size=5))


batches = st.tuples(st.lists(kafka_records(), max_size=4), st.sampled_from([0.0, 1.0, 86_400.0]), st.sets(sides))


def reports(player):
    records = map(decision.decode, player.log)
    return [msgspec.json.decode(record.report, type=Report) for record in records if record.report]


@settings(max_examples=200, deadline=None)
@given(rules, st.lists(batches, max_size=10))
@pytest.mark.slow
def test_each_prediction_is_reported_once_however_its_id_ends(rules, batches):
    player, oracle, now = Player(rules), Oracle(*rules), NOW
    for records, pause_s, idle in batches:
        now += pause_s
        for rows in records:
            oracle.read(rows[0].side, rows, now)
        oracle.tick(now, idle)
        player.play(records, now, idle)
        player.settle(now, idle)

    n_reported, n_late = Counter(), 0
    for one in (one for report in reports(player) for one in report.arrivals):
        n_reported.update(dict(zip(one.seconds, one.n_predictions, strict=True)))
        n_late += sum(one.n_late)
    waiting = [waits.row.ts for waits in oracle.waiting.values() if waits.row.side == "pred"]
    ended = [ending.ts_pred for ending in oracle.endings if ending.ts_pred is not None]
    assert +n_reported == Counter(map(int, waiting + ended))
    assert n_late == oracle.counts["late"]


def decided(view, *inputs):
    made = decide(view.checkpoint, list(inputs), view, Rules(10.0, 0.0, 60.0), now=NOW).record
    view.apply(view.checkpoint.offset + 1, made)
    return made


def test_predictions_are_reported_before_any_verdict_is_due_and_by_model():
    rows = [PredRow("a", 7.25, 1.0, "one"), PredRow("b", 7.75, 1.0, "two"), PredRow("c", 7.5, 1.0, "one")]
    made = decided(DictView(), Input(state.PRED, 0, [*rows, PredRow("d", 9.0, 1.0), PredRow("a", 8.0, 1.0, "one")]))

    assert made.verdicts == b""
    assert decision.is_reported(made)
    assert msgspec.json.decode(made.report)["arrivals"] == [
        [None, [9], [1], [0], None],
        ["one", [7], [2], [0], None],
        ["two", [7], [1], [0], None],
    ]


def test_a_label_that_came_too_late_is_counted_at_the_time_of_its_prediction():
    view = DictView()
    decided(view, Input(state.PRED, 0, [PredRow("a", 7.0, 1.0, "one")]))

    made = decided(view, Input(state.TRUE, 0, [TrueRow("a", 90.0, 1.0), TrueRow("b", 5.0, 1.0)]))

    report = msgspec.json.decode(made.report, type=Report)
    assert [list(msgspec.structs.astuple(one)) for one in report.arrivals] == [["one", [7], [0], [1], None]]
    assert report.newest_true == 90.0


def test_truths_that_wait_and_rows_that_come_again_are_nothing_to_report():
    player = Player(Rules(10.0, 0.0, 60.0))
    player.play([[Row("pred", "a", NOW, 1.0)]], NOW)
    player.play([[Row("pred", "a", NOW + 1, 1.0)], [Row("true", "b", NOW, 1.0)]], NOW)

    assert [bool(decision.decode(record).report) for record in player.log] == [True, False]


def test_unreadable_rows_are_reported():
    made = decided(DictView(), Input(state.TRUE, 7, [], n_unreadable=3))
    assert msgspec.json.decode(made.report, type=Report).n_unreadable == 3


def test_what_an_older_program_decided_is_sent_as_it_did():
    inputs = as_inputs([[Row("true", "a", 1.0, 1.0)], [Row("pred", "a", 1.0, 1.0)]], [-1, -1])
    made = decided(DictView(), *inputs)
    older = msgspec.msgpack.encode(msgspec.structs.astuple(made)[:12])

    assert decision.decode(b"\xc1hs\x02" + older).report == b""
