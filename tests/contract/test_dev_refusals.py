"""What `python -m dev` says when it cannot start: one sentence that names the cause and the cure, exit code 1."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Brokers
from tests.contract.dev_command import dev, environ, pid_of


@pytest.mark.parametrize(
    ("name", "holder", "setting"),
    [("rabbitmq", "beam.smp", "HINDSIGHT_DEV_AMQP_PORT"), ("kafka", "java", "HINDSIGHT_DEV_KAFKA_PORT")],
)
def test_a_port_in_use_names_who_holds_it(
    brokers: Brokers, tmp_path: Path, name: str, holder: str, setting: str
) -> None:
    address = brokers.kafka if name == "kafka" else brokers.amqp_url().split("/")[2]
    sentence = _refusal(name, HINDSIGHT_DEV_DIR=str(tmp_path), **{setting: address.rpartition(":")[2]})
    pid = pid_of(brokers.kafka_server.dev_dir, name)
    assert f"is in use by process {pid} ({holder}): stop that, or set {setting} to another port." in sentence


def test_a_directory_in_use_names_who_holds_it(brokers: Brokers) -> None:
    server = brokers.kafka_server
    sentence = _refusal("kafka", HINDSIGHT_DEV_DIR=str(server.dev_dir))
    assert f"{server.dev_dir / 'kafka'} is in use by process {server.parent.pid}: stop that one" in sentence


def test_missing_java(tmp_path: Path) -> None:
    sentence = _refusal("kafka", HINDSIGHT_DEV_DIR=str(tmp_path / "dev"), PATH=str(tmp_path))
    assert sentence.startswith("Kafka needs Java 17 or newer, and there is no `java`: run `make setup`")


def test_java_that_is_too_old(tmp_path: Path) -> None:
    java = tmp_path / "java"
    java.write_text("#!/bin/sh\necho 'java.lang.UnsupportedClassVersionError: kafka/tools/StorageTool'\nexit 1\n")
    java.chmod(0o755)
    sentence = _refusal("kafka", HINDSIGHT_DEV_DIR=str(tmp_path / "dev"), PATH=f"{tmp_path}:/usr/bin:/bin")
    assert sentence.startswith(f"Kafka needs Java 17 or newer, and {java} is older: run `apt-get install")


def test_missing_rabbitmq(tmp_path: Path) -> None:
    sentence = _refusal("rabbitmq", HINDSIGHT_DEV_DIR=str(tmp_path / "dev"), PATH=str(tmp_path))
    assert sentence.startswith("RabbitMQ is not installed: run `make setup`, or use `docker compose up`.")


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    sentence = _refusal("kafka", HINDSIGHT_DEV_DIR=str(tmp_path / "file"))
    assert "cannot be used" in sentence
    assert "HINDSIGHT_DEV_DIR" in sentence


def _refusal(name: str, **settings: str) -> str:
    """Run `python -m dev NAME`, which must end with exit code 1 and no traceback; return what it said."""
    with dev(name, environ(**settings)) as parent:
        said, _ = parent.communicate(timeout=30)
    assert parent.returncode == 1, said
    assert "Traceback" not in said
    return said
