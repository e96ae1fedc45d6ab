"""The join by example: what one id's rows lead to, and what the clock and the watermark have to do with it."""

from __future__ import annotations

import msgspec
import pytest

from streams.join import state
from streams.join.deadlines import MAX_DELAY_S, Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.join.keys import id_of, key_of, other_key
from streams.wire.rows import PredRow, TrueRow
from tests.dict_view import DictView
from tests.oracle import Ending, Row
from tests.pair import pair
from tests.player import Player

NOW = 1_700_000_000.0
WINDOW_S, OUT_OF_ORDERNESS_S, HORIZON_S = 100.0, 10.0, 50.0
BOTH = {"true", "pred"}


@pytest.fixture
def player():
    return Player(Rules(WINDOW_S, OUT_OF_ORDERNESS_S, HORIZON_S))


def true(ts, y=1.0, row_id="a"):
    return Row("true", row_id, ts, y)


def pred(ts, y=2.0, row_id="a"):
    return Row("pred", row_id, ts, y)


def set_watermark(player, watermark):
    """Let rows of other ids move the watermark, without ending anything."""
    ts = watermark + OUT_OF_ORDERNESS_S
    player.play([[true(ts, row_id=f"t{ts}")], [pred(ts, row_id=f"p{ts}")]], max(ts, NOW))


# Meeting


@pytest.mark.parametrize("order", [[true(NOW), pred(NOW + 3)], [pred(NOW + 3), true(NOW)]], ids=["true", "pred"])
def test_truth_and_prediction_match_whichever_comes_first(player, order):
    player.play([[order[0]]], NOW + 5)
    player.play([[order[1]]], NOW + 7)

    assert player.endings == [Ending("a", "matched", NOW + 7, 1.0, 2.0, NOW, NOW + 3)]
    assert player.counts == {"rows_true": 1, "rows_pred": 1, "matched": 1}


@pytest.mark.parametrize("gap", [WINDOW_S, -WINDOW_S], ids=["prediction later", "prediction earlier"])
def test_two_sides_just_a_window_apart_match(player, gap):
    player.play([[true(NOW)], [pred(NOW + gap)]], NOW + 200)

    assert [ending.verdict for ending in player.endings] == ["matched"]


@pytest.mark.parametrize("gap", [WINDOW_S + 0.001, -WINDOW_S - 0.001], ids=["prediction later", "prediction earlier"])
def test_a_row_outside_the_window_is_late_and_the_first_one_still_ends_unmatched(player, gap):
    player.play([[true(NOW)], [pred(NOW + gap)]], NOW + 200)
    assert player.endings == []
    assert player.counts == {"rows_true": 1, "rows_pred": 1, "late": 1, "waiting": 1}

    player.settle(NOW + 1000, idle=BOTH)

    assert player.endings == [Ending("a", "unmatched_true", NOW + 1000, y_true=1.0, ts_true=NOW)]
    assert player.see("a").late


def test_a_row_outside_the_window_leaves_room_for_one_inside_it(player):
    player.play([[true(NOW)], [pred(NOW + 101)], [pred(NOW + 99, y=3.0)]], NOW + 200)

    assert [(ending.verdict, ending.y_pred) for ending in player.endings] == [("matched", 3.0)]
    assert player.counts["late"] == 1


def test_sides_that_come_in_one_record_each_of_one_batch_match_with_others_between(player):
    player.play([[true(NOW, row_id=i) for i in "abc"], [pred(NOW, row_id=i) for i in "cxa"]], NOW)

    assert sorted(ending.id for ending in player.endings) == ["a", "c"]
    assert player.counts["waiting"] == 2


# Further rows


