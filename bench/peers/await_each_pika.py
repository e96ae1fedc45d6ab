"""The bridge as a loop: pika gives a message, confluent-kafka confirms it, pika acknowledges it; then the next one.

`URL KAFKA N QUEUE TOPIC`. One row a message, its id as the key.
"""

from __future__ import annotations

import json
import sys

import pika
from confluent_kafka import KafkaError, Message, Producer

from bench.peers.drained import PREFETCH, Clock


def failed(error: KafkaError | None, _message: Message) -> None:
    """End where Kafka did not take a row."""
    if error is not None:
        raise RuntimeError(error.str())


def main(url: str, kafka: str, n_messages: int, queue: str, topic: str) -> None:
    """Drain, and print what it took."""
    clock = Clock(n_messages)
    producer = Producer(
        {"bootstrap.servers": kafka, "enable.idempotence": True, "linger.ms": 0, "partitioner": "murmur2_random"}
    )
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.basic_qos(prefetch_count=PREFETCH)
    for n_done, (method, _, body) in enumerate(channel.consume(queue), start=1):
        producer.produce(topic, body, json.loads(body)["id"], on_delivery=failed)
        producer.flush()
        channel.basic_ack(method.delivery_tag)
        if clock.tick(n_done):
            break
    connection.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), *sys.argv[4:6])
