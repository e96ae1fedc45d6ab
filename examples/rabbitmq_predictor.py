"""A model service: reads `features`, predicts, publishes to `y_pred`. Killed at any moment, it loses no row."""

import json
import os

import pika

connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("HINDSIGHT_AMQP_URL", "amqp://127.0.0.1/%2F")))
channel = connection.channel()
channel.confirm_delivery()  # basic_publish returns once RabbitMQ has stored the message, or raises
channel.basic_qos(prefetch_count=100)
for queue in ("features", "y_pred"):
    channel.queue_declare(queue, durable=True)
PERSISTENT = pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent.value)


def predict(channel, method, properties, body):
    """Publish the prediction of one row, then acknowledge the row."""
    row = json.loads(body)
    y_pred = 150 + 900 * row["features"][2]  # your model
    answer = {"id": row["id"], "ts": row["ts"], "y_pred": y_pred, "model": "mine", "version": "1"}
    channel.basic_publish("", "y_pred", json.dumps(answer), PERSISTENT, mandatory=True)
    channel.basic_ack(method.delivery_tag)  # last: a crash before it repeats the row, which counts as a duplicate


channel.basic_consume("features", predict)
channel.start_consuming()
