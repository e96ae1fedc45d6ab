"""A queue is opened to be read: declared as we want it, or taken as it is, unless rows would be lost by reading it."""

from __future__ import annotations

from typing import Any, NamedTuple

from streams.amqp.channel import ACCESS_REFUSED, PRECONDITION_FAILED, RESOURCE_LOCKED, Channel, ChannelLost
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
    channel = await Channel.open(connection)
    refusal = ""
    for how in ways_to_declare(kind, channel.server_version):
        try:
            await channel.declare(name, **how)
            declared: Declared | None = Declared.by(how)
            refusal = ""
            break
        except ChannelLost as exc:
            refusal = str(_of_an_existing_queue(name, exc))
            channel = await Channel.open(connection)
    else:
        try:
            await channel.declare(name, passive=True)
        except ChannelLost as exc:
            raise _of_an_existing_queue(name, exc) from None
        declared = await _learned(connection, name)
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


def _of_an_existing_queue(name: str, refusal: ChannelLost) -> ChannelLost:
    """Return a refusal that only says how a queue is, or that we may not declare it.

    Raises:
        ChannelLost: it says something else.
        Unsuitable: another connection has the queue for itself.
    """
    if refusal.code == RESOURCE_LOCKED:
        raise Unsuitable(f"The queue {name!r} is not read: {EXCLUSIVE}.")
    if refusal.code not in (PRECONDITION_FAILED, ACCESS_REFUSED):
        raise refusal
    return refusal
