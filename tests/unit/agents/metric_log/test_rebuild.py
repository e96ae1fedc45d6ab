"""What people do to the files: delete the state, move the log away, edit it, damage it. Nothing is lost silently."""

import io
import logging
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.metric_log.rebuild import n_rows
from agents.metric_log.state import STATE_NAME
from streams.process.progress import Progress
from tests.unit.agents.metric_log.world import expected, matched, numbered, records, texts, written

CSV, UNMATCHED = "metric_log.csv", "unmatched_log.csv"


@pytest.fixture
def logs(tmp_path):
    return tmp_path


def kept(logs, name=CSV):
    return sorted(logs.glob(f"{name}.damaged-*"))


def test_without_a_state_the_rows_are_counted(logs):
    before = written(logs, *[[record] for record in numbered(30)])
    (logs / STATE_NAME).unlink()
    assert written(logs).state.n_matched == before.state.n_matched > 0


@pytest.mark.slow
@given(st.integers(0, 20), st.integers(0, 20), st.integers(1, 5))
def test_distinct_rows_that_come_again_without_a_state_are_each_in_the_file_once(n_written, n_again, batch):
    sent = numbered(20)
    again_from = max(0, n_written - n_again)
    with tempfile.TemporaryDirectory() as directory:
        written(directory, sent[:n_written])
        (Path(directory) / STATE_NAME).unlink()
        written(directory, *[sent[i : i + batch] for i in range(again_from, 20, batch)])
        assert texts(directory) == expected(sent)
        assert again_from == 20 or not written(directory).append(sent).fresh


def test_a_worker_that_dies_while_rows_come_again_goes_on_where_it_was(logs):
    written(logs, numbered(20))
    (logs / STATE_NAME).unlink()
    for end in range(6, 30, 5):
        written(logs, numbered(30)[5:end])
    written(logs, numbered(30)[5:])
    assert texts(logs) == expected(numbered(30))


def test_lost_positions_are_no_broken_chain_in_any_partition(logs):
    other = numbered(25, partition=1)
    written(logs, numbered(20), other[:20])
    (logs / STATE_NAME).unlink()
    log = written(logs)
    assert log.append(numbered(25)[20:]).n_broken == 0
    assert written(logs).append(other[20:24]).n_broken == 0
    assert log.state.writer != written(logs).state.writer
    assert texts(logs) == expected([*numbered(20), *other[:20], *numbered(25)[20:], *other[20:24]])


def test_of_equal_lines_the_place_is_taken_from_which_all_goes_on(logs):
    sent = records(*[[matched(name)] for name in "abacd"])
    written(logs, sent[:4])
    (logs / STATE_NAME).unlink()
    written(logs, sent)
    assert texts(logs) == expected(sent)


def test_rows_that_were_sent_again_in_another_order_are_each_in_the_file_once(logs):
    """A worker that starts sends the last verdicts of its partitions again, one partition after the other."""
    zero, one = numbered(12), numbered(12, partition=1)
    in_turn = [record for both in zip(zero, one, strict=True) for record in both]
    written(logs, in_turn[:20])
    (logs / STATE_NAME).unlink()
    log = written(logs, [*zero[6:10], *one[6:10]], [*zero[10:], *one[10:]])
    assert texts(logs) == expected([*in_turn[:20], *zero[10:], *one[10:]])
    assert log.state.n_broken == 0


def test_the_first_new_row_of_a_partition_ends_the_search_in_that_partition_alone(logs):
    zero, one = numbered(10), numbered(10, partition=1)
    written(logs, zero[:8], one[:8])
    (logs / STATE_NAME).unlink()
    written(logs, zero[7:], one[5:])
    assert texts(logs) == expected([*zero[:8], *one[:8], *zero[8:], *one[8:]])


def test_a_torn_line_without_a_state_vanishes_and_comes_again(logs):
    written(logs, numbered(20))
    (logs / STATE_NAME).unlink()
    with (logs / CSV).open("a") as file:
        file.write("log-a-0-99-0,1.25,7")
    written(logs, numbered(25)[15:])
    assert texts(logs) == expected(numbered(25))


def test_lines_that_are_not_rows_are_not_counted_and_said(logs, caplog):
    (logs / CSV).write_text("id,y_true,y_pred,absolute_error\na,1.0,3.0,2.0\nnonsense\nb,x,1,2\nc,2.0,3.0,1.0\n")
    log = written(logs)
    assert log.state.n_matched == 2
    assert "2 lines are not rows; they are not counted." in caplog.text


def test_a_stray_quote_does_not_stop_the_reading(tmp_path):
    path = tmp_path / CSV
    path.write_text('id,y_true,y_pred,absolute_error\n"' + "a,1.0,2.0,1.0\n" * 20_000)
    assert n_rows(path) < 20_000


