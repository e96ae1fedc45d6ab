"""The pages: what was asked for, gathered from the workers, put into a template or into JSON."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

from aiohttp import web

from streams.scores.metrics import SCORES
from streams.scores.rank import Rank
from web import answers, api
from web.dashboard import choice
from web.dashboard.choice import spelled
from web.dashboard.stages import stages
from web.dashboard.view import view
from web.keys import CACHE, FEATURES, PAYLOADS, SETTINGS, URL, WORKER
from web.one_id import lookup, sides
from web.one_id.features import Features
from web.one_id.payloads import Payload
from web.one_id.rank import rank_of
from web.one_id.rank import said as rank_said
from web.one_id.timeline import timeline
from web.pairs import export as exports
from web.pairs import listing
from web.pairs.cells import AsOf
from web.pairs.columns import IN_FILES, ON_PAGE, ORDERS, Column, as_row
from web.pairs.pair_view import PairView
from web.pairs.query import PAGE_SIZES, PARTS, RANGES, STATES, Query, read, refuse_unknown
from web.pairs.tally import FACETS
from web.state import gather, scores
from web.state.status import Status
from web.text import clock, long_span, row_url, shown

REST = 9
"""A page that looks at very many ids, again and again for who has it open, takes a tenth of a CPU at the most."""
MOST_SHOWN = 12
"""Values of a facet that are shown."""
CHIPS = ("all", "matched", "waiting", "unmatched", "late", "duplicate", "conflict")


def frame(request: web.Request, here: str, status: Status) -> dict[str, Any]:
    """Return what every page shows around its own part."""
    settings = request.app[SETTINGS]
    return {"here": here, "status": status, "settings": settings, "worker": request.app[URL], "now": time.time()}


def nothing_asked(request: web.Request) -> None:
    """Refuse any parameter, at an address that takes none."""
    refuse_unknown(request.query, ())


# The dashboard


async def scores_json(request: web.Request) -> web.Response:
    """Answer with the figures of one span."""
    told = await scores.gathered(request.app, scores.read(request.query))
    if told.figures is None:
        raise web.HTTPServiceUnavailable(text=told.problem)
    return answers.json(told.figures)


async def dashboard(request: web.Request) -> web.Response:
    """Show the dashboard."""
    chosen, cache = choice.read(request.query), request.app[CACHE]
    told, status = await scores.gathered(request.app, chosen.asked), await gather.status(request.app)

    async def draw() -> dict[str, Any]:
        return await asyncio.to_thread(view, told.figures, told.problem, chosen)

    shown = await cache.get(f"dashboard {chosen._replace(paused='')}", scores.KEPT_S, draw)
    return answers.page(
        request,
        "dashboard.html",
        **frame(request, "dashboard", status),
        **shown | {"choice": chosen},
        stages=stages(request.app, status),
        units=_units(request.app),
    )


def _units(app: web.Application) -> dict[str, str]:
    """Return the unit of each score by its name; empty for one without, and where none is known."""
    unit = shown(app[WORKER].predicting.unit, 24)
    return {score.name: unit if score.unit == "y" else "" for score in SCORES}


# The table


async def pairs_json(request: web.Request) -> web.Response:
    """Answer with a page of the table."""
    query = read(request.query)
    listed = await gather.page(request.app, query)
    as_of = gather.as_of(request.app)
    rows = [as_row(pair, as_of) for pair in listed.rows]
    following = None if listed.next is None else query.url(after=listed.next)
    return answers.json(
        api.Page(rows, following, listed.n_looked_at, listed.is_whole, listed.counts, listed.facets, listed.silent)
    )


async def pairs(request: web.Request) -> web.StreamResponse:
    """Show a page of the table; to a program, as JSON."""
    if "id" in request.query:
        return await _row(request, request.query["id"])
    if not answers.wants_html(request):
        return await pairs_json(request)
    query = read(request.query)
    key = f"pairs {query._replace(paused='').url()}"
    listed = await request.app[CACHE].get(key, 1.0, lambda: gather.page(request.app, query), rest=REST)
    status, counted = await gather.status(request.app), await gather.counts(request.app, query)
    as_of = gather.as_of(request.app, query.q)._replace(href=functools.partial(_address, query))
    here = "unmatched" if query.state in PARTS["unmatched"] else "pairs"
    return answers.page(
        request,
        "pairs.html",
        **frame(request, here, status),
        query=query,
        listed=listed,
        chips=CHIPS,
        parts_of=PARTS,
        orders=ORDERS,
        columns=ON_PAGE,
        sizes=PAGE_SIZES,
        counts=_counts(counted),
        facets=_facets(query, counted),
        times=(spelled(query.from_), spelled(query.to)),
        filters=_filters(query),
        exact=await _exact(request, query),
        rules=as_of.rules,
        body=answers.Later(lambda: listing.body(listed.rows, as_of)),
    )


async def _exact(request: web.Request, query: Query) -> PairView | None:
    """Return the id that is just what is searched, whoever owns it: it needs no look at the others."""
    return (await lookup.find(request.app, query.q))[0] if query.q and query.after is None else None


def _filters(query: Query) -> list[tuple[str, str]]:
    """Return each filter in words, with the address without it."""
    words = {
        "state": "state",
        "q": "id contains",
        "partition": "partition",
        "worker": "worker",
        "model": "model",
        "segment": "segment",
        "min_age": "age from",
        "max_age": "age to",
        "from_": f"{query.by} from",
        "to": f"{query.by} before",
    }
    for name, (said, _) in RANGES.items():
        words |= {f"min_{name}": f"{said} from", f"max_{name}": f"{said} to"}
    found = []
    for name, said in words.items():
        value, default = getattr(query, name), Query._field_defaults[name]
        if value != default:
            found.append((f"{said} {shown(_spelled(name, value), 40)}", query.url(**{name: default}, after=None)))
    return found


def _spelled(name: str, value: Any) -> str:
    """Return the value of a filter as people read it."""
    if name in ("from_", "to"):
        return clock(value)
    if name.endswith(("age", "delay")):
        return long_span(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _address(query: Query, pair: PairView) -> str:
    """Return the address of an id's page that knows its place in a list: it leads to the ids before and after."""
    base, own = row_url(pair.id), query.url(after=pair.place, n=Query._field_defaults["n"], paused="")
    return f"{base}&{own[1:]}" if "?" in base else base + own


