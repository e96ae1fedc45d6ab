"""Queues of other kinds: each is read without losing a row, or not read, with a sentence. What RabbitMQ drops is named."""

from __future__ import annotations

import json
import urllib.error
from typing import Any

import pytest
from pika.exceptions import NackError

from commands.doctor import check_rabbitmq
from commands.doctor.finding import Finding
from streams.settings import load
from tests.contract.bridging import MOVED_S, Bridging
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until

STREAM = {"durable": True, "arguments": {"x-queue-type": "stream"}}


def declare(bridging: Bridging, **how: Any) -> None:
    with bridging.connection() as connection:
        connection.channel().queue_declare("y_true", **how)


def findings(bridging: Bridging) -> list[Finding]:
    """Return what the doctor says of the queue."""
    settings = load({name: value for name, value in bridging.environ.items() if name.startswith("HINDSIGHT_")})
    return [one for one in check_rabbitmq.check(settings) if one.what == "queue y_true"]


def problem(bridging: Bridging) -> str:
    found: str = bridging.readyz()["links"]["queue y_true"]["last_problem"]
    return found


def rows(*ids: str) -> list[dict[str, Any]]:
    return [{"id": row_id, "y_true": 1.0} for row_id in ids]


@pytest.mark.parametrize("kind", ["durable", "existing"])
@pytest.mark.parametrize(
    ("how", "why"),
    [(STREAM, "it is a stream"), ({"auto_delete": True}, "it is auto-delete")],
    ids=["stream", "auto-delete"],
)
def test_a_queue_that_cannot_be_read_without_losing_rows_is_left_alone_and_says_why(
    make_bridging: MakeBridging, how: dict[str, Any], why: str, kind: str
) -> None:
    bridging = make_bridging(queues="y_true", queue_kind=kind)
    declare(bridging, **how)
    bridging.publish("y_true", *rows("before"))

    bridging.bridge.start("is not read")

    assert f"The queue 'y_true' is not read: {why}" in problem(bridging)
    assert [one.level for one in findings(bridging)] == ["wrong"]
    assert why.removeprefix("it ") in findings(bridging)[0].said
    assert bridging.bridge.stop() == 0
    with bridging.connection() as connection:
        connection.channel().queue_declare("y_true", passive=True)  # it is still there
    assert bridging.records("y_true") == []


