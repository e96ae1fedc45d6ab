"""What the worker concludes from where Kafka's topics begin and end."""

from __future__ import annotations

import logging

import pytest

from streams.kafka.records import TP
from streams.settings import Settings
from web.state import topic_ends
from web.state.topic_ends import Ends


def test_what_was_removed_from_quarantine_is_counted_and_said_when_it_grows(caplog):
    ends = Ends(Settings(), {"kafka": ""})
    said = []
    with caplog.at_level(logging.WARNING):
        for first in (0, 0, 5, 5, 9):
            ends._first = {TP("quarantine", 0): first}
            ends._end = {TP("quarantine", 0): 20}
            ends._say_what_is_removed()
            said.append(len(caplog.records))

    assert said == [0, 0, 1, 1, 2]
    assert "has removed its 9 oldest records (HINDSIGHT_MAX_QUARANTINE_BYTES)" in caplog.text
    assert ends.removed(ends._names.quarantine) == 9


def test_a_kafka_that_does_not_answer_is_a_problem_that_says_since_when():
    ends = Ends(Settings(), {"kafka": ""})
    ends.heard_at = 1_700_000_000.0
    ends._say_away("no answer for 3 s")

    assert "does not answer: no answer for 3 s. It was last heard at 2023-11-14 22:13:20 UTC" in ends._problems["kafka"]


class Ended(Exception):
    """The process would have ended."""


@pytest.mark.parametrize("now", [{}, {TP("y_true", 0): 3}], ids=["a topic that is gone", "one recreated"])
def test_a_kafka_that_lost_a_topic_of_ours_ends_the_process_if_it_stays_so(monkeypatch, now):
    def fatal(said: str) -> None:
        raise Ended(said)

    monkeypatch.setattr(topic_ends, "fatal", fatal)
    ends = Ends(Settings(), {"kafka": ""})
    ends._end = {TP("y_true", 0): 20}
    for found in (now, now, ends._end, now, now):
        ends._end_if_lost(found)
    with pytest.raises(Ended, match="Kafka has lost what it had of y_true"):
        ends._end_if_lost(now)
