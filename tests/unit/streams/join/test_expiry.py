"""Many ids with one deadline, deadlines under changed settings, and clocks that are wrong: none is lost, none stuck."""

from __future__ import annotations

import operator
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join.deadlines import TOMBSTONE, Rules
from streams.join.decide import MAX_EXPIRY_BYTES
from streams.kafka.topics import LARGEST_RECORD_BYTES
from tests.oracle import Row
from tests.player import SIDES, Player, ids_of

NOW = 1_700_000_000.0
DAY_S = 24 * 3600.0
BOTH = {"true", "pred"}
rules = st.builds(
    Rules, st.sampled_from([0.5, 20.0, 500.0]), st.sampled_from([0.0, 3.0, 60.0]), st.sampled_from([1.0, 30.0, 900.0])
)


def rows_of(side, ids, ts):
    return [Row(side, row_id, ts, 1.0) for row_id in ids]


@pytest.fixture
def player():
    return Player(Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=50.0))


# Many at once


@pytest.mark.parametrize("way", ["by the clock", "by the watermark"])
@pytest.mark.slow
def test_ids_with_one_deadline_end_over_several_decisions_none_lost_and_none_twice(player, way):
    ids = [f"id-{n}" for n in range(5000)]
    for n in range(0, 5000, 500):
        player.play([rows_of("true", ids[n : n + 500], NOW)], NOW)
    if way == "by the watermark":
        player.play([rows_of("true", ["x"], NOW + 300), rows_of("pred", ["y"], NOW + 300)], NOW + 300)

    n_decisions = player.settle(NOW + 300, idle=BOTH if way == "by the clock" else ())

    assert sorted(ending.id for ending in player.endings if ending.id not in "xy") == sorted(ids)
    assert n_decisions >= 5
    assert max(map(len, player.log)) < 2 * MAX_EXPIRY_BYTES
    assert player.counts["unmatched_true"] == 5000


def test_an_id_that_comes_again_is_not_ended_by_the_silence_that_its_earlier_life_waited_for():
    player = Player(Rules(window_s=0.25, max_out_of_orderness_s=0.0, horizon_s=0.25))
    player.play([rows_of("pred", ["b"], NOW), rows_of("true", ["a"], NOW - 0.5) + rows_of("true", ["a"], NOW)], NOW)
    player.settle(NOW)
    player.settle(NOW + 1)
    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]
    assert ids_of(player.view, waiting=False) == set()

    player.play([rows_of("pred", ["a"], NOW + 1)], NOW + 1)
    player.settle(NOW + 2, idle={"pred"})

    assert "a" in ids_of(player.view, waiting=True)


def test_markers_of_one_deadline_end_over_several_decisions_and_are_all_gone(player):
    ids = [f"{n:0>128}" for n in range(3000)]
    for n in range(0, 3000, 500):
        player.play([rows_of("true", ids[n : n + 500], NOW), rows_of("pred", ids[n : n + 500], NOW)], NOW)

    assert player.settle(NOW + 60) > 1
    assert player.view.packed == {}


@pytest.mark.parametrize("char", ["a", "\x00", '"', "é", "🌍"], ids=ascii)
def test_what_a_decision_ends_fits_a_record_whatever_the_ids_are_made_of(player, char):
    ids = [char * 124 + f"{n:04}" for n in range(1500)]
    for n in range(0, 1500, 500):
        player.play([rows_of("true", ids[n : n + 500], NOW)], NOW)
        player.play([rows_of("pred", [i[::-1] for i in ids[n : n + 500]], NOW)], NOW)
    n_read = len(player.log)
    player.settle(NOW + 1000, idle=BOTH)
    player.settle(NOW + 2000)

    assert len(player.endings) == 3000
    assert max(map(len, player.log[n_read:])) < LARGEST_RECORD_BYTES / 8


@pytest.mark.slow
def test_the_index_forgets_matched_ids_at_least_as_fast_as_rows_can_come(player):
    """Each matched id leaves an entry by event time, one by the clock and a tombstone: all cost the expiry a look."""
    pace = [f"id-{n}" for n in range(4000)]
    for step in range(12):
        now = NOW + step * 60
        ids = [f"{step}-{row_id}" for row_id in pace]
        player.play([rows_of("true", ids, now), rows_of("true", ["x"], now)], now, idle={"pred"})
        player.play([rows_of("pred", ids, now)], now)

    assert len(ids_of(player.view, waiting=False)) <= 3 * 4000
    assert sum(len(keys) for keys in player.view.index.values()) < 5 * 3 * 4000


def test_no_timer_kind_waits_for_another_to_be_done(player):
    player.play([rows_of("true", ["done"], NOW), rows_of("pred", ["done"], NOW)], NOW)
    for n in range(10):
        player.play([rows_of("true", [f"{n}-{i}" for i in range(500)], NOW)], NOW)

    player.play([], NOW + 1000, idle=BOTH)

    assert player.view.packed.get(b"idone") is None
    assert len(ids_of(player.view, waiting=True)) > 0


