"""The rights that docs/permissions grants are enough, and nothing more is granted: tried on real brokers."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAuthorizationFailedError
from pika.exceptions import ChannelClosedByBroker

from tests.brokers import CHECKOUT, HOST, Brokers
from tests.contract.guarded_kafka import USERS, GuardedKafka
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

PERMISSIONS = CHECKOUT / "docs" / "permissions"
PASSWORD = "sw0rdfish-of-rabbits"
EFFECT_S = 40.0
ACCESS_REFUSED = 403


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedKafka]:
    """A Kafka on which nobody but its administrator may do anything yet."""
    kafka = GuardedKafka(tmp_path_factory.mktemp("guarded"))
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.stop()


def grant_on_rabbitmq(brokers: Brokers, vhost: str) -> None:
    """Make the users of docs/permissions/rabbitmq.json, with its rights in a vhost of the test."""
    for entry in json.loads((PERMISSIONS / "rabbitmq.json").read_text())["permissions"]:
        rights = json.dumps({name: entry[name] for name in ("configure", "write", "read")}).encode()
        brokers.management("PUT", f"users/{entry['user']}", json.dumps({"password": PASSWORD, "tags": ""}).encode())
        brokers.management("PUT", f"permissions/{vhost}/{entry['user']}", rights)


def grant_on_kafka(kafka: GuardedKafka, namespace: str) -> None:
    """Run docs/permissions/kafka.sh."""
    shim = f"{sys.executable} {Path(__file__).with_name('kafka_acls.py')}"
    subprocess.run(
        ["sh", str(PERMISSIONS / "kafka.sh"), "--bootstrap-server", kafka.open],
        env=os.environ | {"NAMESPACE": namespace, "KAFKA_ACLS": shim},
        check=True,
        capture_output=True,
        timeout=120,
    )


def make_topics(pipeline: Pipeline, kafka: GuardedKafka) -> None:
    """Have Kafka's administrator make the topics."""
    administrator = {"HINDSIGHT_KAFKA": kafka.open, "HINDSIGHT_KAFKA_SECURITY": "PLAINTEXT"}
    ran = pipeline.run_command("topology", environ=administrator)
    assert ran.returncode == 0, ran.stderr


def rabbit(brokers: Brokers, pipeline: Pipeline, user: str) -> dict[str, str]:
    """Return the environment by which a user of ours reaches RabbitMQ."""
    url = pipeline.environ["HINDSIGHT_AMQP_URL"].replace("guest:guest@", "")
    return {"HINDSIGHT_AMQP_URL": url, "HINDSIGHT_AMQP_USER": user, "HINDSIGHT_AMQP_PASSWORD": PASSWORD}


def vhost_of(pipeline: Pipeline) -> str:
    return pipeline.environ["HINDSIGHT_AMQP_URL"].rsplit("/", 1)[1]


def connection_as(pipeline: Pipeline, user: str) -> pika.BlockingConnection:
    url = pipeline.environ["HINDSIGHT_AMQP_URL"].replace("guest:guest", f"{user}:{PASSWORD}")
    return pika.BlockingConnection(pika.URLParameters(url))


