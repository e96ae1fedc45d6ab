"""RabbitMQ over a connection that waits for each answer: for commands, and for threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple

import pika
from pika.exceptions import AMQPError, ChannelClosedByBroker, NackError, UnroutableError

from streams.amqp.client import UNAVAILABLE, amqp_parameters, amqp_shown, explain, server_version
from streams.amqp.declarations import MOST_STEPS, Declared, corrected
from streams.process.unavailable import Unavailable
from streams.settings import Settings

TIMEOUT_S = 4.0


class Queue(NamedTuple):
    """A queue: messages that are ready to be read, and how many read it. Both None: it is not there."""

    name: str
    ready: int | None
    consumers: int | None


class Refusal(NamedTuple):
    """What RabbitMQ says where a queue cannot be declared in some way; `code` is AMQP's."""

    code: int
    text: str


class Rabbit:
    """A connection that is open. What breaks it comes out of the block that holds it, see `connected`."""

    def __init__(self, connection: pika.BlockingConnection) -> None:
        self._connection = connection
        self._publishing: Any = None

    @property
    def version(self) -> str:
        """RabbitMQ's version."""
        return server_version(self._connection._impl)  # pika 1.4: the blocking connection has no such property itself

    def declare(self, queue: str, **how: Any) -> Queue | Refusal:
        """Declare a queue with pika's keyword arguments, on a channel of its own; `passive=True` only looks."""
        channel = self._connection.channel()
        try:
            method = channel.queue_declare(queue, **how).method
        except ChannelClosedByBroker as exc:
            return Refusal(exc.reply_code, exc.reply_text)
        channel.close()
        return Queue(queue, method.message_count, method.consumer_count)

    def delete_unused(self, queue: str) -> Refusal | None:
        """Delete a queue that holds nothing and that nobody reads; return why RabbitMQ does not, None if it is gone."""
        channel = self._connection.channel()
        try:
            channel.queue_delete(queue, if_unused=True, if_empty=True)
        except ChannelClosedByBroker as exc:
            return Refusal(exc.reply_code, exc.reply_text)
        channel.close()
        return None

    def learned(self, queue: str) -> Declared | None:
        """Return how a queue that exists was declared; None if RabbitMQ does not tell us, such as without a right to declare."""
        how: dict[str, Any] | None = {"durable": True}
        for _ in range(MOST_STEPS):
            if how is None:
                break
            answer = self.declare(queue, **how)
            if isinstance(answer, Queue):
                return Declared.by(how)
            how = corrected(how, answer.text)
        return None

    def publish(self, queue: str, body: bytes, properties: Any, what: str) -> None:
        """Publish a message, and return once RabbitMQ has confirmed it; `what` is its name for people.

        Raises:
            Unavailable: there is no such queue, or RabbitMQ does not store the message.
        """
        if self._publishing is None:
            self._publishing = self._connection.channel()
            self._publishing.confirm_delivery()
        try:
            self._publishing.basic_publish("", queue, body, properties, mandatory=True)
        except UnroutableError:
            raise Unavailable(f"RabbitMQ has no queue {queue!r}: start the bridge, which declares it.") from None
        except NackError:
            raise Unavailable(f"RabbitMQ did not store {what}: the queue {queue!r} is full.") from None
        except AMQPError as exc:
            raise Unavailable(f"RabbitMQ went away at {what}: {type(exc).__name__}.") from None


@contextmanager
def connected(settings: Settings) -> Iterator[Rabbit]:
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
        yield Rabbit(connection)
    except UNAVAILABLE as exc:
        raise Unavailable(f"RabbitMQ at {amqp_shown(settings)} cannot be used: {explain(exc, settings)}.") from None
    with suppress(AMQPError):
        connection.close()
