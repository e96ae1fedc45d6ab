"""The table's pages over real stores: every order, no row twice, none left out, whatever the ids hold."""

from __future__ import annotations

import asyncio
import itertools
import re

import msgspec
import numpy as np
import pytest
import rocksdict

from streams.fields import NO_FIELDS, Fields
from streams.join.deadlines import Rules
from streams.join.decide import Input, decide
from streams.join.state import PRED, TRUE
from streams.scores.summary import ErrorSummary
from streams.settings import load
from streams.table.store import PairsStore
from streams.wire.rows import PredRow, TrueRow
from web import text
from web.dashboard import charts, summaries, svg
from web.dashboard.data import Bins
from web.one_id import payloads, sides
from web.one_id.timeline import timeline
from web.one_id.why import never_seen, why
from web.pairs import export
from web.pairs.cells import AsOf
from web.pairs.columns import as_row
from web.pairs.pair_view import Other, PairView, add_others, view
from web.pairs.query import BadQuery, Query, decode_place, encode_place, read
from web.pairs.scan import page
from web.quarantine import newest
from web.quarantine.records import Refused

NOW = 1_700_000_000.0
RULES = Rules(window_s=60.0, max_out_of_orderness_s=5.0, horizon_s=90.0)
HOSTILE = ["<script>alert(1)</script>", "javascript:alert(1)", "\u202eevil", "../", "nul\x00id", "=1+1", "..", "\"'"]


class Table:
    """Two partitions, and a way to put rows in."""

    def __init__(self, root):
        self.stores = {p: PairsStore(root / f"pairs-{p}", rocksdict.Cache(1 << 20)) for p in (0, 1)}

    def put(self, partition, side, ids, at, y=1.0):
        store = self.stores[partition]
        make = (lambda i: TrueRow(i, at, y)) if side == TRUE else (lambda i: PredRow(i, at, y, "m"))
        given = Input(side, store.checkpoint.input_offsets[side] + 1, [make(i) for i in ids])
        decided = decide(store.checkpoint, [given], store, RULES, now=at)
        store.apply(store.checkpoint.offset + 1, decided.record)

    def ask(self, now=NOW, **asked):
        return asyncio.run(page(self.stores, Query(**asked), RULES, now=now))

    def shown(self, **asked):
        rows = self.ask(**asked).rows
        add_others(self.stores, rows)
        return rows

    def walk(self, **asked):
        found, after = [], None
        while True:
            part = self.ask(after=after, **asked)
            found += [row.id for row in part.rows]
            if part.next is None:
                return found
            after = decode_place(encode_place(part.next))


@pytest.fixture
def table(tmp_path):
    table = Table(tmp_path)
    yield table
    for store in table.stores.values():
        store.close()


@pytest.fixture
def full(table):
    """30 waiting for y_pred, 20 matched with errors 1 to 20, 10 waiting for y_true; the last came last."""
    for p in (0, 1):
        table.put(p, TRUE, [f"t{p}-{i:02}" for i in range(15)], NOW - 30)
        for i in range(10):
            table.put(p, TRUE, [f"m{p}-{i:02}"], NOW - 20 + i)
            table.put(p, PRED, [f"m{p}-{i:02}"], NOW - 20 + i, y=1.0 + 10 * p + i)
        table.put(p, PRED, [f"p{p}-{i:02}" for i in range(5)], NOW - 1)
    return table


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


@pytest.mark.parametrize(
    "given",
    [
        {"sort": "x"},
        {"state": "x"},
        {"partition": "-1"},
        {"min_error": "nan"},
        {"after": "zz"},
        {"after": "c1"},
        {"q": "x" * 600},
        {"nothing like it": "1"},
    ],
    ids=str,
)
def test_a_query_that_cannot_be_used_is_a_sentence(given):
    with pytest.raises(BadQuery, match=r"\.$"):
        read(given)


def test_a_name_that_is_mistyped_is_told_the_near_one():
    with pytest.raises(BadQuery, match=r"no parameter 'min_eror' here\. Did you mean min_error\?"):
        read({"min_eror": "100"})
    with pytest.raises(BadQuery, match=r"Did you mean last\?"):
        summaries.read({"lasst": "1h"})
    assert read({"theme": "dark"}) == Query()


