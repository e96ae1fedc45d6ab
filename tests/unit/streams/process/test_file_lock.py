"""One process at a time holds a lock, for as long as it lives."""

from __future__ import annotations

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from streams.process.file_lock import try_lock, wait_for_lock

HOLDER = """
import sys
from pathlib import Path
from streams.process.file_lock import try_lock
held = try_lock(Path(sys.argv[1]))
print("held" if held else "refused", flush=True)
sys.stdin.read()
"""


def test_a_lock_is_free_as_soon_as_its_process_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    argv = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert try_lock(path) is None
        holder.kill()
    again = try_lock(path)
    assert again is not None
    again.close()


def test_whoever_closes_it_lets_go(tmp_path: Path) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    assert try_lock(tmp_path / "lock") is None
    first.close()
    second = try_lock(tmp_path / "lock")
    assert second is not None
    second.close()


def test_a_lock_on_a_file_that_was_removed_meanwhile_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, flock = tmp_path / "lock", fcntl.flock

    def removed(file: int, how: int) -> None:
        path.unlink()
        flock(file, how)

    monkeypatch.setattr(fcntl, "flock", removed)
    assert try_lock(path) is None


def test_what_a_file_holds_stays(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("4711")
    lock = try_lock(tmp_path / "lock")
    assert lock is not None
    lock.close()
    assert (tmp_path / "lock").read_text() == "4711"


def test_a_file_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        try_lock(tmp_path / "missing" / "lock")


def test_who_waits_has_the_lock_once_its_holder_lets_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = try_lock(tmp_path / "lock")
    assert first is not None
    monkeypatch.setattr("streams.process.file_lock.time.sleep", lambda _: first.close())
    second = wait_for_lock(tmp_path / "lock", 60)
    assert second is not None
    second.close()


def test_who_waits_for_long_has_no_lock(tmp_path: Path) -> None:
    held = try_lock(tmp_path / "lock")
    assert held is not None
    assert wait_for_lock(tmp_path / "lock", 0.02) is None
    held.close()
