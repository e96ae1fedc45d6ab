"""The rows of one id as they lie in Kafka, read when somebody looks at the id; their bytes are only ever text."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError
from msgspec.structs import replace

from streams.kafka import client
from streams.kafka.topics import topics
from streams.settings import Settings
from streams.wire.json_arrays import WHITE, elements
from web.one_id import sides
from web.pairs.pair_view import PairView
from web.quarantine.newest import is_of

TIMEOUT_S = 2.0
SHOWN_CHARS = 4000


class Payload(msgspec.Struct, frozen=True):
    """What one Kafka record holds of an id: a row's JSON, more than one a line each; or a sentence why nothing is shown."""

    what: str
    topic: str
    partition: int
    offset: int
    text: str
    problem: str


class Payloads:
    """Reads single records of `y_true` and `y_pred`, one after the other."""

    def __init__(self, settings: Settings, problems: Mapping[str, str]):
        self._settings, self._problems = settings, problems
        self._consumer: AIOKafkaConsumer | None = None
        self._reading = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def of(self, pair: PairView) -> list[Payload]:
        """Return the records that an id came from: its prediction, its truth, and one that changed nothing."""
        asked, problem = _asked(pair, self._settings), "Kafka did not return it in time. Reload the page."
        if self._problems["kafka"]:
            return [replace(payload, problem=self._problems["kafka"]) for payload in asked]
        try:
            async with asyncio.timeout(TIMEOUT_S), self._reading:
                return [await self._read(payload, pair.id) for payload in asked]
        except (KafkaError, OSError) as exc:
            problem = f"Kafka did not show it: {type(exc).__name__}."
        except TimeoutError:
            pass
        return [replace(payload, problem=problem) for payload in asked]

    async def stop(self) -> None:
        """Leave Kafka."""
        self._leave()
        await asyncio.gather(*self._leaving)

    async def _read(self, payload: Payload, row_id: str) -> Payload:
        try:
            value = await self._value(TopicPartition(payload.topic, payload.partition), payload.offset)
        except OffsetOutOfRangeError:
            return replace(payload, problem="Kafka has removed it: its retention has ended.")
        except BaseException:
            self._leave()
            raise
        found = pieces(value, row_id)
        problem = "" if found else "The record at this offset holds no row of this id: the topic was recreated."
        return replace(payload, text="\n".join(found)[:SHOWN_CHARS], problem=problem)

    async def _value(self, tp: TopicPartition, offset: int) -> bytes:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(
                **client.kafka_client(self._settings), group_id=None, auto_offset_reset="none", fetch_max_wait_ms=10
            )
            await self._consumer.start()
        self._consumer.assign([tp])
        try:
            self._consumer.seek(tp, offset)
            record = await self._consumer.getone(tp)
        finally:
            self._consumer.unsubscribe()  # it would go on fetching what comes
        return bytes(record.value or b"") if record.offset == offset else b""

    def _leave(self) -> None:
        """Stop the consumer beside what goes on: while Kafka does not answer, that can take long."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            leaving = asyncio.ensure_future(consumer.stop())
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)


def _asked(pair: PairView, settings: Settings) -> list[Payload]:
    names = topics(settings)
    topic = {"y_true": names.y_true.name, "y_pred": names.y_pred.name}
    found: dict[tuple[str, int], str] = {}
    for row in sides.rows(pair):
        if row.came is not None:
            found.setdefault((row.kind, row.came.offset), f"{row.kind} again" if row.is_again else row.kind)
    return [Payload(what, topic[kind], pair.partition, offset, "", "") for (kind, offset), what in found.items()]


def pieces(value: bytes, row_id: str) -> list[str]:
    """Return the JSON of each row of an id in a Kafka record: a packet, or a single row."""
    rows = elements(value) if value.lstrip(WHITE)[:1] == b"[" else [value]
    return [row.decode("utf-8", "backslashreplace") for row in rows or [] if is_of(row, row_id)]
