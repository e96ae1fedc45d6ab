"""The table's pages over real stores: every order, no row twice, none left out."""

from __future__ import annotations

import itertools

import pytest

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW
from web.pairs.pair_view import of_id


@pytest.mark.parametrize("sort", ["newest", "oldest", "id", "y_true", "-error", "left"])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_pages_show_every_row_once_in_every_order(full, sort, n):
    wanted = {"y_true": 50, "-error": 20, "left": 40}.get(sort, 60)
    found = full.walk(sort=sort, n=n)
    assert len(found) == len(set(found)) == wanted


@pytest.mark.parametrize("sort", ["newest", "oldest", "id", "y_true", "-error", "-left", "state", "-partition"])
@pytest.mark.parametrize("state", ["all", "matched", "waiting"])
def test_what_lies_before_a_row_is_what_came_before_it_in_the_same_order(full, sort, state):
    rows = full.ask(sort=sort, state=state, n=100).rows
    for before, row in itertools.pairwise(rows):
        (found, *_) = full.ask(sort=sort, state=state, n=1, before=row.place).rows
        assert found.id == before.id
    if rows:
        assert full.ask(sort=sort, state=state, n=3, before=rows[0].place).rows == []
        assert [row.id for row in full.ask(sort=sort, state=state, n=100, before=rows[-1].place).rows] == [
            row.id for row in rows[-2::-1]
        ]


def test_the_newest_row_comes_first(full):
    assert full.ask(n=1).rows[0].id.startswith("p")
    assert [row.id[0] for row in full.ask(n=60).rows[-30:]] == ["t"] * 30


def test_a_page_goes_on_in_the_middle_of_a_crowd_of_one_moment(table):
    for p in (0, 1):
        table.put(p, TRUE, [f"t{p}-{i}" for i in range(600)], NOW - 10)
        table.put(p, PRED, [f"p{p}-{i}" for i in range(300)], NOW - 10)
        table.put(p, PRED, [f"t{p}-{i}" for i in range(0, 600, 3)], NOW - 10)
    found = table.walk(n=70)
    assert len(found) == len(set(found)) == 1800
    assert found == table.walk(n=250)


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(full):
    first = full.ask(n=20)
    full.put(0, PRED, ["t0-03"], NOW)
    full.put(0, PRED, ["new"], NOW)
    rest = full.walk(n=20)[20:] if first.next is None else []
    after = first.next
    while after is not None:
        part = full.ask(n=20, after=after)
        rest += [row.id for row in part.rows]
        after = part.next
    shown = [row.id for row in first.rows]
    assert not set(shown) & set(rest)
    assert set(shown) | set(rest) | {"t0-03", "new"} == set(full.walk(n=100))


@pytest.mark.parametrize(
    ("asked", "n"),
    [
        ({"state": "waiting"}, 40),
        ({"state": "waiting_for_pred"}, 30),
        ({"state": "matched"}, 20),
        ({"state": "unmatched"}, 0),
        ({"partition": 1}, 30),
        ({"q": "m1-"}, 10),
        ({"min_error": 15.0}, 5),
        ({"max_error": 4.0, "state": "matched"}, 5),
        ({"max_age": 5.0}, 10),
        ({"model": "m"}, 30),
        ({"model": "other"}, 0),
        ({"from_": NOW - 30, "to": NOW - 20}, 30),
        ({"from_": NOW - 20, "to": NOW - 19}, 2),
        ({"from_": NOW - 1, "by": "predicted"}, 10),
        ({"to": NOW - 19, "by": "predicted"}, 2),
    ],
    ids=str,
)
def test_a_filter_leaves_exactly_its_rows(full, asked, n):
    assert len(full.walk(n=3, **asked)) == n


def test_largest_errors_come_first(full):
    errors = [row.error for row in full.shown(sort="-error", n=3)]
    assert errors == [19.0, 18.0, 17.0]


BOTH = ("a", "b")


@pytest.fixture
def of_two(table):
    """Thirty ids: all are predicted by `a`, every third by `b` too, and all have their truth but the last."""
    ids = [f"x{i:02}" for i in range(30)]
    table.put(0, PRED, ids, NOW - 20, 2.0, "a", BOTH)
    table.put(0, PRED, ids[::3], NOW - 20, 3.0, "b", BOTH)
    table.put(0, PRED, ["x01"], NOW - 19, 9.0, "a", BOTH)
    table.put(0, TRUE, ids[:-1], NOW - 10, 1.0, models=BOTH)
    return table


@pytest.mark.parametrize("sort", ["newest", "oldest", "id", "error"])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_an_id_that_several_models_predict_has_a_row_for_each(of_two, sort, n):
    found = of_two.walk(sort=sort, n=n)
    wanted = {f"x{i:02}" for i in range(30 - (sort == "error"))}
    assert set(found) == wanted
    assert len(found) == (39 if sort == "error" else 59)


def test_each_row_says_its_model_and_has_what_was_kept_beside_it(of_two):
    shown = {(row.id, row.carried.model): row for row in of_two.shown(n=100)}
    assert shown["x01", "a"].other.y == 9.0
    assert (shown["x01", "a"].error, shown["x01", "b"].state) == (1.0, "waiting_for_pred")
    assert (shown["x03", "a"].error, shown["x03", "b"].error) == (1.0, 2.0)
    assert ("x29", "b") not in shown


def test_one_id_is_shown_as_it_stands_for_the_reference_with_its_challengers(of_two):
    store = of_two.stores[0]
    for reference, error in (("a", 1.0), ("b", 2.0)):
        found = of_id(store, "x03", 0, reference)
        assert found is not None
        assert (found.carried.model, found.error) == (reference, error)
        assert [one.carried.model for one in found.challengers] == [name for name in BOTH if name != reference]
    assert of_id(store, "unknown", 0, "a") is None
