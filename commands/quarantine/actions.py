"""Send rows to their queues again, or mark them as done with; each is marked in `quarantine-resolved`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from agents.loading import load_model
from agents.predict import predict
from bridge.batch import Batch, decoder
from bridge.kafka import RECORD_BYTES
from bridge.packets import pack
from commands.probes import Unavailable
from commands.quarantine.selection import Row
from models.errors import ModelError
from streams.amqp.blocking import Rabbit, connected
from streams.amqp.properties import persistent
from streams.kafka.producer import Producer
from streams.kafka.records import Record
from streams.kafka.topics import declare, topics
from streams.settings import Settings
from streams.wire import times
from streams.wire.resolutions import Resolution, encode_resolution
from streams.wire.rows import Unreadable

if TYPE_CHECKING:
    from models.model import Model

MOST_BYTES = 255
"""What a short text of AMQP may hold."""


class Plan(NamedTuple):
    """What would become of a row that is sent again: how many rows of it are taken now, or why none is."""

    n_rows: int
    refusal: str


class Trial:
    """Our models, loaded when they are first needed, to try rows of features on."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._is_ours = "model" in settings.agents
        self._models: list[Model] = []
        self.problem = ""
        """Why it cannot be tried; empty while nothing is known to be wrong."""

    def refusals(self, rows: Sequence[Any]) -> list[str]:
        """Return why no model would predict a row, for each such row; none if no model is ours or one cannot be loaded."""
        if self._is_ours and not self._models:
            try:
                self._models = [load_model(self._settings, file) for file in self._settings.model_files]
            except ModelError as exc:
                self._is_ours, self.problem = False, str(exc)
        if not self._is_ours or not self._models:
            return []
        answers = zip(*(predict(list(rows), model) for model in self._models), strict=True)
        return [of_row[0].detail for of_row in answers if all(isinstance(one, Unreadable) for one in of_row)]


def plan(row: Row, settings: Settings, trial: Trial) -> Plan:
    """Read a row's bytes as the bridge, and for features the model, would now."""
    if not row.kept.whole:
        return Plan(0, "some of its parts are no longer in Kafka")
    if row.kind is None:
        return Plan(0, f"{row.kept.source!r} names no queue of ours")
    batch = _read(row, settings)
    if batch.refused and not batch.rows:  # what is still refused of an array comes back here, the rest goes on
        return Plan(0, f"the bridge would refuse it again ({batch.refused[0][0].detail})")
    refused = trial.refusals(batch.rows) if row.kind == "features" else []
    if refused and len(refused) == len(batch.rows):
        return Plan(0, f"the model would refuse it again ({refused[0]})")
    return Plan(len(batch.rows) - len(refused), "")


def _read(row: Row, settings: Settings) -> Batch:
    assert row.kind is not None
    batch = Batch(decoder(row.kind, settings), settings.max_body_bytes)
    batch.add((1, True, b"".join(properties(row).encode()), row.kept.raw, row.kept.at))
    return batch


class Marks:
    """Writes what was done with rows."""

    def __init__(self, settings: Settings):
        self._settings, self._topic = settings, topics(settings).resolved.name
        self._producer = Producer(settings, prepare=partial(declare, settings))

    async def __aenter__(self) -> Marks:
        await self._producer.try_to_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()

    async def mark(self, row: Row, what: Literal["requeued", "dropped"]) -> None:
        """Return once Kafka has it that `what` was done with a row.

        Raises:
            Unavailable: Kafka does not take it.
        """
        value = encode_resolution(Resolution(what, time.time(), row.kept.at, row.kept.n_records))
        try:
            await self._producer.append(Record(self._topic, 0, value, key=b"%d" % row.kept.offset))
        except Unavailable as exc:
            raise Unavailable(f"It is not marked what was done with row {row.kept.offset}. {exc}") from None

    async def produce(self, row: Row) -> None:
        """Return once Kafka has a row in its topic: the way back where there are no queues.

        Raises:
            Unavailable: Kafka does not take it.
        """
        assert row.kind is not None, "only rows with a plan are sent"
        settings, topic = self._settings, self._settings.topic_of(row.kind)
        for packet in pack(_read(row, settings).rows, settings.partitions, settings.packet_rows, RECORD_BYTES):
            await self._producer.append(Record(topic, packet.partition, packet.value))


@contextmanager
def publishing(settings: Settings) -> Iterator[Callable[[Row], None] | None]:
    """Hold a function that publishes a row to its queue, and returns once RabbitMQ has confirmed it; None without queues.

    Raises:
        Unavailable: RabbitMQ cannot be reached, has no such queue, or does not take the message.
    """
    if not settings.queues:
        yield None
        return
    with connected(settings) as rabbit:
        yield lambda row: _publish(rabbit, settings, row)


def _publish(rabbit: Rabbit, settings: Settings, row: Row) -> None:
    assert row.kind is not None, "only rows with a plan are published"
    rabbit.publish(settings.queue_of(row.kind), row.kept.raw, properties(row), f"row {row.kept.offset}")


def properties(row: Row) -> Any:
    """Return what goes with the bytes: when they came first, for a row without a `ts`, and what may be its id."""
    try:
        came_with = msgspec.json.decode(row.kept.properties)
    except Exception:  # foreign bytes: msgspec raises more than its own errors
        came_with = {}
    given = came_with if isinstance(came_with, dict) else {}
    return persistent(
        content_type=_short(given.get("content_type")),
        content_encoding=_short(given.get("content_encoding")),
        correlation_id=_short(given.get("correlation_id")),
        message_id=_short(given.get("message_id", given.get("key"))),
        timestamp=_seconds(given.get("timestamp")) or _seconds(row.kept.at),
        headers={"x-hindsight-requeued": row.kept.offset},
    )


def _seconds(when: object) -> int | None:
    """Return a time as AMQP can say it, None if it is none."""
    time = times.of_number(when) if isinstance(when, int | float) else None
    return int(time.ts) or None if time else None


def _short(text: object) -> str | None:
    """Return a text that AMQP can say, None if it is none."""
    return text if isinstance(text, str) and len(text.encode("utf-8", "replace")) <= MOST_BYTES else None
