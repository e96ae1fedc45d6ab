"""One connection to RabbitMQ that publishes with confirms, many of them outstanding at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from commands.driver.traffic import Message
from streams.amqp import connection as amqp
from streams.amqp.channel import NOT_FOUND, Channel, ChannelLost, open_declared, take_confirmed
from streams.amqp.client import server_version
from streams.amqp.connection import ConnectionLost
from streams.amqp.declarations import ways_to_declare
from streams.amqp.frames import Connection
from streams.amqp.properties import persistent
from streams.kinds import Kind
from streams.settings import Settings

WINDOW = 1000
"""Messages that may be unconfirmed: what bounds memory while RabbitMQ is slow."""
PERSISTENT = persistent(content_type="application/json")


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
        self._fewer = asyncio.Event()
        self._connection: tuple[Connection, asyncio.Future[str]] | None = None
        self._channel: Channel

    async def connect(self, kinds: Iterable[Kind]) -> None:
        """Connect, and declare the queues that are missing. One that exists is taken as it is.

        Raises:
            SettingsError: the URL or a certificate cannot be used.
        """
        connection, _ = self._connection = await amqp.connect(self._settings)
        connection.add_on_connection_blocked_callback(self._blocked)
        try:
            for kind in kinds:
                await self._declare(connection, self._settings.queue_of(kind))
            self._channel = await Channel.open(connection)
            await self._channel.confirm(self._confirmed)
        except ChannelLost as exc:
            raise ConnectionLost(str(exc)) from None
        self._channel.lost.add_done_callback(lambda _: self._fewer.set())

    def send(self, message: Message) -> None:
        """Send one message. It is in `unconfirmed` from here on, even if the connection is gone."""
        queue = self._settings.queue_of(message.queue)
        self.unconfirmed[self._channel.publish("", queue, message.body, PERSISTENT, mandatory=True)] = message

    async def pause(self, seconds: float) -> None:
        """Sleep, but not through the loss of the connection."""
        await asyncio.wait({self._channel.lost}, timeout=seconds)
        self._check()

    async def until_unconfirmed(self, at_most: int) -> None:
        """Wait until no more than `at_most` messages are unconfirmed."""
        while len(self.unconfirmed) > at_most:
            self._check()
            self._fewer.clear()
            await self._fewer.wait()

    async def close(self, within_s: float) -> None:
        """Close the connection, waiting for it no longer than `within_s`."""
        if self._connection is not None:
            await amqp.close(*self._connection, within_s)

    async def _declare(self, connection: Connection, queue: str) -> None:
        """Declare a queue; where RabbitMQ refuses, because it exists otherwise or we may not, use what is there."""
        ways = ways_to_declare(self._settings.queue_kind, server_version(connection))
        try:
            channel, _, _ = await open_declared(connection, Channel.declare, queue, ways)
        except ChannelLost as exc:
            if exc.code == NOT_FOUND:
                raise ConnectionLost(f"the queue {queue!r} does not exist, and we may not declare it") from None
            raise ConnectionLost(f"it refuses us the queue {queue!r}" if exc.code else str(exc)) from None
        channel.close()

    def _confirmed(self, tag: int, up_to: bool) -> None:
        for message in take_confirmed(self.unconfirmed, tag, up_to):
            self._on_confirmed(message)
        self._fewer.set()

    def _blocked(self, _connection: Any, frame: Any) -> None:
        self._say(f"RabbitMQ accepts no messages for now: {frame.method.reason or 'it is short of memory or disk'}.")

    def _check(self) -> None:
        if self._channel.lost.done():
            raise ConnectionLost(str(self._channel.lost.result()))
