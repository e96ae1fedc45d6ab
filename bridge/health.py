"""The bridge's own pages: /livez, /readyz and /metrics. Only for a bridge that has a process of its own."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bridge.app import Bridge
from streams.settings import Settings

log = logging.getLogger("bridge")


@asynccontextmanager
async def pages(bridge: Bridge, settings: Settings) -> AsyncIterator[None]:
    """Serve the pages; a port in use is one sentence, and the bridge works without them."""
    app = web.Application()
    app.add_routes([web.get("/livez", _livez), web.get("/metrics", _metrics), web.get("/readyz", _Readyz(bridge))])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
    await runner.setup()
    where = f"{settings.web_bind}:{settings.bridge_web_port}"
    try:
        try:
            await web.TCPSite(runner, settings.web_bind, settings.bridge_web_port).start()
            log.info(f"Health and metrics: http://{where}/readyz and /metrics")
        except OSError as exc:
            log.warning(f"No health page: {where} cannot be used ({exc.strerror}). Set HINDSIGHT_BRIDGE_WEB_PORT.")
        yield
    finally:
        await runner.cleanup()


class _Readyz:
    def __init__(self, bridge: Bridge) -> None:
        self._bridge = bridge

    async def __call__(self, _request: web.Request) -> web.Response:
        """Answer 200 if every link works and no row is missing, else 503; the body is `Bridge.state`."""
        state = self._bridge.state()
        return web.json_response(state, status=200 if state["ready"] else 503)


async def _livez(_request: web.Request) -> web.Response:
    return web.json_response({"alive": True})


async def _metrics(_request: web.Request) -> web.Response:
    return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})
