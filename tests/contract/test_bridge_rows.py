"""Rows of every form come from their queue into their topic and partition, and are acknowledged."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from streams.wire.partition import partition_of
from tests.contract.bridging import MOVED_S, Bridging
from tests.contract.conftest import MakeBridging
from tests.waiting import wait_until

VALUES = {"features": [0.5, -1.0], "y_true": 295.0, "y_pred": 221.75}
kinds = pytest.mark.parametrize("kind", list(VALUES))


def found(bridging: Bridging, kind: str, *ids: str) -> list[dict[str, Any]]:
    rows = bridging.wait_ids(kind, ids)
    return [next(row for row in rows if row["id"] == row_id) for row_id in ids]


@kinds
def test_a_native_row_comes_through(bridging: Bridging, kind: str) -> None:
    row = {"id": "native", "ts": 1700000000.25, kind: VALUES[kind]}

    bridging.publish(kind, row)

    assert found(bridging, kind, "native") == [row]


@kinds
def test_the_simple_form_comes_through_and_a_number_id_becomes_text(bridging: Bridging, kind: str) -> None:
    bridging.publish(kind, {"id": 1669147134.196809, "body": VALUES[kind]}, timestamp=1700000000)

    assert found(bridging, kind, "1669147134.196809") == [
        {"id": "1669147134.196809", "ts": 1700000000.0, kind: VALUES[kind]}
    ]


@kinds
def test_the_rows_of_an_array_come_through_each_in_its_partition(bridging: Bridging, kind: str) -> None:
    ids = [f"array-{i}" for i in range(1200)]

    bridging.publish(kind, [{"id": row_id, "ts": 1.5, "body": VALUES[kind]} for row_id in ids])

    bridging.wait_ids(kind, ids)
    for record in bridging.records(kind):
        rows = json.loads(record.value)
        assert len(rows) <= 500
        assert {partition_of(row["id"], 4) for row in rows} == {record.partition}


def test_a_prediction_keeps_the_name_of_its_model(bridging: Bridging) -> None:
    bridging.publish("y_pred", {"id": "named", "y_pred": 1.0, "model": "ridge-3"})

    assert found(bridging, "y_pred", "named")[0]["model"] == "ridge-3"


def test_a_row_without_a_time_happened_when_it_arrived(bridging: Bridging) -> None:
    before = time.time()
    bridging.publish("y_true", {"id": "untimed", "y_true": 1.0})

    (row,) = found(bridging, "y_true", "untimed")

    assert before <= row["ts"] <= time.time()


def test_the_rows_of_a_queue_keep_their_order_in_a_partition(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(partitions=1)
    bridging.start()

    bridging.publish("y_true", *({"id": str(i), "y_true": float(i)} for i in range(3000)))

    assert [row["id"] for row in bridging.wait_rows("y_true", 3000)] == [str(i) for i in range(3000)]


def test_what_kafka_has_is_acknowledged_and_counted(make_bridging: MakeBridging) -> None:
    bridging = make_bridging()
    bridging.start()

    bridging.publish("y_true", {"id": "a", "y_true": 1.0}, [{"id": "b", "y_true": 1}, {"id": "c"}], b"bad")

    wait_until(lambda: bridging.metric("acked_messages_total", queue="y_true") == 3, MOVED_S, "3 messages are acked")
    assert bridging.metric("unacked_messages", queue="y_true") == 0
    assert bridging.metric("messages_total", queue="y_true") == 3
    assert bridging.metric("rows_delivered_total", queue="y_true") == 4
    assert bridging.metric("rows_total", queue="y_true") == 2 == len(bridging.rows("y_true"))
    assert bridging.metric("quarantined_rows_total", queue="y_true", reason="bad_row") == 1
    assert bridging.metric("quarantined_rows_total", queue="y_true", reason="not_json") == 1
    assert bridging.bridge.stop() == 0
    assert bridging.n_ready("y_true") == 0


def test_only_the_queues_that_are_asked_for_are_read(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true,y_pred")
    with bridging.connection() as connection:
        connection.channel().queue_declare("features")
    bridging.start()

    bridging.publish("features", {"id": "a", "features": [1.0]})
    bridging.publish("y_true", {"id": "a", "y_true": 1.0})

    bridging.wait_ids("y_true", ["a"])
    assert bridging.n_ready("features") == 1
    assert bridging.queue("features")["durable"] is False


def test_rows_that_cannot_be_read_are_said_in_the_log_and_in_the_health_answer(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", queue_y_true="Labels")
    bridging.start()

    bridging.publish("Labels", {"id": "p-1", "price": 12}, {"id": "p-2", "ts": 1_700_000_000_000, "value": 3})

    (row,) = bridging.wait_ids("y_true", ["p-2"])
    assert (row["ts"], row["y_true"]) == (1_700_000_000.0, 3.0)
    bridging.wait_quarantined(1)
    said = "no field `y_true`; it has `id`, `price`: set HINDSIGHT_FIELD_Y_TRUE=price if that is the value."
    wait_until(lambda: said in bridging.bridge.said, MOVED_S, "the log says why")
    health = bridging.readyz()
    assert health["notes"] == ["The queue 'Labels': times in milliseconds are read as such (1 so far)."]
    assert health["unreadable"] == [f"1 row of y_true cannot be read, newest: {said}"]


def test_names_of_ones_own_and_the_id_of_the_message_are_read(make_bridging: MakeBridging) -> None:
    bridging = make_bridging(queues="y_true", field_y_true="data.price,price", field_id="@message_id")
    bridging.start()

    bridging.publish("y_true", {"data": {"price": 12}}, message_id="m-1")
    bridging.publish("y_true", {"price": "13.5"}, message_id="m-2")

    rows = bridging.wait_ids("y_true", ["m-1", "m-2"])
    assert {row["id"]: row["y_true"] for row in rows} == {"m-1": 12.0, "m-2": 13.5}
