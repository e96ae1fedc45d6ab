"""The connection to RabbitMQ as coroutines: pika's callbacks awaited, its exceptions turned into sentences."""

from __future__ import annotations

import asyncio

from streams.amqp.client import explain, parameters, settle, why
from streams.amqp.frames import Connection
from streams.settings import Settings

CONNECT_S = 10.0


class ConnectionLost(Exception):
    """There is no connection to RabbitMQ; the message says why, for people."""


async def connect(settings: Settings) -> tuple[Connection, asyncio.Future[str]]:
    """Connect to RabbitMQ; return the connection and a future that holds the reason once it is lost.

    Raises:
        ConnectionLost: RabbitMQ cannot be reached, or refuses.
        SettingsError: the URL or a certificate cannot be used.
    """
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[BaseException | None] = loop.create_future()
    lost: asyncio.Future[str] = loop.create_future()

    def on_open(connection: Connection) -> None:
        if opened.cancelled():
            connection.close()  # not before: pika 1.4 fails an assertion of its own when a handshake is broken off
        else:
            settle(opened, None)

    connection = Connection(
        parameters(settings, connect_s=CONNECT_S),
        on_open_callback=on_open,
        on_open_error_callback=lambda _, exc: settle(opened, exc),
        on_close_callback=lambda _, exc: settle(lost, why(exc)),
        custom_ioloop=loop,
    )
    problem = await opened
    if problem is not None:
        raise ConnectionLost(explain(problem, settings))
    return connection, lost


async def close(connection: Connection, lost: asyncio.Future[str], within_s: float) -> None:
    """Close a connection, and wait for it, but not longer than `within_s`."""
    if connection.is_open:
        connection.close()
        await asyncio.wait({lost}, timeout=within_s)
