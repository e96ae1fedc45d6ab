"""Sends random rows of load_diabetes to the queues `features` and `y_true`, declared with pika's defaults."""

import json
import os
import time
from datetime import datetime

import numpy as np
import pika
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True)
connection = pika.BlockingConnection(pika.URLParameters(os.environ.get("HINDSIGHT_AMQP_URL", "amqp://127.0.0.1/%2F")))
channel = connection.channel()
channel.queue_declare(queue="y_true")
channel.queue_declare(queue="features")

while True:
    random_row = np.random.randint(0, X.shape[0] - 1)
    message_id = datetime.timestamp(datetime.now())
    message_y_true = {"id": message_id, "body": y[random_row]}
    message_features = {"id": message_id, "body": list(X[random_row])}
    channel.basic_publish(exchange="", routing_key="y_true", body=json.dumps(message_y_true))
    channel.basic_publish(exchange="", routing_key="features", body=json.dumps(message_features))
    time.sleep(1)
