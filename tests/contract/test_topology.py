"""The command `topology`: what it declares, what it leaves as it is, and what it says where it cannot."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.brokers import CHECKOUT, Brokers, free_port
from tests.e2e.pipeline import Pipeline
from tests.kafka_topics import set_config

WORKER_S = 60.0
KINDS = ("features", "y_true", "y_pred")


@pytest.fixture
def pipeline_with(brokers: Brokers) -> Callable[..., Pipeline]:
    """Makes pipelines of which no process is started."""

    def make(**settings: Any) -> Pipeline:
        return Pipeline(brokers, **settings)

    return make


def test_topics_and_queues_are_declared_once(pipeline_with: Callable[..., Pipeline]) -> None:
    pipeline = pipeline_with(queue_kind="quorum")
    namespace = pipeline.environ["HINDSIGHT_NAMESPACE"]
    first = pipeline.run_command("topology")
    assert first.returncode == 0, first.stderr
    made = [
        *(f"{namespace}{name}" for name in (*KINDS, "metric", "quarantine")),
        f"{namespace}hindsight-pairs-changelog",
        f"{namespace}quarantine-resolved",
    ]
    assert f"topics created: {', '.join(made)}." in first.stdout
    assert "queues created: features, y_true, y_pred." in first.stdout
    with pika.BlockingConnection(pika.URLParameters(pipeline.environ["HINDSIGHT_AMQP_URL"])) as connection:
        for kind in KINDS:  # the arguments must be the same, or RabbitMQ refuses
            connection.channel().queue_declare(kind, durable=True, arguments={"x-queue-type": "quorum"})

    second = pipeline.run_command("topology")
    assert second.returncode == 0, second.stderr
    assert "all topics were there." in second.stdout
    assert "all queues were there." in second.stdout


def test_queues_that_others_declare_are_left_to_them(pipeline_with: Callable[..., Pipeline]) -> None:
    pipeline = pipeline_with(queue_kind="existing", queues="y_true")
    done = pipeline.run_command("topology")
    assert done.returncode == 0, done.stderr
    with (
        pika.BlockingConnection(pika.URLParameters(pipeline.environ["HINDSIGHT_AMQP_URL"])) as connection,
        pytest.raises(ChannelClosedByBroker, match="NOT_FOUND"),
    ):
        connection.channel().queue_declare("y_true", passive=True)


def test_other_partitions_are_a_sentence(pipeline_with: Callable[..., Pipeline]) -> None:
    pipeline = pipeline_with(partitions=2)
    assert pipeline.run_command("topology").returncode == 0
    pipeline.environ["HINDSIGHT_PARTITIONS"] = "3"
    refused = pipeline.run_command("topology")
    assert refused.returncode == 1
    assert "has 2 partitions, but 3 are required: set HINDSIGHT_PARTITIONS=2" in refused.stderr


def test_a_worker_refuses_a_window_that_outlasts_its_decision_log_until_that_is_kept_for_longer(
    pipeline_with: Callable[..., Pipeline],
) -> None:
    pipeline = pipeline_with(join_window_s=60, agents="metric,plot")
    assert pipeline.run_command("topology").returncode == 0
    pipeline.environ["HINDSIGHT_JOIN_WINDOW_S"] = str(30 * 86_400)
    worker = pipeline.new_worker("worker with a longer window")
    worker.launch()
    assert worker.process.wait(WORKER_S) == 1
    assert "is kept for" in worker.said
    assert "so that ids that still wait are forgotten: kafka-configs.sh --alter" in worker.said
    assert "Traceback" not in worker.said

    set_config(pipeline.environ, "pairs_log", {})  # what our topic has for this window
    worker.start("The table `pairs` is ready")
    assert worker.stop() == 0


@pytest.mark.parametrize(
    ("setting", "begin", "sentence"),
    [
        pytest.param("kafka", "", "check HINDSIGHT_KAFKA.", id="Kafka"),
        pytest.param("amqp_url", "amqp://", "check HINDSIGHT_AMQP_URL.", id="RabbitMQ"),
    ],
)
def test_a_broker_that_stays_away_is_a_sentence(
    pipeline_with: Callable[..., Pipeline], setting: str, begin: str, sentence: str
) -> None:
    done = pipeline_with(**{setting: f"{begin}127.0.0.1:{free_port()}"}).run_command("topology", "--wait", "0")
    assert done.returncode == 1
    assert f"nothing is listening there: start it, or {sentence}" in done.stderr
    assert "Traceback" not in done.stderr


@contextmanager
def service_of(pipeline: Pipeline) -> Iterator[Any]:
    """Hold a channel of somebody else's service."""
    with pika.BlockingConnection(pika.URLParameters(pipeline.environ["HINDSIGHT_AMQP_URL"])) as connection:
        yield connection.channel()


