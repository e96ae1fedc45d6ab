"""Programs that drain a queue: who they are, how they are started, and what Kafka must have afterwards."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pika
from aiokafka import AIOKafkaConsumer, TopicPartition

from bench import queues
from bench.peer import PYTHON
from bench.place import Run
from bench.program import ROOT, BenchError, Program
from streams.kafka.topics import topics
from streams.wire.decoder import Decoder
from streams.wire.rows import TrueRow, encode_packet

QUEUE = "y_true"
READ_MS = 200
AMQP_DRAIN = str(ROOT / ".run" / "amqp-drain")


class Drain(NamedTuple):
    """A program that drains the queue. `argv` begins with its executable; `has_output`: whether rows go to Kafka."""

    what: str
    argv: Callable[[Run, int], Sequence[str]]
    share: float = 1.0
    has_output: bool = True


def bare_pika(run: Run, n_messages: int, *names: str) -> list[str]:
    """Return the command of bare consumption with pika."""
    return [sys.executable, "-m", "bench.peers.bare_pika", run.place.amqp_url, str(n_messages), *names]


def c_client(run: Run, n_messages: int, *names: str) -> list[str]:
    """Return the command of bare consumption with the C client."""
    address = urlsplit(run.place.amqp_url)
    return [AMQP_DRAIN, str(address.hostname), str(address.port), str(n_messages), *names]


def _await_each(module: str, run: Run, n_messages: int) -> list[str]:
    place, topic = run.place, topics(run.settings()).y_true.name
    return [PYTHON, "-m", f"bench.peers.{module}", place.amqp_url, place.kafka, str(n_messages), QUEUE, topic]


BARE, BRIDGE = "bare pika", "Hindsight's bridge"
OURS = Drain(BRIDGE, lambda _, n: [sys.executable, "-m", "bench.timed_bridge", str(n), QUEUE])
DRAINS = [
    Drain(BARE, lambda run, n: bare_pika(run, n, QUEUE), has_output=False),
    Drain("bare C client", lambda run, n: c_client(run, n, QUEUE), has_output=False),
    OURS,
    Drain("aio-pika, a task awaits each row", lambda run, n: _await_each("await_each_aio_pika", run, n), 0.3),
    Drain("pika, awaits each row", lambda run, n: _await_each("await_each_pika", run, n), 0.05),
]


def bodies(rows: Sequence[TrueRow], rows_a_message: int = 1) -> list[bytes]:
    """Return the bodies of messages that hold some rows: an object each, or arrays of so many."""
    if rows_a_message == 1:
        return [encode_packet(row) for row in rows]
    return [encode_packet(rows[start : start + rows_a_message]) for start in range(0, len(rows), rows_a_message)]


def preload(url: str, bodies: Sequence[bytes], *, durable: bool) -> None:
    """Put messages into the empty queue; return once all lie there."""
    queues.declare_anew(url, durable=durable)
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    properties = pika.BasicProperties(delivery_mode=2 if durable else 1)
    for body in bodies:
        channel.basic_publish("", QUEUE, body, properties)
    while channel.queue_declare(QUEUE, passive=True).method.message_count < len(bodies):
        connection.sleep(0.05)
    connection.close()


def drained(drain: Drain, run: Run, n_messages: int, **settings: str) -> dict[str, Any]:
    """Let a program drain the queue; return what it says."""
    executable, *argv = drain.argv(run, n_messages)
    environ = run.environ(queues=QUEUE, **settings)
    with Program("drain", argv, executable=executable, environ=environ, directory=run.directory) as program:
        return last_words(program.wait())


def last_words(output: str) -> dict[str, Any]:
    """Return what a drain printed at its end: one line of JSON."""
    found: dict[str, Any] = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    return found


def check_topic(run: Run, rows: Sequence[TrueRow]) -> None:
    """Hold what Kafka has against what was sent: every row once.

    Raises:
        BenchError: it is not so.
    """
    found = asyncio.run(_read(run))
    if sorted(found) != sorted((row.id, row.y_true) for row in rows):
        missing = {row.id for row in rows} - {row_id for row_id, _ in found}
        raise BenchError(f"Kafka has {len(found)} rows of {len(rows)}; {len(missing)} ids are missing")


async def _read(run: Run) -> list[tuple[str, float]]:
    settings = run.settings()
    tps = [TopicPartition(topics(settings).y_true.name, partition) for partition in range(settings.partitions)]
    found: list[tuple[str, float]] = []
    decoder = Decoder("y_true")
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka_address, group_id=None, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(tps)
        ends = await consumer.end_offsets(tps)
        while any([await consumer.position(tp) < ends[tp] for tp in tps]):
            for records in (await consumer.getmany(timeout_ms=READ_MS)).values():
                for record in records:
                    rows, _ = decoder.record(record.value, record.timestamp / 1000)
                    found += [(row.id, row.y_true) for row in rows]
    finally:
        await consumer.stop()
    return found
