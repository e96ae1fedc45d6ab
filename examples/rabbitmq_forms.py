"""The three forms of a message."""

import json
import os
import time

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("HINDSIGHT_AMQP_URL", "amqp://127.0.0.1/%2F")))
channel = connection.channel()
channel.queue_declare("y_true", durable=True)  # as HINDSIGHT_QUEUE_KIND says; or passive=True
channel.queue_declare("y_pred", durable=True)

now = time.time()
one = {"id": "order-17", "ts": now, "y_true": 295.0}  # native
channel.basic_publish("", "y_true", json.dumps(one))
simple = {"id": 1669147134.196809, "body": 295.0}  # simple: a number as id, `body`
channel.basic_publish("", "y_true", json.dumps(simple))
many = [  # many rows in one message: fastest
    {"id": "order-17", "ts": now, "y_pred": 221.8, "model": "mine", "tags": {"country": "DE"}},
    {"id": 1669147134.196809, "body": 240.1},
]
channel.basic_publish("", "y_pred", json.dumps(many))
connection.close()
