"""One connection to RabbitMQ that publishes with confirms, many of them outstanding at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.exceptions import AMQPError

from commands.driver.traffic import Message
from streams.amqp.client import explain, parameters, server_version, settle
from streams.amqp.declarations import ways_to_declare
from streams.kinds import Kind
from streams.settings import Settings

WINDOW = 1000
"""Messages that may be unconfirmed: what bounds memory while RabbitMQ is slow."""
CONNECT_S = 5.0
PERSISTENT = pika.BasicProperties(content_type="application/json", delivery_mode=2)
ACCESS_REFUSED, NOT_FOUND, PRECONDITION_FAILED = 403, 404, 406


class ConnectionLost(Exception):
    """RabbitMQ cannot be reached, or no longer takes messages; the message says why."""


class Publisher:
    """Sends messages to queues for as long as one connection lasts; every coroutine raises ConnectionLost after that.

    `unconfirmed` holds, by delivery tag, what was sent and is not known to be stored. When the connection is lost, it
    is to be sent again over the next one.
    """

    def __init__(self, settings: Settings, on_confirmed: Callable[[Message], None], say: Callable[[str], None]) -> None:
        self.unconfirmed: dict[int, Message] = {}
        self._settings = settings
        self._on_confirmed = on_confirmed
        self._say = say
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._fewer = asyncio.Event()
        self._connection: Any = None
        self._channel: Any = None
        self._n_sent = 0

    async def connect(self, kinds: Iterable[Kind]) -> None:
        """Connect, and declare the queues that are missing. One that exists is taken as it is.

        Raises:
            SettingsError: the URL or a certificate cannot be used.
        """
        opened = self._loop.create_future()
        self._connection = AsyncioConnection(
            parameters(self._settings, connect_s=CONNECT_S),
            on_open_callback=lambda _: settle(opened, None),
            on_open_error_callback=lambda _, exc: self._lose(exc),
            on_close_callback=lambda _, exc: self._lose(exc),
            custom_ioloop=self._loop,
        )
        await self._answer(opened)
        self._connection.add_on_connection_blocked_callback(self._blocked)
        for kind in kinds:
            await self._declare(self._settings.queue_of(kind))
        self._channel = await self._open_channel(lambda _, exc: self._lose(exc))
        self._channel.add_on_return_callback(self._returned)
        selected = self._loop.create_future()
        self._channel.confirm_delivery(self._confirmed, callback=lambda frame: settle(selected, frame))
        await self._answer(selected)

    def send(self, message: Message) -> None:
        """Send one message. It is in `unconfirmed` from here on, even if the connection is gone."""
        self._n_sent += 1
        self.unconfirmed[self._n_sent] = message
        try:
            self._channel.basic_publish(
                "", self._settings.queue_of(message.queue), message.body, PERSISTENT, mandatory=True
            )
        except AMQPError as exc:
            self._lose(exc)

    async def pause(self, seconds: float) -> None:
        """Sleep, but not through the loss of the connection."""
        await asyncio.wait({self._lost}, timeout=seconds)
        self._check()

    async def until_unconfirmed(self, at_most: int) -> None:
        """Wait until no more than `at_most` messages are unconfirmed."""
        while len(self.unconfirmed) > at_most:
            self._check()
            self._fewer.clear()
            await self._fewer.wait()

    async def close(self, within_s: float) -> None:
        """Close the connection, waiting for it no longer than `within_s`."""
        if self._connection is None:
            return
        if self._connection.is_open:  # pika 1.4 fails an assertion of its own when a handshake is broken off
            self._connection.close()
        if self._connection.is_closing:
            await asyncio.wait({self._lost}, timeout=within_s)

    async def _declare(self, queue: str) -> None:
        """Declare a queue; where RabbitMQ refuses, because it exists otherwise or we may not, use what is there."""
        ways = ways_to_declare(self._settings.queue_kind, server_version(self._connection))
        for how in (*ways, {"passive": True}):
            refusal = await self._refusal(queue, how)
            if refusal not in (ACCESS_REFUSED, PRECONDITION_FAILED):
                break
        if refusal == NOT_FOUND:
            self._lose(f"the queue {queue!r} does not exist, and we may not declare it")
        elif refusal:
            self._lose(f"it refuses us the queue {queue!r}")
        self._check()

    async def _refusal(self, queue: str, how: dict[str, Any]) -> int:
        """Declare a queue; return AMQP's code of the refusal, 0 for none. A refusal costs a channel of its own."""
        answer = self._loop.create_future()
        channel = await self._open_channel(lambda _, exc: settle(answer, getattr(exc, "reply_code", -1)))
        channel.queue_declare(queue, callback=lambda _: settle(answer, 0), **how)
        code: int = await self._answer(answer)
        if code == 0:
            channel.close()
        return code

    async def _open_channel(self, on_close: Callable[[Any, BaseException], None]) -> Any:
        opened = self._loop.create_future()
        channel = self._connection.channel(on_open_callback=lambda channel: settle(opened, channel))
        channel.add_on_close_callback(on_close)
        return await self._answer(opened)

    async def _answer(self, answer: asyncio.Future[Any]) -> Any:
        await asyncio.wait({answer, self._lost}, return_when=asyncio.FIRST_COMPLETED)
        self._check()
        return answer.result()

    def _confirmed(self, frame: Any) -> None:
        if self._lost.done():
            return
        method = frame.method
        if isinstance(method, pika.spec.Basic.Nack):
            self._lose("it did not store a message (a queue is full, or its nodes are down)")
            return
        first = next(iter(self.unconfirmed)) if method.multiple else method.delivery_tag
        for tag in range(first, method.delivery_tag + 1):
            message = self.unconfirmed.pop(tag, None)
            if message is not None:
                self._on_confirmed(message)
        self._fewer.set()

    def _returned(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        """No queue takes the message. Its confirmation comes next and must not count: the connection ends first."""
        self._lose(f"the queue {method.routing_key!r} is gone")

    def _blocked(self, _connection: Any, frame: Any) -> None:
        self._say(f"RabbitMQ accepts no messages for now: {frame.method.reason or 'it is short of memory or disk'}.")

    def _lose(self, reason: BaseException | str) -> None:
        settle(self._lost, reason if isinstance(reason, str) else explain(reason, self._settings))
        self._fewer.set()

    def _check(self) -> None:
        if self._lost.done():
            raise ConnectionLost(self._lost.result())
