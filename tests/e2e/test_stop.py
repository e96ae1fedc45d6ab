"""Whoever stops a process waits for seconds, not for a minute, also when no broker answers."""

from __future__ import annotations

import signal
import socket
import time

import pytest

from tests.e2e.conftest import MakePipeline
from tests.waiting import wait_until

STOPPED_S = 30.0
"""How long a machine that does much else may take. The clients' own time limits are a minute."""
EFFECT_S = 20.0
SAID_S = 90.0


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


@pytest.mark.parametrize("in_worker", [False, True], ids=["alone", "with-the-bridge-in-it"])
def test_a_worker_ends_that_has_never_heard_of_a_broker(make_pipeline: MakePipeline, in_worker: bool) -> None:
    """Both brokers' ports accept connections and say nothing."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        where = f"127.0.0.1:{mute.getsockname()[1]}"
        pipeline = make_pipeline(
            kafka=where, amqp_url=f"amqp://guest:guest@{where}/", bridge_in_worker=str(in_worker).lower()
        )
        pipeline.worker.launch()
        wait_until(lambda: "cannot be used" in pipeline.worker.said, SAID_S, "it says that Kafka does not answer")
        pipeline.worker.send(signal.SIGTERM)
        assert pipeline.worker.process.wait(STOPPED_S) == 0
        assert "Traceback" not in pipeline.worker.said


def test_ctrl_c_is_answered_in_words_and_the_banner_names_the_real_store(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(agents="metric,plot")
    pipeline.start_worker()
    assert pipeline.worker.stop(signal.SIGINT) == 0
    said = pipeline.worker.said
    assert "RocksDB, restored from Kafka" in said
    assert "memory:" not in said
    assert "Stopping ..." in said
    assert "-INT-" not in said
    assert said.rstrip().endswith("Stopped: what is not done is read again at the next start.")
