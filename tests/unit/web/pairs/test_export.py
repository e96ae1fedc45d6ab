"""The files of the table."""

from __future__ import annotations

from streams.join.state import PRED, TRUE
from tests.unit.web.tables import NOW, RULES
from web.pairs import export
from web.pairs.cells import AsOf
from web.pairs.columns import as_row


def test_strings_are_no_formulas_in_csv_and_numbers_are_untouched():
    for cell in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "|x"):
        assert export.guarded(cell) == "'" + cell
    assert export.guarded(-1.5) == "-1.5"
    assert export.guarded("plain") == "plain"


def test_what_a_prediction_carries_is_in_its_row_and_in_every_file(table):
    table.put(0, PRED, ["a"], NOW - 2)
    table.put(0, TRUE, ["a", "b"], NOW - 1)
    a, b = (next(pair for pair in table.shown() if pair.id == name) for name in "ab")
    as_of = AsOf(RULES, NOW)
    assert (as_row(a, as_of)["model"], as_row(b, as_of)["model"]) == ("m", None)
    assert b'"model":"m"' in export._block("ndjson", as_of, [a], True)
    assert export._block("csv", as_of, [a, b], True).splitlines()[0].endswith(b",m,,")
