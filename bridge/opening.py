"""A queue is opened to be read: declared as we want it, or taken as it is, unless rows would be lost by reading it."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.amqp.channel import RESOURCE_LOCKED, Channel, ChannelLost, open_declared
from streams.amqp.client import server_version
from streams.amqp.declarations import EXCLUSIVE, MOST_STEPS, Declared, corrected, ways_to_declare
from streams.amqp.frames import Connection
from streams.settings import QueueKind


class Unsuitable(Exception):
    """The queue is there, and is not read; the message says why, and what to do."""


class Opened(NamedTuple):
    """A channel on which a queue is known to exist. `refusal`: why it is not as we declare it; empty if it is.

    `notes`: what becomes of rows in it that are not read in time.
    """

    channel: Channel
    refusal: str
    notes: list[str]


async def open_queue(connection: Connection, name: str, kind: QueueKind) -> Opened:
    """Open a channel for a queue, and declare it if it is missing.

    Raises:
        ChannelLost: RabbitMQ refuses, or is gone.
        Unsuitable: rows would be lost or counted twice by reading it.
    """
    try:
        found = await open_declared(
            connection, Channel.declare, name, ways_to_declare(kind, server_version(connection))
        )
    except ChannelLost as exc:
        if exc.code == RESOURCE_LOCKED:
            raise Unsuitable(f"The queue {name!r} is not read: {EXCLUSIVE}.") from None
        raise
    channel, how, refusal = found
    declared = await _learned(connection, name) if how is None else Declared.by(how)
    if declared is None:
        return Opened(channel, refusal, [])
    if problem := declared.problem():
        channel.close()
        raise Unsuitable(f"The queue {name!r} is not read: {problem}.")
    return Opened(channel, refusal, list(declared.notes(channel.server_version)))


async def _learned(connection: Connection, name: str) -> Declared | None:
    """Return how a queue that exists was declared; None if RabbitMQ does not tell us, such as without a right to declare."""
    how: dict[str, Any] | None = {"durable": True}
    for _ in range(MOST_STEPS):
        assert how is not None
        channel = await Channel.open(connection)
        try:
            await channel.declare(name, **how)
        except ChannelLost as exc:
            if not connection.is_open:
                raise
            how = corrected(how, str(exc))
            if how is None:
                return None
            continue
        channel.close()
        return Declared.by(how)
    return None
