"""Bare consumption with pika: `URL N QUEUE...` reads N messages and acknowledges every 100; no JSON, no Kafka."""

from __future__ import annotations

import sys
from typing import Any

import pika

from bench.peers.drained import ACK_EVERY, PREFETCH, Clock


def main(url: str, n_messages: int, *queues: str) -> None:
    """Drain, and print what it took."""
    clock = Clock(n_messages)
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH, global_qos=False)

    def on_message(channel: Any, method: Any, _properties: Any, _body: bytes) -> None:
        tag = method.delivery_tag
        if tag % ACK_EVERY == 0 or tag == n_messages:
            channel.basic_ack(tag, multiple=True)
            if clock.tick(tag):
                channel.stop_consuming()

    for queue in queues:
        channel.basic_consume(queue, on_message)
    print("Waiting for messages", flush=True)
    channel.start_consuming()
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
