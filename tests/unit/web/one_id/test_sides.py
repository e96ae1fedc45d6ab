"""The rows of an id, side by side."""

from __future__ import annotations

import msgspec

from streams.join.state import PRED, TRUE
from streams.wire.verdicts import Carried
from tests.unit.web.tables import NOW
from web.one_id import sides


def test_the_rows_of_an_id_stand_side_by_side(table):
    table.put(0, TRUE, ["a", "b"], NOW - 100)
    table.put(0, TRUE, ["a"], NOW - 99, y=9.5)
    table.put(0, PRED, ["b"], NOW - 30, y=4.0)
    a, b = (sides.rows(next(row for row in table.shown() if row.id == name)) for name in "ab")
    y_of = {name: [(row.title, row.came and row.came.y) for row in rows] for name, rows in (("a", a), ("b", b))}
    assert y_of["a"] == [("prediction", None), ("truth", 1.0), ("truth, another value", 9.5)]
    assert y_of["b"] == [("prediction, too late", 4.0), ("truth", 1.0)]
    assert (sides.had_it_joined(a), sides.had_it_joined(b)) == (None, 3.0)
    assert (sides.delay(a), sides.delay(b)) == (None, -70.0)


def test_what_the_rows_carry_is_said_in_words_and_nothing_of_what_is_not_there(table):
    table.put(0, TRUE, ["a"], NOW - 100)
    (bare,) = table.shown()
    given = Carried("ridge", '{"country":"DE","tier":"gold"}', '{"store":"7"}')
    assert sides.carried(msgspec.structs.replace(bare, carried=given)) == [
        ("model", "ridge"),
        ("tags", "country: DE, tier: gold"),
        ("tags of the truth", "store: 7"),
    ]
    assert sides.carried(bare) == []
