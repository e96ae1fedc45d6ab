"""The embedded brokers at work: `python -m dev brokers | rabbitmq | kafka`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import pika
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from tests.brokers import Brokers
from tests.contract.dev_command import dev, environ, pid_of
from tests.sockets import listening
from tests.waiting import wait_until

STOP_S = 10.0
MakeBrokers = Callable[[], Brokers]


@pytest.fixture
def make_brokers(tmp_path: Path) -> Iterator[MakeBrokers]:
    """Makes brokers that are not started, beside those that all tests share."""
    made: list[Brokers] = []

    def make() -> Brokers:
        made.append(Brokers(tmp_path / str(len(made))))
        return made[-1]

    yield make
    for brokers in made:
        brokers.stop()


def test_nothing_listens_beyond_loopback(brokers: Brokers) -> None:
    """Erlang's port mapper and distribution, the management page and Kafka's controller included."""
    addresses = {
        address
        for name in ("rabbitmq", "epmd", "kafka")
        for address in listening(pid_of(brokers.kafka_server.dev_dir, name))
    }
    assert len(addresses) >= 6
    assert {address.ip for address in addresses} <= {"127.0.0.1", "::1"}


def test_a_second_instance_runs_beside_the_first(brokers: Brokers, make_brokers: MakeBrokers) -> None:
    second = make_brokers()
    second.start()
    for instance in (brokers, second):
        _publish(instance, "side_by_side", b"here")
        asyncio.run(_produce(instance.kafka, "side_by_side", b"here"))


def test_data_survives_a_stop_and_a_kill(make_brokers: MakeBrokers) -> None:
    own = make_brokers()
    own.start()
    _publish(own, "kept", b"one")
    asyncio.run(_produce(own.kafka, "kept", b"one"))
    own.stop()
    own.start()
    _publish(own, "kept", b"two")
    asyncio.run(_produce(own.kafka, "kept", b"two"))
    own.rabbitmq_server.kill()
    own.kafka_server.kill()
    own.start()
    assert _messages(own, "kept") == [b"one", b"two"]
    assert asyncio.run(_records(own.kafka, "kept", 2)) == [b"one", b"two"]


def test_one_command_runs_both_and_stops_in_order(tmp_path: Path) -> None:
    with dev("brokers", environ(HINDSIGHT_DEV_DIR=str(tmp_path / "dev"))) as parent:
        assert parent.stdout is not None
        ready = sorted(next(parent.stdout) for _ in range(2))
        assert [line.split(" ", 1)[0] for line in ready] == ["Kafka", "RabbitMQ"]
        pids = [pid_of(tmp_path / "dev", name) for name in ("rabbitmq", "epmd", "kafka")]
        parent.terminate()
        said, _ = parent.communicate(timeout=STOP_S)
    assert parent.returncode == 0
    assert said.splitlines() == ["Stopping RabbitMQ.", "Stopping Kafka."]
    assert not any(Path("/proc", str(pid)).exists() for pid in pids)


def test_a_broker_that_dies_ends_the_command_with_its_log(make_brokers: MakeBrokers) -> None:
    server = make_brokers().kafka_server
    server.start()
    server.kill()
    assert server.parent.returncode == 1
    assert f"kafka was ended by SIGKILL. The last lines of {server.dev_dir / 'log' / 'kafka.log'}:\n    " in server.said
    assert "Traceback" not in server.said


def test_brokers_whose_parent_was_killed_are_replaced(make_brokers: MakeBrokers) -> None:
    own = make_brokers()
    own.start()
    _publish(own, "kept", b"one")
    orphans = {name: pid_of(own.kafka_server.dev_dir, name) for name in ("rabbitmq", "epmd", "kafka")}
    own.rabbitmq_server.kill_parent()
    own.kafka_server.kill_parent()
    own.start()
    for name, pid in orphans.items():
        server = own.kafka_server if name == "kafka" else own.rabbitmq_server
        assert f"Stopping {name} (process {pid}), left over from a run that was killed." in server.said
        wait_until(lambda pid=pid: not Path("/proc", str(pid)).exists(), STOP_S, f"{name} is gone")  # type: ignore[misc]
    assert _messages(own, "kept") == [b"one"]


def _publish(brokers: Brokers, queue: str, body: bytes) -> None:
    with pika.BlockingConnection(pika.URLParameters(brokers.amqp_url())) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare(queue, durable=True)
        channel.basic_publish("", queue, body, pika.BasicProperties(delivery_mode=2), mandatory=True)


def _messages(brokers: Brokers, queue: str) -> list[bytes]:
    with pika.BlockingConnection(pika.URLParameters(brokers.amqp_url())) as connection:
        channel = connection.channel()
        return [body for _, _, body in iter(lambda: channel.basic_get(queue, auto_ack=True), (None, None, None))]


async def _produce(kafka: str, topic: str, value: bytes) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, 1, 1)])
    finally:
        await admin.close()
    async with AIOKafkaProducer(bootstrap_servers=kafka, acks="all") as producer:
        await producer.send_and_wait(topic, value)


async def _records(kafka: str, topic: str, n: int) -> list[bytes]:
    async with AIOKafkaConsumer(topic, bootstrap_servers=kafka, auto_offset_reset="earliest") as consumer:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(n)]