def test_after_what_doctor_says_a_service_with_pikas_defaults_is_no_longer_refused(
    pipeline_with: Callable[..., Pipeline],
) -> None:
    pipeline = pipeline_with()
    assert pipeline.run_command("topology").returncode == 0
    with service_of(pipeline) as service, pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
        service.queue_declare("y_true")

    found = json.loads(pipeline.run_command("doctor", "--json").stdout)
    (command,) = (each["command"] for each in found if each["what"] == "services of yours")
    assert command == "HINDSIGHT_QUEUE_KIND=transient faust -A streams topology --recreate"
    done = subprocess.run(
        ["sh", "-c", f"{command} --yes"],
        cwd=CHECKOUT,
        env=pipeline.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
        text=True,
        capture_output=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    with service_of(pipeline) as service:
        for kind in KINDS:
            assert f"The queue '{kind}' is recreated (transient)." in done.stdout
            service.queue_declare(kind)
    again = pipeline.run_command("topology", "--recreate", "--yes", environ={"HINDSIGHT_QUEUE_KIND": "transient"})
    assert "Every queue is as HINDSIGHT_QUEUE_KIND=transient says: nothing to recreate." in again.stdout


def test_a_queue_that_holds_messages_or_is_read_is_never_deleted(pipeline_with: Callable[..., Pipeline]) -> None:
    pipeline = pipeline_with(queue_kind="transient")
    with service_of(pipeline) as service:
        for kind in KINDS:
            service.queue_declare(kind, durable=True)
        service.basic_publish("", "y_true", b"1")
        service.basic_consume("y_pred", lambda *_: None)

        asked = pipeline.run_command("topology", "--recreate")
        assert asked.returncode == 1
        assert "Delete the empty queue features, with any bindings" in asked.stderr
        assert "Nothing was done: use --yes if nobody can be asked." in asked.stderr

        done = pipeline.run_command("topology", "--recreate", "--yes")
        assert done.returncode == 1
        assert "The queue 'y_true' stays as it is: it holds 1 message." in done.stdout
        assert "The queue 'y_pred' stays as it is: 1 consumer reads it." in done.stdout
        assert "The queue 'features' is recreated (transient)." in done.stdout
        assert service.queue_declare("y_true", durable=True).method.message_count == 1
        service.queue_declare("features")


def test_a_quorum_queue_is_left_to_its_owner(pipeline_with: Callable[..., Pipeline]) -> None:
    pipeline = pipeline_with(queues="y_true")
    with service_of(pipeline) as service:
        service.queue_declare("y_true", durable=True, arguments={"x-queue-type": "quorum"})
        done = pipeline.run_command("topology", "--recreate", "--yes")
        assert done.returncode == 1
        assert "The queue 'y_true' stays as it is: it is a quorum queue, which RabbitMQ cannot delete" in done.stdout
        service.queue_declare("y_true", passive=True)


def test_where_there_is_nothing_to_recreate_it_says_so(pipeline_with: Callable[..., Pipeline]) -> None:
    kafka_only = pipeline_with(queues="off").run_command("topology", "--recreate")
    assert kafka_only.returncode == 0
    assert "There are no queues to recreate." in kafka_only.stdout

    of_others = pipeline_with(queue_kind="existing").run_command("topology", "--recreate")
    assert of_others.returncode == 1
    assert "HINDSIGHT_QUEUE_KIND=transient faust -A streams topology --recreate" in of_others.stdout
