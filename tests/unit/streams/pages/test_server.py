"""The server of pages, with real sockets: so many connections, and no more; whoever is idle or slow gives way."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from streams.pages import connections, server
from streams.pages.connections import MOST, most_connections
from streams.pages.server import Runner, listening, serve

MOST_HERE = 8
GET = b"GET %s HTTP/1.1\r\nHost: x\r\n\r\n"
LARGE = b"x" * (8 << 20)


async def _fine(request: web.Request) -> web.Response:
    return web.Response(text="fine")


async def _large(request: web.Request) -> web.Response:
    return web.Response(body=LARGE)


async def _hanging(request: web.Request) -> web.Response:
    await asyncio.Event().wait()
    raise AssertionError


class World:
    """A server, and those who are connected to it."""

    def __init__(self, most: int) -> None:
        app = web.Application()
        app.add_routes([web.get("/fine", _fine), web.get("/hanging", _hanging), web.get("/large", _large)])
        self.runner = Runner(app, most=most, handler_cancellation=True, shutdown_timeout=0.1)
        self.held = self.runner.held
        self._bound = listening("127.0.0.1", 0)
        self.port: int = self._bound.getsockname()[1]
        self._writers: list[asyncio.StreamWriter] = []

    async def connect(self, path: bytes = b"") -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._writers.append(writer)
        if path:
            writer.write(GET % path)
        return reader

    async def status(self, path: bytes) -> int:
        return await status(await self.connect(path))

    async def send(self, data: bytes) -> None:
        """Send something over every connection."""
        for writer in self._writers:
            writer.write(data)
            await writer.drain()

    async def fill(self) -> None:
        """Take all places, each with a request that is not answered."""
        for _ in range(self.held.most):
            await self.connect(b"/hanging")
        await until(lambda: len(self.held) == self.held.most and not any(each.is_idle for each in self.held._held))

    async def leave(self, n: int | None = None) -> None:
        """Close connections, the first ones first."""
        gone, self._writers = self._writers[:n], self._writers[n:] if n else []
        for writer in gone:
            writer.close()
        for writer in gone:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def run(self, talk: Talk) -> None:
        await serve(self.runner, self._bound)
        try:
            await talk(self)
        finally:
            await self.leave()
            await self.runner.cleanup()


Talk = Callable[[World], Awaitable[None]]


async def status(reader: asyncio.StreamReader) -> int:
    """Return the status of an answer, 0 for a connection that is closed without one."""
    try:
        line = await asyncio.wait_for(reader.readline(), 20)
    except ConnectionError:
        return 0
    return int(line.split()[1]) if line else 0


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():  # noqa: ASYNC110  what the server holds tells nobody that it changes
            await asyncio.sleep(0.01)


def with_server(talk: Talk, most: int = MOST_HERE) -> None:
    async def run() -> None:
        await World(most).run(talk)

    asyncio.run(run())


def test_of_many_idle_connections_a_few_are_kept_and_everybody_who_asks_is_answered():
    async def talk(world: World) -> None:
        idle = [await world.connect() for _ in range(400)]
        assert [await world.status(b"/fine") for _ in range(20)] == [200] * 20
        assert len(world.held) <= MOST_HERE
        closed = await asyncio.gather(*(status(reader) for reader in idle[:-MOST_HERE]))
        assert set(closed) == {0}
        await world.leave()
        await until(lambda: len(world.held) == 0)

    with_server(talk)


def test_where_all_places_are_taken_by_requests_the_next_one_is_told_and_the_loop_turns():
    async def talk(world: World) -> None:
        await world.fill()
        answer = (await (await world.connect()).read()).decode()
        assert answer.startswith("HTTP/1.1 503 Service Unavailable\r\n")
        assert "Content-Security-Policy: " in answer
        assert "all of its connections in use" in answer
        await world.leave(1)
        await until(lambda: len(world.held) < MOST_HERE)
        assert await world.status(b"/fine") == 200

    with_server(talk)


def test_refusals_are_bounded_too(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(server, "REFUSED_FOR_S", 3600.0)

    async def talk(world: World) -> None:
        await world.fill()
        refused = [await world.connect() for _ in range(3 * server.ACCEPTED_AT_ONCE)]
        said = await asyncio.gather(*map(status, refused))
        assert said.count(503) + said.count(0) == len(refused)
        assert said.count(503) > 0
        assert len(world.held) == MOST_HERE

    with_server(talk)


def test_who_does_not_read_gives_way_and_is_cut_off(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "GIVE_WAY_S", 0.0)

    async def talk(world: World) -> None:
        slow = []
        for _ in range(3 * MOST_HERE):
            slow.append(socket.socket())
            slow[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow[-1].setblocking(False)
            await asyncio.get_running_loop().sock_connect(slow[-1], ("127.0.0.1", world.port))
            await asyncio.get_running_loop().sock_sendall(slow[-1], GET % b"/large")
        assert await world.status(b"/fine") == 200
        assert len(world.held) <= MOST_HERE
        for each in slow:
            each.close()

    with_server(talk)


def test_who_goes_on_sending_behind_a_request_keeps_no_place_by_it(monkeypatch: pytest.MonkeyPatch):
    came: list[bytes] = []
    take = server.RequestHandler.data_received
    monkeypatch.setattr(
        server.RequestHandler, "data_received", lambda self, data: (came.append(data), take(self, data))
    )

    async def talk(world: World) -> None:
        await world.fill()
        since = sorted(each.since_mono for each in world.held._held)
        await world.send(b"GET /h")
        await until(lambda: came.count(b"GET /h") == MOST_HERE)
        assert sorted(each.since_mono for each in world.held._held) == since

    with_server(talk)


def test_a_process_of_few_descriptors_keeps_most_of_them_for_others():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        assert most_connections() == 64
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert most_connections() <= MOST


def test_connections_are_forgotten_in_whatever_order_they_end():
    class Fake:
        is_idle, since_mono = True, time.monotonic()

        def abort(self) -> None:
            held.lost(self)

    held = connections.Connections(2)
    first, second, third = Fake(), Fake(), Fake()
    assert [held.admit(each) for each in (first, second, third)] == [True] * 3
    assert len(held) == 2
    for each in (first, second, third, third):
        held.lost(each)
    assert len(held) == 0
