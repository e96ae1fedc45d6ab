"""What workers ask each other: what each holds itself, as MessagePack of the structs that the others expect."""

from __future__ import annotations

import msgspec
from aiohttp import web

from web.alerts import page as alerts
from web.keys import FACTS
from web.one_id.rank import own_rank
from web.pairs.query import read
from web.state import comparison, gather, scores, segments

MOST_ROWS = 1000


def routes() -> list[web.RouteDef]:
    """Return the addresses."""
    return [
        web.get("/peer/status", _status),
        web.get("/peer/pairs", _pairs),
        web.get("/peer/row", _row),
        web.get("/peer/scores", _scores),
        web.get("/peer/rank", _rank),
        web.get("/peer/segments", _segments),
        web.get("/peer/compare", _compare),
        web.get("/peer/alerts", _alerts),
    ]


def _answer(data: msgspec.Struct) -> web.Response:
    return web.Response(body=msgspec.msgpack.encode(data), content_type="application/vnd.msgpack")


async def _status(request: web.Request) -> web.Response:
    return _answer(await request.app[FACTS].status())


async def _pairs(request: web.Request) -> web.Response:
    return _answer(await gather.own_page(request.app, read(request.query, most=MOST_ROWS)))


async def _row(request: web.Request) -> web.Response:
    return _answer(gather.OwnRow(gather.own_row(request.app, request.query.get("id", ""))))


async def _scores(request: web.Request) -> web.Response:
    return _answer(await scores.own(request.app, scores.read(request.query)))


async def _rank(request: web.Request) -> web.Response:
    return _answer(await own_rank(request.app, request.query))


async def _compare(request: web.Request) -> web.Response:
    return _answer(await comparison.own(request.app, comparison.asked_of(request)))


async def _segments(request: web.Request) -> web.Response:
    return _answer(await segments.own(request.app, segments.read(request.query)))


async def _alerts(request: web.Request) -> web.Response:
    return _answer(alerts.own(request.app))
