"""The data driver on a real RabbitMQ: what reaches the queues, whatever happens to the broker meanwhile."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.brokers import Brokers
from tests.contract.doors import Door
from tests.e2e.pipeline import Process
from tests.waiting import wait_until

TIMEOUT_S = 90.0
STOP_WITHIN_S = 8.0  # about one second on a machine with nothing else to do
QUEUES = ("features", "y_true")


class Driver(Process):
    """`faust -A streams features` on a vhost of its own, and what is in its queues."""

    def __init__(self, brokers: Brokers, options: tuple[str, ...], settings: dict[str, Any]) -> None:
        self.brokers = brokers
        self.vhost = brokers.new_vhost()
        environ = brokers.environ(**{"amqp_url": brokers.amqp_url(self.vhost)} | settings)
        argv = [sys.executable, "-m", "faust", "-A", "streams", "features", *options]
        super().__init__("the driver", argv, environ, Path(environ["HINDSIGHT_DEV_DIR"]) / "driver.out")

    def wait_said(self, text: str) -> None:
        """Wait until it has printed the text."""
        wait_until(lambda: text in self.said, TIMEOUT_S, f"it says {text!r}")

    def wait_end(self) -> None:
        """Wait until it ends by itself, as it should."""
        assert self.process.wait(TIMEOUT_S) == 0, self.said

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """A channel of a new connection to our vhost, closed at the end."""
        with pika.BlockingConnection(pika.URLParameters(self.brokers.amqp_url(self.vhost))) as connection:
            yield connection.channel()

    def n_ready(self, queue: str) -> int:
        """Return how many messages are in a queue; 0 where there is none."""
        try:
            with self.channel() as channel:
                return int(channel.queue_declare(queue, passive=True).method.message_count)
        except ChannelClosedByBroker:
            return 0

    def taken(self, queue: str) -> list[tuple[dict[str, Any], Any]]:
        """Take all messages out of a queue: bodies and properties."""
        with self.channel() as channel:
            found = iter(lambda: channel.basic_get(queue, auto_ack=True), (None, None, None))
            return [(json.loads(body), properties) for _, properties, body in found]

    def ids(self, queue: str) -> list[str]:
        """Take all messages out of a queue; return their ids."""
        return [body["id"] for body, _ in self.taken(queue)]


MakeDriver = Callable[..., Driver]


@pytest.fixture
def make_driver(brokers: Brokers) -> Iterator[MakeDriver]:
    """Makes drivers that are not started; none of them runs after the test."""
    made: list[Driver] = []

    def make(*options: str, **settings: Any) -> Driver:
        made.append(Driver(brokers, options, settings))
        return made[-1]

    yield make
    for driver in made:
        driver.end()


@pytest.mark.parametrize(("kind", "queue_type"), [("durable", "classic"), ("quorum", "quorum")])
def test_a_run_sends_its_rows_persistent_to_queues_of_the_kind_that_is_asked_for_and_says_so(
    make_driver: MakeDriver, kind: str, queue_type: str
):
    driver = make_driver("--count", "30", "--rate", "1000", queue_kind=kind)
    driver.launch()
    driver.wait_end()

    for queue in QUEUES:
        declared = json.loads(driver.brokers.management("GET", f"queues/{driver.vhost}/{queue}"))
        assert (declared["durable"], declared["arguments"].get("x-queue-type", "classic")) == (True, queue_type)
        messages = driver.taken(queue)
        assert len({body["id"] for body, _ in messages}) == 30
        assert {tuple(sorted(body)) for body, _ in messages} == {tuple(sorted(("id", "ts", queue)))}
        assert {properties.delivery_mode for _, properties in messages} == {2}
    start, end = driver.said.splitlines()
    assert re.fullmatch(r"Sending 30 rows of load_diabetes, .* RabbitMQ at 127.0.0.1:\d+; Ctrl-C stops it\.", start)
    assert end == "Sent 30 messages to features and 30 to y_true."


def test_queues_that_somebody_declared_otherwise_are_taken_as_they_are(make_driver: MakeDriver):
    driver = make_driver("--count", "10", "--rate", "1000")
    with driver.channel() as channel:
        channel.queue_declare("features")
        channel.queue_declare("y_true", durable=True, arguments={"x-queue-type": "quorum"})

    driver.launch()
    driver.wait_end()

    assert [len(driver.ids(queue)) for queue in QUEUES] == [10, 10]


def test_queues_that_it_may_not_declare_are_waited_for(make_driver: MakeDriver):
    driver = make_driver("--count", "10", "--rate", "1000", queue_kind="existing")
    driver.launch()
    driver.wait_said("the queue 'features' does not exist")

    with driver.channel() as channel:
        for queue in QUEUES:
            channel.queue_declare(queue, durable=True)
    driver.wait_end()

    assert [len(driver.ids(queue)) for queue in QUEUES] == [10, 10]


def test_a_rabbitmq_that_is_not_there_at_the_start_is_waited_for(make_driver: MakeDriver, brokers: Brokers):
    door = Door()
    vhost = brokers.new_vhost()
    driver = make_driver("--count", "10", "--rate", "1000", amqp_url=f"amqp://guest:guest@{door.address}/{vhost}")
    driver.vhost = vhost
    driver.launch()
    driver.wait_said("nothing is listening there: start it, or check HINDSIGHT_AMQP_URL. Trying again until it can.")

    door.open(brokers.amqp_url().split("@")[1].split("/")[0])
    driver.wait_end()

    assert [len(driver.ids(queue)) for queue in QUEUES] == [10, 10]
    assert driver.said.count("nothing is listening there") == 1


def test_no_row_is_missing_after_rabbitmq_was_killed(make_driver: MakeDriver, brokers: Brokers):
    driver = make_driver("--count", "5000", "--rate", "1000", "--label-delay", "0.5")
    driver.launch()
    # Killed within its first second, RabbitMQ 3.10 may forget that a queue was declared, with all that it had confirmed.
    wait_until(lambda: driver.n_ready("y_true") > 2500, TIMEOUT_S, "rows flow for three seconds")

    brokers.rabbitmq_server.kill()
    brokers.rabbitmq_server.start()
    driver.wait_end()

    sent = {queue: set(driver.ids(queue)) for queue in QUEUES}
    assert len(sent["features"]) == 5000
    assert sent["y_true"] == sent["features"]
    assert "is back" in driver.said


def test_a_queue_that_is_deleted_while_rows_flow_is_declared_again(make_driver: MakeDriver):
    driver = make_driver("--rate", "100")
    driver.launch()
    wait_until(lambda: driver.n_ready("y_true") > 10, TIMEOUT_S, "rows flow")

    with driver.channel() as channel:
        channel.queue_delete("y_true")

    wait_until(lambda: driver.n_ready("y_true") > 10, TIMEOUT_S, "rows flow again")
    assert "the queue 'y_true' is gone" in driver.said


def test_what_a_full_queue_rejects_is_sent_again(make_driver: MakeDriver):
    driver = make_driver("--count", "30", "--rate", "1000")
    with driver.channel() as channel:
        full = {"x-max-length": 5, "x-overflow": "reject-publish"}
        channel.queue_declare("y_true", durable=True, arguments=full)
    driver.launch()
    driver.wait_said("it did not store a message")

    first = set(driver.ids("y_true"))
    with driver.channel() as channel:
        channel.queue_delete("y_true")
    driver.wait_end()

    assert first | set(driver.ids("y_true")) == set(driver.ids("features"))


def test_two_drivers_that_start_at_once_share_no_id(make_driver: MakeDriver):
    first = make_driver("--count", "500", "--rate", "5000", "--seed", "1")
    second = make_driver("--count", "500", "--rate", "5000", "--seed", "1")
    for driver in (first, second):
        driver.launch()
    for driver in (first, second):
        driver.wait_end()

    ids = first.ids("features") + second.ids("features")
    assert len(set(ids)) == 1000
    assert all(re.fullmatch(r"\d{10}\.\d{12}", row_id) for row_id in ids)


def check_stops(driver: Driver, number: signal.Signals) -> None:
    asked = time.monotonic()
    code = driver.stop(number)

    assert (code, time.monotonic() - asked < STOP_WITHIN_S) == (0, True), driver.said
    assert "Traceback" not in driver.said


def test_ctrl_c_ends_it_at_once_and_it_says_how_many_truths_were_held(make_driver: MakeDriver):
    driver = make_driver("--rate", "50", "--label-delay", "3600")
    driver.launch()
    wait_until(lambda: driver.n_ready("features") > 5, TIMEOUT_S, "rows flow")

    check_stops(driver, signal.SIGINT)

    n_sent = len(driver.ids("features"))
    assert f"Sent {n_sent} messages to features and 0 to y_true." in driver.said
    assert f"Truths that were not due yet, and are not sent: {n_sent}." in driver.said


def test_a_signal_ends_it_although_rabbitmq_does_not_answer(make_driver: MakeDriver, brokers: Brokers):
    driver = make_driver("--rate", "500")
    driver.launch()
    wait_until(lambda: driver.n_ready("features") > 5, TIMEOUT_S, "rows flow")

    brokers.rabbitmq_server.pause()
    try:
        check_stops(driver, signal.SIGTERM)
    finally:
        brokers.rabbitmq_server.resume()

    assert "Due, but not confirmed by RabbitMQ: " in driver.said


def test_a_signal_ends_it_while_it_connects_to_somebody_who_says_nothing(make_driver: MakeDriver):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        driver = make_driver("--rate", "5", amqp_url=f"amqp://127.0.0.1:{silent.getsockname()[1]}/%2F")
        driver.launch()
        connected, _ = silent.accept()

        with connected:
            check_stops(driver, signal.SIGTERM)