def _counts(found: gather.Listed) -> dict[str, str]:
    """Return the number on each chip: the ids that the filter leaves."""
    return {name: _counted(found, found.counts.get(name, 0)) for name in STATES}


def _counted(found: gather.Listed, n: int) -> str:
    """Return a number of ids, with `≥` before it if not all are counted."""
    return f"{n:,}" if found.is_whole and not found.silent else f"≥ {n:,}"


class Value(NamedTuple):
    """One value that the ids of a list can be narrowed to: how many have it, and the address of those."""

    value: str
    n: str
    url: str
    is_chosen: bool


def _facets(query: Query, found: gather.Listed) -> dict[str, list[Value]]:
    """Return the values of each facet that has several, or one that is chosen; the most frequent first."""
    shown_facets: dict[str, list[Value]] = {}
    for name in FACETS:
        counts, chosen = found.facets.get(name, {}), getattr(query, name)
        values = [
            Value(value, _counted(found, n), query.url(**{name: value}, after=None), is_chosen=value == str(chosen))
            for value, n in sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:MOST_SHOWN]
        ]
        if len(values) > 1 or any(value.is_chosen for value in values):
            shown_facets[name] = values
    return shown_facets


async def export(request: web.Request) -> web.StreamResponse:
    """Answer with all rows of the filtered set, as a file; with `features=1`, the first ones with their features."""
    with_features = request.query.get("features", "")
    if with_features not in ("", "1"):
        raise web.HTTPBadRequest(text="features is 1, or left out.")
    query = read(request.query, beside=["features"])._replace(paused="")
    query = query._replace(n=1000 if ORDERS[query.sort].key is None else 20_000)  # a sorted page looks at all rows
    if with_features:
        found: dict[str, dict[str, Any]] = {}
        column = Column(
            "features", dict[str, Any] | None, "what it was predicted from", lambda pair, _: found.get(pair.id)
        )
        batches = _first_with_features(request.app, query._replace(n=exports.MOST_WITH_FEATURES), found)
        columns = (*IN_FILES, column)
    else:
        batches, columns = _batches(request.app, query), IN_FILES
    return await exports.stream(request, request.match_info["form"], gather.as_of(request.app), batches, columns)


async def _batches(app: web.Application, query: Query) -> AsyncIterator[tuple[list[PairView], str]]:
    asked, n_rows = query, 0
    while True:
        listed = await gather.page(app, asked)
        n_rows += len(listed.rows)
        capped = _incomplete(listed)
        if not capped and n_rows >= exports.MOST_ROWS and listed.next is not None:
            capped = f"capped at {n_rows} rows; filter to get the rest"
        yield listed.rows, capped
        if listed.next is None or capped:
            return
        asked = query._replace(after=listed.next)


async def _first_with_features(
    app: web.Application, query: Query, found: dict[str, dict[str, Any]]
) -> AsyncIterator[tuple[list[PairView], str]]:
    """Yield the first rows one by one; `found` has the features of each by then, as far as they are known."""
    listed = await gather.page(app, query)
    for pair in listed.rows:
        features = await app[FEATURES].of(pair)
        if not features.problem:
            found[pair.id] = dict(features.values)
        yield [pair], ""
    capped = _incomplete(listed)
    if not capped and listed.next is not None:
        capped = f"capped at {len(listed.rows)} rows, since the features of each are looked up; filter to get the rest"
    yield [], capped


