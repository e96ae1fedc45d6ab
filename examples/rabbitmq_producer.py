"""A producer: publishes features, and their truth; each call returns once RabbitMQ has stored the message."""

import json
import os
import random
import time
import uuid

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("HINDSIGHT_AMQP_URL", "amqp://127.0.0.1/%2F")))
channel = connection.channel()
channel.confirm_delivery()
for queue in ("features", "y_true"):
    channel.queue_declare(queue, durable=True)
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent.value)

for _ in range(10):
    row_id, ts = str(uuid.uuid4()), time.time()
    features = [random.gauss(0, 0.05) for _ in range(10)]
    row = {"id": row_id, "ts": ts, "features": features}
    channel.basic_publish("", "features", json.dumps(row), PERSISTENT, mandatory=True)
    truth = {
        "id": row_id,
        "ts": ts,
        "y_true": 150 + 900 * features[2] + random.gauss(0, 50),
    }  # days later, in real life
    channel.basic_publish("", "y_true", json.dumps(truth), PERSISTENT, mandatory=True)
connection.close()
