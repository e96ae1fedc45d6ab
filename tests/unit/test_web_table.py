"""The table's pages over real stores: every order, no row twice, none left out, whatever the ids hold."""

from __future__ import annotations

import asyncio
import json

import pytest
import rocksdict

from agents.web import export, rows, text
from agents.web.query import BadQuery, Query, decode_place, encode_place, read
from agents.web.scan import page
from agents.web.why import never_seen, why
from streams.join import Input, Rules, decide
from streams.pair import PRED, TRUE, pair
from streams.records import PredRow, TrueRow
from streams.store import PairsStore

NOW = 1_700_000_000.0
RULES = Rules(window_s=60.0, lateness_s=5.0, horizon_s=90.0)
HOSTILE = ["<script>alert(1)</script>", "javascript:alert(1)", "\u202eevil", "../", "nul\x00id", "=1+1", "..", "\"'"]


class Table:
    """Two partitions, and a way to put rows in."""

    def __init__(self, root):
        self.stores = {p: PairsStore(root / f"pairs-{p}", rocksdict.Cache(1 << 20)) for p in (0, 1)}

    def put(self, partition, side, ids, at, y=1.0):
        store = self.stores[partition]
        make = (lambda i: TrueRow(i, at, y)) if side == TRUE else (lambda i: PredRow(i, at, y, "m"))
        given = Input(side, store.head.src[side] + 1, [make(i) for i in ids])
        record = decide(store.head, [given], store, RULES, now=at)
        store.apply(store.head.offset + 1, record)

    def ask(self, now=NOW, **asked):
        return asyncio.run(page(self.stores, Query(**asked), RULES, now=now))

    def shown(self, **asked):
        return rows.shown(self.stores, self.ask(**asked).rows, RULES, NOW, "http://x")

    def walk(self, **asked):
        found, after = [], None
        while True:
            part = self.ask(after=after, **asked)
            found += [row.pair.id for row in part.rows]
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
    assert full.ask(n=1).rows[0].pair.id.startswith("p")
    assert [row.pair.id[0] for row in full.ask(n=60).rows[-30:]] == ["t"] * 30


def test_rows_that_come_meanwhile_neither_repeat_nor_hide_others(full):
    first = full.ask(n=20)
    full.put(0, PRED, ["t0-03"], NOW)
    full.put(0, PRED, ["new"], NOW)
    rest = full.walk(n=20)[20:] if first.next is None else []
    after = first.next
    while after is not None:
        part = full.ask(n=20, after=after)
        rest += [row.pair.id for row in part.rows]
        after = part.next
    shown = [row.pair.id for row in first.rows]
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
    errors = [row["error"] for row in full.shown(sort="-error", n=3)]
    assert errors == [19.0, 18.0, 17.0]


@pytest.mark.parametrize("given", [{"sort": "x"}, {"state": "x"}, {"partition": "-1"}, {"min_error": "nan"},
                                   {"after": "zz"}, {"after": "c1"}, {"q": "x" * 600}], ids=str)  # fmt: skip
def test_a_query_that_cannot_be_used_is_a_sentence(given):
    with pytest.raises(BadQuery, match=r"\.$"):
        read(given)


def test_a_query_survives_its_url():
    from urllib.parse import parse_qsl

    query = Query(state="matched", q="<&'\"", partition=3, min_error=1.5, sort="-error", n=25, after=(1, "x"))
    assert read(dict(parse_qsl(query.url()[1:]))) == query


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
    store.apply(store.head.offset + 1, decide(store.head, [], store, RULES, now=NOW - 100, silent=(True, True)))
    (packed,) = store.states([b"ia"])
    assert pair("a", packed).state == "unmatched_true"
    (found,) = table.shown(state="unmatched")
    assert why(found, RULES, NOW).short.startswith("Not joined: only y_true came, and it exp")


def test_a_row_is_json(full):
    assert json.dumps(full.shown(n=5))
