"""The bridge lives with queues and services that it did not make."""

from __future__ import annotations

from typing import Any

import pytest
from pika.exceptions import ChannelClosedByBroker

from tests.contract.bridging import MOVED_S, Bridging, peak_mb, truths
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until

KINDS = ("features", "y_true", "y_pred")


def declare(bridging: Bridging, queue: str, **how: Any) -> None:
    with bridging.connection() as connection:
        connection.channel().queue_declare(queue, **how)


def check_rows_come_through(bridging: Bridging, mark: str) -> None:
    bridging.publish("y_true", {"id": mark, "y_true": 1.0})
    bridging.wait_ids("y_true", [mark])
    wait_until(lambda: bridging.metric("unacked_messages") == 0, MOVED_S, "all is acknowledged")


@pytest.mark.parametrize(
    ("kind", "durable", "queue_type"),
    [("durable", True, "classic"), ("quorum", True, "quorum"), ("transient", False, "classic")],
    ids=["durable", "quorum", "transient"],
)
def test_a_missing_queue_is_declared_as_asked(
    make_bridging: MakeBridging, kind: str, durable: bool, queue_type: str
) -> None:
    bridging = make_bridging(queue_kind=kind)
    bridging.start()

    queue = bridging.queue("y_true")

    assert (queue["durable"], queue["arguments"].get("x-queue-type", "classic")) == (durable, queue_type)
    check_rows_come_through(bridging, kind)


QUORUM = {"durable": True, "arguments": {"x-queue-type": "quorum"}}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("durable", [{}, QUORUM, {"durable": True, "arguments": {"x-message-ttl": 3_600_000, "x-max-length": 9000}}]),
        ("quorum", [{}, {"durable": True}, {"arguments": {"x-dead-letter-exchange": "dlx"}}]),
        ("transient", [{"durable": True}, QUORUM, {"arguments": {"x-max-priority": 5}}]),
    ],
    ids=["durable", "quorum", "transient"],
)
def test_queues_that_somebody_declared_otherwise_are_read_as_they_are_and_a_sentence_each_says_so(
    make_bridging: MakeBridging, ours: str, theirs: list[dict[str, Any]]
) -> None:
    bridging = make_bridging(queue_kind=ours)
    for kind, how in zip(KINDS, theirs, strict=True):
        declare(bridging, kind, **how)

    bridging.start()

    for kind in KINDS:
        bridging.publish(kind, {"id": "theirs", "body": [1.0] if kind == "features" else 1.0})
        bridging.wait_ids(kind, ["theirs"])
    said = sorted(line.split(" WARNING ")[1] for line in bridging.bridge.said.splitlines() if " INFO " not in line)
    assert len(said) == 3
    for kind, sentence in zip(sorted(KINDS), said, strict=True):
        assert f"The queue {kind!r} is read as it is: HINDSIGHT_QUEUE_KIND={ours} was asked for" in sentence
        assert "inequivalent arg" in sentence
    if ours == "durable":
        notes = bridging.readyz()["notes"]
        assert any("drops messages that wait in it for longer than 3600 s (x-message-ttl)" in note for note in notes)
        assert any("'y_pred': RabbitMQ drops the oldest beyond 9,000 messages (x-max-length)" in note for note in notes)


def test_a_missing_queue_that_is_to_exist_is_waited_for(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queue_kind="existing", queues="y_true")
    bridging.bridge.start("waiting until somebody declares it")
    assert bridging.readyz()["ready"] is False
    assert "does not exist" in bridging.readyz()["links"]["queue y_true"]["last_problem"]

    declare(bridging, "y_true")

    bridging.wait_ready()
    check_rows_come_through(bridging, "theirs")
    assert bridging.bridge.said.count("waiting until somebody declares it") == 1


def test_a_simple_service_declares_with_defaults_beside_a_bridge_that_takes_queues_as_they_are(
    make_bridging: MakeBridging,
) -> None:
    """One connection a message, a plain queue_declare each time, as simple services do."""
    bridging = make_bridging(queue_kind="existing", queues="y_true,y_pred")
    bridging.bridge.start("waiting until somebody declares it")

    for i in range(20):
        for queue in ("y_true", "y_pred"):
            with bridging.connection() as connection:
                channel = connection.channel()
                channel.queue_declare(queue=queue)
                channel.basic_publish("", queue, b'{"id": 1669147134.%02d, "body": 295.0}' % (i + 10))

    ids = [f"1669147134.{i + 10}".rstrip("0") for i in range(20)]
    bridging.wait_ids("y_true", ids)
    bridging.wait_ids("y_pred", ids)


