"""One AMQP channel as coroutines: pika's callbacks awaited, its exceptions turned into ours."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from itertools import takewhile
from typing import Any, NamedTuple, TypeVar

from pika.exceptions import AMQPError, ChannelClosedByBroker
from pika.spec import Basic, BasicProperties

from streams.amqp.client import server_version, settle, why
from streams.amqp.frames import Connection, Sink

ACCESS_REFUSED, NOT_FOUND, RESOURCE_LOCKED, PRECONDITION_FAILED = 403, 404, 405, 406
T = TypeVar("T")


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
        self._is_cancelling = False
        self._n_published = 0

    @classmethod
    async def open(cls, connection: Connection) -> Channel:
        """Open a channel."""
        channel = cls(connection)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            channel._pika = connection.channel(on_open_callback=_answers(answer))
        except AMQPError as exc:
            raise ChannelLost(why(exc)) from None
        channel._pika.add_on_close_callback(channel._on_close)
        channel._pika.add_on_cancel_callback(channel._on_cancel)
        await channel._answered(answer)
        return channel

    @property
    def server_version(self) -> str:
        """RabbitMQ's version."""
        return server_version(self._connection)

    @property
    def is_reading(self) -> bool:
        """Whether deliveries are asked for."""
        return bool(self._tag)

    @property
    def is_open(self) -> bool:
        """Whether deliveries can be acknowledged."""
        return bool(self._pika.is_open)

    async def declare(self, queue: str, **how: Any) -> None:
        """Declare a queue, with pika's keyword arguments."""
        await self._call(self._pika.queue_declare, queue=queue, **how)

    async def depth(self, queue: str) -> tuple[int, int]:
        """Return how many messages of a queue that exists are not delivered to anybody yet, and how many read it."""
        frame = await self._call(self._pika.queue_declare, queue=queue, passive=True)
        return int(frame.method.message_count), int(frame.method.consumer_count)

    async def declare_exchange(self, exchange: str, **how: Any) -> None:
        """Declare an exchange, with pika's keyword arguments."""
        await self._call(self._pika.exchange_declare, exchange=exchange, **how)

    async def confirm(self, on_confirmed: Callable[[int, bool], None]) -> None:
        """Have RabbitMQ answer for what is published: by tag, and whether all up to it are meant.

        A message that it does not store, or that no queue takes, is a reason to give the channel up: nothing is confirmed
        on it any more.
        """

        def answered(frame: Any) -> None:
            if isinstance(frame.method, Basic.Nack):
                self.give_up("it did not store a message (a queue is full, or its nodes are down)")
            if not self.lost.done():
                on_confirmed(frame.method.delivery_tag, frame.method.multiple)

        self._pika.add_on_return_callback(self._on_return)
        await self._call(self._pika.confirm_delivery, ack_nack_callback=answered)

    def publish(
        self, exchange: str, routing_key: str, body: bytes, properties: BasicProperties, *, mandatory: bool = False
    ) -> int:
        """Publish one message, and return its tag; it is lost if the channel is, before RabbitMQ confirms it."""
        if self.is_open:
            self._pika.basic_publish(exchange, routing_key, body, properties, mandatory=mandatory)
        self._n_published += 1
        return self._n_published

    async def consume(self, queue: str, prefetch: int, sink: Sink) -> None:
        """Have deliveries sent to `sink`, at most `prefetch` of them unacknowledged."""
        await self._call(self._pika.basic_qos, prefetch_count=prefetch)
        self._connection.deliver(self._pika.channel_number, sink)
        frame = await self._call(self._pika.basic_consume, queue=queue, on_message_callback=_never)
        self._tag = frame.method.consumer_tag

    async def ask(self) -> None:
        """Ask for what any RabbitMQ answers at once, and nobody needs a right for."""
        await self._call(self._pika.basic_qos, prefetch_count=1)

    async def cancel(self) -> None:
        """End the deliveries; what has come can still be acknowledged."""
        if self._tag and not self._is_cancelling:
            self._is_cancelling = True
            await self._call(self._pika.basic_cancel, consumer_tag=self._tag)
            self._is_cancelling, self._tag = False, ""

    def give_back(self, tag: int) -> None:
        """Have RabbitMQ deliver one delivery again, to whoever reads; does nothing on a channel that is gone."""
        if self.is_open:
            self._pika.basic_nack(tag, multiple=False, requeue=True)

    def ack(self, tag: int) -> None:
        """Acknowledge every delivery up to this tag; does nothing on a channel that is gone."""
        if self.is_open:
            self._pika.basic_ack(tag, multiple=True)

    def give_up(self, reason: str) -> None:
        """Have `lost` say why we want this channel no longer; it is still open."""
        settle(self.lost, ChannelLost(reason))

    def close(self) -> None:
        """Close the channel; RabbitMQ delivers again what was not acknowledged."""
        if self.is_open:
            self._connection.deliver(self._pika.channel_number, _ignore)
            self._pika.close()

    async def _call(self, method: Callable[..., Any], **arguments: Any) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            method(callback=_answers(answer), **arguments)
        except AMQPError as exc:
            raise ChannelLost(why(exc)) from None
        return await self._answered(answer)

    async def _answered(self, answer: asyncio.Future[Any]) -> Any:
        await asyncio.wait({answer, self.lost}, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            raise self.lost.result()
        return answer.result()

    def _on_close(self, channel: Any, reason: BaseException) -> None:
        self._connection.deliver(channel.channel_number, None)
        code = reason.reply_code if isinstance(reason, ChannelClosedByBroker) else 0
        settle(self.lost, ChannelLost(why(reason), code))

    def _on_return(self, _channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        self.give_up(f"the queue {method.routing_key!r} is gone")

    def _on_cancel(self, _frame: Any) -> None:
        self._tag = ""
        settle(self.lost, ChannelLost("RabbitMQ ended our consumer: the queue was deleted, or its node went away"))


class Opened(NamedTuple):
    """A channel on which something is known to exist: declared as `how` says, or else taken as it is for this refusal."""

    channel: Channel
    how: dict[str, Any] | None
    refusal: str


async def open_declared(
    connection: Connection, declare: Callable[..., Awaitable[None]], name: str, ways: Iterable[dict[str, Any]]
) -> Opened:
    """Open a channel and declare a queue or an exchange on it, in the first of these ways that RabbitMQ lets us.

    Args:
        declare: `Channel.declare` or `Channel.declare_exchange`.

    Raises:
        ChannelLost: it refuses for another reason than how the thing is or our rights, or what is missing.
    """
    channel, refusal = await Channel.open(connection), ""
    for how in ways:
        try:
            await declare(channel, name, **how)
            return Opened(channel, how, "")
        except ChannelLost as exc:
            if exc.code not in (PRECONDITION_FAILED, ACCESS_REFUSED):
                raise
            refusal, channel = str(exc), await Channel.open(connection)
    await declare(channel, name, passive=True)
    return Opened(channel, None, refusal)


def take_confirmed(unconfirmed: dict[int, T], tag: int, up_to: bool) -> list[T]:
    """Take what RabbitMQ has confirmed out of what was published, which is by its tags in order."""
    tags = list(takewhile(lambda each: each <= tag, unconfirmed)) if up_to else [tag]
    return [unconfirmed.pop(each) for each in tags if each in unconfirmed]


def _answers(answer: asyncio.Future[Any]) -> Callable[[Any], None]:
    return lambda frame: settle(answer, frame)


def _ignore(*_: Any) -> None:
    """Take what is still on its way when a channel is closed: RabbitMQ delivers it again."""


def _never(*_: Any) -> None:
    raise AssertionError("deliveries go to the sink")