def test_a_query_survives_its_url():
    from urllib.parse import parse_qsl

    query = Query(state="matched", q="<&'\"", partition=3, min_error=1.5, sort="-error", n=25, after=(1, "x"))
    assert read(dict(parse_qsl(query.url()[1:]))) == query


@pytest.mark.parametrize(
    ("text", "seconds"), [("90", 90), ("90s", 90), ("1.5m", 90), ("2 h", 7200), ("1d", 86400), (" 5min ", 300)], ids=str
)
def test_an_age_is_said_as_people_do(text, seconds):
    assert read({"min_age": text}).min_age == seconds


@pytest.mark.parametrize("text", ["5 weeks", "-1", "1e3", "m", "nan"])
def test_an_age_that_is_none_is_a_sentence(text):
    with pytest.raises(BadQuery, match="is a length of time"):
        read({"max_age": text})


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


@pytest.mark.parametrize(
    ("raw", "row_id", "is_of"),
    [
        (b'{"id":"a1","y_true":"x"}', "a1", True),
        (b'{"id":"a12","y_true":"x"}', "a1", False),
        (b'{"id":5.0,"y_true":"x"}', "5.0", True),
        (b'{"id":5,"y_true":"x"}', "5.0", False),
        (b'{"id":"\\u202ex"', "\u202ex", True),
        (b'{"id": "a1", "y_true": 1', "a1", True),
        (b"\xff a1", "a1", False),
        (b"", "", False),
    ],
    ids=str,
)
def test_a_quarantined_row_is_known_by_its_id(raw, row_id, is_of):
    assert newest.is_of(raw, row_id, NO_FIELDS) is is_of


def test_a_quarantined_row_is_known_by_the_names_that_the_settings_give():
    raw = b'{"id":"e","data":{"order":"a1"},"y_true":"x"}'
    assert newest.is_of(raw, "a1", Fields(id=("data.order",)))
    assert not newest.is_of(raw, "e", Fields(id=("data.order",)))
    assert newest.is_of(b'{"request_id":"a1","y_true":"x"}', "a1", NO_FIELDS)


@pytest.mark.parametrize(
    ("score", "now", "before", "words"),
    [
        ("mae", 42.0, 41.5, "+0.5000 worse"),
        ("bias", -1.0, 2.0, "−3.000 better"),
        ("r2", 0.5, 0.25, "+0.2500 better"),
        ("rmse", 2.0, 2.0, "0"),
        ("p99", None, 2.0, "–"),
    ],
)
def test_a_change_says_whether_it_is_for_the_better(score, now, before, words):
    assert text.change(score, now, before) == words


def test_an_id_is_cut_where_it_contains_what_is_searched():
    assert text.pieces("abcab", "ab") == [(False, ""), (True, "ab"), (False, "c"), (True, "ab"), (False, "")]
    assert text.pieces("abc", "") == [(False, "abc")]


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


def test_labels_of_a_chart_do_not_lie_on_each_other():
    for wanted in (
        [200.0, 100.0, 100.0],
        [200.0, 30.0, 30.0],
        [26.0, 26.0, 26.0],
        [256.0, 256.0, 256.0],
        [200, 150, 50],
    ):
        placed = svg.apart(wanted, 13, 256, 26)
        assert all(below - above >= 13 for below, above in itertools.pairwise(placed)), wanted
        assert 26 <= min(placed) <= max(placed) <= 256
    assert svg.apart([200, 150, 50], 13, 256, 26) == [200, 150, 50]


def test_equal_quantiles_are_labelled_above_each_other():
    data = Bins([0.0, 1.0, 2.0], [3, 4], [], 0, 0, 0, is_log=False)
    drawn = str(charts.histogram(data, {"n": 7, "p50": 1.0, "p90": 1.0, "p99": 1.0}, log=False))
    heights = re.findall(r'y="([0-9.]+)" class="strong" text-anchor="middle">p[0-9]+ 1.000', drawn)
    assert len(heights) == 6
    assert len(set(heights)) == 3


