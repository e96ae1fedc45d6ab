"""Brokers go away and come back: nothing is lost, nothing is acknowledged that Kafka does not have."""

from __future__ import annotations

import threading
import time

import pika
from pika.exceptions import AMQPError

from tests.contract.bridging import MOVED_S, Bridging, rss_mb, truths
from tests.contract.conftest import MakeBridging
from tests.contract.doors import Door
from tests.waiting import wait_until

BACK_S = 45.0
PERSISTENT = pika.BasicProperties(delivery_mode=2)


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
                        body = b'{"id":"%s","y_true":1}' % row_id.encode()
                        channel.basic_publish("", "y_true", body, PERSISTENT, mandatory=True)
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


def warnings(bridging: Bridging) -> list[str]:
    return [line for line in bridging.bridge.said.splitlines() if " INFO " not in line]


def behind(bridging: Bridging) -> int | None:
    found: int | None = bridging.readyz()["messages_behind"]["y_true"]
    return found


def n_consumers(bridging: Bridging) -> int:
    with bridging.connection() as connection:
        n: int = connection.channel().queue_declare("y_true", passive=True).method.consumer_count
        return n


def test_kafka_goes_away_and_comes_back(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(prefetch=300)
    bridging.start()
    bridging.publish("y_true", {"id": "before", "y_true": 1.0})
    bridging.wait_ids("y_true", ["before"])

    bridging.brokers.kafka_server.stop()
    bodies = truths("away", 5_000)
    bridging.pour("y_true", bodies.values())
    wait_until(lambda: not bridging.readyz()["links"]["kafka"]["up"], MOVED_S, "/readyz says that Kafka is away")
    wait_until(lambda: bridging.metric("unacked_messages") <= 150, MOVED_S, "what is in no batch is given back")
    wait_until(lambda: behind(bridging) == 5_000, MOVED_S, "it says how many messages RabbitMQ still holds")
    wait_until(lambda: n_consumers(bridging) == 0, MOVED_S, "nothing more is asked for")
    resident = rss_mb(bridging.bridge.process.pid)
    problem = bridging.readyz()["links"]["kafka"]["last_problem"]
    assert bridging.metric("acked_messages_total", queue="y_true") == 1
    assert "nothing is acknowledged" in problem
    bridging.brokers.kafka_server.start()

    rows = bridging.wait_ids("y_true", bodies, BACK_S)
    assert len(rows) == 5_001
    wait_until(lambda: bridging.readyz()["ready"], MOVED_S, "the bridge is ready again")
    wait_until(lambda: behind(bridging) == 0, MOVED_S, "it says that it has caught up")
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
    reasons = [line.partition(" WARNING ")[2] for line in warnings(bridging)]
    assert "is gone" in reasons[0]
    assert len(reasons) == len(set(reasons)) < 5  # it is gone, nothing is listening, it is not ready yet
    assert bridging.metric("links_lost_total", link="rabbitmq") == 1


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
    assert n_consumers(bridging) == 0
    kafka.open(bridging.brokers.kafka)

    bridging.wait_ready()
    bridging.wait_ids("y_true", ["a"])
    assert len(warnings(bridging)) == 2
    assert "Traceback" not in bridging.bridge.said


QUORUM = {"x-queue-type": "quorum"}


def test_a_queue_with_a_delivery_limit_loses_nothing_while_kafka_is_away(make_bridging: MakeBridging) -> None:
    """Each delivery that ends without an acknowledgement counts, and after three RabbitMQ drops the message."""
    bridging = make_bridging(queues="y_true", queue_kind="quorum", prefetch=100)
    with bridging.connection() as connection:
        arguments = QUORUM | {"x-delivery-limit": 3}
        connection.channel().queue_declare("y_true", durable=True, arguments=arguments)
    bridging.start()
    assert "came back more than 3 times (x-delivery-limit)" in bridging.readyz()["notes"][0]
    bodies = truths("limited", 500)

    bridging.brokers.kafka_server.pause()
    try:
        bridging.pour("y_true", bodies.values())
        wait_until(lambda: bridging.n_ready("y_true") >= 450, MOVED_S, "what is in no batch is given back")
        for _ in range(6):
            bridging.bridge.kill()
            bridging.bridge.start("RabbitMQ at")
            wait_until(lambda: "queue y_true" in bridging.readyz().get("links", {}), MOVED_S, "it runs")
    finally:
        bridging.brokers.kafka_server.resume()

    rows = bridging.wait_ids("y_true", bodies)
    assert len(rows) <= 1000
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 0


def test_an_outage_costs_a_message_one_delivery_at_most(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", queue_kind="quorum", prefetch=200)
    bridging.start()
    bodies = truths("once", 1000)
    bridging.brokers.kafka_server.pause()
    try:
        bridging.pour("y_true", bodies.values())
        wait_until(lambda: bridging.n_ready("y_true") >= 900, MOVED_S, "what is in no batch is given back")
        bridging.bridge.kill()
        with bridging.connection() as connection:
            channel = connection.channel()
            taken = [channel.basic_get("y_true") for _ in range(1000)]
            counted = [(properties.headers or {}).get("x-delivery-count", 0) for _, properties, _ in taken]
            assert max(counted) <= 1
    finally:
        bridging.brokers.kafka_server.resume()

    bridging.start()
    rows = bridging.wait_ids("y_true", bodies)
    assert len(rows) <= 1100