def _incomplete(listed: gather.Listed) -> str:
    """Return why rows of a list are missing, empty if none are or a further page has them."""
    if listed.silent:
        return f"incomplete: {', '.join(listed.silent)} did not answer"
    if listed.next is None and not listed.is_whole:
        return f"incomplete: sorted among the newest {listed.n_looked_at} ids; filter to get the rest"
    return ""


# One id


async def row_json(request: web.Request) -> web.Response:
    """Answer with one id."""
    nothing_asked(request)
    return await _row_json(request, request.match_info["id"])


async def _row_json(request: web.Request, row_id: str) -> web.Response:
    said = await lookup.answer(request.app, row_id)
    as_of = gather.as_of(request.app)
    row = None if said.pair is None else as_row(said.pair, as_of)
    challengers = [as_row(one, as_of) for one in said.pair.challengers] if said.pair else []
    payloads, (rank, features) = await asyncio.gather(_payloads(request, said), _beyond(request.app, said.pair))
    one = api.One(row_id, row, " ".join(said.why), said.silent, payloads, rank, features, challengers)
    return answers.json(one, said.code)


async def row(request: web.Request) -> web.Response:
    """Show one id; to a program, or at its address with `.json` behind it, as JSON.

    An id that ends so itself is one, if it is known.
    """
    row_id = request.match_info["id"]
    plain = row_id.removesuffix(".json")
    if plain != row_id and (await lookup.answer(request.app, row_id)).pair is None:
        return await _row_json(request, plain)
    return await _row(request, row_id)


class Around(NamedTuple):
    """The way from an id back to its list, and on to the ids before and after it."""

    url: str
    order: str
    before: str
    after: str


async def _around(app: web.Application, query: Query, row_id: str) -> Around:
    """Return the way around an id: of the list that it was opened from, or, opened by its address alone, in the order of ids."""
    of_list = query._replace(after=None, before=None)
    url = "/table/pairs/" + of_list.url().removesuffix("?")
    if query.after is not None:
        found = await gather.neighbours(app, of_list, query.after)
        before, after = (_address(of_list, pair) if pair else "" for pair in found)
        return Around(url, ORDERS[query.sort].words, before, after)
    if not gather.can_be_held(row_id):
        return Around(url, "", "", "")
    by_id = Query(sort="id", model=next(iter(app[SETTINGS].model_names), ""))
    before, after = (row_url(pair.id) if pair else "" for pair in await gather.neighbours(app, by_id, (row_id, 0)))
    return Around(url, "by id", before, after)


async def _row(request: web.Request, row_id: str) -> web.Response:
    query = read(request.query, beside=["id"])
    if not answers.wants_html(request):
        return await _row_json(request, row_id)
    said = await lookup.answer(request.app, row_id)
    status, as_of = await gather.status(request.app), gather.as_of(request.app)
    payloads, beyond, around = await asyncio.gather(
        _payloads(request, said), _shown_beyond(request.app, said.pair, as_of.now), _around(request.app, query, row_id)
    )
    return answers.page(
        request,
        "row.html",
        said.code,
        **frame(request, "pairs", status),
        row_id=row_id,
        around=around,
        silent=said.silent,
        why=said.why,
        refused=said.refused,
        payloads=payloads,
        **_about(said.pair, as_of),
        **beyond,
    )


async def _beyond(app: web.Application, pair: PairView | None) -> tuple[Rank | None, Features | None]:
    """Return what lies beyond the table: how an id's error stands among others, and what it was predicted from."""
    if pair is None:
        return None, None
    found = await asyncio.gather(rank_of(app, pair), app[FEATURES].of(pair))
    return found[0], found[1]


async def _shown_beyond(app: web.Application, pair: PairView | None, now: float) -> dict[str, Any]:
    rank, features = await _beyond(app, pair)
    words = "" if rank is None or not rank.n else rank_said(rank, now)
    return {"rank": rank, "rank_words": words, "features": features, "unit": app[WORKER].predicting.unit}


def _about(pair: PairView | None, as_of: AsOf) -> dict[str, Any]:
    """Return what the page of an id shows of its rows."""
    if pair is None:
        return {"pair": None}
    rows = sides.rows(pair)
    return {
        "pair": pair,
        "challengers": pair.challengers,
        "row": as_row(pair, as_of),
        "sides": rows,
        "carried": sides.carried(pair),
        "joined": sides.had_it_joined(rows),
        "delay": sides.delay(rows),
        "timeline": timeline(pair, as_of.rules, as_of.now),
    }


async def _payloads(request: web.Request, said: lookup.Answer) -> list[Payload]:
    return await request.app[PAYLOADS].of(said.pair) if said.pair else []
