"""A file that is replaced is the old one or the new one."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from streams.process import atomic_file


def test_a_file_is_made_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for raw in (b"first", b"", b"x" * 5_000_000):
        atomic_file.replace(path, raw)
        assert path.read_bytes() == raw
    assert list(tmp_path.iterdir()) == [path]


def test_the_new_file_has_the_mode_that_was_asked_for(tmp_path: Path) -> None:
    atomic_file.replace(tmp_path / "secret", b"x", mode=0o400)
    atomic_file.replace(tmp_path / "secret", b"y", mode=0o400)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o400


@pytest.mark.parametrize("step", [(os, "write"), (os, "fsync"), (Path, "replace")], ids=lambda step: step[1])
def test_where_a_step_fails_the_old_file_stands_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: tuple[object, str]
) -> None:
    path = tmp_path / "file"
    atomic_file.replace(path, b"old")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*step, full)
        with pytest.raises(OSError, match="No space left"):
            atomic_file.replace(path, b"new")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"old"]
