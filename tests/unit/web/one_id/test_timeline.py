"""The timeline of an id."""

from __future__ import annotations

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, RULES
from web.one_id.timeline import timeline


def test_a_timeline_shows_what_came_in_order_and_now_only_where_it_is_near(table):
    table.put(0, TRUE, ["a"], NOW - 50)
    table.put(0, TRUE, ["a"], NOW - 40, y=2.0)
    (waiting,) = table.shown()
    shown = timeline(waiting, RULES, NOW)
    assert [event.icon for _, event in shown.events] == ["dot", "conflict"]
    assert shown.events[0][0] < shown.events[1][0] < shown.now_x < shown.open_to
    table.put(0, PRED, ["a"], NOW - 30)
    (joined,) = table.shown()
    shown = timeline(joined, RULES, NOW)
    assert [event.lane for _, event in shown.events] == ["y_true", "y_true", "verdict", "y_pred"]
    assert shown.now_x is None
    words = [words for _, words in shown.ticks]
    assert 4 <= len(words) == len(set(words)) <= 9