@pytest.mark.parametrize(
    ("further", "counted"),
    [
        (true(NOW, 1.0), "duplicates"),
        (true(NOW, 1.5), "conflicts"),
        (pred(NOW, 2.0), "duplicates"),
        (pred(NOW, 2.0 + 1e-12), "duplicates"),
        (pred(NOW, 2.0 + 1e-6), "conflicts"),
        (pred(NOW, 2.5), "conflicts"),
    ],
    ids=[
        "same truth",
        "other truth",
        "same prediction",
        "rounded otherwise",
        "hardly another prediction",
        "other prediction",
    ],
)
def test_a_further_row_of_a_matched_id_is_counted_and_changes_nothing(player, further, counted):
    player.play([[true(NOW)], [pred(NOW)]], NOW)
    player.play([[further]], NOW + 1)
    player.play([[further]], NOW + 2)

    assert player.counts == {"rows_true": 1, "rows_pred": 1, "matched": 1, counted: 2} | {f"rows_{further.side}": 3}
    assert len(player.endings) == 1
    assert (player.see("a").y_true, player.see("a").y_pred, player.see("a").n_repeats) == (1.0, 2.0, 2)


def test_of_two_values_the_first_one_stays_and_is_the_one_that_matches(player):
    player.play([[true(NOW, 1.0), true(NOW, 9.0)]], NOW)
    player.play([[pred(NOW)]], NOW)

    assert [ending.y_true for ending in player.endings] == [1.0]
    assert player.counts["conflicts"] == 1
    assert player.see("a").conflict


def test_a_repeated_waiting_row_is_a_duplicate_and_does_not_prolong_the_wait(player):
    player.play([[true(NOW)]], NOW)
    player.play([[true(NOW)]], NOW + 109)
    player.settle(NOW + 110.25, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]
    assert player.counts["duplicates"] == 1


def test_what_comes_after_an_unmatched_verdict_is_late_or_a_repeat(player):
    player.play([[true(NOW)]], NOW)
    player.settle(NOW + 111, idle=BOTH)
    player.play([[pred(NOW)], [pred(NOW)], [true(NOW)], [true(NOW, 5.0)]], NOW + 112)

    assert player.counts == {
        "rows_true": 3,
        "rows_pred": 2,
        "unmatched_true": 1,
        "late": 2,
        "duplicates": 1,
        "conflicts": 1,
    }
    assert len(player.endings) == 1


def test_repeats_beyond_what_a_state_can_count_are_still_counted_in_the_invariant(player):
    n = state.MAX_REPEATS + 2
    player.play([[true(NOW)] * (n + 1)], NOW)

    assert player.counts["duplicates"] == n
    assert player.see("a").n_repeats == state.MAX_REPEATS


@pytest.mark.parametrize("first", [state.TRUE, state.PRED], ids=["truth first", "prediction first"])
def test_a_redelivered_side_is_remembered_with_its_id(first):
    view = DictView()
    rows = [TrueRow("a", NOW, 1.0, redelivered=True), PredRow("a", NOW, 2.0)]
    for side in (first, 1 - first):
        given = [Input(side, 0, [rows[side]])]
        view.apply(view.checkpoint.offset + 1, decide(view.checkpoint, given, view, Rules(9, 9, 9), now=NOW).record)

    seen = pair("a", view.packed[key_of("a")])
    assert (seen.redelivered_true, seen.redelivered_pred) == (True, False)


@pytest.mark.parametrize(
    ("rows", "seen"),
    [
        ([[true(NOW)], [pred(NOW)], [true(NOW, 5.0)], [true(NOW + 1, 6.0)]], (state.TRUE, 6.0, NOW + 1)),
        ([[pred(NOW)], [pred(NOW + 2, 7.0)]], (state.PRED, 7.0, NOW + 2)),
        ([[true(NOW)], [pred(NOW + WINDOW_S + 1, 8.0)]], (state.PRED, 8.0, NOW + WINDOW_S + 1)),
    ],
    ids=["the last conflict of a match", "a conflict while it waits", "a row outside the window"],
)
def test_the_last_row_that_changed_nothing_is_kept_beside_its_id(player, rows, seen):
    player.play(rows, NOW + 3)

    kept = state.other(player.view.packed[other_key(key_of("a"))])
    assert (kept.side, kept.y, kept.ts) == seen
    assert kept.at == NOW + 3
    assert kept.offset == sum(row[0].side == rows[-1][0].side for row in rows) - 1


def test_the_same_value_again_is_not_kept(player):
    player.play([[true(NOW)], [true(NOW)], [pred(NOW)], [pred(NOW)]], NOW)
    assert list(player.view.packed) == [key_of("a")]


