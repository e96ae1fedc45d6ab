"""A table of two partitions over real stores, for the tests of what the pages show of it."""

from __future__ import annotations

import asyncio

import rocksdict

from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.join.input import Input
from streams.join.state import TRUE
from streams.table.store import PairsStore
from streams.wire.rows import PredRow, TrueRow
from web.pairs.pair_view import add_others
from web.pairs.query import Query, decode_place, encode_place
from web.pairs.scan import page

NOW = 1_700_000_000.0
RULES = Rules(window_s=60.0, max_out_of_orderness_s=5.0, horizon_s=90.0)
HOSTILE = ["<script>alert(1)</script>", "javascript:alert(1)", "\u202eevil", "../", "nul\x00id", "=1+1", "..", "\"'"]


class Table:
    """Two partitions, and a way to put rows in."""

    def __init__(self, root):
        self.stores = {p: PairsStore(root / f"pairs-{p}", rocksdict.Cache(1 << 20)) for p in (0, 1)}

    def put(self, partition, side, ids, at, y=1.0, model="m", models=()):
        store = self.stores[partition]
        make = (lambda i: TrueRow(i, at, y)) if side == TRUE else (lambda i: PredRow(i, at, y, model))
        given = Input(side, store.checkpoint.input_offsets[side] + 1, [make(i) for i in ids])
        decided = decide(store.checkpoint, [given], store, RULES, now=at, models=models)
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
