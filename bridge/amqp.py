"""The connection to RabbitMQ as coroutines: pika's callbacks awaited, its exceptions turned into sentences."""

from __future__ import annotations

import asyncio

from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed
from pika.exceptions import IncompatibleProtocolError, ProbableAccessDeniedError, ProbableAuthenticationError

from bridge.pika_frames import Connection
from bridge.settling import settle
from streams.connect import amqp_parameters
from streams.settings import Settings

HEARTBEAT_S = 20
CONNECT_S = 10.0


class ConnectionLost(Exception):
    """There is no connection to RabbitMQ; the message says why, for people."""


async def connect(settings: Settings) -> tuple[Connection, asyncio.Future[str]]:
    """Connect to RabbitMQ; return the connection and a future that holds the reason once it is lost.

    Raises:
        ConnectionLost: RabbitMQ cannot be reached, or refuses.
        SettingsError: the URL or a certificate cannot be used.
    """
    parameters = amqp_parameters(settings)
    parameters.heartbeat = HEARTBEAT_S if parameters.heartbeat is None else parameters.heartbeat
    parameters.socket_timeout = parameters.stack_timeout = CONNECT_S
    parameters.connection_attempts = 1
    loop = asyncio.get_running_loop()
    opened: asyncio.Future[BaseException | None] = loop.create_future()
    lost: asyncio.Future[str] = loop.create_future()
    connection = Connection(
        parameters,
        on_open_callback=lambda _: settle(opened, None),
        on_open_error_callback=lambda _, exc: settle(opened, exc),
        on_close_callback=lambda _, exc: settle(lost, why(exc)),
        custom_ioloop=loop,
    )
    try:
        problem = await opened
    except asyncio.CancelledError:
        connection.close()
        raise
    if problem is not None:
        raise ConnectionLost(why(problem))
    return connection, lost


async def close(connection: Connection, lost: asyncio.Future[str], within_s: float) -> None:
    """Close a connection, and wait for it, but not longer than `within_s`."""
    if connection.is_open:
        connection.close()
        await asyncio.wait({lost}, timeout=within_s)


def why(exc: BaseException) -> str:
    """Return why pika failed, for people."""
    if isinstance(exc, ProbableAuthenticationError):
        return "it refuses the user or the password: check HINDSIGHT_AMQP_USER and HINDSIGHT_AMQP_PASSWORD"
    if isinstance(exc, ProbableAccessDeniedError):
        return "it refuses access to the virtual host: check the path of HINDSIGHT_AMQP_URL"
    if isinstance(exc, IncompatibleProtocolError):
        return "it does not speak AMQP 0-9-1 at this port: check HINDSIGHT_AMQP_URL"
    inner = exc.args[0] if exc.args else None
    if isinstance(exc, AMQPConnectionWorkflowFailed):
        return why(exc.exceptions[-1])
    if isinstance(getattr(exc, "exception", None), BaseException):
        return why(exc.exception)  # type: ignore[attr-defined]
    if isinstance(inner, BaseException):
        return why(inner)
    reply = getattr(exc, "reply_text", None)
    return str(reply or exc or type(exc).__name__)
