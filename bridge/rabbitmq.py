"""The connection to RabbitMQ that the queues are read over: kept, lost, made again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from bridge import counts
from bridge.queues import Queue
from streams.amqp import connection as amqp
from streams.amqp.channel import Channel, ChannelLost
from streams.amqp.client import amqp_shown
from streams.amqp.frames import Connection
from streams.process.link import Link
from streams.settings import Settings

CANCEL_S, CLOSE_S = 1.0, 1.0
COUNT_EVERY_S = 2.0
ASK_EVERY_S, SILENT_S = 1.0, 3.0
"""A RabbitMQ that answers nothing for so long is away; the heartbeat ends the connection much later."""

log = logging.getLogger("bridge")


class RabbitMQ:
    """Keeps reading the queues. A lost connection is made again, with growing waits and jitter."""

    def __init__(self, settings: Settings, queues: Sequence[Queue]) -> None:
        self.link = Link("rabbitmq", log, counts.link)
        self._settings = settings
        self._queues = queues
        self._connection: Connection | None = None
        self._lost: asyncio.Future[str] | None = None

    async def run(self) -> None:
        """Read the queues until cancelled.

        Raises:
            SettingsError: HINDSIGHT_AMQP_URL or a certificate cannot be used.
        """
        where = f"RabbitMQ at {amqp_shown(self._settings)}"
        while True:
            try:
                self._connection, self._lost = await amqp.connect(self._settings)
            except amqp.ConnectionLost as exc:
                self.link.down(f"{where} cannot be reached: {exc}. Trying again until it answers.")
            else:
                self.link.up(f"Connected to {where}.")
                reason = await self._read(self._connection, self._lost)
                self.link.down(f"{where} is gone: {reason}. Trying again until it answers.")
            await self.link.pause()

    async def stop(self) -> None:
        """Have no more delivered. What has come can still be acknowledged."""
        await asyncio.wait([asyncio.create_task(queue.stop()) for queue in self._queues], timeout=CANCEL_S)

    async def close(self) -> None:
        """Close the connection; RabbitMQ delivers again what was not acknowledged."""
        if self._connection is not None and self._lost is not None:
            await amqp.close(self._connection, self._lost, CLOSE_S)

    async def _read(self, connection: Connection, lost: asyncio.Future[str]) -> str:
        reading = [asyncio.create_task(queue.read(connection)) for queue in self._queues]
        watching = [asyncio.create_task(watch(connection)) for watch in (self._watch, self._count)]
        ends: list[asyncio.Future[Any]] = [lost, *reading]
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            for task in reading:
                if task.done():
                    task.result()  # reading ends by a defect only, and that is not to be hidden
            return lost.result()
        finally:
            for task in (*watching, *reading):
                task.cancel()
            await asyncio.wait([*watching, *reading])

    async def _watch(self, connection: Connection) -> None:
        """Ask for something small now and then: a dead connection is noticed long before a heartbeat is missed."""
        where = f"RabbitMQ at {amqp_shown(self._settings)}"
        with suppress(ChannelLost):
            channel = await Channel.open(connection)
            while True:
                with self.link.answers_within(SILENT_S, f"{where} does not answer: everything resumes when it does."):
                    await channel.ask()
                self.link.up(f"{where} answers again.")
                await asyncio.sleep(ASK_EVERY_S)

    async def _count(self, connection: Connection) -> None:
        """Ask now and then how much waits in the queues that are read. One that is deleted ends the channel."""
        while True:
            with suppress(ChannelLost):
                channel = await Channel.open(connection)
                while True:
                    for queue in self._queues:
                        await queue.look(channel)
                    await asyncio.sleep(COUNT_EVERY_S)
            await asyncio.sleep(COUNT_EVERY_S)
