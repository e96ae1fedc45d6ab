"""The table's pages over real stores: every order, no row twice, none left out."""

from __future__ import annotations

import pytest

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW


@pytest.mark.parametrize("sort", ["newest", "oldest", "id", "y_true", "-error", "left"])
@pytest.mark.parametrize("n", [1, 7, 100])
def test_pages_show_every_row_once_in_every_order(full, sort, n):
    wanted = {"y_true": 50, "-error": 20, "left": 40}.get(sort, 60)
    found = full.walk(sort=sort, n=n)
    assert len(found) == len(set(found)) == wanted


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
    ],
    ids=str,
)
def test_a_filter_leaves_exactly_its_rows(full, asked, n):
    assert len(full.walk(n=3, **asked)) == n


def test_largest_errors_come_first(full):
    errors = [row.error for row in full.shown(sort="-error", n=3)]
    assert errors == [19.0, 18.0, 17.0]


def test_a_page_without_rows_counts_every_state(full):
    full.put(0, TRUE, ["m0-00"], NOW, y=9.0)
    found = full.ask(n=0)
    assert (found.rows, found.next, found.is_whole) == ([], None, True)
    assert found.counts == {
        "all": 60,
        "waiting": 40,
        "waiting_for_pred": 30,
        "waiting_for_true": 10,
        "matched": 20,
        "conflict": 1,
    }
