"""Pairs of models: each id that two of them have in common is counted once, whatever came first and however it was batched."""

from __future__ import annotations

from collections import defaultdict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.join import carried, decision, pairing
from streams.join.deadlines import Rules
from streams.join.state import MATCHED, PRED
from streams.join.state import TRUE as TRUE_SIDE
from streams.scores.losses import LARGEST
from streams.wire.rows import PredRow, TrueRow
from streams.wire.verdicts import Report, decode_rows
from tests.oracle import Row
from tests.player import Player
from tests.unit.streams.join.test_lanes import DAY_S, NOW, A, B, C, kafka_records

RULES = Rules(window_s=5.0, max_out_of_orderness_s=1.0, horizon_s=DAY_S)
batches = st.tuples(st.lists(kafka_records([A, B, C]), max_size=4), st.sampled_from([0.0, 0.25, 1.0, 20.0]))


def decisions(player):
    return [decision.decode(raw) for raw in player.log]


def counted(player):
    """Return what the reports say: by the two models and the second, the number of ids and the sums."""
    found = defaultdict(lambda: [0, 0.0, 0.0, 0.0, 0.0])
    for record in decisions(player):
        report = msgspec.json.decode(record.report, type=Report) if record.report else None
        for one in report.pairs if report else ():
            for second, *values in zip(one.seconds, one.n, *one.sums, strict=True):
                at = found[one.reference, one.model, second]
                at[:] = [a + b for a, b in zip(at, values, strict=True)]
    return found


def expected(player):
    """Return the same from the verdicts of all decisions together."""
    matched = {}
    for record in decisions(player):
        for row in decode_rows(record.verdicts):
            if row.verdict == "matched":
                matched[row.id, row.model] = row
    found = defaultdict(lambda: [0, 0.0, 0.0, 0.0, 0.0])
    for (row_id, model), theirs in matched.items():
        mine = matched.get((row_id, A))
        if model != A and mine is not None:
            first, second = abs(mine.y_pred - mine.y_true), abs(theirs.y_pred - theirs.y_true)
            at = found[A, model, int(mine.ts_pred)]
            at[:] = [a + b for a, b in zip(at, (1, first, second, first**2, second**2), strict=True)]
    return found


@given(st.lists(batches, min_size=1, max_size=8))
def test_each_id_of_two_models_is_counted_once(some):
    player, now = Player(RULES, models=(A, B, C)), NOW
    for records, pause in some:
        player.play([[row._replace(ts=row.ts + now - NOW) for row in rows] for rows in records], now)
        now += pause
    player.settle(now + 100, idle=("true", "pred"))
    found, wanted = counted(player), expected(player)
    assert found.keys() == wanted.keys()
    for key, values in wanted.items():
        assert found[key] == pytest.approx(values)


TRUE = [Row("true", "a", NOW, 10.0)]
OF_A, OF_B = [Row("pred", "a", NOW - 1.5, 12.0, A)], [Row("pred", "a", NOW - 1.0, 9.0, B)]


@pytest.mark.parametrize(
    "order", [[TRUE, OF_A, OF_B], [OF_B, TRUE, OF_A], [OF_A, OF_B, TRUE], [TRUE, OF_B, OF_A]], ids=str
)
def test_whatever_comes_last_makes_the_pair(order):
    player = Player(RULES, models=(A, B))
    for i, rows in enumerate(order):
        player.play([rows], NOW + i)
        assert len(counted(player)) == (i == 2)
    assert dict(counted(player)) == {(A, B, int(NOW - 1.5)): [1, 2.0, 1.0, 4.0, 1.0]}


def test_an_id_that_one_of_them_lacks_is_no_pair_and_one_model_alone_makes_none():
    player = Player(RULES, models=(A, B))
    player.play([OF_A, TRUE], NOW)
    player.settle(NOW + 100, idle=("true", "pred"))
    assert not counted(player)
    alone = Player(RULES)
    alone.play([OF_A, TRUE, OF_B], NOW)
    assert not counted(alone)


def test_a_value_that_no_score_can_hold_makes_no_pair():
    player = Player(RULES, models=(A, B))
    player.play([OF_A, [OF_B[0]._replace(y=2 * LARGEST)], TRUE], NOW)
    assert not counted(player)


tags = st.sampled_from([None, {"country": "DE"}, {"country": "FR", "tier": "gold"}])


def carries(side, given, model=None):
    """Return what a row with these tags carries, packed."""
    more = {} if given is None else {"tags": msgspec.Raw(msgspec.json.encode(given))}
    row = PredRow("a", NOW, 1.0, model, **more) if side == PRED else TrueRow("a", NOW, 1.0, **more)
    (packed,), _ = carried.of_rows(side, [row], ("country", "tier"))
    return packed


def matched(error, second, packed):
    return (MATCHED, 0, 0, 0.0, error, NOW, second, NOW, NOW, NOW, 1, 1, packed)


@given(
    st.lists(st.tuples(tags, tags, st.sampled_from([None, A]), tags, st.integers(0, 2), st.integers(0, 9)), max_size=9)
)
def test_pairs_are_by_the_tags_of_the_reference_s_prediction_and_of_the_truth(some):
    ids, mine, theirs, wanted = [], [], [], defaultdict(int)
    for i, (of_pred, of_true, model, of_other, second, error) in enumerate(some):
        packed = carried.merged(carries(PRED, of_pred, model), carries(TRUE_SIDE, of_true))
        ids.append(f"id-{i}")
        mine.append(matched(float(error), NOW + second, packed))
        theirs.append(matched(0.0, NOW + 7, carries(PRED, of_other, B)))
        found = carried.unpack(packed)
        wanted[found.tags, found.true_tags, int(NOW) + second] += error
    got = defaultdict(int)
    for one in pairing.pairs(ids, {(row_id, A) for row_id in ids}, {A: mine, B: theirs}):
        assert (one.reference, one.model, sum(one.absolute_of_model)) == (A, B, 0)
        for second, error in zip(one.seconds, one.absolute_of_reference, strict=True):
            got[one.tags, one.true_tags, second] += error
    assert got == wanted
