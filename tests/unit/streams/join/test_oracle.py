"""The join against its references: any interleaving, at any clock, a few ids that meet often."""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join.deadlines import Rules
from tests.oracle import Oracle, Row, matched_pairs
from tests.player import Player, ids_of

NOW = 1_000_000.0
DAY_S = 24 * 3600.0
IDS = "abcdef"

quarters = st.integers(-8, 60).map(lambda n: n / 4)
"""Seconds that lie on the grid of the expiry index, where the wait for a bucket to end is no wait at all."""
instants = st.floats(0, 60, allow_subnormal=False)
rules = st.builds(
    Rules,
    window_s=st.sampled_from([0.25, 2.0, 5.0]),
    max_out_of_orderness_s=st.sampled_from([0.0, 1.0, 3.0]),
    horizon_s=st.sampled_from([0.25, 4.0, DAY_S]),
)
sides = st.sampled_from(["true", "pred"])
values = st.sampled_from([-1.5, 0.0, 7.25])


@st.composite
def kafka_records(draw, ages=quarters, max_size=5):
    """The rows of one Kafka record, as if it came at NOW: `ages` says how long before that they happened."""
    side = draw(sides)
    rows = st.builds(Row, st.just(side), st.sampled_from(IDS), ages.map(lambda age: NOW - age), values, st.none())
    return draw(st.lists(rows, min_size=1, max_size=max_size))


batches = st.tuples(
    st.lists(kafka_records(), max_size=4), st.sampled_from([0.0, 0.25, 1.0, 3.5, DAY_S]), st.sets(sides)
)


def later(rows: list[Row], by: float) -> list[Row]:
    return [row._replace(ts=row.ts + by) for row in rows]


@pytest.mark.slow
@settings(max_examples=400, deadline=None)
@given(rules, st.lists(batches, max_size=12))
def test_every_batch_ends_just_the_ids_that_the_oracle_ends(rules, batches):
    player, oracle, now = Player(rules), Oracle(*rules), NOW
    for given_records, pause_s, idle in batches:
        now += pause_s
        records = [later(rows, now - NOW) for rows in given_records]
        n_known = len(oracle.endings)
        for rows in records:
            oracle.read(rows[0].side, rows, now)
        oracle.tick(now, idle)

        player.play(records, now, idle)
        player.settle(now, idle)

        assert Counter(player.endings[n_known:]) == Counter(oracle.endings[n_known:])
        assert ids_of(player.view, waiting=True) == oracle.waiting.keys()
        assert ids_of(player.view, waiting=False) == oracle.ended.keys()
        assert player.counts == dict(+oracle.counts) | ({"waiting": len(oracle.waiting)} if oracle.waiting else {})


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(rules, st.lists(kafka_records(instants), max_size=25), st.randoms(use_true_random=False))
def test_times_off_the_grid_change_no_verdict(rules, records, random):
    rules = rules._replace(horizon_s=DAY_S)
    player, oracle = Player(rules), Oracle(*rules)
    for batch in in_batches(records, random):
        player.play(batch, NOW)
    for rows in records:
        oracle.read(rows[0].side, rows, NOW)
    player.settle(NOW + 100, idle={"true", "pred"})
    oracle.tick(NOW)
    oracle.tick(NOW + 100, idle={"true", "pred"})

    assert Counter(e._replace(at=0.0) for e in player.endings) == Counter(e._replace(at=0.0) for e in oracle.endings)
    assert player.counts == dict(+oracle.counts)


def in_batches(records: list[list[Row]], random: random.Random) -> list[list[list[Row]]]:
    """Cut the records into batches at random places."""
    batches: list[list[list[Row]]] = [[]]
    for rows in records:
        if random.random() < 0.4:
            batches.append([])
        batches[-1].append(rows)
    return batches


@settings(max_examples=200, deadline=None)
@given(rules, st.lists(kafka_records(), max_size=25), st.randoms(use_true_random=False))
@pytest.mark.slow
def test_no_verdict_depends_on_how_records_are_batched(rules, records, random):
    rules = rules._replace(horizon_s=DAY_S)
    one_by_one, together, at_random = Player(rules), Player(rules), Player(rules)
    for rows in records:
        one_by_one.play([rows], NOW)
    together.play(records, NOW)
    for batch in in_batches(records, random):
        at_random.play(batch, NOW)

    for player in (one_by_one, together, at_random):
        player.settle(NOW)
    assert Counter(one_by_one.endings) == Counter(together.endings) == Counter(at_random.endings)
    assert one_by_one.counts == together.counts == at_random.counts
    assert one_by_one.view.packed == together.view.packed == at_random.view.packed


@settings(max_examples=200, deadline=None)
@given(rules, st.lists(kafka_records(), max_size=25))
@pytest.mark.slow
def test_every_id_has_one_verdict_and_only_one(rules, records):
    player = Player(rules._replace(horizon_s=DAY_S))
    for rows in records:
        player.play([rows], NOW)
    player.settle(NOW + 3600, idle={"true", "pred"})

    assert sorted(ending.id for ending in player.endings) == sorted({row.id for rows in records for row in rows})
    assert not ids_of(player.view, waiting=True)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(kafka_records(), max_size=25), st.sampled_from([0.25, 2.0, 5.0]), st.randoms(use_true_random=False))
def test_where_nothing_is_late_the_join_is_an_inner_join(records, window_s, random):
    firsts = {}
    records = [[firsts.setdefault((row.side, row.id), row)._replace(y=row.y) for row in rows] for rows in records]
    player = Player(Rules(window_s, max_out_of_orderness_s=100.0, horizon_s=DAY_S))
    for batch in in_batches(records, random):
        player.play(batch, NOW)

    matched = {ending.id: (ending.y_true, ending.y_pred) for ending in player.endings}
    assert matched == matched_pairs([row for rows in records for row in rows], window_s)
    assert {ending.verdict for ending in player.endings} <= {"matched"}


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(rules, st.lists(kafka_records(), max_size=12), st.lists(kafka_records(), max_size=12))
def test_what_is_read_again_within_the_horizon_opens_no_id(rules, records, again):
    player = Player(rules._replace(horizon_s=DAY_S))
    for rows in records:
        player.play([rows], NOW)
    player.settle(NOW + 3600, idle={"true", "pred"})
    ended = {ending.id for ending in player.endings}
    n_endings = len(player.endings)
    again = [kept for rows in records + again if (kept := [row for row in rows if row.id in ended])]
    for rows in again:
        player.play([rows], NOW + 3600)
    player.settle(NOW + 7200, idle={"true", "pred"})

    assert len(player.endings) == n_endings
