"""A further sink, one that writes NDJSON: it gets every verdict once, as the CSV files do, whatever dies."""

from __future__ import annotations

import contextlib
import json

import msgspec
import pytest

from agents.metric_log import sinks
from agents.metric_log.sink import Sink
from agents.metric_log.state import STATE_NAME
from tests.unit.agents.metric_log.world import Died, dying_at, expected, matched, numbered, records, texts, written

ALL = ("matched", "unmatched_true", "unmatched_pred")
NDJSON = Sink("verdicts.ndjson", b"", ALL, msgspec.json.Encoder().encode_lines)


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "logs"


@pytest.fixture
def with_ndjson(monkeypatch):
    monkeypatch.setattr(sinks, "SINKS", (*sinks.SINKS, NDJSON))


def ids(logs):
    return [json.loads(line)["id"] for line in (logs / NDJSON.name).read_bytes().splitlines()]


def ids_of(sent):
    return [verdict.id for record in sent for verdict in record.rows]


def test_it_gets_every_verdict_in_its_order(logs, with_ndjson):
    log = written(logs, numbered(9)[:5], numbered(9))
    assert ids(logs) == ids_of(numbered(9))
    assert texts(logs) == expected(numbered(9))
    assert log.state.sizes[NDJSON.name] == (logs / NDJSON.name).stat().st_size


@pytest.mark.parametrize("done", [0, 0.5, 1])
@pytest.mark.usefixtures("with_ndjson")
def test_it_gets_every_verdict_once_wherever_the_process_dies(tmp_path, monkeypatch, done):
    sent, n_calls = numbered(10), 0
    while True:
        n_calls += 1
        logs = tmp_path / f"{n_calls}"
        log = written(logs, sent[:6])
        with dying_at(monkeypatch, n_calls, done=done) as died, contextlib.suppress(Died):
            log.append(sent[6:])
        written(logs, sent[4:])
        assert ids(logs) == ids_of(sent)
        assert texts(logs) == expected(sent)
        if not died:
            break
    assert n_calls > 6


def test_one_that_is_added_begins_with_what_is_next_and_one_that_is_gone_is_left_alone(logs, monkeypatch):
    sent, former = numbered(12), sinks.SINKS
    written(logs, sent[:4])
    monkeypatch.setattr(sinks, "SINKS", (*former, NDJSON))
    written(logs, sent[:8])
    assert ids(logs) == ids_of(sent[4:8])
    monkeypatch.setattr(sinks, "SINKS", former)
    written(logs, sent)
    assert ids(logs) == ids_of(sent[4:8])
    assert texts(logs) == expected(sent)


@pytest.mark.usefixtures("with_ndjson")
def test_without_a_state_it_gets_what_it_lacks_and_no_other_file_gets_it_again(logs):
    sent = numbered(12)
    written(logs, sent[:8])
    (logs / STATE_NAME).unlink()
    written(logs, sent[5:])
    assert ids(logs) == ids_of(sent)
    assert texts(logs) == expected(sent)


def test_added_while_the_state_is_lost_it_gets_what_comes_and_no_other_file_gets_it_again(logs, monkeypatch):
    sent = numbered(12)
    written(logs, sent[:8])
    (logs / STATE_NAME).unlink()
    monkeypatch.setattr(sinks, "SINKS", (*sinks.SINKS, NDJSON))
    written(logs, sent[5:])
    assert ids(logs) == ids_of(sent[5:])
    assert texts(logs) == expected(sent)


@pytest.mark.usefixtures("with_ndjson")
def test_the_first_line_of_a_file_without_a_header_is_known_again_after_others(logs):
    sent = records([matched("a")], [matched("b")])
    written(logs, sent)
    (logs / STATE_NAME).unlink()
    written(logs, sent[1:], records([matched("a")], partition=1))
    assert ids(logs) == ["a", "b"]


def test_the_files_of_all_sinks_are_in_the_registry_under_names_of_their_own():
    names = [sink.name for sink in sinks.SINKS]
    assert len(set(names)) == len(names)
    assert set(names) >= {"metric_log.csv", "unmatched_log.csv"}
