import csv
import fcntl
import logging
import os
import sys
import tempfile
from collections import Counter
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metric_log import state
from agents.metric_log.log import Appended, Fenced, MetricLog
from agents.metric_log.state import Busy, StateIsNewer
from commands.reconcile import csv_files
from commands.status import snapshot
from tests.unit.agents.metric_log.world import (
    expected,
    lone_pred,
    lone_true,
    matched,
    numbered,
    records,
    texts,
    written,
)


@pytest.fixture
def logs(tmp_path):
    return tmp_path / "logs"


def test_every_verdict_is_one_line_in_its_file(logs):
    log = written(logs)
    sent = records([matched("a", 295.0, 221.8)], [lone_true("b"), matched("c", 0.1, 0.3), lone_pred("d")])
    assert log.append(sent) == Appended(n_matched=2, n_broken=0, fresh=sent)
    assert texts(logs) == (
        "id,y_true,y_pred,absolute_error\na,295.0,221.8,73.19999999999999\nc,0.1,0.3,0.19999999999999998\n",
        "id,verdict,ts,value,at\n"
        "b,unmatched_true,1700000000.125,7.0,1700000009.25\nd,unmatched_pred,1700000000.5,8.0,1700000009.25\n",
    )
    assert (log.state.n_matched, log.state.n_unmatched_true, log.state.n_unmatched_pred) == (2, 1, 1)


names = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=128)
finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(names, finite, finite), min_size=1, max_size=5))
def test_any_id_and_any_float_read_back_as_they_were(rows):
    with tempfile.TemporaryDirectory() as directory:
        written(directory, records([matched(*row) for row in rows]))
        with (Path(directory) / "metric_log.csv").open(encoding="utf-8", newline="\n") as file:
            read = list(csv.reader(file))[1:]
    assert [(name, float(y_true), float(y_pred)) for name, y_true, y_pred, _ in read] == rows
    errors = [min(abs(y_pred - y_true), sys.float_info.max) for _, y_true, y_pred in rows]  # no error is inf
    assert [float(row[3]) for row in read] == errors


def test_a_formula_is_left_as_it_came(logs):
    written(logs, records([matched("=1+1", 1.0, 2.0)]))
    assert "\n=1+1,1.0,2.0,1.0\n" in texts(logs)[0]


def test_the_rows_of_each_file_are_counted(logs):
    log = written(logs, *[[record] for record in numbered(20)])
    kinds = Counter(verdict.verdict for record in numbered(20) for verdict in record.rows)
    found = {kind: getattr(log.state, f"n_{kind}") for kind in kinds}
    assert found == dict(kinds)


def test_a_state_that_somebody_reads_does_not_change_under_them(logs):
    log = written(logs, numbered(5))
    read, before = log.state, log.state.copy()
    log.append(numbered(9))
    assert read == before
    assert log.state.n_matched > read.n_matched


def test_an_error_too_large_for_a_float_is_written(logs):
    log = written(logs, records([matched("a", -1e308, 1e308), matched("b", 1.0, 2.0)]))
    assert texts(logs)[0].endswith("a,-1e+308,1e+308,1.7976931348623157e+308\nb,1.0,2.0,1.0\n")
    assert log.state.n_matched == 2


def test_what_came_before_is_not_written_again(logs):
    all_of_them = numbered(10)
    log = written(logs, all_of_them[:6])
    assert log.append(all_of_them[3:8]).fresh == all_of_them[6:8]
    assert log.append(all_of_them[:8]) == Appended(0, 0, [])
    assert written(logs).append(all_of_them).fresh == all_of_them[8:]
    assert texts(logs) == expected(all_of_them)


def test_each_partition_and_each_log_has_a_position_of_its_own(logs):
    sent = [numbered(4), numbered(4, partition=1), numbered(4, log="log-b")]
    log = written(logs, *sent, *sent)
    assert texts(logs) == expected([record for batch in sent for record in batch])
    assert log.state.positions == {"log-a": {0: 3, 1: 3}, "log-b": {0: 3}}


def test_a_record_that_never_came_is_told_once_and_the_rest_is_written(logs, caplog):
    all_of_them = numbered(8)
    gap = all_of_them[:3] + all_of_them[5:]
    log = written(logs)
    assert log.append(gap).n_broken == 1
    assert log.append(gap).n_broken == 0
    assert [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR] == [
        "The verdicts between offsets 2 and 5 of partition 0 of the decision log log-a never came."
    ]
    assert texts(logs) == expected(gap)
    assert log.state.n_broken == 1


def test_a_record_without_rows_moves_the_position_only(logs):
    log = written(logs)
    sent = records([], [])
    assert log.append(sent) == Appended(0, 0, sent)
    assert log.state.positions == {"log-a": {0: 1}}


