"""RabbitMQ, asked over a connection of its own. Blocking: call it in a thread."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker

from commands.probes import Unavailable
from streams.amqp.client import UNAVAILABLE, amqp_parameters, amqp_shown, explain, server_version
from streams.amqp.declarations import MOST_STEPS, Declared, corrected
from streams.settings import Settings

TIMEOUT_S = 4.0
NOT_FOUND, RESOURCE_LOCKED = 404, 405


class Queue(NamedTuple):
    """A queue: messages that are ready to be read, and how many read it. Both None: it is not there."""

    name: str
    ready: int | None
    consumers: int | None


class Refusal(NamedTuple):
    """What RabbitMQ says where a queue cannot be declared in some way; `code` is AMQP's."""

    code: int
    text: str


@contextmanager
def connected(settings: Settings) -> Iterator[pika.BlockingConnection]:
    """Hold a connection.

    Raises:
        Unavailable: RabbitMQ cannot be reached, refuses us, or goes away meanwhile.
        SettingsError: the URL or a certificate cannot be used.
    """
    parameters = amqp_parameters(settings)
    parameters.socket_timeout = parameters.blocked_connection_timeout = TIMEOUT_S
    parameters.stack_timeout = 2 * TIMEOUT_S
    parameters.connection_attempts = 1
    try:
        connection = pika.BlockingConnection(parameters)
        yield connection
    except UNAVAILABLE as exc:
        raise Unavailable(f"RabbitMQ at {amqp_shown(settings)} cannot be used: {explain(exc, settings)}.") from None
    with suppress(AMQPError):
        connection.close()


def declare(connection: pika.BlockingConnection, queue: str, **how: Any) -> Queue | Refusal:
    """Declare a queue with pika's keyword arguments, on a channel of its own; `passive=True` only looks."""
    channel = connection.channel()
    try:
        method = channel.queue_declare(queue, **how).method
    except ChannelClosedByBroker as exc:
        return Refusal(exc.reply_code, exc.reply_text)
    channel.close()
    return Queue(queue, method.message_count, method.consumer_count)


def version(connection: pika.BlockingConnection) -> str:
    """Return RabbitMQ's version."""
    return server_version(connection._impl)  # pika 1.4: the blocking connection has no such property itself


def learned(connection: pika.BlockingConnection, queue: str) -> Declared | None:
    """Return how a queue that exists was declared; None if RabbitMQ does not tell us, such as without a right to declare."""
    how: dict[str, Any] | None = {"durable": True}
    for _ in range(MOST_STEPS):
        if how is None:
            break
        answer = declare(connection, queue, **how)
        if isinstance(answer, Queue):
            return Declared.by(how)
        how = corrected(how, answer.text)
    return None


def queues(settings: Settings, names: Sequence[str]) -> list[Queue]:
    """Return how the queues stand; RabbitMQ is not asked where there is none.

    Raises:
        Unavailable: RabbitMQ cannot be reached, or refuses a queue that is there.
        SettingsError: the URL or a certificate cannot be used.
    """
    if not names:
        return []
    with connected(settings) as connection:
        return [_look(connection, name) for name in names]


def _look(connection: pika.BlockingConnection, name: str) -> Queue:
    seen = declare(connection, name, passive=True)
    if isinstance(seen, Queue):
        return seen
    if seen.code != NOT_FOUND:
        raise Unavailable(f"RabbitMQ does not let us see the queue {name!r}: {seen.text}.")
    return Queue(name, None, None)
