"""The timeline of an id."""

from __future__ import annotations

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, RULES
from web.one_id.timeline import WIDTH, timeline
from web.pairs.pair_view import PairView, Side


def test_a_timeline_shows_what_came_in_order_and_now_only_where_it_is_near(table):
    table.put(0, TRUE, ["a"], NOW - 50)
    table.put(0, TRUE, ["a"], NOW - 40, y=2.0)
    (waiting,) = table.shown()
    shown = timeline(waiting, RULES, NOW)
    assert [placed.event.icon for placed in shown.events] == ["dot", "conflict", "waiting"]
    first, again, deadline = shown.events
    assert first.x < again.x < shown.now_x < shown.window_to < deadline.x  # it waits for out-of-order rows, too
    table.put(0, PRED, ["a"], NOW - 30)
    (joined,) = table.shown()
    shown = timeline(joined, RULES, NOW)
    assert [placed.event.line for placed in shown.events] == ["y_true", "y_true", "y_pred", "verdict"]
    assert shown.start < shown.events[0].event.at <= shown.events[-1].event.at < shown.stop
    assert timeline(joined, RULES, NOW + 100).now_x is None


def test_a_row_whose_ts_lies_far_from_its_arrival_says_so_and_came_when_its_window_was_over():
    came = Side(1.5, NOW - 3000, NOW - 40, 7, False)
    pair = PairView("a", "unmatched_true", came, None, NOW - 39, False, False, False, 0, 0)
    shown = timeline(pair, RULES, NOW)
    assert [placed.event.what for placed in shown.events] == ["1.5, its ts 49 min 20 s behind", "unmatched"]
    row, verdict = shown.events
    assert 0 <= shown.window_from < row.ts_x < shown.window_to < row.x < verdict.x < WIDTH
    assert verdict.ts_x == verdict.x
