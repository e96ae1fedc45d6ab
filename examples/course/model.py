"""Reads the queue `features`, predicts, and sends to the queue `y_pred`, declared with pika's defaults."""

import json
import os

import numpy as np
import pika
from sklearn.datasets import load_diabetes
from sklearn.linear_model import LinearRegression

regressor = LinearRegression().fit(*load_diabetes(return_X_y=True))
connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("HINDSIGHT_AMQP_URL", "amqp://127.0.0.1/%2F")))
channel = connection.channel()
channel.queue_declare(queue="features")
channel.queue_declare(queue="y_pred")


def callback(ch, method, properties, body):
    """Predict one message."""
    message = json.loads(body)
    prediction = regressor.predict(np.array(message["body"]).reshape(1, -1))
    message_y_pred = {"id": message["id"], "body": prediction[0]}
    channel.basic_publish(exchange="", routing_key="y_pred", body=json.dumps(message_y_pred))


channel.basic_consume(queue="features", on_message_callback=callback, auto_ack=True)
channel.start_consuming()