def test_a_queue_is_read_as_soon_as_it_is_declared_otherwise(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    declare(bridging, **STREAM)
    bridging.bridge.start("it is a stream")

    with bridging.connection() as connection:
        connection.channel().queue_delete("y_true")

    bridging.wait_ready()
    bridging.publish("y_true", *rows("after"))
    bridging.wait_ids("y_true", ["after"])


def test_a_stream_is_known_by_its_messages_where_rabbitmq_may_not_tell(make_bridging: MakeBridging) -> None:
    """A user without the right to declare is told nothing of how a queue was declared."""
    bridging = make_bridging(queues="y_true", queue_kind="existing")
    url = as_a_user_who_only_reads(bridging)
    declare(bridging, **STREAM)
    bridge = bridging.new_bridge(HINDSIGHT_AMQP_URL=url)
    bridge.start("Reading the queue 'y_true'")

    bridging.publish("y_true", *rows("a", "b"))

    wait_until(lambda: "it is a stream" in bridge.said, MOVED_S, "it says what the queue is")
    assert bridging.records("y_true") == []
    assert "Traceback" not in bridge.said


def as_a_user_who_only_reads(bridging: Bridging) -> str:
    """Make a user without the right to declare; return a URL with it."""
    address, _, vhost = bridging.environ["HINDSIGHT_AMQP_URL"].rpartition("/")
    brokers = bridging.brokers
    brokers.management("PUT", f"users/{vhost}", json.dumps({"password": "reads", "tags": ""}).encode())
    brokers.management("PUT", f"permissions/{vhost}/{vhost}", b'{"configure":"","write":"","read":".*"}')
    return f"{address.replace('guest:guest', f'{vhost}:reads')}/{vhost}"


def test_a_queue_of_another_connection_alone_is_waited_for_and_named(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true")
    with bridging.connection() as connection:
        connection.channel().queue_declare("y_true", exclusive=True)
        bridging.bridge.start("is not read")
        assert "it is exclusive to another connection" in problem(bridging)
        assert [(one.level, "exclusive" in one.said) for one in findings(bridging)] == [("wrong", True)]

    bridging.wait_ready()
    bridging.publish("y_true", *rows("after"))
    bridging.wait_ids("y_true", ["after"])


def test_of_a_queue_with_a_single_active_consumer_one_bridge_reads_and_the_next_one_takes_over(
    make_bridging: MakeBridging,
) -> None:
    bridging = make_bridging(queues="y_true")
    declare(bridging, durable=True, arguments={"x-single-active-consumer": True})
    bridging.start()
    other = bridging.new_bridge(HINDSIGHT_BRIDGE_WEB_PORT=bridging.environ["HINDSIGHT_WEB_PORT"])
    other.start("Reading the queue 'y_true'")
    assert any("one reader at a time" in note for note in bridging.readyz()["notes"])

    bridging.publish("y_true", *rows("first"))
    bridging.wait_ids("y_true", ["first"])
    assert bridging.metric("rows_total") == 1
    assert bridging.bridge.stop() == 0
    bridging.publish("y_true", *rows("second"))

    bridging.wait_ids("y_true", ["second"])


def test_rows_that_wait_longer_than_the_queue_lets_them_are_dropped_by_rabbitmq_and_that_is_named(
    make_bridging: MakeBridging,
) -> None:
    """Where they go to is the queue's own dead-letter exchange."""
    bridging = make_bridging(queues="y_true")
    with bridging.connection() as connection:
        connection.channel().queue_declare("dropped", durable=True)
    arguments = {"x-message-ttl": 200, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dropped"}
    declare(bridging, durable=True, arguments=arguments)
    bridging.publish("y_true", *rows("old"))
    wait_until(lambda: bridging.n_ready("dropped") == 1, MOVED_S, "RabbitMQ has dropped it")

    bridging.start()

    bridging.publish("y_true", *rows("new"))
    assert [row["id"] for row in bridging.wait_ids("y_true", ["new"])] == ["new"]
    notes = " ".join(bridging.readyz()["notes"])
    assert "for longer than 0.2 s (x-message-ttl)" in notes
    assert "what RabbitMQ drops of it goes to the exchange '', not to quarantine" in notes
    assert sum(one.level == "note" for one in findings(bridging)) == 3  # these two, and that it is taken as it is


def test_of_a_full_queue_rabbitmq_drops_the_oldest_or_refuses_the_next_and_that_is_named(
    make_bridging: MakeBridging,
) -> None:
    dropping, refusing = make_bridging(queues="y_true"), make_bridging(queues="y_true")
    declare(dropping, durable=True, arguments={"x-max-length": 2})
    declare(refusing, durable=True, arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    dropping.publish("y_true", *rows("a", "b", "c"))
    with pytest.raises(NackError):
        refusing.publish("y_true", *rows("a", "b", "c"))

    dropping.start()
    refusing.start()

    assert {row["id"] for row in dropping.wait_ids("y_true", ["b", "c"])} == {"b", "c"}
    assert {row["id"] for row in refusing.wait_ids("y_true", ["a", "b"])} == {"a", "b"}
    assert "drops the oldest beyond 2 messages (x-max-length)" in dropping.readyz()["notes"][0]
    assert "refuses what comes beyond 2 messages (x-max-length)" in refusing.readyz()["notes"][0]


def test_a_queue_that_expires_unused_is_kept_while_kafka_is_away(make_bridging: MakeBridging) -> None:
    """Another queue, which nobody touches at all, shows that the time is over."""
    bridging = make_bridging(queues="y_true")
    expires = {"durable": True, "arguments": {"x-expires": 4000}}
    declare(bridging, **expires)
    bridging.start()
    bridging.brokers.kafka_server.pause()
    try:
        bridging.publish("y_true", *rows("a"))
        wait_until(lambda: bridging.queue("y_true").get("consumers") == 0, MOVED_S, "nothing more is asked for")
        with bridging.connection() as connection:
            connection.channel().queue_declare("untouched", **expires)
        bridging.publish("y_true", *rows("b"))
        wait_until(lambda: is_gone(bridging, "untouched"), MOVED_S, "the other one has expired")
    finally:
        bridging.brokers.kafka_server.resume()

    bridging.wait_ids("y_true", ["a", "b"])
    assert any("nobody has used it for 4 s (x-expires)" in note for note in bridging.readyz()["notes"])


def is_gone(bridging: Bridging, queue: str) -> bool:
    try:
        bridging.queue(queue)
    except urllib.error.HTTPError as answer:
        return answer.code == 404
    return False


@pytest.mark.parametrize(
    "how", [{}, {"durable": True, "arguments": {"x-queue-type": "quorum"}}], ids=["classic", "quorum"]
)
def test_somebody_else_who_reads_the_queue_is_named(make_bridging: MakeBridging, how: dict[str, Any]) -> None:
    bridging = make_bridging(queues="y_true")
    declare(bridging, **how)
    bridging.start()
    assert not any("other consumer" in note for note in bridging.readyz()["notes"])

    with bridging.connection() as connection:
        connection.channel().basic_consume("y_true", lambda *_: None)
        wait_until(
            lambda: any("also read by 1 other consumer" in note for note in bridging.readyz()["notes"]),
            MOVED_S,
            "/readyz names the other reader",
        )
        assert any("also read by 1 other consumer" in one.said for one in findings(bridging))
        assert bridging.readyz()["ready"]

    wait_until(
        lambda: not any("other consumer" in note for note in bridging.readyz()["notes"]), MOVED_S, "it is alone again"
    )
