"""Rows that other people's Kafka clients wrote, wherever they put them: each id ends once, and `reconcile` says so."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import confluent_kafka
import kafka
import pytest
from confluent_kafka.admin import AdminClient, NewPartitions

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 60.0
Write = Callable[[Pipeline, str, list[dict[str, Any]]], None]


def by_confluent(
    pipeline: Pipeline, kind: str, rows: list[dict[str, Any]], *, keyed: bool = True, **options: Any
) -> None:
    """Write a row a record, with librdkafka's own partitioner (CRC32) where nothing else is asked for."""
    producer = confluent_kafka.Producer({"bootstrap.servers": pipeline.environ["HINDSIGHT_KAFKA"], **options})
    for row in rows:
        producer.produce(topic(pipeline, kind), json.dumps(row), key=str(row["id"]) if keyed else None)
    assert producer.flush(EFFECT_S) == 0


def by_kafka_python(pipeline: Pipeline, kind: str, rows: list[dict[str, Any]]) -> None:
    """Write a row a record without a key: its client puts it anywhere."""
    producer = kafka.KafkaProducer(bootstrap_servers=pipeline.environ["HINDSIGHT_KAFKA"])
    for row in rows:
        producer.send(topic(pipeline, kind), json.dumps(row).encode())
    producer.flush(EFFECT_S)
    producer.close()


def topic(pipeline: Pipeline, kind: str) -> str:
    return pipeline.environ["HINDSIGHT_NAMESPACE"] + kind


WRITERS: dict[str, Write] = {
    "confluent-kafka, keyed": by_confluent,
    "confluent-kafka, unkeyed, zstd": lambda p, kind, rows: by_confluent(
        p, kind, rows, keyed=False, **{"compression.type": "zstd"}
    ),
    "confluent-kafka, keyed, murmur2": lambda p, kind, rows: by_confluent(p, kind, rows, partitioner="murmur2_random"),
    "kafka-python, unkeyed": by_kafka_python,
}


def sides(n: int) -> dict[str, list[dict[str, Any]]]:
    now = time.time()
    return {
        "y_true": [{"id": f"order-{i}", "ts": now, "y_true": 1.0 * i} for i in range(n)],
        "y_pred": [{"id": f"order-{i}", "ts": now, "y_pred": 1.0 * i + 0.5} for i in range(n)],
    }


def reconciled(pipeline: Pipeline) -> dict[str, Any]:
    """Return what `reconcile` says once everything is at rest."""

    def said() -> dict[str, Any] | None:
        done = pipeline.run_command("reconcile", "--json")
        return json.loads(done.stdout) if done.returncode == 0 else None

    return wait_until(said, EFFECT_S, "reconcile finds nothing wrong")


@pytest.mark.parametrize("name", WRITERS)
def test_each_id_ends_once_whoever_partitioned_its_rows(make_pipeline: MakePipeline, name: str) -> None:
    pipeline, n = make_pipeline(agents="metric,plot", queues="off"), 200
    pipeline.start_worker()
    for kind, rows in sides(n).items():
        WRITERS[name](pipeline, kind, rows)

    wait_until(lambda: len(pipeline.metric_rows()) >= n, EFFECT_S, "all pairs are joined")
    assert sorted(row["id"] for row in pipeline.metric_rows()) == sorted(f"order-{i}" for i in range(n))
    assert {row["absolute_error"] for row in pipeline.metric_rows()} == {"0.5"}
    assert pipeline.unmatched_rows() == []
    reconciled(pipeline)
    status = pipeline.status()
    assert (status["matched"], status["duplicates"], status["late"], status["difference"]) == (n, 0, 0, 0)
    assert (status["forwarded"] > 0) == (name != "confluent-kafka, keyed, murmur2")


def test_rows_that_are_on_their_way_when_the_worker_is_killed_come_once(make_pipeline: MakePipeline) -> None:
    pipeline, n = make_pipeline(agents="metric,plot", queues="off"), 3000
    pipeline.start_worker()
    for kind, rows in sides(n).items():
        for at in range(0, n, 500):
            by_confluent(pipeline, kind, rows[at : at + 500])
            if at % 1000 == 0:
                pipeline.worker.kill()
                pipeline.start_worker()

    wait_until(lambda: len(pipeline.metric_rows()) >= n, EFFECT_S, "all pairs are joined")
    assert sorted(row["id"] for row in pipeline.metric_rows()) == sorted(f"order-{i}" for i in range(n))
    assert pipeline.unmatched_rows() == []
    reconciled(pipeline)


def test_the_model_answers_into_the_partition_of_the_id(make_pipeline: MakePipeline) -> None:
    pipeline, n, now = make_pipeline(queues="off"), 100, time.time()
    pipeline.start_worker()
    by_kafka_python(pipeline, "features", [{"id": f"f-{i}", "ts": now, "features": [0.01] * 10} for i in range(n)])
    by_confluent(pipeline, "y_true", [{"id": f"f-{i}", "ts": now, "y_true": 150.0} for i in range(n)], keyed=False)

    wait_until(lambda: len(pipeline.metric_rows()) >= n, EFFECT_S, "all are predicted and joined")
    assert sorted(row["id"] for row in pipeline.metric_rows()) == sorted(f"f-{i}" for i in range(n))
    assert pipeline.unmatched_rows() == []
    reconciled(pipeline)


def test_topics_that_somebody_grows_while_all_runs_are_on_readyz_with_a_cure(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot", queues="off")
    pipeline.start_worker()
    admin = AdminClient({"bootstrap.servers": pipeline.environ["HINDSIGHT_KAFKA"]})
    for future in admin.create_partitions([NewPartitions(topic(pipeline, "y_true"), 8)]).values():
        future.result(EFFECT_S)

    def said() -> str:
        url = f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}/readyz"
        try:
            urllib.request.urlopen(url)  # ready
        except urllib.error.HTTPError as exc:
            checks = json.loads(exc.read())["checks"]
        else:
            return ""
        return next((check["sentence"] for check in checks if check["name"] == "partitions" and not check["ok"]), "")

    sentence = wait_until(said, EFFECT_S, "/readyz names the topic")
    assert f"'{topic(pipeline, 'y_true')}' has 8" in sentence
    assert "run `faust -A streams repartition 8`" in sentence
