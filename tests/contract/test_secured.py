"""TLS and SASL, live: the settings that reach managed brokers, and what is said where one of them is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.brokers import Brokers
from tests.contract.secured import HOST, NAME, PASSWORD, Secured
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

N_ROWS = 40
EFFECT_S = 60.0


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """A RabbitMQ and a Kafka with TLS and SASL, for all tests of this file."""
    secured = Secured(tmp_path_factory.mktemp("secured"))
    try:
        secured.start()
        yield secured
    finally:
        secured.stop()


@pytest.fixture
def pipeline_over(brokers: Brokers) -> Iterator[Any]:
    """Makes a pipeline with settings of one's own; nothing of it is left after the test."""
    made: list[Pipeline] = []

    def make(**settings: Any) -> Pipeline:
        made.append(Pipeline(brokers, **settings))
        return made[-1]

    yield make
    for pipeline in made:
        pipeline.end()


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [
        pytest.param("SSL", "PLAIN", id="TLS"),
        pytest.param("MTLS", "PLAIN", id="TLS, with certificates of ours to both brokers"),
        pytest.param("SASL_SSL", "PLAIN", id="SASL PLAIN over TLS"),
        pytest.param("SASL_SSL", "SCRAM-SHA-512", id="SCRAM-SHA-512 over TLS"),
        pytest.param("SASL_PLAINTEXT", "SCRAM-SHA-256", id="SCRAM-SHA-256 without TLS"),
    ],
)
def test_rows_flow_and_no_secret_is_said(secured: Secured, pipeline_over: Any, listener: str, mechanism: str) -> None:
    settings = secured.amqp() | secured.kafka_by(listener, kafka_sasl_mechanism=mechanism)
    if listener == "MTLS":
        settings |= {f"{broker}_tls_cert": secured.ours.cert for broker in ("amqp", "kafka")}
        settings |= {f"{broker}_tls_key": secured.ours.key for broker in ("amqp", "kafka")}
        settings |= {"amqp_url": f"amqps://{NAME}:{secured.strict_rabbitmq.port}/%2F"}
    pipeline = pipeline_over(**settings)
    pipeline.start()

    driver = pipeline.run_command("features", "--rate", "100", "--count", str(N_ROWS))
    assert driver.returncode == 0, driver.stdout + driver.stderr
    wait_until(lambda: len(pipeline.metric_rows()) >= N_ROWS, EFFECT_S, f"rows flow:\n{pipeline.worker.said[-3000:]}")
    assert len({row["id"] for row in pipeline.metric_rows()}) == N_ROWS
    status, doctor = pipeline.run_command("status"), pipeline.run_command("doctor")
    assert (status.returncode, doctor.returncode) == (0, 0), status.stdout + doctor.stdout
    assert (pipeline.bridge.stop(), pipeline.worker.stop()) == (0, 0)
    for said in (pipeline.worker.said, pipeline.bridge.said, driver.stdout, status.stdout, doctor.stdout):
        assert PASSWORD not in said
        assert "Traceback" not in said


WRONG_CA = "not signed by a CA that is trusted here"
WRONG_HOST = "its certificate is not valid for the name '127.0.0.1'"
ANOTHER_PROTOCOL = "HINDSIGHT_KAFKA_SECURITY is PLAINTEXT, and this port may speak another"
CASES = {
    "Kafka's CA": ("kafka", {"kafka_tls_ca": "OTHER"}, "SSL", WRONG_CA),
    "Kafka's host": ("kafka", {"kafka": HOST}, "SSL", WRONG_HOST),
    "Kafka's password": ("kafka", {"kafka_password": "guess"}, "SASL_SSL", "check HINDSIGHT_KAFKA_USER"),
    "Kafka's protocol": ("kafka", {"kafka_security": "PLAINTEXT"}, "SSL", ANOTHER_PROTOCOL),
    "no certificate for Kafka": ("kafka", {}, "MTLS", "set HINDSIGHT_KAFKA_TLS_CERT and HINDSIGHT_KAFKA_TLS_KEY"),
    "RabbitMQ's CA": ("rabbitmq", {"amqp_tls_ca": "OTHER"}, "SSL", WRONG_CA),
    "RabbitMQ's host": ("rabbitmq", {"amqp_url": HOST}, "SSL", WRONG_HOST),
    "RabbitMQ's password": ("rabbitmq", {"amqp_password": "guess"}, "SSL", "check HINDSIGHT_AMQP_USER"),
    "no certificate for RabbitMQ": ("rabbitmq", {"amqp_url": "STRICT"}, "SSL", "set HINDSIGHT_AMQP_TLS_CERT and"),
}
WRONG = [pytest.param(*case, id=name) for name, case in CASES.items()]


def wrong_settings(secured: Secured, wrong: dict[str, Any], listener: str) -> dict[str, Any]:
    """Return settings of which one is wrong."""
    of = {"OTHER": secured.other_ca, "STRICT": f"amqps://{NAME}:{secured.strict_rabbitmq.port}/%2F"}
    settings = secured.amqp() | secured.kafka_by(listener)
    settings |= {name: of.get(value, value) for name, value in wrong.items()}
    if wrong.get("kafka") == HOST:
        settings["kafka"] = f"{HOST}:{secured.kafka.ports[listener]}"
    if wrong.get("amqp_url") == HOST:
        settings["amqp_url"] = f"amqps://{HOST}:{secured.rabbitmq.port}/%2F"
    return settings


@pytest.mark.parametrize(("broker", "wrong", "listener", "sentence"), WRONG)
def test_everybody_names_the_setting_that_is_wrong_and_waits(
    secured: Secured, pipeline_over: Any, broker: str, wrong: dict[str, Any], sentence: str, listener: str
) -> None:
    pipeline = pipeline_over(**wrong_settings(secured, wrong, listener))
    saying = [pipeline.bridge, pipeline.worker] if broker == "kafka" else [pipeline.bridge]
    for process in saying:
        process.launch()

    doctor = pipeline.run_command("doctor", "--json")
    assert doctor.returncode == 1
    found = {finding["what"].lower(): finding for finding in json.loads(doctor.stdout)}[broker]
    assert found["level"] == "wrong"
    assert sentence in found["said"]

    for process in saying:
        wait_until(lambda said=process: sentence in said.said, EFFECT_S, f"{process.name} says {sentence}")  # type: ignore[misc]
        assert process.stop() == 0
        assert "Traceback" not in process.said
        assert PASSWORD not in process.said
