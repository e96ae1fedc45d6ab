"""Kafka at ::1 and pages at ::1: addresses in brackets."""

from __future__ import annotations

import json
import socket
import time
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.contract import guarded_kafka
from tests.contract.guarded_kafka import GuardedKafka
from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

EFFECT_S = 60.0


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_rows_come_through_a_kafka_at_ipv6_and_pages_are_served_there(
    make_pipeline: MakePipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guarded_kafka, "HOST", "[::1]")
    kafka = GuardedKafka(tmp_path)
    kafka.start()
    try:
        assert kafka.open.startswith("[::1]:")
        pipeline = make_pipeline(kafka=kafka.open, web_bind="::1", queues="off", agents="metric,plot")
        pipeline.start_worker()
        producer = Producer({"bootstrap.servers": kafka.open})
        for kind in ("y_true", "y_pred"):
            row = {"id": "a", "ts": time.time(), kind: 1.0}
            producer.produce(pipeline.environ["HINDSIGHT_NAMESPACE"] + kind, json.dumps(row))
        assert producer.flush(EFFECT_S) == 0
        wait_until(lambda: [row["id"] for row in pipeline.metric_rows()] == ["a"], EFFECT_S, "the pair is joined")

        url = f"http://[::1]:{pipeline.environ['HINDSIGHT_WEB_PORT']}"
        with urllib.request.urlopen(f"{url}/api/status", timeout=10) as answer:
            assert json.loads(answer.read())["matched"] == 1
        assert f"The web view: {url}" in pipeline.worker.said
        said = pipeline.run_command("status").stdout
        assert f"✓ ready: {url}/readyz" in said
        assert kafka.open in said
        assert "Traceback" not in pipeline.worker.said
    finally:
        kafka.stop()
