"""An outage is said by links, and not once more for each of aiokafka's clients."""

from __future__ import annotations

import logging

from streams.kafka.unreachable import Unreachable


def test_what_the_library_says_of_a_broker_that_is_away_is_held_back_and_nothing_else_of_it():
    said = [
        logging.LogRecord(name, logging.ERROR, "client.py", 1, text, ("b1",), None)
        for name in ("aiokafka.conn", "hindsight.join")
        for text in ("Unable connect to %s", "Heartbeat failed for %s")
    ]
    passed = [one.getMessage() for one in said if Unreachable().filter(one)]
    assert passed == ["Heartbeat failed for b1", "Unable connect to b1", "Heartbeat failed for b1"]
