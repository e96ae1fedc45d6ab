"""Kafka without RabbitMQ, as a person runs it: `make run`, a producer of one's own, another field name, and the way back."""

from __future__ import annotations

import json
import signal
import sys
import time
from typing import Any

import confluent_kafka

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline, Process
from tests.waiting import wait_until

EFFECT_S = 60.0
REFUSED = (
    "3 rows of y_true cannot be read, newest: no field `y_true`; it has `id`, `price_eur`: set "
    "HINDSIGHT_FIELD_Y_TRUE=price_eur if that is the value"
)
NO_RABBITMQ = {"HINDSIGHT_AMQP_URL": "amqp://127.0.0.1:1"}
"""Nothing listens there: whoever asked it would say so."""


def write(pipeline: Pipeline, kind: str, rows: list[dict[str, Any]]) -> None:
    producer = confluent_kafka.Producer({"bootstrap.servers": pipeline.environ["HINDSIGHT_KAFKA"]})
    for row in rows:
        producer.produce(pipeline.environ["HINDSIGHT_NAMESPACE"] + kind, json.dumps(row), key=row["id"])
    assert producer.flush(EFFECT_S) == 0


def run(pipeline: Pipeline, name: str, **environ: str) -> Process:
    """Start `make run`'s process, and wait until its worker is ready."""
    running = pipeline.new_process(name, [sys.executable, "-m", "dev", "run"], **NO_RABBITMQ, **environ)
    running.start("Started worker")
    wait_until(lambda: '"ready":true' in pipeline.page("/readyz").replace(" ", ""), EFFECT_S, "the worker is ready")
    return running


def command(pipeline: Pipeline, *arguments: str, **environ: str) -> tuple[int, str]:
    done = pipeline.run_command(*arguments, environ=NO_RABBITMQ | environ)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout + done.stderr


def test_rows_under_another_name_are_named_everywhere_and_joined_once_the_setting_is_right(
    make_pipeline: MakePipeline,
) -> None:
    pipeline = make_pipeline(queues="off", agents="metric,plot", partitions=2)
    first = run(pipeline, "first")
    ids = [f"order-{i}" for i in range(3)]
    write(pipeline, "y_pred", [{"id": each, "ts": time.time(), "y_pred": 8.0} for each in ids])
    write(pipeline, "y_true", [{"id": each, "price_eur": 8.5} for each in ids])

    worker_log = pipeline.logs.parent / "log" / "worker.log"
    wait_until(lambda: REFUSED in worker_log.read_text(), EFFECT_S, "the worker's log says it")
    wait_until(lambda: REFUSED in pipeline.page("/readyz"), EFFECT_S, "/readyz says it")
    assert json.loads(pipeline.page("/readyz"))["ready"] is True
    wait_until(lambda: pipeline.status()["unreadable"] == [f"{REFUSED}."], EFFECT_S, "the status says it")
    assert REFUSED in command(pipeline, "status")[1]
    code, said = command(pipeline, "doctor", "--json")
    assert code == 1
    wrong = [finding for finding in json.loads(said) if finding["level"] == "wrong"]
    assert [finding["what"] for finding in wrong] == ["rows that cannot be read"]
    assert wrong[0]["said"].startswith(REFUSED)
    assert "0 of 3 can be read now" in command(pipeline, "quarantine", "requeue", "--yes")[1]

    assert first.stop(signal.SIGINT) == 0
    assert "Started bridge" not in first.said
    assert "Started features" not in first.said
    named = {"HINDSIGHT_FIELD_Y_TRUE": "price_eur"}
    second = run(pipeline, "second", **named)
    code, said = command(pipeline, "quarantine", "requeue", "--yes", **named)
    assert code == 0
    assert "3 of 3 can be read now and will go back to their topics, with 3 rows." in said
    wait_until(lambda: len(pipeline.metric_rows()) == 3, EFFECT_S, "all are joined")

    assert sorted(row["id"] for row in pipeline.metric_rows()) == ids
    assert {row["absolute_error"] for row in pipeline.metric_rows()} == {"0.5"}
    wait_until(lambda: pipeline.status()["unreadable"] == [], EFFECT_S, "nothing is said of rows that were read")
    code, said = command(pipeline, "status")
    assert code == 0
    assert "RabbitMQ    not used: HINDSIGHT_QUEUES is off, so rows come by Kafka alone" in said
    assert command(pipeline, "doctor")[0] == 0
    assert second.stop(signal.SIGINT) == 0


def test_the_commands_of_rabbitmq_say_that_there_are_no_queues(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(queues="off")
    code, said = command(pipeline, "features", "--count", "1")
    assert (code, said) == (1, "HINDSIGHT_QUEUES is off, and the data driver sends rows by RabbitMQ only.\n")
    code, said = command(pipeline, "bridge")
    assert code == 1
    assert "HINDSIGHT_QUEUES is off" in said
    code, said = command(pipeline, "topology")
    assert code == 0
    assert "RabbitMQ: not used: HINDSIGHT_QUEUES is off" in said
