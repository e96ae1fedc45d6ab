"""The services that people write first: a connection for each message, a CSV that is opened for each row.

`publish URL N_IDS AT` sends both sides; prints JSON as `bench.publisher` does. `metric URL CSV` joins them in a dict. What
was delivered is acknowledged at once: a row that waits is lost when the service ends.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import pika

from bench import made_up_rows

HEADER = "id,y_true,y_pred,absolute_error\n"


def publish(url: str, n_ids: str, at: str) -> None:
    """Publish y_true and y_pred in turn."""
    given = made_up_rows.pairs(int(n_ids), int(at))
    before, began = time.process_time(), time.time()
    for truth, prediction in zip(*given, strict=True):
        send(url, "y_true", {"id": truth.id, "body": truth.y_true})
        send(url, "y_pred", {"id": prediction.id, "body": prediction.y_pred})
    ended, cpu_s = time.time(), time.process_time() - before
    print(json.dumps({"began": began, "ended": ended, "cpu_s": cpu_s}))


def send(url: str, queue: str, message: dict[str, Any]) -> None:
    """Publish one message."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare(queue=queue)
    channel.basic_publish(exchange="", routing_key=queue, body=json.dumps(message))
    connection.close()


def metric(url: str, csv: str) -> None:
    """Join what comes, for ever."""
    Path(csv).write_text(HEADER)
    waiting: dict[str, dict[str, float]] = {}

    def take(channel: Any, method: Any, properties: Any, body: bytes) -> None:
        message = json.loads(body)
        pair = waiting.setdefault(message["id"], {})
        pair[method.routing_key] = message["body"]
        if len(pair) == 2:
            y_true, y_pred = pair["y_true"], pair["y_pred"]
            with Path(csv).open("a") as log:
                log.write(f"{message['id']},{y_true},{y_pred},{abs(y_true - y_pred)}\n")
            del waiting[message["id"]]

    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    for queue in ("y_true", "y_pred"):
        channel.queue_declare(queue=queue)
        channel.basic_consume(queue=queue, on_message_callback=take, auto_ack=True)
    print("Waiting for messages", flush=True)
    channel.start_consuming()


if __name__ == "__main__":
    {"publish": publish, "metric": metric}[sys.argv[1]](*sys.argv[2:])
