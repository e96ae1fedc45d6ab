"""Passwords that are changed while all runs: files are read again, and what cannot use the new one says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from tests.brokers import Brokers
from tests.contract.bridging import MOVED_S, Bridging
from tests.contract.conftest import MakeBridging
from tests.contract.secured import PASSWORD, USER, Secured
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

EFFECT_S = 90.0


def set_password(bridging: Bridging, user: str, password: str) -> None:
    """Give a user of RabbitMQ a password, and all rights in the vhost of the bridge."""
    vhost = bridging.environ["HINDSIGHT_AMQP_URL"].rpartition("/")[2]
    bridging.brokers.management("PUT", f"users/{user}", json.dumps({"password": password, "tags": ""}).encode())
    rights = b'{"configure":".*","write":".*","read":".*"}'
    bridging.brokers.management("PUT", f"permissions/{vhost}/{user}", rights)


def test_a_bridge_logs_in_with_the_password_that_the_file_holds_now(
    make_bridging: MakeBridging, tmp_path: Path
) -> None:
    """The user stands in the URL, the password in a file of its own."""
    bridging = make_bridging(queues="y_true")
    address, _, vhost = bridging.environ["HINDSIGHT_AMQP_URL"].rpartition("/")
    user, file = f"rotating-{vhost}", tmp_path / "password"
    set_password(bridging, user, "first/#?")
    file.write_text("first/#?\n")
    url = f"{address.replace('guest:guest@', f'{user}@')}/{vhost}"
    bridging.bridge = bridging.new_bridge(HINDSIGHT_AMQP_URL=url, HINDSIGHT_AMQP_PASSWORD_FILE=str(file))
    bridging.start()

    set_password(bridging, user, "second/#?")
    for name in wait_until(bridging.connections, MOVED_S, "RabbitMQ lists the bridge's connection"):
        bridging.brokers.management("DELETE", f"connections/{name}")
    wait_until(lambda: "refuses the user or the password" in bridging.bridge.said, MOVED_S, "it says why at once")
    file.write_text("second/#?\n")

    bridging.wait_ready()
    bridging.publish("y_true", {"id": "after", "y_true": 1.0})
    bridging.wait_ids("y_true", ["after"])
    assert not any(secret in bridging.bridge.said for secret in ("first", "second"))
    assert "Traceback" not in bridging.bridge.said


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A Kafka whose users have passwords."""
    secured = Secured(tmp_path_factory.mktemp("secured"))
    try:
        secured.kafka.launch()
        secured.kafka.wait_ready()
        yield secured
    finally:
        secured.kafka.stop()


def set_kafka_password(secured: Secured, password: str) -> None:
    """Give our user another password for SCRAM; PLAIN still has the first."""
    admin = AdminClient(
        {
            "bootstrap.servers": f"localhost:{secured.kafka.ports['SASL_PLAINTEXT']}",
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "PLAIN",
            "sasl.username": USER,
            "sasl.password": PASSWORD,
        }
    )
    how = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 4096)
    (changed,) = admin.alter_user_scram_credentials(
        [UserScramCredentialUpsertion(USER, how, password.encode())]
    ).values()
    changed.result(20)


def test_of_kafkas_new_password_a_bridge_makes_use_and_a_worker_ends_to_be_started_with_it(
    brokers: Brokers, secured: Secured, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD)
    settings = secured.kafka_by("SASL_PLAINTEXT", kafka_sasl_mechanism="SCRAM-SHA-256") | {"kafka_password_file": file}
    pipeline = Pipeline(brokers, **settings)
    del pipeline.environ["HINDSIGHT_KAFKA_PASSWORD"]
    try:
        pipeline.start()
        pipeline.publish("y_true", [{"id": "before", "ts": time.time(), "y_true": 1.0}])
        set_kafka_password(secured, "another")
        secured.kafka.stop()
        secured.kafka.launch()
        secured.kafka.wait_ready()
        file.write_text("another")

        wait_until(lambda: pipeline.worker.process.poll() is not None, EFFECT_S, "the worker ends")
        assert "accepts the one that the file of HINDSIGHT_KAFKA_PASSWORD_FILE holds now" in pipeline.worker.said
        pipeline.start_worker()
        for kind in ("y_true", "y_pred"):
            pipeline.publish(kind, [{"id": "after", "ts": time.time(), kind: 1.0}])
        wait_until(lambda: "after" in [row["id"] for row in pipeline.metric_rows()], EFFECT_S, "the pair is joined")
        assert pipeline.bridge.process.poll() is None
        assert not any(secret in pipeline.bridge.said + pipeline.worker.said for secret in (PASSWORD, "another'"))
    finally:
        set_kafka_password(secured, PASSWORD)
        pipeline.end()
