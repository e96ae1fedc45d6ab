"""A producer in confluent-kafka: a record a row, with the id as its key."""

import json
import os
import random
import sys
import time
import uuid

import confluent_kafka

NAMESPACE = os.environ.get("HINDSIGHT_NAMESPACE", "")
producer = confluent_kafka.Producer(
    {
        "bootstrap.servers": os.environ.get("HINDSIGHT_KAFKA", "127.0.0.1:9092"),
        "enable.idempotence": True,  # and so acks=all: a row is stored once, and by every replica
        "partitioner": "murmur2_random",  # Java's: the row is where its id is joined, and is not sent on
    }
)

for _ in range(10):
    row_id, ts = str(uuid.uuid4()), time.time()
    features = [random.gauss(0, 0.05) for _ in range(10)]
    row = {"id": row_id, "ts": ts, "features": features}
    producer.produce(NAMESPACE + "features", json.dumps(row), key=row_id)
    truth = {"id": row_id, "ts": ts, "y_true": 150 + 900 * features[2] + random.gauss(0, 50)}
    producer.produce(NAMESPACE + "y_true", json.dumps(truth), key=row_id)
if producer.flush(30):
    sys.exit("Kafka did not confirm all rows within 30 s.")
