"""Kafka refuses, or aiokafka's producer is stuck: rows arrive all the same."""

from __future__ import annotations

import asyncio
import json

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.structs import TopicPartition

from bridge.kafka import Kafka, Record
from streams.kafka.topics import topics
from streams.settings import Settings, load
from tests.contract.bridging import MOVED_S, Bridging
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until


def settings_of(bridging: Bridging) -> Settings:
    return load({name: value for name, value in bridging.environ.items() if name.startswith("HINDSIGHT_")})


def make_topics(bridging: Bridging, config: dict[str, dict[str, str]]) -> None:
    """Make the topics before the bridge does, with configuration of one's own by name of the topic."""

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bridging.brokers.kafka)
        await admin.start()
        wanted = topics(settings_of(bridging))._asdict()
        new = [NewTopic(t.name, t.partitions, 1, topic_configs=t.config | config.get(n, {})) for n, t in wanted.items()]
        await admin.create_topics(new)
        await admin.close()

    asyncio.run(make())


def test_a_producer_that_lost_count_of_its_sequence_is_replaced(make_bridging: MakeBridging) -> None:
    bridging = make_bridging()
    settings = settings_of(bridging)
    topic = topics(settings).y_true.name

    async def work() -> None:
        kafka = Kafka(settings)
        assert await kafka.produce([Record(topic, 1, b'[{"id":"a"}]')]) == []
        stuck = await kafka.start()
        stuck._txn_manager.increment_sequence_number(TopicPartition(topic, 1), 7)

        assert await kafka.produce([Record(topic, p, b'[{"id":"b"}]') for p in range(4)]) == []

        assert await kafka.start() is not stuck
        assert "OutOfOrderSequence" in kafka.link.last_problem
        await kafka.close()

    asyncio.run(work())
    assert len(bridging.rows("y_true")) == 5


def test_packets_shrink_to_what_kafka_takes_and_a_row_that_is_larger_goes_to_quarantine(
    make_bridging: MakeBridging,
) -> None:
    bridging = make_bridging(queues="features")
    make_topics(bridging, {"features": {"max.message.bytes": "20000"}})
    bridging.start()
    giant = {"id": "giant", "features": [0.5] * 8000}

    bridging.publish("features", [*({"id": f"small-{i}", "features": [0.25] * 50} for i in range(400)), giant])

    bridging.wait_ids("features", [f"small-{i}" for i in range(400)])
    wait_until(lambda: bridging.records("quarantine"), MOVED_S, "the giant is in quarantine")
    (record,) = bridging.records("quarantine")
    assert record.headers["reason"] == b"oversize"
    assert json.loads(record.value)[0]["id"] == "giant"
    wait_until(lambda: bridging.metric("unacked_messages") == 0, MOVED_S, "the message is acknowledged")
    assert bridging.metric("rows_delivered_total") == 401 == bridging.metric("rows_total") + 1


def test_a_quarantine_that_takes_no_such_record_holds_the_queue_up_and_says_so(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    make_topics(bridging, {"quarantine": {"max.message.bytes": "2000"}})
    bridging.start()

    bridging.publish("y_true", b"x" * 5000)

    wait_until(lambda: not bridging.readyz()["ready"], MOVED_S, "/readyz says so")
    assert "raise its max.message.bytes" in bridging.readyz()["links"]["queue y_true"]["last_problem"]
    assert bridging.metric("unacked_messages") == 1
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 1
