"""RabbitMQ as coroutines: pika's callbacks awaited, and pika's exceptions turned into ours."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from pika.adapters.utils.connection_workflow import AMQPConnectionWorkflowFailed
from pika.exceptions import (
    AMQPError,
    ChannelClosedByBroker,
    IncompatibleProtocolError,
    ProbableAccessDeniedError,
    ProbableAuthenticationError,
)

from bridge.pika_frames import Connection, Sink
from streams.connect import amqp_parameters
from streams.settings import Settings

T = TypeVar("T")
HEARTBEAT_S = 20
CONNECT_S = 10.0
NOT_FOUND, ACCESS_REFUSED, PRECONDITION_FAILED = 404, 403, 406


class ConnectionLost(Exception):
    """There is no connection to RabbitMQ; the message says why, for people."""


class ChannelLost(Exception):
    """The channel is gone, or RabbitMQ ended its consumer. `code` is AMQP's, 0 where there is none."""

    def __init__(self, text: str, code: int = 0) -> None:
        super().__init__(text)
        self.code = code


class Channel:
    """One AMQP channel. Every coroutine raises ChannelLost once the channel is gone."""

    def __init__(self, connection: Connection) -> None:
        self.lost: asyncio.Future[ChannelLost] = asyncio.get_running_loop().create_future()
        self._connection = connection
        self._pika: Any = None
        self._tag = ""

    @classmethod
    async def open(cls, connection: Connection) -> Channel:
        """Open a channel."""
        channel = cls(connection)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            channel._pika = connection.channel(on_open_callback=_answers(answer))
        except AMQPError as exc:
            raise ChannelLost(_text(exc)) from None
        channel._pika.add_on_close_callback(channel._on_close)
        channel._pika.add_on_cancel_callback(channel._on_cancel)
        await channel._answered(answer)
        return channel

    @property
    def is_open(self) -> bool:
        """Whether deliveries can be acknowledged."""
        return bool(self._pika.is_open)

    async def declare(self, queue: str, **how: Any) -> None:
        """Declare a queue, with pika's keyword arguments."""
        await self._call(self._pika.queue_declare, queue=queue, **how)

    async def consume(self, queue: str, prefetch: int, sink: Sink) -> None:
        """Have deliveries sent to `sink`, at most `prefetch` of them unacknowledged."""
        await self._call(self._pika.basic_qos, prefetch_count=prefetch)
        self._connection.deliver(self._pika.channel_number, sink)
        frame = await self._call(self._pika.basic_consume, queue=queue, on_message_callback=_never)
        self._tag = frame.method.consumer_tag

    async def cancel(self) -> None:
        """End the deliveries; what has come can still be acknowledged."""
        await self._call(self._pika.basic_cancel, consumer_tag=self._tag)

    def ack(self, tag: int) -> None:
        """Acknowledge every delivery up to this tag; does nothing on a channel that is gone."""
        if self.is_open:
            self._pika.basic_ack(tag, multiple=True)

    def close(self) -> None:
        """Close the channel; RabbitMQ delivers again what was not acknowledged."""
        if self.is_open:
            self._pika.close()

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            method(callback=_answers(answer), **arguments)
        except AMQPError as exc:
            raise ChannelLost(_text(exc)) from None
        return await self._answered(answer)

    async def _answered(self, answer: asyncio.Future[Any]) -> Any:
        await asyncio.wait({answer, self.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise self.lost.result()
        return answer.result()

    def _on_close(self, channel: Any, reason: BaseException) -> None:
        self._connection.deliver(channel.channel_number, None)
        code = reason.reply_code if isinstance(reason, ChannelClosedByBroker) else 0
        self._lose(ChannelLost(_text(reason), code))

    def _on_cancel(self, _frame: Any) -> None:
        self._lose(ChannelLost("RabbitMQ ended our reading: the queue was deleted, or its node went away"))

    def _lose(self, reason: ChannelLost) -> None:
        _settle(self.lost, reason)


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
        on_open_callback=lambda _: _settle(opened, None),
        on_open_error_callback=lambda _, exc: _settle(opened, exc),
        on_close_callback=lambda _, exc: _settle(lost, _text(exc)),
        custom_ioloop=loop,
    )
    try:
        problem = await opened
    except asyncio.CancelledError:
        connection.close()
        raise
    if problem is not None:
        raise ConnectionLost(_text(problem))
    return connection, lost


async def close(connection: Connection, lost: asyncio.Future[str], within_s: float) -> None:
    """Close a connection, and wait for it, but not longer than `within_s`."""
    if connection.is_open:
        connection.close()
        await asyncio.wait({lost}, timeout=within_s)


def _answers(answer: asyncio.Future[Any]) -> Callable[[Any], None]:
    return lambda frame: _settle(answer, frame)


def _settle(future: asyncio.Future[T], result: T) -> None:
    if not future.done():
        future.set_result(result)


def _never(*_: Any) -> None:
    raise AssertionError("deliveries go to the sink")


def _text(exc: BaseException) -> str:
    """Return why pika failed, for people."""
    if isinstance(exc, ProbableAuthenticationError):
        return "it refuses the user or the password: check HINDSIGHT_AMQP_USER and HINDSIGHT_AMQP_PASSWORD"
    if isinstance(exc, ProbableAccessDeniedError):
        return "it refuses access to the virtual host: check the path of HINDSIGHT_AMQP_URL"
    if isinstance(exc, IncompatibleProtocolError):
        return "it does not speak AMQP 0-9-1 at this port: check HINDSIGHT_AMQP_URL"
    inner = exc.args[0] if exc.args else None
    if isinstance(exc, AMQPConnectionWorkflowFailed):
        return _text(exc.exceptions[-1])
    if isinstance(getattr(exc, "exception", None), BaseException):
        return _text(exc.exception)  # type: ignore[attr-defined]
    if isinstance(inner, BaseException):
        return _text(inner)
    reply = getattr(exc, "reply_text", None)
    return str(reply or exc or type(exc).__name__)
