"""The bridge against bare pika: how fast each drains the same durable queue of RabbitMQ.

Bare pika only reads: no JSON, no Kafka, prefetch 2000, one acknowledgement for every 100 messages. Each run is a
process of its own; the first tenth of the messages warms it up, the rest is timed. The queue `y_true` of the virtual
host is deleted: run it on brokers of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pika

from bench.usage import memory_mb
from bridge import counts
from bridge.app import Bridge
from streams.settings import load

QUEUE = "y_true"
PREFETCH, ACK_EVERY = 2000, 100


def run(amqp_url: str, kafka: str, *, n_messages: int = 100_000, rows_a_message: int = 1, runs: int = 3) -> list[Any]:
    """Time bare pika and the bridge in turn; return a result for each: rows/s, CPU s per 100k rows, RSS, ratio."""
    body = _body(rows_a_message)
    times: dict[str, list[dict[str, float]]] = {"bare pika": [], "bridge": []}
    for _ in range(runs):
        for name, measured in times.items():
            _preload(amqp_url, body, n_messages)
            measured.append(_in_a_process(name, amqp_url, kafka, n_messages, rows_a_message))
    results = [{"what": name} | _median(measured) for name, measured in times.items()]
    for result in results:
        result |= {
            "rows_a_message": rows_a_message,
            "n_messages": n_messages,
            "ratio": round(result["rows_per_s"] / results[0]["rows_per_s"], 3),
        }
    return results


def _body(n_rows: int) -> bytes:
    rows = [{"id": f"1669147134.{i:06d}", "ts": 1669147134.25, "y_true": 151.0} for i in range(n_rows)]
    return json.dumps(rows[0] if n_rows == 1 else rows).encode()


def _preload(amqp_url: str, body: bytes, n_messages: int) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    channel.queue_delete(QUEUE)
    channel.queue_declare(QUEUE, durable=True)
    persistent = pika.BasicProperties(delivery_mode=2)
    for _ in range(n_messages):
        channel.basic_publish("", QUEUE, body, persistent)
    while channel.queue_declare(QUEUE, passive=True).method.message_count < n_messages:
        connection.sleep(0.05)
    connection.close()


def _in_a_process(name: str, amqp_url: str, kafka: str, n_messages: int, rows_a_message: int) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.bridge", name, amqp_url, kafka, str(n_messages), str(rows_a_message)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=600)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _median(measured: list[dict[str, float]]) -> dict[str, Any]:
    return {key: round(statistics.median(one[key] for one in measured), 3) for key in measured[0]}


class _Clock:
    """Times everything after the first tenth of the messages."""

    def __init__(self, n_messages: int, rows_a_message: int) -> None:
        self._warm_at, self._n_messages, self._rows = n_messages // 10, n_messages, rows_a_message
        self._started: tuple[int, float, float] | None = None
        self.result: dict[str, float] = {}

    def tick(self, n_done: int) -> None:
        """Tell how many messages are done; `result` is there when all are."""
        used = resource.getrusage(resource.RUSAGE_SELF)
        now = (n_done, time.perf_counter(), used.ru_utime + used.ru_stime)
        if self._started is None and n_done >= self._warm_at:
            self._started = now
        if self._started is not None and n_done >= self._n_messages:
            n_rows = (n_done - self._started[0]) * self._rows
            self.result = {
                "rows_per_s": n_rows / (now[1] - self._started[1]),
                "cpu_s_per_100k_rows": (now[2] - self._started[2]) / n_rows * 100_000,
                "rss_mb": memory_mb(os.getpid()),
            }


def _bare(amqp_url: str, clock: _Clock) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(amqp_url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)

    def on_message(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        if method.delivery_tag % ACK_EVERY == 0:
            channel.basic_ack(method.delivery_tag, multiple=True)
            clock.tick(method.delivery_tag)
            if clock.result:
                channel.stop_consuming()

    channel.basic_consume(QUEUE, on_message)
    channel.start_consuming()
    connection.close()


async def _bridge(amqp_url: str, kafka: str, clock: _Clock) -> None:
    settings = load(
        {
            "HINDSIGHT_AMQP_URL": amqp_url,
            "HINDSIGHT_KAFKA": kafka,
            "HINDSIGHT_QUEUES": QUEUE,
            "HINDSIGHT_NAMESPACE": "bench-bridge-",
            "HINDSIGHT_PREFETCH": str(PREFETCH),
        }
    )
    stop = asyncio.Event()
    running = asyncio.create_task(Bridge(settings).run(stop))
    while not clock.result and not running.done():
        await asyncio.sleep(0.002)
        clock.tick(int(counts.acked.labels(QUEUE)._value.get()))
    stop.set()
    await running


def main(name: str, amqp_url: str, kafka: str, n_messages: int, rows_a_message: int) -> None:
    """Time one run in this process, and print the result as JSON."""
    clock = _Clock(n_messages, rows_a_message)
    drain: dict[str, Callable[[], None]] = {
        "bare pika": lambda: _bare(amqp_url, clock),
        "bridge": lambda: asyncio.run(_bridge(amqp_url, kafka, clock)),
    }
    drain[name]()
    print(json.dumps(clock.result))


if __name__ == "__main__":
    main(*sys.argv[1:4], *map(int, sys.argv[4:6]))  # type: ignore[arg-type]
