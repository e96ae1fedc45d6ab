"""Whatever dies wherever: after the next open and the same records again, each row is there, once, in order."""

import fcntl
import os
import random
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from agents.metric_log.files import Unwritable
from agents.metric_log.log import MetricLog
from tests.full_disk import full_disk
from tests.unit.agents.metric_log.world import Died, dying_at, expected, matched, numbered, records, texts, written

ROOT = Path(__file__).resolve().parents[4]


@pytest.mark.parametrize("done", [0, 0.5, 1], ids=["before", "halfway", "after"])
def test_a_writer_may_die_at_every_step_of_opening_and_appending(tmp_path, monkeypatch, done):
    all_of_them = numbered(24)
    n_calls = 0
    died = ["at least once"]
    while died:
        n_calls += 1
        logs, n_committed = tmp_path / str(n_calls), 0
        with dying_at(monkeypatch, n_calls, done=done) as died:
            try:
                log = MetricLog.open(logs)
                for end in (8, 16, 24):
                    log.append(all_of_them[n_committed:end])
                    n_committed = end
            except Died:
                pass
        log = written(logs, all_of_them[n_committed:])
        assert texts(logs) == expected(all_of_them)
        assert log.state.n_matched == texts(logs)[0].count("\n") - 1
    assert n_calls > 20


@pytest.mark.slow
def test_a_writer_may_die_twice_in_a_row(tmp_path, monkeypatch):
    all_of_them, chance = numbered(24), random.Random(3)
    for trial in range(50):
        logs, n_committed = tmp_path / str(trial), 0
        for _ in range(5):
            with dying_at(monkeypatch, chance.randrange(1, 25), done=chance.choice([0, 0.3, 1])):
                try:
                    log = MetricLog.open(logs)
                    while n_committed < 24:
                        log.append(all_of_them[max(0, n_committed - 3) : n_committed + 4])
                        n_committed = min(24, n_committed + 4)
                except Died:
                    pass
        written(logs, all_of_them[n_committed:])
        assert texts(logs) == expected(all_of_them)


@pytest.mark.slow
def test_a_tail_torn_at_any_byte_vanishes_and_comes_again(tmp_path):
    logs, copy = tmp_path / "logs", tmp_path / "copy"
    log = written(logs, numbered(8))
    shutil.copytree(logs, copy)
    log.append(numbered(13)[8:])
    for name in ("metric_log.csv", "unmatched_log.csv"):
        before, after = (copy / name).read_bytes(), (logs / name).read_bytes()
        for n_bytes in range(len(before), len(after) + 1):
            (copy / name).write_bytes(after[:n_bytes])
            written(copy)
            assert (copy / name).read_bytes() == before
    written(copy, numbered(13))
    assert texts(copy) == expected(numbered(13))


def test_after_a_full_disk_the_next_append_goes_on_from_a_clean_tail(tmp_path):
    all_of_them = numbered(60)
    log = written(tmp_path, all_of_them[:10])
    size = (tmp_path / "metric_log.csv").stat().st_size
    before = log.state
    for n_bytes in range(size, size + 40, 7):
        with full_disk(n_bytes), pytest.raises(Unwritable, match=r"cannot be written: File too large\.$"):
            log.append(all_of_them[10:])
        assert log.state is before
    log.append(all_of_them[10:])
    assert texts(tmp_path) == expected(all_of_them)


@pytest.mark.parametrize("name", ["fsync", "fdatasync"])
def test_after_a_failing_disk_the_same_records_can_be_given_again(tmp_path, monkeypatch, name):
    function, all_of_them = getattr(os, name), numbered(12)
    for nth in (1, 2, 3):
        logs, calls = tmp_path / str(nth), []
        log = written(logs, all_of_them[:5])

        def failing(fd, nth=nth, calls=calls):
            calls.append(fd)
            if len(calls) == nth:
                raise OSError(5, "Input/output error")
            return function(fd)

        with monkeypatch.context() as patch:
            patch.setattr(os, name, failing)
            for _ in range(2):
                try:
                    log.append(all_of_them)
                except Unwritable as exc:
                    assert str(exc).endswith("cannot be written: Input/output error.")  # noqa: PT017
        log.append(all_of_them)
        assert texts(logs) == expected(all_of_them)


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(Unwritable, match="cannot be written: Not a directory"):
        MetricLog.open(tmp_path / "file" / "logs")


WRITER = """
    import sys
    from pathlib import Path
    from agents.metric_log.log import Fenced, MetricLog
    from tests.unit.agents.metric_log.world import numbered
    log, all_of_them = MetricLog.open(Path(sys.argv[1])), numbered(400)
    first = 1 + max(log.state.positions.get("log-a", {}).values(), default=-1)
    print("open", flush=True)
    try:
        for i in range(max(0, first - 5), 400):
            log.append(all_of_them[i:i + 1])
            print(i, flush=True)
    except Fenced:
        sys.exit("fenced")
"""


def start_writer(logs):
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(logs)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "open\n"
    return process


@pytest.mark.slow
def test_processes_killed_in_the_middle_lose_nothing_and_write_nothing_twice(tmp_path):
    chance, n_killed = random.Random(1), 0
    for _ in range(8):
        process = start_writer(tmp_path)
        time.sleep(chance.random() * 0.06)  # any moment will do; none is waited for
        process.kill()
        process.communicate()
        n_killed += process.returncode == -signal.SIGKILL
    assert n_killed
    written(tmp_path, numbered(400))
    assert texts(tmp_path) == expected(numbered(400))


def test_a_process_paused_while_another_takes_over_is_fenced(tmp_path):
    paused = start_writer(tmp_path)
    stop(paused)
    while held_by(tmp_path):  # stopped inside of an append, where nobody can take over
        paused.send_signal(signal.SIGCONT)
        paused.stdout.readline()
        stop(paused)
    owner = written(tmp_path, numbered(400))
    paused.send_signal(signal.SIGCONT)
    assert paused.communicate()[1] == "fenced\n"
    assert not owner.append(numbered(400)).fresh
    assert texts(tmp_path) == expected(numbered(400))


def stop(process):
    process.send_signal(signal.SIGSTOP)
    os.waitpid(process.pid, os.WUNTRACED)


def held_by(logs):
    """Return whether some process holds the log's lock."""
    with (logs / "metric_log.lock").open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_rows_of_two_partitions_in_one_batch_survive_a_crash_together(tmp_path, monkeypatch):
    both = [record for pair in zip(numbered(9), numbered(9, partition=1), strict=True) for record in pair]
    log = written(tmp_path, both[:7])
    with dying_at(monkeypatch, 3, done=1), pytest.raises(Died):
        log.append(both[7:] + records([matched("x")], log="log-b"))
    written(tmp_path, both[4:])
    assert texts(tmp_path) == expected(both)
