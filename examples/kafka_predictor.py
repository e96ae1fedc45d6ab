"""A model service in confluent-kafka: reads `features`, predicts, writes `y_pred`. Killed at any moment, it loses no row."""

import json
import os
import sys

import confluent_kafka

NAMESPACE = os.environ.get("HINDSIGHT_NAMESPACE", "")
KAFKA = {"bootstrap.servers": os.environ.get("HINDSIGHT_KAFKA", "127.0.0.1:9092")}
producer = confluent_kafka.Producer({**KAFKA, "enable.idempotence": True, "partitioner": "murmur2_random"})
consumer = confluent_kafka.Consumer(
    {**KAFKA, "group.id": NAMESPACE + "my-model", "auto.offset.reset": "earliest", "enable.auto.commit": False}
)
consumer.subscribe([NAMESPACE + "features"])

while True:
    records = [record for record in consumer.consume(500, timeout=1) if not record.error()]  # errors: it tries again
    for record in records:
        found = json.loads(record.value())
        for row in found if isinstance(found, list) else [found]:  # the bridge packs many rows into one record
            y_pred = 150 + 900 * row["features"][2]  # your model
            answer = {"id": row["id"], "ts": row["ts"], "y_pred": y_pred, "model": "mine", "version": "1"}
            producer.produce(NAMESPACE + "y_pred", json.dumps(answer), key=row["id"])
    if producer.flush(30):
        sys.exit("Kafka did not confirm all predictions within 30 s.")
    if records:
        consumer.commit(asynchronous=False)  # last: a crash before it repeats rows, which count as duplicates
