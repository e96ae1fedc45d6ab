"""The process: killed, told to stop, started with settings that cannot be."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time

import pytest

from tests.brokers import CHECKOUT
from tests.contract.bridging import MOVED_S, truths
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until


def test_a_bridge_killed_under_load_loses_no_row(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    bridging.start()
    bodies = truths("kill", 20_000)
    pouring = threading.Thread(target=bridging.pour, args=("y_true", bodies.values()))
    pouring.start()

    for n_rows in (2000, 6000):
        wait_until(lambda n=n_rows: bridging.metric("rows_total") > n, MOVED_S, "the bridge moves rows")
        bridging.bridge.kill()
        bridging.start()
    pouring.join()

    rows = bridging.wait_ids("y_true", bodies)
    n_again = len(rows) - len({row["id"] for row in rows})
    assert n_again <= sum(row.get("redelivered", False) for row in rows)
    wait_until(lambda: bridging.metric("unacked_messages") == 0, MOVED_S, "all is acknowledged")
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_ends_it_in_order_and_what_kafka_has_is_acknowledged(
    make_bridging: MakeBridging, number: signal.Signals
) -> None:
    bridging = make_bridging(queues="y_true", prefetch=500)
    bridging.start()
    bridging.pour("y_true", truths("term", 10_000).values())
    wait_until(lambda: bridging.metric("rows_total") > 1000, MOVED_S, "the bridge moves rows")

    started = time.monotonic()
    assert bridging.bridge.stop(number) == 0

    assert time.monotonic() - started < 5
    ids = {row["id"] for row in bridging.rows("y_true")}
    assert len(ids) == len(bridging.rows("y_true"))
    assert len(ids) + bridging.n_ready("y_true") == 10_000
    assert "Traceback" not in bridging.bridge.said


def test_a_signal_ends_it_while_both_brokers_hang(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    bridging.start()
    servers = bridging.brokers.rabbitmq_server, bridging.brokers.kafka_server
    try:
        bridging.brokers.kafka_server.pause()
        bridging.pour("y_true", truths("hang", 1000).values())
        wait_until(lambda: bridging.metric("unacked_messages") == 1000, MOVED_S, "rows wait for Kafka")
        bridging.brokers.rabbitmq_server.pause()
        bridging.bridge.send(signal.SIGTERM)
        started = time.monotonic()
        bridging.bridge.process.wait(10)
        assert time.monotonic() - started < 9
    finally:
        for server in servers:
            server.resume()


def test_topics_with_other_partitions_are_one_sentence(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(partitions=4)
    bridging.start()
    other = bridging.new_bridge(HINDSIGHT_PARTITIONS="3")

    other.launch()

    assert other.process.wait(MOVED_S) == 1
    assert "set HINDSIGHT_PARTITIONS=4" in other.said
    assert "Traceback" not in other.said, other.said


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("amqp://guest:wr0ng-s3cret@{where}/%2F", "check HINDSIGHT_AMQP_USER and HINDSIGHT_AMQP_PASSWORD"),
        ("amqp://guest:guest@{where}/wr0ng-s3cret", "check the path of HINDSIGHT_AMQP_URL"),
        ("amqp://guest:wr0ng-s3cret@127.0.0.1:1/%2F", "cannot be reached"),
    ],
    ids=["password", "vhost", "port"],
)
def test_an_address_that_rabbitmq_refuses_is_one_sentence_without_the_secret(
    make_bridging: MakeBridging, url: str, sentence: str
) -> None:
    bridging = make_bridging()
    where = bridging.environ["HINDSIGHT_AMQP_URL"].split("@")[1].split("/")[0]
    bridge = bridging.new_bridge(HINDSIGHT_AMQP_URL=url.format(where=where))

    bridge.start(sentence)

    assert "wr0ng-s3cret" not in bridge.said
    assert "Traceback" not in bridge.said
    assert bridge.stop() == 0


def test_a_setting_that_cannot_be_used_is_one_sentence(make_bridging: MakeBridging) -> None:
    bridging = make_bridging()
    environ = bridging.environ | {"HINDSIGHT_PREFECH": "7"}

    done = subprocess.run(
        [sys.executable, "-m", "bridge"],
        cwd=CHECKOUT,
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 1
    assert "did you mean HINDSIGHT_PREFETCH?" in done.stderr
    assert "Traceback" not in done.stderr
