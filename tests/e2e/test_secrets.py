"""No secret is ever printed, logged or served: each one holds a canary, and everything that comes out is searched."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Brokers
from tests.e2e.pipeline import Pipeline
from tests.waiting import wait_until

CANARIES = {
    "AMQP_URL": "canary-in-the-url",
    "AMQP_PASSWORD": "canary-of-rabbitmq",
    "KAFKA_PASSWORD": "canary-of-kafka",
    "WEB_TOKEN": "canary-of-the-web",
}
SETTINGS = Path(__file__).parents[2] / "streams" / "settings.py"
PAGES = (
    "/",
    "/livez",
    "/readyz",
    "/metrics",
    "/api/status",
    "/api/scores",
    "/api/pairs",
    "/api/pairs/x",
    "/api/quarantine",
    "/table/pairs/",
    "/table/pairs/x",
    "/table/pairs.csv",
    "/quarantine",
    "/alerts",
    "/api/alerts",
    "/nothing",
    "/%ff",
)
COMMANDS = (
    ["status"],
    ["status", "--json"],
    ["doctor"],
    ["doctor", "--json"],
    ["reconcile"],
    ["quarantine", "list"],
    ["quarantine", "drop", "--yes"],
    ["features", "--help"],
)


def canaries_in(text: str) -> list[str]:
    return [canary for canary in CANARIES.values() if canary in text]


def fetched(port: str, path: str, **headers: str) -> str:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return str(answer.headers) + answer.read().decode(errors="replace")
    except urllib.error.HTTPError as answer:
        return str(answer.headers) + answer.read().decode(errors="replace")


def test_there_is_a_canary_for_every_secret_setting() -> None:
    secret = re.findall(r"^    (\w+): SecretStr", SETTINGS.read_text(), re.MULTILINE)
    assert {name.upper() for name in secret} == set(CANARIES)


@pytest.fixture(params=["away", "refusing"])
def pipeline(request: pytest.FixtureRequest, brokers: Brokers) -> Any:
    """A pipeline whose brokers are away, or are there and refuse what they are shown."""
    away = request.param == "away"
    amqp = "127.0.0.1:1/%2F" if away else brokers.amqp_url().partition("@")[2]
    pipeline = Pipeline(
        brokers,
        amqp_url=f"amqp://guest:{CANARIES['AMQP_URL']}@{amqp}",
        amqp_user="guest",
        amqp_password=CANARIES["AMQP_PASSWORD"],
        kafka="127.0.0.1:1" if away else brokers.kafka,
        kafka_security="SASL_PLAINTEXT",
        kafka_user="somebody",
        kafka_password=CANARIES["KAFKA_PASSWORD"],
        web_token=CANARIES["WEB_TOKEN"],
    )
    yield pipeline
    pipeline.end()


def test_no_command_prints_a_secret(pipeline: Pipeline) -> None:
    for command in COMMANDS:
        ran = pipeline.run_command(*command)
        assert canaries_in(ran.stdout + ran.stderr) == [], command
        assert "Traceback" not in ran.stderr, command


def test_neither_worker_nor_bridge_logs_or_serves_a_secret(pipeline: Pipeline) -> None:
    try:
        pipeline.worker.start("The web view")
        pipeline.bridge.launch()
        wait_until(lambda: "Trying again" in pipeline.bridge.said, 30, "the bridge says that it cannot connect")
        wait_until(lambda: "Waiting for it" in pipeline.worker.said, 30, "the worker says that it waits for Kafka")
        worker, bridge = (pipeline.environ[f"HINDSIGHT_{name}WEB_PORT"] for name in ("", "BRIDGE_"))
        bearer = {"Authorization": f"Bearer {CANARIES['WEB_TOKEN']}"}
        for path in PAGES:
            for headers in ({}, bearer, bearer | {"Accept": "text/html"}):
                assert canaries_in(fetched(worker, path, **headers)) == [], path
        assert "A token is required" in fetched(worker, "/api/status")
        assert "rows_in" in json.loads(fetched(worker, "/api/status", **bearer).partition("\n\n")[2])
        for path in ("/readyz", "/metrics", "/livez"):
            assert canaries_in(fetched(bridge, path)) == [], path
        assert canaries_in(pipeline.worker.said + pipeline.bridge.said) == []
    finally:
        pipeline.end()


def test_a_setting_that_cannot_be_used_hides_its_secrets(pipeline: Pipeline, tmp_path: Path) -> None:
    wrong = {
        "HINDSIGHT_AMQP_URL": f"amqp://u:{CANARIES['AMQP_URL']}/x@h:port/",
        "HINDSIGHT_PARTITIONS": "none",
        "HINDSIGHT_WEB_TOKEN": CANARIES["WEB_TOKEN"] + "\udcff",
    }
    for name, value in wrong.items():
        ran = pipeline.run_command("doctor", environ={name: value})
        assert ran.returncode == (1 if name == "HINDSIGHT_AMQP_URL" else 2), name  # the URL is one of doctor's checks
        assert canaries_in(ran.stdout + ran.stderr) == [], name