def test_a_plain_declare_after_the_bridges_fails_unless_the_bridge_declares_transient_queues(
    make_bridging: MakeBridging,
) -> None:
    """The reason for HINDSIGHT_QUEUE_KIND: RabbitMQ refuses the second who declares otherwise, and it may be theirs."""
    durable, transient = make_bridging(queues="y_true"), make_bridging(queues="y_true", queue_kind="transient")
    durable.start()
    transient.start()

    with pytest.raises(ChannelClosedByBroker, match="inequivalent arg 'durable'"):
        declare(durable, "y_true")
    declare(transient, "y_true")

    check_rows_come_through(transient, "theirs")


def test_a_service_that_reads_with_auto_ack_shares_a_queue_and_no_row_is_in_both(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", prefetch=10)
    bridging.start()
    bodies = truths("shared", 2000)
    with bridging.connection() as connection:
        channel = connection.channel()
        theirs: list[bytes] = []
        channel.basic_consume("y_true", lambda *message: theirs.append(message[3]), auto_ack=True)

        bridging.pour("y_true", bodies.values())

        wait_until(lambda: connection.process_data_events(0) or len(theirs) >= 100, MOVED_S, "the service reads")
        wait_until(
            lambda: connection.process_data_events(0) or len(theirs) + len(bridging.rows("y_true")) >= 2000,
            MOVED_S,
            "all rows are read",
        )
    ours = {row["id"] for row in bridging.rows("y_true")}
    by_body = {body: row_id for row_id, body in bodies.items()}
    assert ours.isdisjoint({by_body[body] for body in theirs})
    assert len(ours) + len(theirs) == 2000


def test_a_queue_that_is_deleted_is_declared_again_and_nothing_that_was_delivered_is_lost(
    make_bridging: MakeBridging,
) -> None:
    bridging = make_bridging(queues="y_true")
    bridging.start()
    bodies = truths("before", 500)
    bridging.pour("y_true", bodies.values())
    bridging.wait_ids("y_true", bodies)

    with bridging.connection() as connection:
        connection.channel().queue_delete("y_true")
    wait_until(lambda: bridging.metric("links_lost_total", link="queue y_true") == 1, MOVED_S, "the loss is seen")

    bridging.wait_ready()
    check_rows_come_through(bridging, "after")
    assert len(bridging.rows("y_true")) == 501
    assert bridging.bridge.said.count("RabbitMQ ended our consumer") == 1


def test_a_queue_that_somebody_reads_alone_is_waited_for(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    declare(bridging, "y_true", durable=True)
    with bridging.connection() as connection:
        channel = connection.channel()
        channel.basic_consume("y_true", lambda *_: None, exclusive=True)
        bridging.bridge.start("is not being read")
        assert "exclusive" in bridging.bridge.said

    bridging.wait_ready()
    check_rows_come_through(bridging, "after")


def test_two_bridges_share_the_queues(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", prefetch=50)
    other = bridging.new_bridge(HINDSIGHT_BRIDGE_WEB_PORT=bridging.environ["HINDSIGHT_WEB_PORT"])
    bridging.start()
    other.start("Reading the queue")
    bodies = truths("two", 3000)

    bridging.pour("y_true", bodies.values())

    rows = bridging.wait_ids("y_true", bodies)
    assert len(rows) == 3000
    assert 0 < bridging.metric("rows_total") < 3000
    assert (bridging.bridge.stop(), other.stop()) == (0, 0)
    assert bridging.n_ready("y_true") == 0


def test_a_second_bridge_on_the_same_web_port_works_without_pages(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    other = bridging.new_bridge()
    bridging.start()

    other.start("Reading the queue")

    assert "Set HINDSIGHT_BRIDGE_WEB_PORT" in other.said


def test_large_messages_are_read_fewer_at_once(make_bridging: MakeBridging) -> None:
    """So that memory is bounded in bytes too, although RabbitMQ's prefetch counts messages.

    Somebody else has the queue for himself until Kafka stands still: the bridge is connected to it, and reads all at once.
    """
    bridging = make_bridging(queues="features")
    declare(bridging, "features", durable=True)
    ids = [f"large-{i}" for i in range(150)]
    padding = b" " * 1_000_000
    bridging.pour("features", [b'{"id":"%s","features":[1]}' % row_id.encode() + padding for row_id in ids])
    with bridging.connection() as connection:
        channel = connection.channel()
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume("features", lambda *_: None, exclusive=True)
        bridging.bridge.start("is not being read")
        wait_until(lambda: bridging.readyz()["links"]["kafka"]["up"], MOVED_S, "it is connected to Kafka")
        bridging.brokers.kafka_server.pause()
        before = peak_mb(bridging.bridge.process.pid)
    try:
        wait_until(lambda: not bridging.readyz()["links"]["kafka"]["up"], MOVED_S, "it sees that Kafka stands still")
    finally:
        bridging.brokers.kafka_server.resume()

    rows = bridging.wait_ids("features", ids)
    assert {row["id"] for row in rows} == set(ids)
    assert "so no more than 32 are read at once from now on" in bridging.bridge.said
    assert peak_mb(bridging.bridge.process.pid) < before + 100
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("features") == 0
