"""Producers of somebody else: confluent-kafka, which puts rows without a key into any partition, with each codec in turn.

They write straight to Kafka, past the bridge and the proxies.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Producer

from tests.faults.ledger import Message

CODECS = ("none", "gzip", "snappy", "lz4", "zstd")
TOPICS_EVERY_MS = 1000
GIVEN_UP_MS = 10_000
"""After so long it is not known whether Kafka has a record."""


class Foreign:
    """Sends messages, and says of each what became of it, while `poll` or `wait` is called."""

    def __init__(self, kafka: str, namespace: str) -> None:
        self._namespace = namespace
        given = {
            "bootstrap.servers": kafka,
            "partitioner": "random",
            "linger.ms": 20,
            "message.timeout.ms": GIVEN_UP_MS,
            "topic.metadata.refresh.interval.ms": TOPICS_EVERY_MS,
            "log_level": 0,
        }
        self._producers = [Producer(given | {"compression.type": codec}) for codec in CODECS]
        self._next = itertools.cycle(self._producers)
        self.n_open = 0

    def send(self, message: Message, told: Callable[[bool], None]) -> None:
        """Send a message; `told` is whether Kafka has confirmed it. If not, it may have it all the same."""

        def settle(error: KafkaError | None, _: object) -> None:
            self.n_open -= 1
            told(error is None)

        self.n_open += 1
        try:
            next(self._next).produce(self._namespace + message.queue, message.body, on_delivery=settle)
        except (BufferError, KafkaException):
            self.n_open -= 1
            told(False)

    def poll(self, within_s: float = 0.0) -> None:
        """Let what has been answered be told."""
        for producer in self._producers:
            producer.poll(within_s)
