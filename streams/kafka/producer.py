"""Records on their way to Kafka: each until Kafka has it, or once, with the reason why Kafka has it not."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaTimeoutError

from streams.kafka.client import OnDemand, close_within, kafka_producer
from streams.kafka.errors import (
    FAILURES,
    ClocksDiffer,
    KafkaRefused,
    NotDelivered,
    RecordRefused,
    RecordTooLarge,
    kind_of,
)
from streams.kafka.probe import why_away
from streams.kafka.records import Record
from streams.kafka.refusals import problem_of_topic, sentence
from streams.process.link import Link
from streams.process.unavailable import Unavailable
from streams.settings import Settings

logger = logging.getLogger("hindsight.producer")
START_S = 20.0
SILENT_S = 3.0
"""A record that is not confirmed for so long means that Kafka is away; it is still being sent."""
ROTATED_S = 5.0
"""How long it is, while nothing is confirmed, between two looks at whether the password has changed."""
STOP_S = 2.0
MOST_TRIES = 2
"""How often a record is sent alone that Kafka refuses for what may be its own fault, before it is given up."""
BATCH_BYTES = 1 << 20
Headers = Sequence[tuple[str, bytes]]
Outcome = int | Unavailable
"""The offset of a record in Kafka, or why it is not there."""


async def _nothing() -> None:
    """Prepare nothing."""


class Refused(NamedTuple):
    """A record that Kafka does not have, and why."""

    record: Record
    why: Unavailable

    @property
    def is_too_large(self) -> bool:
        """Whether a smaller one might be taken."""
        return isinstance(self.why, RecordTooLarge)


class _Client(AIOKafkaProducer):  # type: ignore[misc]
    """A producer that can be ended at any moment; `ended` is for those whose records it then has given up."""

    def __init__(self, prepare: Callable[[], Awaitable[object]], **options: Any) -> None:
        super().__init__(**options)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._prepare = prepare

    async def start(self) -> None:
        await self._prepare()
        await asyncio.wait_for(super().start(), START_S)

    async def end(self) -> None:
        """Stop within STOP_S, whether what is under way can be delivered or not."""
        try:
            await asyncio.wait_for(self.stop(), STOP_S)
        except FAILURES:
            task = self._sender.sender_task  # aiokafka 0.14: `stop` waits for ever for what cannot be delivered
            if task is not None:
                task.cancel()
            await close_within(STOP_S, self.client.close())
        finally:
            self.ended.set_result(None)


class Producer(OnDemand[_Client]):
    """Writes records that may come twice, but are neither lost nor put into another order within a partition.

    An idempotent producer of aiokafka that failed once can be stuck, so a new one takes its place then.

    Args:
        link: told whether Kafka takes what `produce` and `write` are given.
        waiting: what people read of the time while it does not, as "the verdicts wait".
        prepare: awaited before a producer starts; what it raises beside `Unavailable` comes out of `start` and the others.
    """

    def __init__(
        self,
        settings: Settings,
        link: Link | None = None,
        *,
        waiting: str = "what is written waits",
        prepare: Callable[[], Awaitable[object]] = _nothing,
    ) -> None:
        super().__init__()
        self.link = link or Link("kafka", logger, is_up=True)
        self.batch_bytes = BATCH_BYTES
        self._made_with = ""
        self._settings, self._waiting, self._prepare = settings, waiting, prepare
        self._where = f"Kafka at {settings.kafka_address}"

    @property
    def problem(self) -> str:
        """Why Kafka takes nothing now; empty while it does."""
        return self.link.problem

    async def start(self) -> AIOKafkaProducer:
        """Return aiokafka's producer once Kafka answers, however long that takes."""
        while True:
            try:
                client = await self.try_to_start()
            except Unavailable as exc:
                await self._wait_after(exc)
            else:
                self.link.up(f"Connected to {self._where}.")
                return client

    async def write(self, topic: str, partition: int, records: Iterable[tuple[bytes, Headers]]) -> None:
        """Write records, each of a value and headers, in this order; return once Kafka has them all."""
        left = [Record(topic, partition, value, headers) for value, headers in records]
        while left:
            failed = await self._sent(left)
            left = [one.record for one in failed]
            if failed and isinstance(
                failed[0].why, RecordRefused
            ):  # alone: what is wrong with one is so with its batch
                for record in left:
                    await self._write_alone(record)
                return

    async def _write_alone(self, record: Record) -> None:
        while failed := await self._sent([record]):
            (refused,) = failed
            if isinstance(refused.why, RecordRefused):
                self.link.down(f"{refused.why} Until it is taken {self._waiting}.")
                await self.link.pause()

    async def produce(self, records: Sequence[Record]) -> list[Refused]:
        """Return when Kafka has the records, however long that takes; those that it will not take are returned."""
        refused: list[Refused] = []
        suspects: list[Record] = []
        left = list(records)
        while left:
            failed = await self._sent(left)
            refused += [one for one in failed if one.is_too_large]
            failed = [one for one in failed if not one.is_too_large]
            suspects += [one.record for one in failed if isinstance(one.why, RecordRefused)]
            left = [one.record for one in failed if not isinstance(one.why, RecordRefused)]
        for record in suspects:
            refused += await self._produce_alone(record)
        return refused

    async def _produce_alone(self, record: Record) -> list[Refused]:
        """Send a record until Kafka has it, or has refused it `MOST_TRIES` times for what may be its own fault."""
        n_tries = 0
        while failed := await self._sent([record]):
            (refused,) = failed
            if refused.is_too_large:
                break
            if not isinstance(refused.why, RecordRefused):
                continue
            if problem := await problem_of_topic(self._settings, record.topic):
                self.link.down(problem)
                await asyncio.sleep(ClocksDiffer.pause_s)
                continue
            n_tries += 1
            if n_tries >= MOST_TRIES:
                break
        return failed

    async def _sent(self, records: Sequence[Record]) -> list[Refused]:
        """Send records once; return those that Kafka has not, once they can be sent again."""
        outcomes: list[Outcome] = []
        silent = f"{self._where} does not confirm what it is sent: {self._waiting} until it does."
        with self.link.answers_within(SILENT_S, silent, lambda: _n_answered(outcomes)):
            await self._try(records, outcomes)
        failed = [Refused(r, why) for r, why in zip(records, outcomes, strict=True) if isinstance(why, Unavailable)]
        others = [one.why for one in failed if not isinstance(one.why, RecordRefused)]
        if others and not isinstance(others[0], NotDelivered):
            await self._wait_after(others[0])
        elif len(failed) < len(records):
            self.link.up(f"{self._where} confirms again.")
        return failed

    async def append(self, record: Record) -> int:
        """Send one record; return its offset.

        Raises:
            Unavailable: Kafka may have it, or not.
        """
        (outcome,) = await self.send([record])
        if isinstance(outcome, Unavailable):
            raise outcome
        return outcome

    async def send(self, records: Sequence[Record]) -> list[Outcome]:
        """Send records once, in this order; return what became of each. A producer that failed is replaced."""
        outcomes: list[Outcome] = []
        await self._try(records, outcomes)
        return outcomes

    async def _try(self, records: Sequence[Record], outcomes: list[Outcome]) -> None:
        try:
            client = await self.try_to_start()
        except Unavailable as exc:
            outcomes[:] = [exc] * len(records)
            return
        given_up = NotDelivered(f"{self._where} did not answer before the connection was given up.")
        outcomes[:] = [given_up] * len(records)
        sending: asyncio.Future[Any] = asyncio.create_task(self._send(client, records, outcomes))
        ended: set[asyncio.Future[Any]] = set()
        try:
            while not ended:
                ended, _ = await asyncio.wait(
                    {sending, client.ended}, timeout=ROTATED_S, return_when=asyncio.FIRST_COMPLETED
                )
                if not ended and client is self._client and self._made_with != self._password():
                    self.drop()  # it may wait for a connection that its password does not open any more
        finally:
            sending.cancel()
        if sending.done() and await sending and client is self._client:
            self.drop()

    async def _send(self, client: _Client, records: Sequence[Record], outcomes: list[Outcome]) -> bool:
        """Note what becomes of each record; tell whether the producer may be stuck."""
        under_way: list[asyncio.Future[Any]] = []
        raised: list[BaseException] = []
        try:
            for topic, partition, value, headers, key in records:
                sent = await client.send(topic, value, key=key, partition=partition, headers=list(headers))
                under_way.append(sent)
        except (*FAILURES, AssertionError) as exc:  # the latter where a topic has no such partition
            raised.append(exc)
            outcomes[len(under_way) :] = [self._why(exc, record) for record in records[len(under_way) :]]
        for i, confirmed in enumerate(under_way):
            try:
                outcomes[i] = (await confirmed).offset
            except FAILURES as exc:
                raised.append(exc)
                outcomes[i] = self._why(exc, records[i])
        return any(not isinstance(exc, KafkaTimeoutError) for exc in raised)  # that one means that its buffer is full

    async def try_to_start(self) -> _Client:
        """Start, if it is not.

        Raises:
            Unavailable: Kafka does not answer.
        """
        try:
            return await self._started()
        except (*FAILURES, Unavailable) as exc:
            raise Unavailable(await why_away(self._settings, exc)) from None

    async def _wait_after(self, exc: Unavailable) -> None:
        self.link.down(f"{exc} Trying again; {self._waiting} until it works.")
        await (asyncio.sleep(exc.pause_s) if exc.pause_s else self.link.pause())

    def _why(self, exc: BaseException, record: Record) -> Unavailable:
        if isinstance(exc, AssertionError):
            return KafkaRefused(f"{self._where} has no partition {record.partition} of the topic {record.topic!r}.")
        return kind_of(exc)(sentence(exc, self._where, record, time.time()))

    def _new(self) -> _Client:
        self._made_with = self._password()
        return _Client(self._prepare, **kafka_producer(self._settings) | {"max_batch_size": self.batch_bytes})

    def _password(self) -> str:
        return self._settings.secret("kafka_password")

    async def _end(self, client: _Client) -> None:
        await client.end()


def _n_answered(outcomes: Sequence[Outcome]) -> int:
    return sum(not isinstance(outcome, NotDelivered) for outcome in outcomes)