def test_nothing_to_append_is_nothing(logs):
    assert written(logs).append([]) == Appended(0, 0, [])


def test_a_writer_is_fenced_once_another_has_opened_the_log(logs):
    paused = written(logs, numbered(3))
    owner = written(logs)
    with pytest.raises(Fenced, match="Another worker"):
        paused.append(numbered(6))
    owner.append(numbered(6))
    with pytest.raises(Fenced):
        paused.append(numbered(9))
    assert texts(logs) == expected(numbered(6))


def test_a_writer_is_fenced_even_if_the_other_one_began_without_a_state(logs):
    paused = written(logs, numbered(3))
    (logs / state.STATE_NAME).unlink()
    written(logs)
    with pytest.raises(Fenced):
        paused.append(numbered(6))


def test_a_writer_is_fenced_if_the_state_is_gone_and_the_files_are_not_as_it_left_them(logs):
    paused = written(logs, numbered(3))
    written(logs, numbered(6))
    (logs / state.STATE_NAME).unlink()
    with pytest.raises(Fenced):
        paused.append(numbered(9))
    assert texts(logs) == expected(numbered(6))


def test_a_state_removed_under_a_running_writer_is_written_again(logs, caplog):
    log = written(logs, numbered(3))
    (logs / state.STATE_NAME).unlink()
    log.append(numbered(6))
    assert "is missing; it is rewritten" in caplog.text
    assert written(logs).append(numbered(7)).fresh == numbered(7)[6:]
    assert texts(logs) == expected(numbered(7))


def test_a_lock_removed_under_a_running_writer_is_made_again(logs):
    log = written(logs, numbered(3))
    (logs / state.LOCK_NAME).unlink()
    log.append(numbered(6))
    assert texts(logs) == expected(numbered(6))


def test_a_lock_file_removed_while_somebody_waits_for_it_does_not_count(logs, monkeypatch):
    written(logs)
    flock, locked = fcntl.flock, []

    def removed_under_the_first(fd, how):
        if not locked:
            (logs / state.LOCK_NAME).unlink()
        locked.append(fd)
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", removed_under_the_first)
    with state.locked(logs), (logs / state.LOCK_NAME).open() as file, pytest.raises(BlockingIOError):
        flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_lock_held_for_long_is_one_sentence(logs, monkeypatch):
    log = written(logs)
    monkeypatch.setattr(state, "LOCK_WAIT_S", 0.05)
    with state.locked(logs):
        with pytest.raises(Busy, match="held by another process"):
            log.append(numbered(3))
        with pytest.raises(Busy):
            MetricLog.open(logs)
    log.append(numbered(3))
    assert texts(logs) == expected(numbered(3))


def test_files_are_readable_by_others_and_writable_by_their_owner(logs):
    before = os.umask(0o022)
    try:
        written(logs, numbered(3))
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o777 for path in logs.iterdir()} == {0o644}


def test_a_log_that_a_newer_program_wrote_is_left_alone_and_said(logs):
    log = written(logs, numbered(3))
    newer = msgspec.json.encode(
        msgspec.json.decode((logs / state.STATE_NAME).read_bytes()) | {"version": state.VERSION + 1, "rows": []}
    )
    (logs / state.STATE_NAME).write_bytes(newer)
    before = texts(logs)
    said = r"metric_log.state.json is of version 4, and this program knows versions up to 3: .* Start that version.*\.$"
    with pytest.raises(StateIsNewer, match=said):
        MetricLog.open(logs)
    with pytest.raises(StateIsNewer, match=said):
        log.append(numbered(6))
    with pytest.raises(ValueError, match=said):
        snapshot.log(logs)
    with pytest.raises(csv_files.NoLog, match=r"is of version 4, .*: the files were not checked$"):
        csv_files.read_state(logs)
    assert texts(logs) == before
    assert (logs / state.STATE_NAME).read_bytes() == newer


def test_a_challenger_s_verdicts_are_in_neither_file_and_count_nowhere(logs):
    log = written(logs)
    of_challengers = [
        msgspec.structs.replace(one, model="b", challenger=True) for one in (matched("a", 1.0, 9.0), lone_true("b"))
    ]
    sent = records([matched("a", 1.0, 2.0), of_challengers[0]], of_challengers)
    assert log.append(sent) == Appended(1, 0, sent)
    assert texts(logs) == ("id,y_true,y_pred,absolute_error\na,1.0,2.0,1.0\n", "id,verdict,ts,value,at\n")
    assert (log.state.n_matched, log.state.n_unmatched_true) == (1, 0)