# Other settings after a restart


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.data(), st.lists(rules, min_size=2, max_size=4))
def test_changed_settings_leave_no_id_stuck(data, runs):
    player, now, ids = Player(runs[0]), NOW, set()
    for run in runs:
        player.rules = run
        for _ in range(data.draw(st.integers(0, 3))):
            now += data.draw(st.sampled_from([0.0, 7.0, 120.0, 1000.0]))
            side = data.draw(st.sampled_from(SIDES))
            rows = rows_of(side, data.draw(st.sets(st.sampled_from("abcdefgh"), min_size=1)), now - 1)
            player.play([rows], now, data.draw(st.sets(st.sampled_from(SIDES))))
            ids |= {row.id for row in rows}
    window_s, max_out_of_orderness_s, horizon_s = (max(values) for values in zip(*runs, strict=True))

    player.settle(now := now + window_s + max_out_of_orderness_s + 0.25, idle=BOTH)

    assert not ids_of(player.view, waiting=True)
    assert {ending.id for ending in player.endings} == ids
    player.settle(now + horizon_s + 0.25)
    assert player.view.packed == {}
    player.settle(now + DAY_S + window_s + max_out_of_orderness_s + 1, idle=BOTH)
    player.play([rows_of(side, ["end"], now + 9000) for side in SIDES], now + 9000)
    player.settle(now + 9000)
    assert {key[:1] for key in player.view.index} <= {TOMBSTONE}


def test_a_wider_window_gives_a_waiting_id_the_rest_of_it_and_no_more(player):
    player.play([rows_of("true", "a", NOW)], NOW)
    player.rules = Rules(200.0, 10.0, 50.0)
    player.settle(NOW + 111, idle=BOTH)
    assert player.endings == []
    player.settle(NOW + 210, idle=BOTH)
    assert player.endings == []

    player.settle(NOW + 210.25, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]


def test_a_wider_window_gives_a_waiting_id_more_event_time_too(player):
    player.play([rows_of("true", "a", NOW)], NOW)
    player.rules = Rules(200.0, 10.0, 50.0)
    for watermark, n_ended in ((NOW + 150, 0), (NOW + 200, 0), (NOW + 200.25, 1)):
        ts = watermark + 10
        player.play([rows_of(side, [f"{side}{ts}"], ts) for side in SIDES], ts)
        player.settle(ts)
        assert len(player.endings) == n_ended


def test_a_narrower_window_ends_a_waiting_id_at_the_latest_by_its_old_deadline(player):
    player.play([rows_of("true", "a", NOW)], NOW)
    player.rules = Rules(5.0, 1.0, 50.0)

    player.settle(NOW + 110.25, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]


def test_a_longer_horizon_keeps_a_marker_for_the_rest_of_it_and_no_longer(player):
    player.play([rows_of(side, "a", NOW) for side in SIDES], NOW)
    player.rules = player.rules._replace(horizon_s=80.0)
    player.settle(NOW + 51)
    player.settle(NOW + 80)
    assert player.see("a").state == "matched"

    player.settle(NOW + 80.25)

    assert player.see("a") is None


# Clocks


def test_a_clock_that_was_a_year_ahead_once_holds_up_no_later_id(player):
    player.play([rows_of("true", "a", NOW)], NOW)
    player.play([rows_of(side, "b", NOW) for side in SIDES], NOW)
    player.settle(NOW + 365 * DAY_S, idle=BOTH)
    assert [ending.id for ending in player.endings] == ["b", "a"]

    player.play([rows_of("true", "c", NOW + 1), *(rows_of(side, "d", NOW) for side in SIDES)], NOW + 1)
    player.settle(NOW + 111.25, idle=BOTH)

    assert [ending.id for ending in player.endings] == ["b", "a", "d", "c"]
    assert player.see("d") is None


def test_a_row_that_is_late_when_it_comes_ends_with_the_next_tick(player):
    player.play([rows_of("true", "a", NOW)], NOW)
    player.play([rows_of(side, [side], NOW + 300) for side in SIDES], NOW + 300)
    player.settle(NOW + 300)
    player.play([rows_of("true", "b", NOW + 5)], NOW + 300)

    player.settle(NOW + 300)

    assert [ending.id for ending in player.endings] == ["a", "b"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SIDES), st.sampled_from("abcd"), st.floats(0, 5000)), max_size=20))
@pytest.mark.slow
def test_a_clock_that_jumps_back_and_forth_breaks_no_invariant_and_leaves_no_id_stuck(steps):
    player = Player(Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=50.0))
    for side, row_id, clock in steps:
        player.play([rows_of(side, [row_id], 5000.0)], clock, idle=BOTH)
    player.settle(5000 + 111, idle=BOTH)

    assert not ids_of(player.view, waiting=True)
    assert {row_id for _, row_id, _ in steps} == {ending.id for ending in player.endings}


def test_expiry_goes_through_the_index_in_order_and_never_back(player):
    checkpoints = []
    for step in range(40):
        now = NOW + step * 20
        player.play([rows_of(SIDES[step % 2], [f"{step}", f"{step + 1}"], now)], now, idle=BOTH)
        checkpoints.append(player.view.checkpoint.timer_cursors)

    for earlier, later in pairwise(checkpoints):
        assert all(map(operator.le, earlier, later))
    assert checkpoints[-1] > checkpoints[0]