def test_what_is_kept_beside_an_id_goes_with_it(player):
    player.play([[true(NOW)], [pred(NOW)], [true(NOW, 5.0)]], NOW)
    player.settle(NOW + HORIZON_S + 0.25)
    assert player.view.packed == {}


# The watermark


def test_a_row_matches_while_the_watermark_stands_just_at_the_deadline(player):
    player.play([[true(NOW)]], NOW)
    set_watermark(player, NOW + WINDOW_S)
    player.play([[pred(NOW + 50)]], NOW + 120)

    assert [ending.verdict for ending in player.endings] == ["matched"]


def test_a_row_is_late_once_the_watermark_has_passed_the_deadline(player):
    player.play([[true(NOW)]], NOW)
    set_watermark(player, NOW + WINDOW_S + 0.001)
    player.play([[pred(NOW + 50)]], NOW + 120)

    assert player.endings == [Ending("a", "unmatched_true", NOW + 120, y_true=1.0, ts_true=NOW)]
    assert player.counts["late"] == 1


def test_the_watermark_moves_from_one_record_to_the_next_within_a_batch(player):
    far = NOW + WINDOW_S + OUT_OF_ORDERNESS_S + 1
    player.play([[true(NOW), true(far, row_id="b")], [pred(far, row_id="c")], [pred(NOW)]], far)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]


def test_the_watermark_stands_still_within_a_record(player):
    far = NOW + WINDOW_S + OUT_OF_ORDERNESS_S + 1
    player.play([[true(NOW), true(far, row_id="b")], [pred(far, row_id="c"), pred(NOW)]], far)

    assert [ending.verdict for ending in player.endings] == ["matched"]


def test_one_input_alone_moves_no_watermark(player):
    player.play([[true(NOW)]], NOW)
    player.play([[true(NOW + 5000, row_id="b")]], NOW + 5000)
    player.settle(NOW + 5000)

    assert player.endings == []


def test_the_watermark_never_goes_back(player):
    set_watermark(player, NOW)
    player.play([[true(NOW - 500, row_id="b")], [pred(NOW - 500, row_id="c")]], NOW)

    assert player.view.checkpoint.ts == [NOW + OUT_OF_ORDERNESS_S] * 2


def test_a_ts_ahead_of_the_clock_does_not_carry_the_watermark_away(player):
    player.play([[true(NOW)]], NOW)
    year = NOW + 365 * 86_400
    player.play([[true(year, row_id="b")], [pred(year, row_id="c")]], NOW)
    player.play([[pred(NOW)]], NOW)

    assert [ending.id for ending in player.endings] == ["a"]
    assert player.endings[0].verdict == "matched"
    assert player.view.checkpoint.ts == [NOW, NOW]


# The clock


@pytest.mark.parametrize(("row", "missing"), [(true(NOW), "pred"), (pred(NOW), "true")], ids=["truth", "prediction"])
def test_a_waiting_id_ends_by_the_clock_while_the_side_it_waits_for_is_idle(player, row, missing):
    player.play([[row]], NOW)
    player.settle(NOW + WINDOW_S + OUT_OF_ORDERNESS_S, idle=BOTH)
    assert player.endings == []

    player.settle(NOW + WINDOW_S + OUT_OF_ORDERNESS_S + 0.25, idle={missing})

    assert [ending.verdict for ending in player.endings] == ["unmatched_" + row.side]


@pytest.mark.parametrize("row", [true(NOW), pred(NOW)], ids=["truth", "prediction"])
def test_a_waiting_id_does_not_end_by_the_clock_while_only_its_own_side_is_idle(player, row):
    player.play([[row]], NOW)
    player.settle(NOW + MAX_DELAY_S, idle={row.side})

    assert player.endings == []


def test_a_wait_by_the_clock_begins_when_the_row_is_read_however_old_it_is(player):
    player.play([[true(NOW - 1_000_000)]], NOW)
    player.settle(NOW + 109, idle=BOTH)

    assert player.endings == []


def test_a_ts_ahead_of_the_clock_does_not_prolong_the_wait_by_the_clock(player):
    player.play([[true(NOW + 5000)]], NOW)
    player.settle(NOW + 110.25, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]


