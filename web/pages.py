"""The pages: what was asked for, gathered from the workers, put into a template or into JSON."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from aiohttp import web

from web import answers
from web.dashboard import summaries
from web.keys import CACHE, PAYLOADS, SETTINGS, URL, WORKER
from web.one_id import lookup, sides
from web.one_id.payloads import Payload
from web.one_id.timeline import timeline
from web.pairs import export as exports
from web.pairs import listing
from web.pairs.pair_rows import state_words
from web.pairs.query import PAGE_SIZES, PARTS, SORTS, BadQuery, Query, read
from web.state import gather
from web.text import long_span, shown

REST = 9
"""A page that looks at very many ids, again and again for who has it open, takes a tenth of a CPU at the most."""
CHIPS = ("all", "matched", "waiting", "unmatched", "late", "duplicate", "conflict")


def frame(request: web.Request, here: str, status: dict[str, Any]) -> dict[str, Any]:
    """Return what every page shows around its own part."""
    settings = request.app[SETTINGS]
    return {"here": here, "status": status, "settings": settings, "worker": request.app[URL], "now": time.time()}


def query_of(request: web.Request, most: int = PAGE_SIZES[-1]) -> Query:
    """Return what the URL of the table asks for; what cannot be used is an answer with its sentence."""
    try:
        return read(request.query, most=most)
    except BadQuery as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None


# The dashboard


async def _dashboard(request: web.Request) -> dict[str, Any]:
    try:
        choice = summaries.read(request.query)
    except BadQuery as exc:
        raise web.HTTPBadRequest(text=str(exc)) from None
    if request.query.get("scope") == "local":
        return summaries.own(choice, request.app[WORKER])
    return await summaries.gathered(request.app, choice)


async def dashboard_json(request: web.Request) -> web.Response:
    """Answer with the scores and charts of one window, as numbers."""
    return answers.json(await _dashboard(request))


async def dashboard(request: web.Request) -> web.Response:
    """Show the dashboard."""
    data, status = await _dashboard(request), await gather.status(request.app)
    choice = summaries.read(request.query)

    async def draw() -> dict[str, Any]:
        return summaries.drawn(data, choice)

    drawn = await request.app[CACHE].get(f"drawn {choice._replace(paused='')} {data['at']}", 1.0, draw)
    return answers.page(
        request,
        "dashboard.html",
        **frame(request, "dashboard", status),
        data=data,
        choice=choice,
        drawn=drawn,
        links=summaries.links(choice),
        stages=summaries.stages(request.app, status),
    )


# The table


async def pairs_json(request: web.Request) -> web.Response:
    """Answer with a page of the table."""
    query = query_of(request)
    if request.query.get("scope") == "local":
        return answers.json(await gather.own_page(request.app, query))
    listed = await gather.page(request.app, query)
    rows = [_public(row) for row in listed.rows]
    following = None if listed.next is None else query.url(after=listed.next)
    return answers.json(
        {
            "rows": rows,
            "next": following,
            "n_looked_at": listed.n_looked_at,
            "is_whole": listed.is_whole,
            "counts": listed.counts,
            "silent": listed.silent,
        }
    )


async def pairs(request: web.Request) -> web.StreamResponse:
    """Show a page of the table; to a program, as JSON."""
    if "id" in request.query:
        return await _row(request, request.query["id"])
    if not answers.wants_html(request):
        return await pairs_json(request)
    query = query_of(request)
    key = f"pairs {query._replace(paused='').url()}"
    listed = await request.app[CACHE].get(key, 1.0, lambda: gather.page(request.app, query), rest=REST)
    status, rules = await gather.status(request.app), gather.rules(request.app)
    here = "unmatched" if query.state in PARTS["unmatched"] else "pairs"
    return answers.page(
        request,
        "pairs.html",
        **frame(request, here, status),
        query=query,
        listed=listed,
        chips=CHIPS,
        parts_of=PARTS,
        sorts=SORTS,
        sizes=PAGE_SIZES,
        states=state_words,
        counts=await _counts(request.app, query, status),
        filters=_filters(query),
        exact=await _exact(request, query),
        rules=rules,
        body=listing.body(listed.rows, query.q, rules),
    )


async def _exact(request: web.Request, query: Query) -> dict[str, Any] | None:
    """Return the id that is just what is searched, whoever owns it: it needs no look at the others."""
    return (await lookup.find(request.app, query.q))[0] if query.q and query.after is None else None


def _filters(query: Query) -> list[tuple[str, str]]:
    """Return each filter in words, with the address without it."""
    words = {
        "state": "state",
        "q": "id contains",
        "partition": "partition",
        "worker": "worker",
        "min_age": "age from",
        "max_age": "age to",
        "min_error": "|error| from",
        "max_error": "|error| to",
    }
    found = []
    for name, said in words.items():
        value, default = getattr(query, name), Query._field_defaults[name]
        if value != default:
            spelled = (
                long_span(value) if name.endswith("age") else f"{value:g}" if isinstance(value, float) else str(value)
            )
            found.append((f"{said} {shown(spelled, 40)}", query.url(**{name: default}, after=None)))
    return found


async def _counts(app: web.Application, query: Query, status: dict[str, Any]) -> dict[str, str]:
    """Return the number on each chip: since the start; for a filter, the ids that it leaves, `≥` if more may be."""
    if not query.is_filtered:
        since = {
            "waiting": status["waiting"],
            "matched": status["matched"],
            "unmatched": status["unmatched"],
            "late": status["late"],
            "duplicate": status["duplicates"],
            "conflict": status["conflicts"],
        }
        return {name: f"{n:,}" for name, n in since.items()}
    found = await gather.counts(app, query)
    least = "" if found.is_whole and not found.silent else "≥ "
    return {name: f"{least}{found.counts.get(name, 0):,}" for name in CHIPS}


async def export(request: web.Request) -> web.StreamResponse:
    """Answer with all rows of the filtered set, as a file."""
    query = query_of(request)._replace(paused="")
    query = query._replace(n=1000 if query.sort in ("newest", "id") else 20_000)  # a sorted page looks at all rows

    async def batches() -> AsyncIterator[tuple[list[dict[str, Any]], str]]:
        asked, n_rows = query, 0
        while True:
            listed = await gather.page(request.app, asked)
            n_rows += len(listed.rows)
            capped = ""
            if listed.silent:
                capped = f"incomplete: {', '.join(listed.silent)} did not answer"
            elif listed.next is None and not listed.is_whole:
                capped = f"incomplete: sorted among the newest {listed.n_looked_at} ids; filter to get the rest"
            elif n_rows >= exports.MOST_ROWS and listed.next is not None:
                capped = f"capped at {n_rows} rows; filter to get the rest"
            yield listed.rows, capped
            if listed.next is None or capped:
                return
            asked = query._replace(after=listed.next)

    return await exports.stream(request, request.match_info["form"], batches())


def _public(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without its place on the page, which only the workers tell each other."""
    return {name: value for name, value in row.items() if name != "place"}


