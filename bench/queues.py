"""RabbitMQ's queues before and after a run."""

from __future__ import annotations

import pika
from pika.adapters.blocking_connection import BlockingChannel

QUEUES = ("y_true", "y_pred", "features")


def declare_anew(url: str, *, durable: bool) -> None:
    """Delete the queues of all kinds, and declare them empty."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel: BlockingChannel = connection.channel()
    for queue in QUEUES:
        channel.queue_delete(queue)
        channel.queue_declare(queue, durable=durable)
    connection.close()