def test_an_input_a_day_slower_than_the_clock_holds_up_nothing(player):
    player.play([[true(NOW)]], NOW)
    player.settle(NOW + WINDOW_S + OUT_OF_ORDERNESS_S + MAX_DELAY_S)
    assert player.endings == []

    player.settle(NOW + WINDOW_S + OUT_OF_ORDERNESS_S + MAX_DELAY_S + 0.25)

    assert [ending.verdict for ending in player.endings] == ["unmatched_true"]


def test_a_row_that_comes_with_the_silence_that_ends_its_id_still_matches(player):
    player.play([[true(NOW)]], NOW)
    player.play([[pred(NOW)]], NOW + 1000, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["matched"]


# Tombstones


@pytest.mark.parametrize(
    ("rows", "ended"), [([[true(NOW)], [pred(NOW)]], NOW), ([[true(NOW)]], NOW + 111)], ids=["matched", "unmatched"]
)
def test_a_redelivery_within_the_horizon_does_not_open_the_id_again(player, rows, ended):
    player.play(rows, NOW)
    player.settle(ended, idle=BOTH)
    player.settle(ended + HORIZON_S, idle=BOTH)
    player.play([[true(NOW)]], ended + HORIZON_S)
    player.settle(ended + 5000, idle=BOTH)

    assert len(player.endings) == 1
    assert player.counts["duplicates"] == 1


def test_a_redelivery_after_the_horizon_opens_the_id_again(player):
    player.play([[true(NOW)], [pred(NOW)]], NOW)
    player.settle(NOW + HORIZON_S + 0.25)
    assert player.see("a") is None

    player.play([[true(NOW)]], NOW + HORIZON_S + 1)

    assert player.see("a").state == "waiting_for_pred"
    assert player.counts == {"rows_true": 2, "rows_pred": 1, "matched": 1, "waiting": 1}


def test_a_redelivery_does_not_prolong_the_tombstone(player):
    player.play([[true(NOW)], [pred(NOW)]], NOW)
    player.play([[true(NOW)]], NOW + HORIZON_S)
    player.settle(NOW + HORIZON_S + 0.25)

    assert player.see("a") is None


def test_a_redelivery_that_comes_as_its_marker_ends_leaves_nothing_behind(player):
    player.play([[true(NOW)], [pred(NOW)]], NOW)
    player.play([[true(NOW)]], NOW + HORIZON_S + 0.25)

    assert (player.view.packed, player.view.index) == ({}, {})
    assert player.counts["duplicates"] == 1


def test_an_id_that_was_opened_again_lives_by_its_new_deadline(player):
    player.play([[true(NOW)], [pred(NOW)]], NOW)
    player.settle(NOW + HORIZON_S + 1)
    player.play([[true(NOW + 60)]], again := NOW + HORIZON_S + 10)
    player.settle(again + WINDOW_S + OUT_OF_ORDERNESS_S, idle=BOTH)
    assert len(player.endings) == 1

    player.settle(again + WINDOW_S + OUT_OF_ORDERNESS_S + 0.25, idle=BOTH)

    assert [ending.verdict for ending in player.endings] == ["matched", "unmatched_true"]


# The decision around it


def test_nothing_read_and_nothing_due_is_no_decision(player):
    player.play([[true(NOW)]], NOW)

    assert not player.play([], NOW + 1, idle=BOTH)


def test_a_record_without_a_readable_row_still_moves_the_input_on():
    view = DictView()
    record = decide(view.checkpoint, [Input(state.PRED, 7, [], n_unreadable=3)], view, Rules(9, 9, 9), now=NOW).record

    assert record.checkpoint.input_offsets == [-1, 7]
    assert (record.checkpoint.counts.unreadable, record.checkpoint.counts.difference()) == (3, 0)


def test_a_decision_leaves_the_checkpoint_it_was_made_from_alone(player):
    player.play([[true(NOW)]], NOW)
    before = msgspec.json.encode(player.view.checkpoint)
    given = [Input(state.PRED, 0, [PredRow("a", NOW, 2.0)])]
    decide(player.view.checkpoint, given, player.view, player.rules, now=NOW + 9000, idle=(True, True))

    assert msgspec.json.encode(player.view.checkpoint) == before


def test_an_id_comes_back_from_its_key():
    assert id_of(key_of("grüße 🌍\x00")) == "grüße 🌍\x00"