def test_a_state_that_cannot_be_understood_is_kept_aside_and_the_rows_are_read(logs, caplog):
    written(logs, numbered(10))
    for damage in (b"", b"{", b'{"writer": 1}', b"\xff\xfe"):
        (logs / STATE_NAME).write_bytes(damage)
        assert written(logs, numbered(10)[7:]).state.n_matched == len(texts(logs)[0].splitlines()) - 1
        assert texts(logs) == expected(numbered(10))
    assert len(kept(logs, STATE_NAME)) == 4
    assert "cannot be understood" in caplog.text


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda text: text[: len(text) // 2], "of the"),
        (lambda text: b"", "of the"),
        (lambda text: text + b"x,1,2,1\n", "bytes of an unfinished write were removed"),
        (lambda text: text.replace(b"id,y", b"ID;;y"), "somebody changed it"),
        (lambda text: text.replace(b"1.0", b"1.000", 1), "somebody changed it"),
    ],
    ids=["cut", "emptied", "longer", "header", "edited"],
)
def test_a_log_that_somebody_changed_is_kept_aside_and_said(logs, caplog, damage, said, running):
    log = written(logs, numbered(10))
    before = log.state
    damaged = damage((logs / CSV).read_bytes())
    (logs / CSV).write_bytes(damaged)
    log = log if running else written(logs)
    log.append(numbered(20)[10:])
    assert said in caplog.text
    if kept(logs):
        assert kept(logs)[0].read_bytes() == damaged
        assert texts(logs)[0] == expected(numbered(20)[10:])[0]
    else:
        assert texts(logs)[0] == expected(numbered(20))[0]
    assert log.state.n_matched > before.n_matched
    assert not log.append(numbered(20)).fresh


@pytest.mark.parametrize("running", [True, False], ids=["running", "stopped"])
def test_a_log_that_was_moved_away_begins_anew_and_the_count_goes_on(logs, caplog, running):
    log = written(logs, numbered(10))
    (logs / CSV).rename(logs / "archive.csv")
    log = log if running else written(logs)
    log.append(numbered(20)[10:])
    assert (logs / "archive.csv").read_text() == expected(numbered(10))[0]
    assert texts(logs)[0] == expected(numbered(20)[10:])[0]
    assert log.state.n_matched == sum(text.count("\n") for text in expected(numbered(20))[:1]) - 1
    assert "somebody moved it" in caplog.text


def test_a_directory_that_is_removed_under_a_running_worker_is_made_again_and_rows_go_on(tmp_path, caplog):
    logs = tmp_path / "logs"
    log = written(logs, numbered(10))
    shutil.rmtree(logs)
    done = log.append(numbered(20)[8:])
    assert texts(logs) == expected(numbered(20)[10:])
    assert (done.n_broken, log.state.n_broken) == (0, 0)
    assert log.state.n_matched == expected(numbered(20))[0].count("\n") - 1
    assert "metric_log.csv is gone" in caplog.text


def test_a_file_of_another_kind_in_the_place_of_the_log_is_kept_aside(logs):
    (logs / CSV).write_text("when,what\n1,2\n")
    written(logs, numbered(5))
    assert kept(logs)[0].read_text() == "when,what\n1,2\n"
    assert texts(logs) == expected(numbered(5))


def test_a_log_with_a_header_alone_or_half_a_header_begins_anew(logs):
    for start in ("id,y_true,y_pred,absolute_error\n", "", "id,y_tr"):
        (logs / STATE_NAME).unlink(missing_ok=True)
        (logs / UNMATCHED).unlink(missing_ok=True)
        (logs / CSV).write_text(start)
        written(logs, numbered(5))
        assert texts(logs) == expected(numbered(5))


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    class Clock:
        now = 0.0

    monkeypatch.setattr("streams.process.progress.time.monotonic", lambda: Clock.now)
    return Clock


def test_progress_is_one_moving_line_on_a_terminal(clock):
    terminal = Terminal()
    with Progress("Reading", 200, stream=terminal) as progress:
        progress.show(20)
        assert terminal.getvalue() == ""
        clock.now = 2.0
        progress.show(100)
        assert terminal.getvalue() == "\rReading " + "█" * 15 + "░" * 15 + "  50%"
    assert terminal.getvalue().endswith("\r\033[K")


def test_progress_is_a_plain_line_now_and_then_elsewhere(clock, caplog):
    caplog.set_level(logging.INFO)
    file = io.StringIO()
    with Progress("Reading", 200, stream=file) as progress:
        for clock.now in range(10):
            progress.show(20 * clock.now)
    assert file.getvalue() == ""
    assert [r.getMessage() for r in caplog.records] == ["Reading: 10%", "Reading: 60%"]
