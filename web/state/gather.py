"""What all workers hold together: our own partitions, and what the others answer within the time limit."""

from __future__ import annotations

import time
from collections import Counter
from urllib.parse import quote

import msgspec
from aiohttp import web

from streams.join.deadlines import Rules
from streams.wire.partition import partition_of
from web.keys import BRIDGE, CACHE, FACTS, PEERS, SETTINGS, TALLIES, URL, WORKER
from web.pairs import scan
from web.pairs.cells import AsOf
from web.pairs.pair_view import PairView, Place, add_others, of_id
from web.pairs.query import Query, fits
from web.pairs.tally import count
from web.state.peers import UNEXPECTED, Answer
from web.state.status import OwnStatus, Partition, Status

MOST_ID_CHARS = 512
COUNTS_KEPT_S = 1.0


class Listed(scan.Page):
    """A page of the table over all workers; `silent` says who did not answer, and how."""

    silent: dict[str, str] = msgspec.field(default_factory=dict)


class OwnRow(msgspec.Struct):
    """What one worker has of an id."""

    row: PairView | None


def rules(app: web.Application) -> Rules:
    """Return the join's rules."""
    s = app[SETTINGS]
    return Rules(s.join_window_s, s.max_out_of_orderness_s, s.dedupe_horizon_s)


def as_of(app: web.Application, q: str = "") -> AsOf:
    """Return by what rows are shown now."""
    return AsOf(rules(app), time.time(), q)


async def own_page(app: web.Application, query: Query) -> scan.Page:
    """Return a page of our own partitions; a count of them if no rows are asked for."""
    stores = {p: owner.store for p, owner in app[WORKER].pairs.owners.items()}
    if not query.n:
        asked = f"{sorted(stores)} {query._replace(paused='').url()}"
        tally = await app[TALLIES].of(asked, lambda into: count(stores, query, time.time(), into))
        return scan.Page([], None, tally.n_looked_at, tally.is_whole, dict(tally.counts), dict(tally.facets))
    found = await scan.page(stores, query, rules(app), now=time.time())
    add_others(stores, found.rows)
    return found


async def page(app: web.Application, query: Query) -> Listed:
    """Return a page of all partitions, or of one worker's, in one order."""
    answers = await app[PEERS].ask(f"/peer/pairs{query.url()}", scan.Page, only=query.worker)
    answers = [answer if _is_of(query, answer.data) else Answer(answer.url, None, UNEXPECTED) for answer in answers]
    if query.worker in ("", app[URL]):
        answers.append(Answer(app[URL], await own_page(app, query)))
    return _merged(query, answers)


def _is_of(query: Query, part: scan.Page | None) -> bool:
    """Tell whether the rows of a page stand in the order that was asked for; None is fine."""
    places = [] if part is None else [part.next, *(row.place for row in part.rows)]
    return all(place is None or fits(place, query.sort) for place in places)


def _merged(query: Query, answers: list[Answer[scan.Page]]) -> Listed:
    parts = {answer.url: answer.data for answer in answers if answer.data is not None}
    counts: Counter[str] = Counter()
    facets: dict[str, Counter[str]] = {}
    for url, part in parts.items():
        counts.update(part.counts)
        for name, found in part.facets.items():
            facets.setdefault(name, Counter()).update(found)
        for row in part.rows:
            row.worker = url
    limit: Place | None = min((part.next for part in parts.values() if part.next is not None), default=None)
    rows = sorted((row for part in parts.values() for row in part.rows), key=lambda row: row.place)
    known = [row for row in rows if limit is None or row.place <= limit]
    shown = known[: query.n]
    return Listed(
        shown,
        shown[-1].place if len(known) > len(shown) else limit,
        sum(part.n_looked_at for part in parts.values()),
        all(part.is_whole for part in parts.values()),
        dict(counts),
        {name: dict(found) for name, found in facets.items()},
        {answer.url: answer.problem for answer in answers if answer.data is None},
    )