def test_errors_with_their_sign_are_in_bins_about_zero_that_hold_every_pair():
    summary = ErrorSummary.of(np.zeros(200), np.arange(-100.0, 100.0))
    found = summaries._signed(summary, ErrorSummary.of(np.zeros(3), np.array([-1.0, 0.0, 1.0])))
    edges, counts = found.edges, found.counts
    assert edges == sorted(edges)
    assert [-edge for edge in reversed(edges)] == edges
    assert sum(counts) + found.n_beyond == 200
    middle = edges.index(0.0)
    assert sum(counts[:middle]) == 100
    assert (sum(found.previous[:middle]), sum(found.previous)) == (1, 3)
    drawn = str(charts.histogram(found, summaries.scores(summary), log=False, signed=True))
    assert "bias −0.5000" in drawn
    assert ">0</text>" in drawn


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


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (b'[{"id":"a","y_true":1},{"id":"b","y_true":2},{"id":"a","y_true":1}]', ['{"id":"a","y_true":1}'] * 2),
        (b' {"id": "a", "body": 1}', [' {"id": "a", "body": 1}']),
        (b'[{"id":"b"}]', []),
        (b"", []),
        (b"\xff[", []),
    ],
    ids=str,
)
def test_the_rows_of_an_id_are_found_in_a_record(value, found):
    assert payloads.pieces(value, "a", NO_FIELDS) == found


def test_the_row_of_an_id_is_found_under_another_name_and_by_its_key():
    assert payloads.pieces(b'{"data":{"order":"a"}}', "a", Fields(id=("data.order",))) == ['{"data":{"order":"a"}}']
    assert payloads.pieces(b'{"y_true":1}', "a", NO_FIELDS, b"a") == ['{"y_true":1}']
    assert payloads.pieces(b'{"y_true":1}', "a", NO_FIELDS, b"b") == []


def test_while_kafka_is_away_nobody_waits_for_what_lies_in_it(table):
    table.put(0, TRUE, ["a"], NOW)
    nowhere = load({}), {"kafka": "Kafka at k:1 does not answer."}

    (shown,) = asyncio.run(payloads.Payloads(*nowhere).of(table.shown()[0]))
    assert (shown.topic, shown.text, shown.problem) == ("y_true", "", "Kafka at k:1 does not answer.")
    with pytest.raises(newest.QuarantineUnavailable, match=r"^Kafka at k:1 does not answer\.$"):
        asyncio.run(newest.Quarantine(*nowhere).of_id("a"))


def test_squares_of_predicted_against_actual_hold_every_pair_but_the_outermost():
    points = [(float(i % 50), float(i % 47)) for i in range(1000)]
    cells = charts.cells(points)
    assert 980 <= sum(cell.n for cell in cells) <= 1000
    assert all(low < high for cell in cells for low, high in (cell.actual, cell.predicted))
    assert charts.cells([(1.0, 1.0)] * 9) == []


def test_strings_are_no_formulas_in_csv_and_numbers_are_untouched():
    for cell in ("=1+1", "+1", "-1", "@x", "\t=1", " =1", "|x"):
        assert export.guarded(cell) == "'" + cell
    assert export.guarded(-1.5) == "-1.5"
    assert export.guarded("plain") == "plain"


@pytest.mark.parametrize("row_id", HOSTILE, ids=ascii)
def test_a_hostile_id_is_text_in_its_link_and_on_the_page(row_id):
    assert not set(text.row_url(row_id)) & set("<>\"'\x00\u202e")
    assert not set(text.shown(row_id)) & set("\x00\u202e")


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


def test_what_a_prediction_carries_is_in_its_row_and_in_every_file(table):
    table.put(0, PRED, ["a"], NOW - 2)
    table.put(0, TRUE, ["a", "b"], NOW - 1)
    a, b = (next(pair for pair in table.shown() if pair.id == name) for name in "ab")
    as_of = AsOf(RULES, NOW)
    assert (as_row(a, as_of)["model"], as_row(b, as_of)["model"]) == ("m", None)
    assert b'"model":"m"' in export._block("ndjson", as_of, [a], True)
    assert export._block("csv", as_of, [a, b], True).splitlines()[0].endswith(b",m")


def test_a_row_of_a_worker_that_does_not_know_a_field_is_read_without_it(table):
    table.put(0, PRED, ["a"], NOW)
    (pair,) = table.shown()
    answer = msgspec.json.decode(msgspec.json.encode(pair))
    del answer["carried"]
    assert msgspec.convert(answer, PairView).carried.model is None
