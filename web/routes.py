"""Every address of the web view, and the small answers; the pages are in `pages`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from agents import readiness
from web import answers, api, openapi, pages
from web.alerts import page as alerts
from web.compare import page as compare
from web.features import page as features
from web.keys import BRIDGE, FACTS, LIVE, SETTINGS, WORKER
from web.quarantine import page
from web.segments import page as segments
from web.state import gather, peer_pages, prometheus, scores

ANY_TEXT = r"[\s\S]+"
"""An id may hold a newline."""
STATIC = Path(__file__).parent / "static"
STATIC_TYPES = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".txt": "text/plain"}
STATIC_FILES = {path.name: path for path in STATIC.iterdir() if path.suffix in STATIC_TYPES}


def routes(app: web.Application) -> None:
    """Add all addresses to the application."""
    registry = prometheus.registry(app[FACTS])
    app[LIVE].figures = lambda: gather.status(app)

    async def show_metrics(request: web.Request) -> web.Response:
        figures = await scores.collected(request.app)
        body = b"".join(
            map(generate_latest, (registry, figures, REGISTRY))
        )  # the last: the process's, and a bridge's in it
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.add_routes(
        [
            web.get("/livez", _livez),
            web.get("/readyz", _readyz),
            web.get("/metrics", show_metrics),
            web.get("/error_distribution.png", _picture),
            web.get("/events", app[LIVE].serve),
            web.get("/static/{name}", _static),
            web.get("/favicon.ico", _favicon),
            web.get("/api/status", _status),
            web.get("/api/scores", pages.scores_json),
            web.get("/api/pairs", pages.pairs_json),
            web.get(f"/api/pairs/{{id:{ANY_TEXT}}}", pages.row_json),
            web.get("/api/quarantine", page.quarantine_json),
            web.get("/api/openapi.json", _openapi),
            web.get("/api", _index),
            web.get("/api/", _index),
            web.get("/", pages.dashboard),
            web.get("/table/pairs", pages.pairs),
            web.get("/table/pairs/", pages.pairs),
            web.get("/table/pairs.{form:json|csv|ndjson}", pages.export),
            web.get("/table/pairs/.{form:json|csv|ndjson}", pages.export),
            web.get(f"/table/pairs/{{id:{ANY_TEXT}}}", pages.row),
            web.get("/quarantine", page.quarantine),
            web.get("/compare", compare.compare),
            web.get("/api/compare", compare.compare_json),
            web.get("/segments", segments.segments_page),
            web.get("/api/segments", segments.segments_json),
            web.get("/features", features.features_page),
            web.get("/api/features", features.features_json),
            web.get("/alerts", alerts.alerts),
            web.get("/api/alerts", alerts.alerts_json),
            *peer_pages.routes(),
        ]
    )


async def _livez(request: web.Request) -> web.Response:
    return answers.json(api.Alive())


async def _readyz(request: web.Request) -> web.Response:
    checks = [api.Check(*check) for check in readiness.checks(request.app[WORKER])]
    ready = all(check.ok for check in checks)
    return answers.json(api.Ready(ready, checks, request.app[BRIDGE].notices), 200 if ready else 503)


async def _status(request: web.Request) -> web.Response:
    pages.nothing_asked(request)
    return answers.json(await gather.status(request.app))


async def _picture(request: web.Request) -> web.Response:
    path = request.app[SETTINGS].logs_dir / "error_distribution.png"
    try:
        body = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise web.HTTPNotFound(text="No picture yet: it is drawn once the first pair is joined.") from None
    return web.Response(body=body, content_type="image/png")


async def _static(request: web.Request) -> web.Response:
    path = STATIC_FILES.get(request.match_info["name"])
    if path is None:
        raise web.HTTPNotFound(text="There is no such file.")
    headers = {"Cache-Control": "max-age=60"}
    return web.Response(body=path.read_bytes(), content_type=STATIC_TYPES[path.suffix], headers=headers)


async def _favicon(request: web.Request) -> web.Response:
    return web.Response(body=(STATIC / "icon.svg").read_bytes(), content_type="image/svg+xml")


async def _index(request: web.Request) -> web.Response:
    pages.nothing_asked(request)
    return answers.json(api.Index({path: each.about for path, each in openapi.ADDRESSES.items()}))


async def _openapi(request: web.Request) -> web.Response:
    return web.Response(body=(STATIC / "openapi.json").read_bytes(), content_type="application/json")
