"""`status` and `doctor` beside real brokers, as commands: what they print, and their exit codes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.brokers import Brokers

CANARY = "canary-91b2"
FAUST = Path(sys.executable).with_name("faust")


def run(command: str, environ: dict[str, str]) -> tuple[int, str]:
    argv = [str(FAUST), "-A", "streams", command, "--json"]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    assert CANARY not in done.stdout + done.stderr
    return done.returncode, done.stdout


def wrong(text: str) -> dict[str, str]:
    return {each["what"]: each["said"] for each in json.loads(text) if each["level"] == "wrong"}


@pytest.fixture
def environ(brokers: Brokers, tmp_path: Path) -> dict[str, str]:
    places = {"HINDSIGHT_STATE_DIR": str(tmp_path / "state"), "HINDSIGHT_LOGS_DIR": str(tmp_path / "logs")}
    return brokers.environ() | places | {"HINDSIGHT_AGENTS": "metric,plot"}


def test_brokers_that_nobody_used_yet_are_fine(environ: dict[str, str]):
    code, text = run("doctor", environ)
    assert wrong(text) == {}
    assert code == 0


def test_status_of_brokers_that_nobody_used_yet(environ: dict[str, str]):
    code, text = run("status", environ)
    standing = json.loads(text)
    assert (code, standing["problems"], standing["join"]) == (0, {}, None)


def test_both_brokers_away_are_named_and_no_password_is_shown(environ: dict[str, str]):
    away = {"HINDSIGHT_AMQP_URL": f"amqp://guest:{CANARY}@127.0.0.1:1/%2F", "HINDSIGHT_KAFKA": "127.0.0.1:1"}
    code, text = run("doctor", environ | away)
    assert code == 1
    assert {"RabbitMQ", "Kafka"} <= wrong(text).keys()
    code, text = run("status", environ | away)
    assert code == 1
    assert json.loads(text)["problems"].keys() == {"rabbitmq", "kafka"}


def test_a_rabbitmq_that_takes_the_connection_and_says_nothing_is_named(environ: dict[str, str]):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        for command in ("doctor", "status"):
            code, text = run(command, environ | {"HINDSIGHT_AMQP_URL": f"amqp://127.0.0.1:{port}"})
            assert code == 1
            assert "says nothing" in text


def test_a_wrong_password_is_named_and_not_shown(environ: dict[str, str], brokers: Brokers):
    url = environ["HINDSIGHT_AMQP_URL"].split("@")[-1].removeprefix("amqp://")
    code, text = run("doctor", environ | {"HINDSIGHT_AMQP_URL": f"amqp://guest:{CANARY}@{url}"})
    assert code == 1
    assert "refuses the user or the password" in wrong(text)["RabbitMQ"]


def test_a_port_that_speaks_no_tls_is_named(environ: dict[str, str]):
    plain = environ["HINDSIGHT_AMQP_URL"]
    secured = {"HINDSIGHT_AMQP_URL": plain.replace("amqp://", "amqps://"), "HINDSIGHT_KAFKA_SECURITY": "SSL"}
    _, text = run("doctor", environ | secured)
    assert "does not speak TLS" in wrong(text)["RabbitMQ"]
    assert "HINDSIGHT_KAFKA_SECURITY" in wrong(text)["Kafka"]


def test_a_queue_that_nobody_declares_is_wrong(environ: dict[str, str]):
    _, text = run("doctor", environ | {"HINDSIGHT_QUEUE_KIND": "existing"})
    assert "queue y_true" in wrong(text)


@pytest.mark.parametrize("command", ["status", "doctor"])
def test_settings_that_cannot_be_read_are_sentences(environ: dict[str, str], command: str):
    argv = [str(FAUST), "-A", "streams", command]
    bad = environ | {"HINDSIGHT_PARTITIONS": "four", "HINDSIGHT_KAFKA": "k:x", "PATH": os.environ["PATH"]}
    done = subprocess.run(argv, env=bad, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "HINDSIGHT_PARTITIONS is 'four'" in done.stderr
    assert "not of the form host:port" in done.stderr
