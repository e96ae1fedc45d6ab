"""A producer in kafka-python: a record a row, with the id as its key. A body without an id has the key as its id."""

import json
import os
import random
import time
import uuid

import kafka

NAMESPACE = os.environ.get("HINDSIGHT_NAMESPACE", "")
producer = kafka.KafkaProducer(
    bootstrap_servers=os.environ.get("HINDSIGHT_KAFKA", "127.0.0.1:9092"),
    acks="all",
    key_serializer=str.encode,
    value_serializer=lambda row: json.dumps(row).encode(),
)

for _ in range(10):
    row_id, ts = str(uuid.uuid4()), time.time()
    features = [random.gauss(0, 0.05) for _ in range(10)]
    producer.send(NAMESPACE + "features", {"id": row_id, "ts": ts, "features": features}, key=row_id)
    truth = {"ts": ts, "y_true": 150 + 900 * features[2] + random.gauss(0, 50)}
    producer.send(NAMESPACE + "y_true", truth, key=row_id)
producer.flush(30)  # raises if Kafka did not confirm all rows
producer.close()
