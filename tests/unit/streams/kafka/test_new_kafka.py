"""What a new Kafka answers to its first group is no error, unless it lasts."""

from __future__ import annotations

import logging

from aiokafka.errors import GroupCoordinatorNotAvailableError, NodeNotReadyError

from streams.kafka.new_kafka import NewKafka


def no_coordinator(error: Exception) -> logging.LogRecord:
    return logging.LogRecord(
        "aiokafka", logging.ERROR, "c.py", 1, "Group Coordinator Request failed: %s", (error,), None
    )


def test_a_kafka_that_makes_its_first_group_is_no_error(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("streams.kafka.new_kafka.time.monotonic", lambda: now)
    new = NewKafka()
    assert not new.filter(no_coordinator(GroupCoordinatorNotAvailableError()))
    assert new.filter(no_coordinator(NodeNotReadyError())), "another error is said at once"
    now += 16
    assert new.filter(no_coordinator(GroupCoordinatorNotAvailableError())), "it lasts: that is said"