async def neighbours(app: web.Application, query: Query, place: Place) -> tuple[PairView | None, PairView | None]:
    """Return the ids before and after a place of an order, of those that a filter leaves."""
    asked = query._replace(n=1, after=None, before=place, paused="")
    answers = await app[PEERS].ask(f"/peer/pairs{asked.url()}", scan.Page, only=query.worker)
    parts = [answer.data for answer in answers if answer.data is not None and _is_of(query, answer.data)]
    if query.worker in ("", app[URL]):
        parts.append(await own_page(app, asked))
    before = max((row for part in parts for row in part.rows), key=lambda row: row.place, default=None)
    following = await page(app, query._replace(n=1, after=place, before=None, paused=""))
    return before, next(iter(following.rows), None)


async def counts(app: web.Application, query: Query) -> Listed:
    """Return how many ids of each state a filter leaves, and of its own state by facet, without any row."""
    asked = query._replace(sort="newest", after=None, n=0, paused="")
    return await app[CACHE].get(f"counts {asked.url()}", COUNTS_KEPT_S, lambda: page(app, asked))  # type: ignore[no-any-return]


def own_row(app: web.Application, row_id: str) -> PairView | None:
    """Return one id, if one of our partitions holds it."""
    if not can_be_held(row_id):
        return None
    partition = partition_of(row_id, app[SETTINGS].partitions)
    owner = app[WORKER].pairs.owners.get(partition)
    reference = next(iter(app[SETTINGS].model_names), "")
    found = of_id(owner.store, row_id, partition, reference) if owner else None
    if found is not None:
        found.worker = app[URL]
    return found


def can_be_held(row_id: str) -> bool:
    """Tell whether a text can be an id at all."""
    return 0 < len(row_id) <= MOST_ID_CHARS and not any("\ud800" <= c <= "\udfff" for c in row_id)


async def row_of_others(app: web.Application, row_id: str) -> tuple[PairView | None, dict[str, str]]:
    """Return one id, if another worker holds it, and who did not answer."""
    if not can_be_held(row_id):
        return None, {}
    silent, partition = {}, partition_of(row_id, app[SETTINGS].partitions)
    for answer in await app[PEERS].ask("/peer/row?id=" + quote(row_id, safe=""), OwnRow):
        if answer.data is None:
            silent[answer.url] = answer.problem
        elif (row := answer.data.row) is None:
            continue
        elif (row.id, row.partition) != (row_id, partition):
            silent[answer.url] = UNEXPECTED
        else:
            row.worker = answer.url
            return row, {}
    return None, silent


async def status(app: web.Application) -> Status:
    """Return the figures of all workers together; `silent` names who did not answer, and then sums are at least."""
    return await app[CACHE].get("status", 0.5, lambda: _status(app))  # type: ignore[no-any-return]


async def _status(app: web.Application) -> Status:
    own, url = await app[FACTS].status(), app[URL]
    workers = sorted({url, *app[PEERS].others()})
    for part in own.partitions:
        part.worker = url
    bridge = app[BRIDGE]
    total = Status(
        **msgspec.structs.asdict(own),
        worker=url,
        workers=workers,
        silent={},
        bridge=bridge.state(),
        notices=list(bridge.notices),
        models_of={url: own.models},
    )
    for answer in await app[PEERS].ask("/peer/status", OwnStatus):
        if answer.data is None:
            total.silent[answer.url] = answer.problem
        else:
            total.add(answer.url, answer.data)
    _add_missing(app, total)
    return total


def _add_missing(app: web.Application, total: Status) -> None:
    """Name the partitions that nobody answered for, and who owns them as far as Kafka's group tells."""
    answered = {part.partition for part in total.partitions}
    owner_of = {p: url for url, parts in app[PEERS].partitions().items() for p in parts}
    if not app[WORKER].runs("metric"):
        return
    for p in range(app[SETTINGS].partitions):
        if p not in answered:
            url = owner_of.get(p, "")
            state = "no answer" if url in total.silent else "being restored" if url else "being assigned"
            total.partitions.append(Partition(p, state, worker=url))
    total.partitions.sort(key=lambda part: part.partition)
