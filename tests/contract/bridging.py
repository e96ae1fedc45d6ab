"""One or more bridges on the real brokers, and what goes in and comes out."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pika
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from pika.exceptions import UnroutableError

from tests.brokers import Brokers
from tests.e2e.pipeline import Process
from tests.waiting import wait_until

MOVED_S = 30.0
TOPICS = ("features", "y_true", "y_pred", "quarantine")


class Found(NamedTuple):
    """One Kafka record."""

    topic: str
    partition: int
    value: bytes
    headers: dict[str, bytes]


def truths(prefix: str, n: int) -> dict[str, bytes]:
    """Return bodies of one row each for `y_true`, by id."""
    return {f"{prefix}-{i}": b'{"id":"%s-%d","ts":5.0,"y_true":%d}' % (prefix.encode(), i, i) for i in range(n)}


def rss_mb(pid: int) -> float:
    """Return the resident memory of a process, in MB."""
    return _memory_mb(pid, "VmRSS")


def peak_mb(pid: int) -> float:
    """Return the most resident memory that a process has had, in MB."""
    return _memory_mb(pid, "VmHWM")


def _memory_mb(pid: int, name: str) -> float:
    found = re.search(rf"{name}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


class Bridging:
    """Bridges over one namespace and one vhost. `bridge` is the first of them; none is started yet."""

    def __init__(self, brokers: Brokers, **settings: Any):
        self.brokers = brokers
        self.environ = brokers.environ(**settings)
        self._namespace = self.environ["HINDSIGHT_NAMESPACE"]
        self._n_partitions = int(settings.get("partitions", 4))
        self._home = Path(self.environ["HINDSIGHT_DEV_DIR"])
        self._web_port = self.environ["HINDSIGHT_BRIDGE_WEB_PORT"]
        self._bridges: list[Process] = []
        self.bridge = self.new_bridge()

    def new_bridge(self, **environ: str) -> Process:
        """Return a bridge that is not started."""
        n = len(self._bridges)
        argv = [sys.executable, "-m", "bridge"]
        self._bridges.append(Process(f"bridge {n}", argv, self.environ | environ, self._home / f"bridge{n}.out"))
        return self._bridges[-1]

    def start(self) -> None:
        """Start the first bridge, and wait until every link of it works."""
        self.bridge.launch()
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until every link of the first bridge works."""
        wait_until(lambda: self.readyz().get("ready"), MOVED_S, f"the bridge is ready; it said:\n{self.bridge.said}")

    def end(self) -> None:
        """Make sure that no bridge runs any more."""
        for bridge in self._bridges:
            bridge.end()

    def publish(self, queue: str, *bodies: bytes | dict[str, Any] | list[Any], **properties: Any) -> None:
        """Publish bodies, persistent and confirmed, to a queue that exists."""
        with self.connection() as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            kept = pika.BasicProperties(**{"delivery_mode": 2} | properties)
            for body in bodies:
                raw = body if isinstance(body, bytes) else json.dumps(body).encode()
                channel.basic_publish("", queue, raw, kept, mandatory=True)

    def publish_when_declared(self, queue: str, body: dict[str, Any]) -> None:
        """Publish one body as soon as somebody has declared the queue."""

        def published() -> bool:
            try:
                self.publish(queue, body)
            except UnroutableError:
                return False
            return True

        wait_until(published, MOVED_S, f"the queue {queue} is declared")

    def pour(self, queue: str, bodies: Iterable[bytes]) -> None:
        """Publish many persistent bodies, fast; all are there when RabbitMQ has closed the connection."""
        kept = pika.BasicProperties(delivery_mode=2)
        with self.connection() as connection:
            channel = connection.channel()
            for body in bodies:
                channel.basic_publish("", queue, body, kept)

    def connection(self) -> pika.BlockingConnection:
        """Return a new connection to our vhost."""
        return pika.BlockingConnection(pika.URLParameters(self.environ["HINDSIGHT_AMQP_URL"]))

    def queue(self, name: str) -> dict[str, Any]:
        """Return what RabbitMQ knows of a queue."""
        vhost = self.environ["HINDSIGHT_AMQP_URL"].rsplit("/", 1)[1]
        found: dict[str, Any] = json.loads(self.brokers.management("GET", f"queues/{vhost}/{name}"))
        return found

    def connections(self) -> list[str]:
        """Return the names of the connections to our vhost that RabbitMQ's statistics know."""
        vhost = self.environ["HINDSIGHT_AMQP_URL"].rsplit("/", 1)[1]
        found = json.loads(self.brokers.management("GET", f"vhosts/{vhost}/connections"))
        return [urllib.parse.quote(one["name"]) for one in found]

    def n_ready(self, queue: str) -> int:
        """Return how many messages of a queue are with nobody: all that are not acknowledged, once no bridge runs."""
        with self.connection() as connection:
            n: int = connection.channel().queue_declare(queue, passive=True).method.message_count
            return n

    def records(self, *topics: str) -> list[Found]:
        """Return everything that the topics hold; nothing for topics that are not there."""
        parts = [
            TopicPartition(self._namespace + topic, partition)
            for topic in topics or TOPICS
            for partition in range(1 if topic.startswith("quarantine") else self._n_partitions)
        ]
        return asyncio.run(_read(self.brokers.kafka, parts))

    def rows(self, kind: str) -> list[dict[str, Any]]:
        """Return the rows that a topic holds."""
        return [row for record in self.records(kind) for row in json.loads(record.value)]

    def wait_rows(self, kind: str, n: int, timeout_s: float = MOVED_S) -> list[dict[str, Any]]:
        """Wait until a topic holds at least so many rows; return them."""
        wait_until(lambda: len(self.rows(kind)) >= n, timeout_s, f"{n} rows in {kind}; bridge:\n{self.bridge.said}")
        return self.rows(kind)

    def wait_ids(self, kind: str, ids: Iterable[str], timeout_s: float = MOVED_S) -> list[dict[str, Any]]:
        """Wait until a topic holds each of these ids; return its rows."""
        wanted = set(ids)
        wait_until(
            lambda: wanted <= {row["id"] for row in self.rows(kind)},
            timeout_s,
            f"{len(wanted)} ids in {kind}; {len(self.rows(kind))} rows are there; bridge:\n{self.bridge.said}",
        )
        return self.rows(kind)

    def wait_quarantined(self, n: int) -> list[Found]:
        """Wait until so many records are in quarantine; return them."""
        wait_until(lambda: len(self.records("quarantine")) >= n, MOVED_S, f"{n} records in quarantine")
        return self.records("quarantine")

    def readyz(self) -> dict[str, Any]:
        """Return what the first bridge says of its links; nothing while nobody answers."""
        url = f"http://127.0.0.1:{self._web_port}/readyz"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return dict(json.loads(answer.read()))
        except urllib.error.HTTPError as answer:
            return dict(json.loads(answer.read()))
        except OSError:
            return {}

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric of the first bridge over all labels that are not given."""
        url = f"http://127.0.0.1:{self._web_port}/metrics"
        with urllib.request.urlopen(url, timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        found = [line for line in lines if line.split("{")[0].split(" ")[0] == f"hindsight_bridge_{name}"]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found if all(one in line for one in wanted))


async def _read(kafka: str, parts: Sequence[TopicPartition]) -> list[Found]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka, request_timeout_ms=5000)
    try:
        await consumer.start()
        existing = await consumer.topics()
        ends = await consumer.end_offsets([part for part in parts if part.topic in existing])
        filled = {part: end for part, end in ends.items() if end}
        return await _read_to(consumer, filled) if filled else []
    except KafkaError:
        return []
    finally:
        await consumer.stop()


async def _read_to(consumer: AIOKafkaConsumer, ends: dict[TopicPartition, int]) -> list[Found]:
    consumer.assign(list(ends))
    await consumer.seek_to_beginning(*ends)
    found: list[Found] = []
    left = set(ends)
    while left:
        for part, records in (await consumer.getmany(timeout_ms=2000)).items():
            found += [Found(r.topic, r.partition, r.value, dict(r.headers)) for r in records]
            if records[-1].offset + 1 >= ends[part]:
                left.discard(part)
    return found
