"""The local path from the join to the metric log: what follows comes at once, what does not comes from Kafka."""

from __future__ import annotations

import pytest

from agents.metric_log import local_path as module
from agents.metric_log.local_path import LocalPath
from streams.wire.verdicts import Verdict, VerdictRecord

N_BYTES = 100
ROWS = [Verdict("a", "unmatched_true", at=1.0, y_true=2.0, ts_true=3.0)]


@pytest.fixture
def way():
    way = LocalPath()
    way.is_open = True
    return way


def of(offset, previous, partition=0):
    return VerdictRecord("log", partition, offset, previous, ROWS), N_BYTES


def offsets(records):
    return [(record.partition, record.offset) for record in records]


def test_what_follows_what_is_written_comes_at_once_and_moves_it_on(way):
    for one in (of(5, 3), of(6, 5), of(2, 1, partition=1)):
        assert way.put(*one)
    written = {"log": {0: 3, 1: 1}}
    records = way.following(written)
    assert offsets(records) == [(0, 5), (0, 6), (1, 2)]
    assert records[0].rows is ROWS
    assert written == {"log": {0: 6, 1: 2}}
    assert way.following(written) == []


def test_the_first_verdicts_of_a_log_follow_nothing(way):
    way.put(*of(0, -1))
    assert offsets(way.following({})) == [(0, 0)]


def test_what_is_ahead_waits_for_what_kafka_still_holds_of_an_earlier_owner(way):
    way.put(*of(8, 6))
    way.put(*of(9, 8))
    assert way.following({"log": {0: 3}}) == []
    assert offsets(way.following({"log": {0: 6}})) == [(0, 8), (0, 9)]


def test_what_is_written_is_dropped(way):
    way.put(*of(5, 3))
    written = {"log": {0: 7}}
    assert way.following(written) == []
    assert written == {"log": {0: 7}}
    assert way.following({"log": {0: 3}}) == []


def test_a_closed_way_takes_nothing():
    way = LocalPath()
    assert not way.put(*of(0, -1))
    assert way.following({}) == []


def test_what_is_too_much_is_forgotten_and_nothing_behind_it_counts_before_kafka_brings_it(way, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", N_BYTES)
    for offset in range(4):
        assert way.put(*of(offset, offset - 1))
    assert way.following({}) == []
    assert offsets(way.following({"log": {0: 1}})) == [(0, 2), (0, 3)]


def test_what_is_taken_wakes_the_metric_log(way):
    way.put(*of(0, -1))
    assert way.filled.is_set()
