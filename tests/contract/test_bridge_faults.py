"""Brokers go away, bridges are killed: nothing is lost, nothing is acknowledged that Kafka does not have."""

from __future__ import annotations

import asyncio
import re
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from pika.exceptions import AMQPError

from tests.brokers import CHECKOUT, free_port
from tests.contract.bridging import MOVED_S, Bridging, truths
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until

BACK_S = 45.0


class Load(threading.Thread):
    """Publishes rows one by one with confirms, again and again where RabbitMQ does not confirm, until told to end."""

    def __init__(self, bridging: Bridging):
        super().__init__(daemon=True)
        self.confirmed: list[str] = []
        self._bridging = bridging
        self._over = threading.Event()
        self.start()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                with self._bridging.connection() as connection:
                    channel = connection.channel()
                    channel.confirm_delivery()
                    while not self._over.is_set():
                        row_id = f"load-{len(self.confirmed)}"
                        channel.basic_publish("", "y_true", b'{"id":"%s","y_true":1}' % row_id.encode(), mandatory=True)
                        self.confirmed.append(row_id)
            except (AMQPError, OSError):
                time.sleep(0.05)

    def end(self) -> list[str]:
        """Stop publishing; return the ids that RabbitMQ has confirmed."""
        self._over.set()
        self.join(MOVED_S)
        return self.confirmed

    def grow(self, n: int) -> None:
        """Wait until so many more rows are confirmed."""
        wanted = len(self.confirmed) + n
        wait_until(lambda: len(self.confirmed) >= wanted, MOVED_S, f"{n} more rows are published")


class Door:
    """A port of loopback that nobody answers until it is opened; then it leads to a broker."""

    def __init__(self) -> None:
        self._port = free_port()
        self.address = f"127.0.0.1:{self._port}"

    def open(self, broker: str) -> None:
        """Lead every connection to the broker from now on, for as long as the tests run."""
        host, port = broker.split(":")

        async def through(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            broker_reader, broker_writer = await asyncio.open_connection(host, int(port))
            await asyncio.gather(_copy(reader, broker_writer), _copy(broker_reader, writer))

        async def serve() -> None:
            async with await asyncio.start_server(through, "127.0.0.1", self._port) as server:
                await server.serve_forever()

        threading.Thread(target=asyncio.run, args=(serve(),), daemon=True).start()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    writer.close()


def rss_mb(pid: int) -> float:
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) / 1024


def warnings(bridging: Bridging) -> list[str]:
    return [line for line in bridging.bridge.said.splitlines() if " INFO " not in line]


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


def test_kafka_goes_away_and_comes_back(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(prefetch=300)
    bridging.start()
    bridging.publish("y_true", {"id": "before", "y_true": 1.0})
    bridging.wait_ids("y_true", ["before"])

    bridging.brokers.kafka_server.stop()
    bodies = truths("away", 5_000)
    bridging.pour("y_true", bodies.values())
    wait_until(lambda: bridging.metric("unacked_messages") == 300, MOVED_S, "the prefetch is used up")
    wait_until(lambda: not bridging.readyz()["links"]["kafka"]["up"], MOVED_S, "/readyz says that Kafka is away")
    resident = rss_mb(bridging.bridge.process.pid)
    problem = bridging.readyz()["links"]["kafka"]["last_problem"]
    assert bridging.metric("acked_messages_total", queue="y_true") == 1
    assert "nothing is acknowledged" in problem
    bridging.brokers.kafka_server.start()

    rows = bridging.wait_ids("y_true", bodies, BACK_S)
    assert len(rows) == 5_001
    wait_until(lambda: bridging.readyz()["ready"], MOVED_S, "the bridge is ready again")
    assert rss_mb(bridging.bridge.process.pid) < resident + 40
    assert len(warnings(bridging)) == 1
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 0


def test_rabbitmq_goes_away_and_comes_back(make_bridging: MakeBridging) -> None:
    bridging = make_bridging()
    bridging.start()
    load = Load(bridging)
    load.grow(200)

    bridging.brokers.rabbitmq_server.kill()
    wait_until(lambda: not bridging.readyz()["links"]["rabbitmq"]["up"], MOVED_S, "/readyz says that RabbitMQ is away")
    bridging.brokers.rabbitmq_server.start()

    load.grow(200)
    wait_until(lambda: bridging.readyz()["ready"], BACK_S, "the bridge is ready again")
    bridging.wait_ids("y_true", load.end())
    assert len(warnings(bridging)) == 1
    assert bridging.metric("links_lost_total", link="rabbitmq") == 1


def test_a_bridge_that_starts_before_the_brokers_waits_and_says_so(make_bridging: MakeBridging) -> None:
    """The brokers are behind doors that open later."""
    kafka, rabbitmq = Door(), Door()
    bridging = make_bridging(kafka=kafka.address)
    real_url = bridging.environ["HINDSIGHT_AMQP_URL"]
    real_rabbitmq = real_url.split("@")[1].split("/")[0]
    bridging.bridge = bridging.new_bridge(HINDSIGHT_AMQP_URL=real_url.replace(real_rabbitmq, rabbitmq.address))
    bridging.bridge.start("RabbitMQ at")
    wait_until(lambda: "Kafka at" in bridging.bridge.said, MOVED_S, "it says that Kafka is away")
    assert bridging.readyz()["ready"] is False

    rabbitmq.open(real_rabbitmq)
    bridging.publish_when_declared("y_true", {"id": "a", "y_true": 1.0})
    wait_until(lambda: bridging.metric("unacked_messages") == 1, MOVED_S, "the row waits for Kafka")
    kafka.open(bridging.brokers.kafka)

    bridging.wait_ready()
    bridging.wait_ids("y_true", ["a"])
    assert len(warnings(bridging)) == 2
    assert "Traceback" not in bridging.bridge.said


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


def test_a_connection_that_is_closed_by_somebody_is_made_again(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", prefetch=100)
    bridging.start()
    bodies = truths("closed", 8_000)
    bridging.pour("y_true", bodies.values())

    for name in wait_until(bridging.connections, MOVED_S, "RabbitMQ lists the bridge's connection"):
        bridging.brokers.management("DELETE", f"connections/{name}")

    rows = bridging.wait_ids("y_true", bodies)
    assert len(rows) - 8_000 <= sum(row.get("redelivered", False) for row in rows)
    assert bridging.metric("links_lost_total", link="rabbitmq") == 1


def test_topics_with_other_partitions_are_one_sentence(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(partitions=4)
    bridging.start()
    other = bridging.new_bridge(HINDSIGHT_PARTITIONS="3")

    other.launch()

    assert other.process.wait(MOVED_S) == 1
    assert "set HINDSIGHT_PARTITIONS=4" in other.said
    assert "Traceback" not in other.said


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
