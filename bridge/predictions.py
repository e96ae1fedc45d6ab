"""Predictions back to RabbitMQ, for a team's other services: the exchange `predictions`."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bridge import counts
from streams.amqp import connection as amqp
from streams.amqp.channel import Channel, ChannelLost, open_declared, take_confirmed
from streams.amqp.client import amqp_shown
from streams.amqp.frames import Connection
from streams.amqp.properties import persistent
from streams.process.link import Link
from streams.settings import Settings
from streams.wire.rows import PredRow, encode_packet

log = logging.getLogger("bridge")

EXCHANGE = "predictions"
MAX_MESSAGES = 2000
"""Messages that are kept while RabbitMQ is away or slow; each holds the rows of one `publish`."""
WINDOW = 256
FLUSH_S, CLOSE_S = 2.0, 1.0
PERSISTENT = persistent(content_type="application/json")


class Predictions:
    """Publishes predictions over a connection of its own, each message until RabbitMQ has confirmed it.

    The exchange `predictions` is a durable fanout: bind a queue to it, with any routing key. Each message is a JSON
    array of rows `{"id", "ts", "y_pred", "model"}`, persistent, and can come twice after a lost connection. Do not bind
    the queue `y_pred` to it: the bridge reads that one, and every prediction would be counted as a duplicate.

    These messages are copies: the predictions themselves are in Kafka. So a RabbitMQ that is away never holds up the
    one who predicts: MAX_MESSAGES are kept for it, then the oldest are dropped and counted, with one line in the log.
    """

    def __init__(self, settings: Settings) -> None:
        """Raise SettingsError if HINDSIGHT_AMQP_URL or a certificate cannot be used."""
        self.link = Link("predictions", log, counts.link)
        self._settings = settings
        self._where = f"RabbitMQ at {amqp_shown(settings)}"
        self._new: deque[bytes] = deque()
        self._sent: dict[int, bytes] = {}
        self._moved = asyncio.Event()
        self._done = asyncio.Event()
        self._done.set()
        self._dropping = False
        self._publishing: asyncio.Task[None] | None = None

    async def publish(self, rows: Sequence[PredRow]) -> None:
        """Have these rows published, as one message; returns at once."""
        if len(self._new) + len(self._sent) >= MAX_MESSAGES:
            self._drop()
        self._new.append(encode_packet(rows))
        self._done.clear()
        self._moved.set()

    def start(self) -> None:
        """Connect, and publish from now on, until `close`."""
        self._publishing = asyncio.create_task(self._keep_publishing())

    async def close(self) -> None:
        """Publish what is left, if RabbitMQ takes it within FLUSH_S, and disconnect."""
        if self.link.is_up:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._done.wait(), FLUSH_S)
        if self._publishing is not None:
            self._publishing.cancel()
            await asyncio.wait({self._publishing})

    async def _keep_publishing(self) -> None:
        while True:
            try:
                connection, lost = await amqp.connect(self._settings)
            except amqp.ConnectionLost as exc:
                reason = str(exc)
            else:
                try:
                    reason = await self._publish_over(connection)
                finally:
                    await amqp.close(connection, lost, CLOSE_S)
            self.link.down(f"Predictions cannot be published to {self._where}: {reason}. Trying again.")
            await self.link.pause()

    async def _publish_over(self, connection: Connection) -> str:
        """Publish over one connection; return why that ended."""
        try:
            channel = await self._channel(connection)
            self._send_again()
            self.link.up(f"Publishing predictions to the exchange {EXCHANGE!r} of {self._where}.")
            while not channel.lost.done():
                self._send(channel)
                self._moved.clear()
                moved: asyncio.Future[Any] = asyncio.ensure_future(self._moved.wait())
                await asyncio.wait([moved, channel.lost], return_when=asyncio.FIRST_COMPLETED)
                moved.cancel()
            return str(channel.lost.result())
        except ChannelLost as exc:
            return str(exc)

    async def _channel(self, connection: Connection) -> Channel:
        """Return a channel with confirms, on which the exchange exists, as we declare it or as it is."""
        ways = [{"exchange_type": "fanout", "durable": True}]
        channel, _, _ = await open_declared(connection, Channel.declare_exchange, EXCHANGE, ways)
        await channel.confirm(self._confirmed)
        return channel

    def _send_again(self) -> None:
        self._new.extendleft(reversed(self._sent.values()))
        self._sent.clear()

    def _send(self, channel: Channel) -> None:
        while self._new and len(self._sent) < WINDOW and channel.is_open:
            body = self._new.popleft()
            self._sent[channel.publish(EXCHANGE, "", body, PERSISTENT)] = body

    def _confirmed(self, tag: int, up_to: bool) -> None:
        counts.predictions.inc(len(take_confirmed(self._sent, tag, up_to)))
        self._dropping = self._dropping and bool(self._new)
        self._moved.set()
        if not self._new and not self._sent:
            self._done.set()

    def _drop(self) -> None:
        """Drop the oldest message that is not on its way."""
        if not self._dropping:
            log.warning(f"{self._where} takes no predictions: the oldest are dropped, beyond {MAX_MESSAGES} messages.")
        self._dropping = True
        self._new.popleft()
        counts.predictions_dropped.inc()
