"""Child processes of `python -m dev`: what is ours to end, and what is not."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev import DevError, processes
from tests.waiting import wait_until


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that does nothing, and that is somebody's."""
    with subprocess.Popen(["sleep", "60"]) as process:
        yield process
        process.kill()


def test_a_process_of_a_killed_parent_is_ended_and_named(sleeper: subprocess.Popen[bytes], tmp_path: Path) -> None:
    _record(tmp_path, processes.identity(sleeper.pid))
    said: list[str] = []
    processes.end_stale("worker", home=tmp_path, timeout_s=0.2, say=said.append)
    assert sleeper.wait(5) == -signal.SIGTERM
    assert said == [f"Stopping worker (process {sleeper.pid}), left over from a run that was killed."]
    assert not (tmp_path / "pid" / "worker").exists()


def test_somebody_elses_process_with_a_recorded_pid_is_left_alone(
    sleeper: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    pid, started, boot = processes.identity(sleeper.pid).split()
    _record(tmp_path, f"{pid} {int(started) - 1} {boot}")
    processes.end_stale("worker", home=tmp_path, timeout_s=0.2, say=pytest.fail)
    assert sleeper.poll() is None
    assert not (tmp_path / "pid" / "worker").exists()


@pytest.mark.parametrize("recorded", ["", "no number", "1"], ids=["torn", "foreign", "half"])
def test_a_pid_file_that_cannot_be_read_ends_nothing(tmp_path: Path, recorded: str) -> None:
    _record(tmp_path, recorded)
    processes.end_stale("worker", home=tmp_path, timeout_s=0.2, say=pytest.fail)


def test_a_child_that_ignores_the_request_is_ended_by_force_with_all_of_its_session(tmp_path: Path) -> None:
    script = "trap '' TERM; sleep 60 & echo $!; wait; wait"
    child = processes.start("stubborn", ["sh", "-c", script], home=tmp_path, environ=os.environ)
    wait_until(lambda: child.log.read_text().endswith("\n"), 5, "the line that says that TERM is ignored")
    grandchild = int(child.log.read_text())
    child.stop(0.3)
    assert child.process.returncode == -signal.SIGKILL
    wait_until(lambda: not processes.identity(grandchild), 5, "the end of the child's child")


def test_a_death_shows_the_end_of_the_log(tmp_path: Path) -> None:
    script = "seq 100; exit 3"
    child = processes.start("short", ["sh", "-c", script], home=tmp_path, environ=os.environ)
    child.process.wait(5)
    sentence, *lines = child.death().splitlines()
    assert sentence == f"short ended by itself with exit code 3. The last lines of {tmp_path / 'log' / 'short.log'}:"
    assert [line.strip() for line in lines] == [str(n) for n in range(86, 101)]


def test_a_program_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DevError, match=r"^nothing-like-it cannot be run: No such file or directory\.$"):
        processes.start("absent", ["nothing-like-it"], home=tmp_path, environ=os.environ)


def _record(home: Path, text: str) -> None:
    (home / "pid").mkdir()
    (home / "pid" / "worker").write_text(text)
