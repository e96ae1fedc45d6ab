"""What Kafka removed of quarantine is said once, and again when it is more."""

from __future__ import annotations

import logging

from aiokafka import TopicPartition

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
