"""A producer at a steady rate: `python -m bench.paced_kafka KAFKA Y_TRUE Y_PRED PARTITIONS IDS_A_SECOND SECONDS`.

Each id is the time of its sending; y_true and y_pred of an id go out together, a row a record, as other producers write.
"""

from __future__ import annotations

import sys
import time

from confluent_kafka import Producer

from streams.wire.partition import partition_of

TICK_S = 0.001


class Paced:
    """Sends what is due, every tick."""

    def __init__(self, kafka: str, topics: tuple[str, str], n_partitions: int) -> None:
        self._topics, self._n_partitions = topics, n_partitions
        self._n_sent, self._last = 0, 0.0
        self._producer = Producer({"bootstrap.servers": kafka, "linger.ms": 1, "acks": "all"})

    def run(self, rate: float, seconds: float) -> int:
        """Send for so long; return how many ids that was."""
        began = time.time()
        while (since := time.time() - began) < seconds:
            while self._n_sent < int(since * rate):
                self._send()
            self._producer.poll(TICK_S)
        self._producer.flush()
        return self._n_sent

    def _send(self) -> None:
        self._last = max(time.time(), self._last + 1e-6)  # ids must differ
        name = f"{self._last:.6f}"
        partition = partition_of(name, self._n_partitions)
        for kind, topic in zip(("y_true", "y_pred"), self._topics, strict=True):
            body = f'{{"id":"{name}","ts":{name},"{kind}":{150 + self._n_sent % 50}.5}}'
            self._producer.produce(topic, body.encode(), key=name.encode(), partition=partition)
        self._n_sent += 1


if __name__ == "__main__":
    kafka, y_true, y_pred, n_partitions, rate, seconds = sys.argv[1:]
    print(Paced(kafka, (y_true, y_pred), int(n_partitions)).run(float(rate), float(seconds)))
