"""Kafka refuses, or aiokafka's producer is stuck: rows arrive all the same."""

from __future__ import annotations

import asyncio
import json

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import UnknownError
from aiokafka.structs import TopicPartition

from bridge.app import Bridge
from bridge.kafka import Kafka
from streams.kafka.records import Record
from streams.kafka.topics import topics
from tests.contract.bridging import MOVED_S, Bridging
from tests.contract.conftest import MakeBridging
from tests.faults.link import Link
from tests.kafka_topics import make_topics, set_config, settings_of
from tests.waiting import wait_until


def test_a_producer_that_lost_count_of_its_sequence_is_replaced(make_bridging: MakeBridging) -> None:
    bridging = make_bridging()
    settings = settings_of(bridging.environ)
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
    make_topics(bridging.environ, {"features": {"max.message.bytes": "20000"}})
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
    make_topics(bridging.environ, {"quarantine": {"max.message.bytes": "2000"}})
    bridging.start()

    bridging.publish("y_true", b"x" * 5000)

    wait_until(lambda: not bridging.readyz()["ready"], MOVED_S, "/readyz says so")
    assert "raise its max.message.bytes" in bridging.readyz()["links"]["queue y_true"]["last_problem"]
    assert bridging.metric("unacked_messages") == 1
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 1


def kafka_problem(bridging: Bridging) -> str:
    found: str = bridging.readyz()["links"]["kafka"]["last_problem"]
    return found


def test_a_clock_that_differs_from_kafkas_is_named_and_waited_for(
    make_bridging: MakeBridging, kafka_link: Link
) -> None:
    """Here no clock is wrong: the topic takes no record that is older than a millisecond, and each takes longer."""
    bridging = make_bridging(queues="y_true", kafka=kafka_link.address)
    make_topics(bridging.environ, {"y_true": {"message.timestamp.before.max.ms": "1"}})
    bridging.start()
    kafka_link.crawl()

    bridging.publish("y_true", *({"id": f"early-{i}", "y_true": 1.0} for i in range(50)))
    wait_until(lambda: "the clock here says" in kafka_problem(bridging), MOVED_S, "/readyz names the clock")
    bridging.publish("y_true", *({"id": f"late-{i}", "y_true": 1.0} for i in range(50)))
    assert not bridging.readyz()["ready"]
    kafka_link.heal()
    set_config(bridging.environ, "y_true", {"message.timestamp.before.max.ms": "3600000"})

    bridging.wait_ids("y_true", [f"{when}-{i}" for when in ("early", "late") for i in range(50)])
    wait_until(lambda: bridging.readyz()["ready"], MOVED_S, "it is ready again")
    said = [line for line in bridging.bridge.said.splitlines() if " INFO " not in line]
    assert len(said) == 1
    assert "the clock here says" in said[0]
    assert bridging.records("quarantine") == []


def test_a_compacted_topic_is_named_and_waited_for(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    make_topics(bridging.environ, {"y_true": {"cleanup.policy": "compact"}})
    bridging.start()

    bridging.publish("y_true", {"id": "a", "y_true": 1.0})
    wait_until(lambda: "is compacted" in kafka_problem(bridging), MOVED_S, "/readyz names the topic's policy")
    set_config(bridging.environ, "y_true", {"cleanup.policy": "delete"})

    bridging.wait_ids("y_true", ["a"])
    wait_until(lambda: bridging.readyz()["ready"], MOVED_S, "it is ready again")
    assert bridging.records("quarantine") == []


def test_rows_that_kafka_refuses_again_and_again_go_to_quarantine_and_kafka_is_not_blamed(
    make_bridging: MakeBridging, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No record of ours is refused so by a real Kafka, as far as is known: its answer is made up."""
    bridging = make_bridging(queues="y_true", partitions=1, packet_rows=2)
    send = AIOKafkaProducer.send
    n_refused = 0

    async def refuse(self: AIOKafkaProducer, topic: str, value: bytes, **how: object) -> asyncio.Future[object]:
        nonlocal n_refused
        if b"poison" not in value or "quarantine" in topic:
            return await send(self, topic, value, **how)
        n_refused += 1
        refused: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        refused.set_exception(UnknownError())
        return refused

    monkeypatch.setattr(AIOKafkaProducer, "send", refuse)
    ids = ["a", "b", "poison-1", "poison-2", "c"]

    async def work() -> None:
        bridge, stop = Bridge(settings_of(bridging.environ)), asyncio.Event()
        running = asyncio.create_task(bridge.run(stop))
        ledger = bridge.ledgers["y_true"]
        await asyncio.to_thread(wait_until, lambda: bridge.state()["ready"], MOVED_S, "the bridge is ready")
        await asyncio.to_thread(bridging.publish, "y_true", [{"id": row_id, "y_true": 1.0} for row_id in ids])
        await asyncio.to_thread(
            wait_until, lambda: ledger.n_kept + ledger.n_quarantined == len(ids), MOVED_S, "all rows are somewhere"
        )
        kafka = bridge.state()["links"]["kafka"]
        stop.set()
        await running
        assert (ledger.n_kept, ledger.n_quarantined, ledger.problem) == (3, 2, "")
        assert (kafka["up"], kafka["last_problem"]) == (True, "")

    asyncio.run(asyncio.wait_for(work(), MOVED_S))

    assert n_refused == 3  # with the others, and twice alone
    assert {row["id"] for row in bridging.rows("y_true")} == {"a", "b", "c"}
    (record,) = bridging.records("quarantine")
    assert record.headers["reason"] == b"refused"
    assert [row["id"] for row in json.loads(record.value)] == ["poison-1", "poison-2"]
    assert bridging.n_ready("y_true") == 0
