"""The HTTP server of a process's pages: bounded, and with our headers and one sentence even for what is no HTTP.

aiohttp (seen in 3.14) holds as many connections as come, until no descriptor is left for anybody else in the process. It
answers what is no HTTP before any middleware, names itself and Python in `Server`, and logs a traceback.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from http import HTTPStatus
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from streams.pages.connections import Connections, most_connections
from streams.pages.door import HEADERS, error

logger = logging.getLogger("hindsight.web")
WAITING = 256
"""Connections that wait in the kernel to be accepted."""
ACCEPTED_AT_ONCE = 16
"""Each takes a descriptor before it can be refused."""
REFUSED_FOR_S = 1.0
"""So long a connection that is refused may take to read that."""
FULL = "The web view has all of its connections in use. Try again in some seconds."


async def serve(runner: Runner, bound: socket.socket) -> None:
    """Begin to serve on a socket that is bound."""
    await runner.setup()
    await web.SockSite(runner, bound, backlog=ACCEPTED_AT_ONCE).start()
    bound.listen(WAITING)


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that is bound to an address, IPv4 or IPv6.

    Raises:
        OSError: it cannot be.
    """
    bound = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    bound.setblocking(False)
    return bound


class Runner(web.AppRunner):
    """An AppRunner whose server answers what it cannot read, and holds as many connections as it can afford."""

    def __init__(self, app: web.Application, *, most: int | None = None, **options: Any) -> None:
        super().__init__(app, access_log=None, **options)
        self.held = Connections(most_connections() if most is None else most)

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        server.__class__ = _Server
        assert isinstance(server, _Server)
        server.held, server.refused = self.held, set()
        return server


class _Server(web.Server):
    held: Connections
    refused: set[asyncio.Transport]

    def __call__(self) -> asyncio.Protocol:  # type: ignore[override]
        return _Handler(self, loop=self._loop, **self._kwargs)


class _Handler(RequestHandler):
    _wire: asyncio.Transport
    since_mono: float

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server, self._is_admitted = server, False

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request."""
        return self._waiter is not None

    def abort(self) -> None:
        """Close the connection now, whatever is left to be sent."""
        self._wire.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._wire, self.since_mono = transport, time.monotonic()
        self._is_admitted = self._server.held.admit(self)
        if self._is_admitted:
            super().connection_made(transport)
        else:
            self._refuse()

    def data_received(self, data: bytes) -> None:
        if self._is_admitted:
            if self.is_idle:  # what comes behind a request keeps no place for it
                self.since_mono = time.monotonic()
            super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.held.lost(self)
        self._server.refused.discard(self._wire)
        if self._is_admitted:
            super().connection_lost(exc)

    def _refuse(self) -> None:
        """Say that there is no place. It is read at leisure only by some: the others would take descriptors, too."""
        if len(self._server.refused) >= ACCEPTED_AT_ONCE:
            self._wire.abort()
            return
        self._server.refused.add(self._wire)
        self._wire.write(_raw(503, FULL))
        self._wire.write_eof()
        self._loop.call_later(REFUSED_FOR_S, self._wire.abort)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            logger.error("a request failed outside the pages", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun")
        sentence = "This is not a readable HTTP request." if status < 500 else "The web view failed; its log says why."
        response = error(status, sentence)
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "no-store"
        response.force_close()
        return response


def _raw(status: int, sentence: str) -> bytes:
    """Return an error as it is sent, to who has not asked anything yet."""
    phrase = HTTPStatus(status).phrase
    body = msgspec.json.encode({"error": phrase, "sentence": sentence})
    own = {"Content-Type": "application/json", "Content-Length": len(body), "Connection": "close", "Retry-After": "5"}
    head = "".join(f"{name}: {value}\r\n" for name, value in {**HEADERS, **own}.items())
    return f"HTTP/1.1 {status} {phrase}\r\n{head}\r\n".encode() + body
