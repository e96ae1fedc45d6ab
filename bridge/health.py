"""The bridge's own pages: /livez, /readyz and /metrics. Only for a bridge that has a process of its own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.app import Bridge
from streams.pages.door import add_headers, own_hosts, plain
from streams.pages.server import Runner, listening, serve
from streams.settings import Settings

log = logging.getLogger("bridge")


@asynccontextmanager
async def pages(bridge: Bridge, settings: Settings) -> AsyncIterator[None]:
    """Serve the pages; a port in use is one sentence, and the bridge works without them."""
    where = f"{settings.web_bind}:{settings.bridge_web_port}"
    runner = Runner(_app(bridge, settings), shutdown_timeout=0.5, keepalive_timeout=20.0)
    try:
        try:
            await serve(runner, listening(settings.web_bind, settings.bridge_web_port))
            log.info(f"Health and metrics: http://{where}/readyz and /metrics")
        except OSError as exc:
            log.warning(f"No health page: {where} cannot be used ({exc.strerror}). Set HINDSIGHT_BRIDGE_WEB_PORT.")
        yield
    finally:
        await runner.cleanup()


def _app(bridge: Bridge, settings: Settings) -> web.Application:
    async def readyz(_request: web.Request) -> web.Response:
        """Answer 200 if every link works and no row is missing, else 503; the body is `Bridge.state`."""
        state = bridge.state()
        return web.json_response(state, status=200 if state["ready"] else 503)

    hosts = own_hosts(settings.web_bind, "", settings.bridge_host, *settings.web_hosts)
    app = web.Application(middlewares=[plain(settings, hosts)], client_max_size=1024)
    app.on_response_prepare.append(add_headers)
    app.add_routes([web.get("/livez", _livez), web.get("/metrics", _metrics), web.get("/readyz", readyz)])
    return app


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
