"""The profile `monitoring` by Compose v2: Prometheus scrapes workers and bridges, and Alertmanager is reached.

Without Grafana, of which no stand-in can be made: its files are looked at in tests/contract/test_monitoring_files.py.
"""

from __future__ import annotations

import json
import urllib.request
from typing import Any

import pytest

from tests.brokers import free_port
from tests.compose.conftest import V2, MakeStack
from tests.compose.stack import Stack
from tests.waiting import wait_until

EFFECT_S = 120.0


@pytest.fixture(scope="module")
def stack(make_stack: MakeStack) -> Stack:
    """The project with Prometheus, Alertmanager and the rules to begin with."""
    stack = make_stack(V2, "hindsight-monitoring")
    for name in ("PROMETHEUS_PORT", "ALERTMANAGER_PORT"):
        stack.environ[name] = str(free_port())
    stack.environ["HINDSIGHT_ALERTS"] = "alerts.toml"
    stack.up("--build")
    stack.compose("--profile", "monitoring", "up", "-d", "--wait", "prometheus", "alertmanager")
    return stack


def asked(stack: Stack, name: str, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.environ[name]}{path}", timeout=10) as answer:
        return json.loads(answer.read())


def healths(stack: Stack) -> dict[str, str]:
    found = asked(stack, "PROMETHEUS_PORT", "/api/v1/targets")["data"]["activeTargets"]
    return {target["labels"]["job"]: target["health"] for target in found}


def test_prometheus_scrapes_the_worker_and_the_bridge_and_knows_the_alertmanager(stack: Stack) -> None:
    wanted = {"hindsight": "up", "hindsight-bridge": "up"}
    wait_until(lambda: healths(stack) == wanted, EFFECT_S, f"both are scraped; {healths(stack)}")
    managers = asked(stack, "PROMETHEUS_PORT", "/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert [manager["url"] for manager in managers] == ["http://alertmanager:9093/api/v2/alerts"]
    groups = asked(stack, "PROMETHEUS_PORT", "/api/v1/rules")["data"]["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} <= {"ok", "unknown"}


def test_the_worker_looks_at_its_rules(stack: Stack) -> None:
    def states() -> dict[str, str]:
        code, body = stack.get("/api/alerts")
        return {alert["rule"]: alert["state"] for alert in json.loads(body)["alerts"]} if code == 200 else {}

    wait_until(lambda: states().get("rows") == "ok", EFFECT_S, "its rules are those that we ship")
    assert "drift" in states()
    assert "receiver: people" in asked(stack, "ALERTMANAGER_PORT", "/api/v2/status")["config"]["original"]
