"""Pages of the table out of its stores: newest first, by id, or sorted by a value among the newest.

A place is the sort key of the last row shown, so that a page goes on exactly behind it while rows come and go. Nothing
of RocksDB is held from one chunk to the next, and the event loop turns between them.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple, cast

import msgspec

from streams.join.deadlines import BUCKET_S, INDEX, TOMBSTONE, WAIT_PRED, WAIT_TRUE, Rules, concerns, span_s
from streams.join.keys import STATES
from streams.join.state import kind_of
from streams.table.store import PairsStore
from streams.wire.checked import Natural
from web.pairs.columns import ORDERS
from web.pairs.pair_view import PairView, Place, of_key
from web.pairs.query import Query, State, matches, states_of

CHUNK = 200
MOST_LOOKED_AT = 200_000
"""Ids that one page looks at for rows that match; the page says how far it came, and its next one goes on there."""
LOOK_FOR_S = 1.0
_FAMILIES: dict[State, tuple[bytes, ...]] = {
    "waiting": (WAIT_PRED, WAIT_TRUE),
    "waiting_for_pred": (WAIT_PRED,),
    "waiting_for_true": (WAIT_TRUE,),
    "matched": (TOMBSTONE,),
    "unmatched": (TOMBSTONE,),
    "unmatched_true": (TOMBSTONE,),
    "unmatched_pred": (TOMBSTONE,),
    "late": (TOMBSTONE,),
}
_ALL_FAMILIES = (WAIT_PRED, WAIT_TRUE, TOMBSTONE)


class Page(msgspec.Struct):
    """Rows in order, where the next page begins (None: there is none), and what was looked at.

    `is_whole` tells whether all ids that can match were looked at, from the page's place on; `counts` are the ids among
    those looked at, by state. A page without rows only counts: all ids, `facets` of them by further filters' values.
    """

    rows: list[PairView]
    next: Place | None
    n_looked_at: Natural
    is_whole: bool
    counts: dict[str, Natural]
    facets: dict[str, dict[str, Natural]] = {}


async def page(stores: Mapping[int, PairsStore], query: Query, rules: Rules, *, now: float) -> Page:
    """Return one page of these partitions, of at least one row."""
    if query.partition is not None:
        stores = {p: store for p, store in stores.items() if p == query.partition}
    if ORDERS[query.sort].key is None:
        return await _in_order(stores, query, rules, now)
    return await _by_value(stores, query, rules, now)


async def _in_order(stores: Mapping[int, PairsStore], query: Query, rules: Rules, now: float) -> Page:
    rows: list[PairView] = []
    counts: Counter[str] = Counter()
    n, last, seen = 0, query.after, set[tuple[str, str | None]]()
    give_up_at = time.monotonic() + LOOK_FOR_S
    candidates = _newest(stores, query, rules) if query.sort == "newest" else _ids(stores, query)
    size = min(CHUNK, query.n + 1)  # without a filter, this is the page
    while chunk := list(islice(candidates, size)):
        for found in _read(stores, chunk):
            last = found.place
            n += 1
            of = (found.id, found.carried.model)
            if of in seen or not matches(query, found, now):
                continue
            seen.add(of)
            states = states_of(found)
            counts.update(states)
            if query.state in states:
                rows.append(found)
                if len(rows) > query.n:
                    return Page(rows[:-1], rows[-2].place, n, False, dict(counts))
        size = CHUNK
        if n >= MOST_LOOKED_AT or time.monotonic() > give_up_at:
            return Page(rows, last, n, False, dict(counts))
        await asyncio.sleep(0)
    return Page(rows, None, n, True, dict(counts))


async def _by_value(stores: Mapping[int, PairsStore], query: Query, rules: Rules, now: float) -> Page:
    """Sort the newest ids that match by a value: all of them, or as many as one page looks at."""
    of_all = query._replace(sort="newest", after=None, before=None, n=MOST_LOOKED_AT)
    newest = await _in_order(stores, of_all, rules, now)
    order, after, before, keyed = ORDERS[query.sort], query.after, query.before, []
    assert order.key is not None
    for found in newest.rows:
        value = order.key(found)
        if value is not None:
            found.place = (order.sign * value, f"{found.id}\0{found.carried.model or ''}")
            if (after is None or found.place > after) and (before is None or found.place < before):
                keyed.append(found)
    nearest = heapq.nsmallest if before is None else heapq.nlargest
    rows = nearest(query.n + 1, keyed, key=lambda found: found.place)
    more = rows[query.n - 1].place if query.n < len(rows) else None
    return Page(rows[: query.n], more, newest.n_looked_at, newest.is_whole, newest.counts)


_Newest = tuple[int, int, int, int, int, int]
"""A place among the newest: (-time in buckets, -timer kind, partition, -log offset, -chunk, number in the entry)."""


class _Candidate(NamedTuple):
    place: Place
    partition: int
    key: bytes
    packed: bytes | None


def _read(stores: Mapping[int, PairsStore], chunk: list[_Candidate]) -> Iterator[PairView]:
    """Look the states up that the index only names, a read a partition; what moved on since is left out."""
    states: dict[bytes, bytes | None] = {}
    for p, store in stores.items():
        keys = [c.key for c in chunk if c.partition == p and c.packed is None]
        states.update(zip(keys, store.states(keys), strict=True))
    for c in chunk:
        packed = states[c.key] if c.packed is None else c.packed
        if packed is None or (c.packed is None and not _is_current(packed, cast("int", c.place[1]))):
            continue
        yield of_key(stores[c.partition], c.key, packed, c.partition, c.place)


def _is_current(packed: bytes, timer_kind: int) -> bool:
    """Tell whether an id is still what the index entry says: an entry stays until its deadline."""
    return concerns(_ALL_FAMILIES[-timer_kind], kind_of(packed))


def _newest(stores: Mapping[int, PairsStore], query: Query, rules: Rules) -> Iterator[_Candidate]:
    timer_kinds = _FAMILIES.get(query.state, _ALL_FAMILIES)
    after, before = cast("_Newest | None", query.after), cast("_Newest | None", query.before)
    if before is not None:
        back = [_back_of_kind(p, store, kind, before, rules) for p, store in stores.items() for kind in timer_kinds]
        return heapq.merge(*back, key=lambda c: c.place, reverse=True)
    streams = [
        _of_kind(p, store, timer_kind, after, rules) for p, store in stores.items() for timer_kind in timer_kinds
    ]
    return heapq.merge(*streams, key=lambda c: c.place)


def _of_kind(
    partition: int, store: PairsStore, timer_kind: bytes, after: _Newest | None, rules: Rules
) -> Iterator[_Candidate]:
    """Yield the ids of one timer kind, the newest first, behind the place `after`."""
    n_kept, rank = round(span_s(timer_kind, rules) / BUCKET_S), _ALL_FAMILIES.index(timer_kind)
    before = INDEX.pack(timer_kind, (1 << 63), 0, 0)
    if after is not None:
        before = _behind(after, timer_kind, n_kept, (-rank, partition))
    n_entries = 1  # a page of many partitions takes little of each; a search takes all
    while entries := store.latest(before, n_entries):
        for index, keys in entries:
            _, bucket, offset, chunk = INDEX.unpack(index)
            checkpoint = (-(bucket - n_kept), -rank, partition, -offset, -chunk)
            for i, key in enumerate(keys):
                place = (*checkpoint, i)
                if after is None or place > after:
                    yield _Candidate(place, partition, key, None)
        before, n_entries = entries[-1][0], min(8, 2 * n_entries)


def _back_of_kind(
    partition: int, store: PairsStore, timer_kind: bytes, before: _Newest, rules: Rules
) -> Iterator[_Candidate]:
    """Yield the ids of one timer kind before the place `before`, the nearest first."""
    n_kept, rank = round(span_s(timer_kind, rules) / BUCKET_S), _ALL_FAMILIES.index(timer_kind)
    start, n_entries = INDEX.pack(timer_kind, max(0, n_kept - before[0]), 0, 0), 1
    while entries := store.earliest(start, n_entries):
        for index, keys in entries:
            _, bucket, offset, chunk = INDEX.unpack(index)
            for i, key in reversed(list(enumerate(keys))):
                place = (-(bucket - n_kept), -rank, partition, -offset, -chunk, i)
                if place < before:
                    yield _Candidate(place, partition, key, None)
        start, n_entries = entries[-1][0] + b"\0", min(8, 2 * n_entries)


def _behind(after: _Newest, timer_kind: bytes, n_kept: int, own: tuple[int, int]) -> bytes:
    """Return the index key below which a timer kind's entries behind `after` begin: its own entry is still among them.

    Args:
        own: what the places of this timer kind and partition hold behind the time.
    """
    bucket, there = max(0, n_kept - after[0]), (after[1], after[2])
    if own != there:
        return INDEX.pack(timer_kind, bucket + (own > there), 0, 0)
    return INDEX.pack(timer_kind, bucket, max(0, -after[3]), min(max(0, -after[4]) + 1, 0xFFFF))


def _ids(stores: Mapping[int, PairsStore], query: Query) -> Iterable[_Candidate]:
    n = query.n + 1
    if query.before is not None:
        last = str(query.before[0]).encode()
        back = [_ids_before(p, store, prefix, last, n) for p, store in stores.items() for prefix in STATES]
        return heapq.merge(*back, key=lambda c: c.place, reverse=True)
    start = b"" if query.after is None else str(query.after[0]).encode()
    parts = [_ids_of(p, store, prefix, start, min(CHUNK, n)) for p, store in stores.items() for prefix in STATES]
    return heapq.merge(*parts, key=lambda c: c.place)


def _ids_of(partition: int, store: PairsStore, prefix: bytes, start: bytes, n: int) -> Iterator[_Candidate]:
    after = prefix + start
    while chunk := store.page(after, n):
        for behind_prefix, packed in chunk:
            yield _Candidate((behind_prefix, 0), partition, prefix + behind_prefix.encode(), packed)
        after = prefix + chunk[-1][0].encode()


def _ids_before(partition: int, store: PairsStore, prefix: bytes, last: bytes, n: int) -> Iterator[_Candidate]:
    before = prefix + last
    while chunk := store.page_before(before, min(CHUNK, n)):
        for behind_prefix, packed in chunk:
            yield _Candidate((behind_prefix, 0), partition, prefix + behind_prefix.encode(), packed)
        before = prefix + chunk[-1][0].encode()