# One id


async def row_json(request: web.Request) -> web.Response:
    """Answer with one id."""
    return await _row_json(request, request.match_info["id"])


async def _row_json(request: web.Request, row_id: str) -> web.Response:
    said = await lookup.answer(request.app, row_id, is_local=request.query.get("scope") == "local")
    body: dict[str, Any] = {
        "id": row_id,
        "row": said.row and _public(said.row),
        "why": " ".join(said.why),
        "silent": said.silent,
    }
    if request.query.get("scope") != "local":
        body["payloads"] = [payload._asdict() for payload in await _payloads(request, said)]
    return answers.json(body, said.code)


async def row(request: web.Request) -> web.Response:
    """Show one id; to a program, as JSON."""
    return await _row(request, request.match_info["id"])


async def _row(request: web.Request, row_id: str) -> web.Response:
    if not answers.wants_html(request):
        return await _row_json(request, row_id)
    said = await lookup.answer(request.app, row_id, is_local=False)
    status = await gather.status(request.app)
    found, columns = said.row, sides.sides(said.row) if said.row else []
    return answers.page(
        request,
        "row.html",
        said.code,
        **frame(request, "pairs", status),
        row_id=row_id,
        row=found,
        silent=said.silent,
        why=said.why,
        states=state_words(found) if found else [],
        sides=columns,
        joined=sides.had_it_joined(columns) if found else None,
        delay=sides.delay(columns) if found else None,
        timeline=timeline(found, time.time()) if found else None,
        refused=said.refused,
        payloads=await _payloads(request, said),
    )


async def _payloads(request: web.Request, said: lookup.Answer) -> list[Payload]:
    return await request.app[PAYLOADS].of(said.row) if said.row else []
