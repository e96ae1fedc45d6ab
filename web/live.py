"""Server-sent events: one line of figures a second, made once for all who listen. Who does not read is let go."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web

from web.state.status import Status

logger = logging.getLogger("hindsight.web")
MOST_CLIENTS = 200
EVERY_S = 1.0
GIVE_UP_S = 10.0
_encode = msgspec.json.Encoder().encode


class Live:
    """Sends what `figures` returns to everybody who listens; nothing is made while nobody does."""

    def __init__(self) -> None:
        self.figures: Callable[[], Awaitable[Status]]
        self._n_clients = 0
        self._event = b""
        self._ticked = asyncio.Condition()

    async def run(self) -> None:
        """Tick, for as long as the worker runs."""
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._n_clients:
                continue
            try:
                self._event = b"event: figures\ndata: " + _encode(await self.figures()) + b"\n\n"
            except Exception:
                logger.exception("the live figures failed")
                continue
            async with self._ticked:
                self._ticked.notify_all()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Send events until the caller goes, or does not read for a while."""
        if self._n_clients >= MOST_CLIENTS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_CLIENTS} pages are listening already; close some.")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        self._n_clients += 1
        try:
            await response.prepare(request)
            if request.method == "HEAD":
                return response
            await response.write(b"retry: 2000\n\n")
            while True:
                async with self._ticked:
                    await self._ticked.wait()
                async with asyncio.timeout(GIVE_UP_S):
                    await response.write(self._event)
        except (ConnectionError, TimeoutError):
            with contextlib.suppress(AttributeError):
                request.transport.abort()  # type: ignore[union-attr]
            return response
        finally:
            self._n_clients -= 1
