"""What the look at Kafka says: what was removed of quarantine, and whether Kafka is there."""

from __future__ import annotations

import logging

from aiokafka import TopicPartition

from agents.web import health
from agents.web.facts import Facts
from agents.web.kafka import Ends
from streams.settings import Settings


def test_what_was_removed_from_quarantine_is_counted_and_said_when_it_grows(caplog):
    ends = Ends(Settings())
    said = []
    with caplog.at_level(logging.WARNING):
        for first in (0, 0, 5, 5, 9):
            ends._first = {TopicPartition("quarantine", 0): first}
            ends._end = {TopicPartition("quarantine", 0): 20}
            ends._say_what_is_removed()
            said.append(len(caplog.records))

    assert said == [0, 0, 1, 1, 2]
    assert "has removed its 9 oldest records (HINDSIGHT_MAX_QUARANTINE_BYTES)" in caplog.text
    assert ends.removed(ends._names.quarantine) == 9


def test_a_kafka_that_went_away_is_a_problem_until_it_is_back():
    ends = Ends(Settings())
    facts = Facts(ends)
    facts._look()
    assert "kafka" not in health.problems  # it was not there yet: the agents that wait for it say so
    ends.problem, ends.heard_at = "", 1_700_000_000.0
    facts._look()
    assert "kafka" not in health.problems
    ends._say_away("silent for 3 s")
    facts._look()
    assert "does not answer: silent for 3 s. It was last heard at 2023-11-14 22:13:20 UTC" in health.problems["kafka"]
    ends.problem = ""
    facts._look()
    assert "kafka" not in health.problems
