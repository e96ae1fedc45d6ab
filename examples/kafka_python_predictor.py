"""A model service in kafka-python: reads `features`, predicts, writes `y_pred`. Killed at any moment, it loses no row."""

import json
import os

import kafka

NAMESPACE = os.environ.get("HINDSIGHT_NAMESPACE", "")
SERVERS = os.environ.get("HINDSIGHT_KAFKA", "127.0.0.1:9092")
producer = kafka.KafkaProducer(
    bootstrap_servers=SERVERS,
    acks="all",
    key_serializer=str.encode,
    value_serializer=lambda row: json.dumps(row).encode(),
)
consumer = kafka.KafkaConsumer(
    NAMESPACE + "features",
    bootstrap_servers=SERVERS,
    group_id=NAMESPACE + "my-model",
    auto_offset_reset="earliest",
    enable_auto_commit=False,
)

while True:
    polled = consumer.poll(timeout_ms=1000)
    for record in (record for records in polled.values() for record in records):
        found = json.loads(record.value)
        for row in found if isinstance(found, list) else [found]:  # the bridge packs many rows into one record
            y_pred = 150 + 900 * row["features"][2]  # your model
            answer = {"id": row["id"], "ts": row["ts"], "y_pred": y_pred, "model": "mine", "version": "1"}
            producer.send(NAMESPACE + "y_pred", answer, key=row["id"])
    producer.flush(30)
    if polled:
        consumer.commit()  # last: a crash before it repeats rows, which count as duplicates
