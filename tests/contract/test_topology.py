"""The command `topology`: what it declares, what it leaves as it is, and what it says where it cannot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.brokers import Brokers, free_port
from tests.e2e.pipeline import Pipeline

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
