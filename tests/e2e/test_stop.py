"""Whoever stops a process waits for seconds, not for a minute, also when no broker answers."""

from __future__ import annotations

import signal
import time

import pytest

from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

STOPPED_S = 30.0
"""How long a machine that does much else may take. The clients' own time limits are a minute."""
EFFECT_S = 20.0


@pytest.mark.parametrize("in_worker", [False, True], ids=["alone", "with-the-bridge-in-it"])
def test_a_worker_ends_although_both_brokers_hang(make_pipeline: MakePipeline, in_worker: bool) -> None:
    pipeline = make_pipeline(bridge_in_worker=str(in_worker).lower())
    pipeline.start_worker()
    if not in_worker:
        pipeline.start_bridge()
    pipeline.publish("y_true", [{"id": "a", "ts": time.time(), "y_true": 1.0}])
    wait_until(lambda: pipeline.status().get("waiting") == 1, EFFECT_S, "rows flow")
    servers = pipeline.brokers.rabbitmq_server, pipeline.brokers.kafka_server
    for server in servers:
        server.pause()
    try:
        pipeline.worker.send(signal.SIGTERM)
        assert pipeline.worker.process.wait(STOPPED_S) == 0
    finally:
        for server in servers:
            server.resume()