def test_rows_flow_with_the_smallest_rights_on_both_brokers(brokers: Brokers, kafka: GuardedKafka) -> None:
    pipeline = Pipeline(brokers, **kafka.as_user("hindsight-worker"), publish_predictions="true")
    grant_on_rabbitmq(brokers, vhost_of(pipeline))
    make_topics(pipeline, kafka)
    grant_on_kafka(kafka, pipeline.environ["HINDSIGHT_NAMESPACE"])
    as_bridge = {f"HINDSIGHT_{name.upper()}": value for name, value in kafka.as_user("hindsight-bridge").items()}
    bridge = pipeline.new_process(
        "guarded-bridge", [sys.executable, "-m", "bridge"], **as_bridge, **rabbit(brokers, pipeline, "hindsight-bridge")
    )
    worker = pipeline.new_worker("guarded-worker", **rabbit(brokers, pipeline, "hindsight-worker"))
    try:
        bridge.start("Reading the queue")
        worker.start("The table `pairs` is ready")
        with connection_as(pipeline, "hindsight-service") as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            features = {"id": "a", "ts": time.time(), "features": [0.1] * 10}
            for queue, body in (("features", features), ("y_true", {"id": "a", "y_true": 1.5}), ("y_true", [])):
                channel.basic_publish("", queue, json.dumps(body), mandatory=True)
            channel.basic_publish("", "y_true", b"no json", mandatory=True)
        wait_until(lambda: [row["id"] for row in pipeline.metric_rows()] == ["a"], EFFECT_S, "the pair is in the log")
        wait_until(lambda: pipeline.status().get("quarantined") == 1, EFFECT_S, "the bad row is in quarantine")
        page = f"http://127.0.0.1:{pipeline.environ['HINDSIGHT_WEB_PORT']}/api/quarantine"
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert [row["text"] for row in json.load(answer)["rows"]] == ["no json"]
        for each in (bridge, worker):
            assert "refuse" not in each.said
            assert "uthorization" not in each.said, each.said
            assert not any(secret in each.said for secret in (PASSWORD, *USERS.values()))
    finally:
        pipeline.end()


def refused(brokers: Brokers, pipeline: Pipeline, user: str, act: Any) -> bool:
    with connection_as(pipeline, user) as connection:
        try:
            act(connection.channel())
        except ChannelClosedByBroker as exc:
            return bool(exc.reply_code == ACCESS_REFUSED)
    return False


def test_nobody_may_do_on_rabbitmq_what_is_not_theirs(brokers: Brokers) -> None:
    pipeline = Pipeline(brokers)
    grant_on_rabbitmq(brokers, vhost_of(pipeline))
    pipeline.publish("y_true", [{"id": "a", "y_true": 1.0}])

    def publishes(channel: Any) -> None:
        channel.confirm_delivery()
        channel.basic_publish("", "y_true", b"{}")

    acts = {
        "publishes to a queue": publishes,
        "declares a queue of ours": lambda channel: channel.queue_declare("y_pred", durable=True),
        "declares another queue": lambda channel: channel.queue_declare("other", durable=True),
        "reads a queue": lambda channel: channel.basic_get("y_true"),
        "deletes another's exchange": lambda channel: channel.exchange_delete("amq.topic"),
        "declares predictions": lambda channel: channel.exchange_declare("predictions", "fanout", durable=True),
    }
    may = {
        user: {name for name, act in acts.items() if not refused(brokers, pipeline, user, act)}
        for user in ("hindsight-bridge", "hindsight-worker", "hindsight-service")
    }
    assert may == {
        "hindsight-bridge": {"declares a queue of ours", "reads a queue"},
        "hindsight-worker": {"declares predictions"},
        "hindsight-service": {"publishes to a queue"},
    }
    pipeline.end()


@pytest.mark.parametrize("user", USERS)
def test_nobody_may_do_on_kafka_what_is_not_theirs(kafka: GuardedKafka, user: str) -> None:
    client = {
        "bootstrap_servers": kafka.guarded,
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "PLAIN",
        "sasl_plain_username": user,
        "sasl_plain_password": USERS[user],
    }

    async def make(server: dict[str, Any], name: str) -> int:
        admin = AIOKafkaAdminClient(**server)
        await admin.start()
        answer = await admin.create_topics([NewTopic(name, 1, 1)])
        await admin.close()
        return int(answer.topic_errors[0][1])

    async def write(name: str) -> None:
        async with AIOKafkaProducer(**client) as producer:
            await producer.send_and_wait(name, b"x")

    private = f"private.{user}"
    assert asyncio.run(make({"bootstrap_servers": kafka.open}, private)) == 0
    assert asyncio.run(make(client, f"new.{user}")) == TopicAuthorizationFailedError.errno
    with pytest.raises(TopicAuthorizationFailedError):
        asyncio.run(write(private))


def test_the_files_name_the_host_nowhere() -> None:
    """They are for anybody's brokers."""
    assert not any(HOST in path.read_text() for path in PERMISSIONS.iterdir())
