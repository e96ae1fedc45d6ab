"""Alerts through real brokers: one message when it fires, one when it is resolved, whenever the worker is killed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import MakePipeline
from tests.e2e.pipeline import Pipeline
from tests.receiver import Receiver
from tests.waiting import wait_until

EFFECT_S = 90.0
RULES = """
[[rule]]
name = "mae"
metric = "mae"
basis = "so_far"
above = 10
clear = 8
min_pairs = 50
severity = "critical"
summary = "The error is <high>."

[[rule]]
name = "rows"
metric = "ledger"

[[webhook]]
url_file = "{url_file}"
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def pipeline(make_pipeline: MakePipeline, receiver: Receiver, tmp_path: Path) -> Pipeline:
    """A pipeline that is not started, whose alerts go to the receiver."""
    (tmp_path / "url").write_text(receiver.url)
    (tmp_path / "alerts.toml").write_text(RULES.format(url_file=tmp_path / "url"))
    return make_pipeline(agents="metric,plot", alerts=tmp_path / "alerts.toml")


def publish(pipeline: Pipeline, name: str, n: int, error: float) -> None:
    pipeline.publish("y_pred", [[{"id": f"{name}-{i}", "y_pred": 100.0 + error} for i in range(n)]])
    pipeline.publish("y_true", [[{"id": f"{name}-{i}", "y_true": 100.0} for i in range(n)]])


def alerts(pipeline: Pipeline) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(pipeline.page("/api/alerts") or "{}")
    return found


def states(pipeline: Pipeline) -> dict[str, str]:
    """Return how each rule stands, once the worker has looked at them."""
    return {alert["rule"]: alert["state"] for alert in alerts(pipeline).get("alerts", [])}


def restart(pipeline: Pipeline, state: str) -> None:
    """Kill the worker, start another one, and wait until that has found the alert so."""
    pipeline.worker.kill()
    pipeline.start_worker()
    wait_until(lambda: states(pipeline).get("mae") == state, EFFECT_S, f"it is {state} again")


def test_it_is_told_once_when_it_fires_and_once_when_it_is_resolved(pipeline: Pipeline, receiver: Receiver) -> None:
    pipeline.start()
    wait_until(lambda: states(pipeline) == {"mae": "cannot tell", "rows": "ok"}, EFFECT_S, "both are looked at")
    assert "0 labels, 50 are needed" in alerts(pipeline)["alerts"][0]["sentence"]
    restart(pipeline, "cannot tell")

    publish(pipeline, "bad", 200, 50.0)
    wait_until(lambda: receiver.posted, EFFECT_S, "it fires")
    restart(pipeline, "firing")
    said = ["mae fires: MAE, so far, over 1h: 50.00, above 10.00."]
    wait_until(lambda: pipeline.status().get("firing") == said, EFFECT_S, "the status says so")
    assert "above 10.00" in pipeline.html("/"), "every page says so"
    assert "The error is &lt;high&gt;." in pipeline.html("/alerts")

    publish(pipeline, "good", 800, 0.0)
    wait_until(lambda: states(pipeline)["mae"] == "held", EFFECT_S, "10 is not past the limit, and not clear")
    restart(pipeline, "held")

    publish(pipeline, "better", 800, 0.0)
    wait_until(lambda: len(receiver.posted) == 2, EFFECT_S, "it is resolved")
    restart(pipeline, "ok")
    assert [(posted.body["rule"], posted.body["status"]) for posted in receiver.posted] == [
        ("mae", "firing"),
        ("mae", "resolved"),
    ]
    happened = [event["state"] for event in reversed(alerts(pipeline)["events"]) if event["rule"] == "mae"]
    assert [state for state in happened if state != "cannot tell"] == ["firing", "held", "ok"]
    wait_until(lambda: pipeline.status().get("firing") == [], EFFECT_S, "nothing fires")


def test_a_worker_does_not_start_with_rules_that_cannot_be_used(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    (tmp_path / "alerts.toml").write_text('[[rule]]\nname = "mae"\nmetric = "mae"\nabov = 10\n')
    pipeline = make_pipeline(agents="metric,plot", alerts=tmp_path / "alerts.toml")
    pipeline.worker.launch()
    assert pipeline.worker.process.wait(60) == 1
    assert "rule 'mae': 'abov' is not a field: did you mean 'above'?" in pipeline.worker.said
    assert "Traceback" not in pipeline.worker.said
