"""Why an id is not joined, in sentences."""

from __future__ import annotations

import pytest

from streams.join.decide import decide
from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, RULES
from web.one_id.why import never_seen, why
from web.pairs.pair_view import Other, PairView, Side, view
from web.quarantine.records import Refused


def test_a_conflict_and_a_late_row_have_both_values(table):
    table.put(0, TRUE, ["a", "b"], NOW - 100)
    table.put(0, TRUE, ["a"], NOW - 99, y=9.5)
    table.put(0, PRED, ["b"], NOW - 30, y=4.0)
    a, b = (next(row for row in table.shown() if row.id == name) for name in "ab")
    assert a.other == Other("y_true", 9.5, NOW - 99, NOW - 99, offset=1)
    assert (
        "Two values of y_true disagree: 1 at offset 0 and 9.5 at offset 1; only the first is scored."
        in why(a, RULES, NOW).more
    )
    assert b.other.side == "y_pred"
    assert "with a ts outside the window (counted as late)" in why(b, RULES, NOW).more
    store = table.stores[0]
    decided = decide(store.checkpoint, [], store, RULES, now=NOW - 20, idle=(True, True))
    store.apply(store.checkpoint.offset + 1, decided.record)
    (b,) = table.shown(state="late")
    answer = why(b, RULES, NOW)
    assert answer.short == "Not joined: its y_pred lies 1 min 10 s away, and the window is 1 min."
    assert "Its y_pred = 4 came at" in answer.more


def test_why_of_a_quarantined_id_says_what_was_wrong_with_it(table):
    detail = "Expected `float`, got `str`"
    refused = Refused(7, NOW, "bad_row", detail, "queue y_true", "1/1", "", 1, 30, '{"id":"a"', is_cut=False)
    answer = never_seen(90.0, refused)
    assert answer.short == "Not joined: quarantined because it could not be read: Expected `float`, got `str`."
    table.put(0, PRED, ["a"], NOW)
    (waiting,) = table.shown()
    assert "A further row of it was quarantined" in why(waiting, RULES, NOW, refused).more


def test_why_names_what_is_missing(table):
    table.put(0, TRUE, ["a"], NOW - 41)
    (waiting,) = table.shown()
    answer = why(waiting, RULES, NOW)
    assert answer.short == "Not joined yet: only y_true came, 41 s ago; it expires in 24 s."
    assert "never came" in never_seen(90.0).more


def test_why_of_an_expired_id_says_when(table):
    table.put(0, TRUE, ["a"], NOW - 200)
    store = table.stores[0]
    decided = decide(store.checkpoint, [], store, RULES, now=NOW - 100, idle=(True, True))
    store.apply(store.checkpoint.offset + 1, decided.record)
    (packed,) = store.states([b"ia"])
    assert view("a", packed, 0).state == "unmatched_true"
    (found,) = table.shown(state="unmatched")
    assert why(found, RULES, NOW).short.startswith("Not joined: only y_true came, and it exp")


def test_an_id_that_never_came_is_told_of_one_that_is_spelled_a_little_otherwise(full):
    near = full.shown(state="waiting_for_pred")[0]
    said = never_seen(90.0, None, near).more
    assert said.endswith(
        f"The id {near.id!r} is known, too, and is waiting for pred: if both are one, have it sent as the same text everywhere."
    )
    assert "known, too" not in never_seen(90.0).more


ROW = Side(1.5, NOW - 3000, NOW - 40, 7, False)


def unmatched(row: Side, decided_at: float, other: Other | None = None) -> PairView:
    late = other is not None
    return PairView("a", "unmatched_true", row, None, decided_at, False, False, late, int(late), 0, other=other)


def test_why_of_a_row_whose_window_was_over_as_it_came_names_its_old_ts():
    answer = why(unmatched(ROW, NOW - 39), RULES, NOW)
    assert answer.short == "Not joined: only y_true came, with a ts 49 min 20 s behind: its window was over."
    assert "arrived at" in answer.more


def test_why_of_an_old_row_whose_other_side_came_at_the_same_time_names_the_cause_and_not_0_s():
    other = Other("y_pred", 2.5, NOW - 3001, NOW - 39, 8)
    answer = why(unmatched(ROW, NOW - 39, other), RULES, NOW)
    assert answer.short == (
        "Not joined: the ts of its y_true was 49 min 20 s behind: its window was over when its y_pred came."
    )


@pytest.mark.parametrize(("late_s", "said"), [(0.0, "just after its verdict"), (5.0, "5 s too late")])
def test_why_of_a_row_that_came_too_late_says_by_how_much_if_that_is_a_length_of_time(late_s: float, said: str):
    row = Side(1.5, NOW - 90, NOW - 90, 7, False)
    other = Other("y_pred", 2.5, NOW - 90, NOW - 20 + late_s, 8)
    assert why(unmatched(row, NOW - 20, other), RULES, NOW).short == f"Not joined: its y_pred came {said}."
