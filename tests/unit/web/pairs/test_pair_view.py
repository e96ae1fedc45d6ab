"""One id as workers send it to each other."""

from __future__ import annotations

import msgspec

from streams.join.state import PRED
from tests.unit.web.tables import NOW
from web.pairs.pair_view import PairView


def test_a_row_of_a_worker_that_does_not_know_a_field_is_read_without_it(table):
    table.put(0, PRED, ["a"], NOW)
    (pair,) = table.shown()
    answer = msgspec.json.decode(msgspec.json.encode(pair))
    del answer["carried"]
    assert msgspec.convert(answer, PairView).carried.model is None
