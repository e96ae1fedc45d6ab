"""The timeline of an id."""

from __future__ import annotations

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, RULES
from web.one_id.timeline import timeline
from web.pairs.pair_view import PairView, Side


def test_a_timeline_shows_what_came_in_order_and_now_only_where_it_is_near(table):
    table.put(0, TRUE, ["a"], NOW - 50)
    table.put(0, TRUE, ["a"], NOW - 40, y=2.0)
    (waiting,) = table.shown()
    shown = timeline(waiting, RULES, NOW)
    assert [event.icon for _, event in shown.events] == ["dot", "conflict", "waiting"]
    assert shown.events[0][0] < shown.events[1][0] < shown.now_x < shown.open_to == shown.events[2][0]
    table.put(0, PRED, ["a"], NOW - 30)
    (joined,) = table.shown()
    shown = timeline(joined, RULES, NOW)
    assert [event.lane for _, event in shown.events] == ["y_true", "y_true", "verdict", "y_pred"]
    assert shown.now_x is None
    assert shown.start < shown.events[0][1].at <= shown.events[-1][1].at < shown.stop


def test_a_row_whose_ts_lies_far_from_its_arrival_says_so():
    came = Side(1.5, NOW - 3000, NOW - 40, 7, False)
    pair = PairView("a", "unmatched_true", came, None, NOW - 39, False, False, False, 0, 0)
    shown = timeline(pair, RULES, NOW)
    assert [event.what for _, event in shown.events] == ["1.5, its ts 49 min 20 s behind", "unmatched"]
