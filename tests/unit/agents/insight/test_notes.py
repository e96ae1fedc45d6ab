"""What is kept beside the figures: by any process, and by the writer only as long as it is the writer."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.insight.database import NAME, Unwritable
from agents.insight.notes import NoFile, Notes, OtherWriter
from tests.unit.agents.insight.worlds import opened


def test_what_is_written_beside_a_running_worker_is_read_by_any_process(tmp_path: Path):
    store, notes = opened(tmp_path), Notes(tmp_path / NAME)
    assert notes.read("a") is None
    notes.write("a", b"1")
    assert Notes(tmp_path / NAME).read("a") == b"1"
    assert store.reader.state("a") == b"1"
    store.add([], state={"b": b"2"})
    assert notes.read("b") == b"2"
    notes.write("a", None)
    assert store.reader.state("a") is None


def test_who_writes_the_file_no_longer_writes_nothing(tmp_path: Path):
    opened(tmp_path)
    notes = Notes(tmp_path / NAME)
    first = notes.writer()
    notes.write("a", b"1", writer=first)
    opened(tmp_path)
    with pytest.raises(OtherWriter, match="Another worker"):
        notes.write("a", b"2", writer=first)
    assert notes.read("a") == b"1"
    notes.write("a", b"2", writer=notes.writer())


def test_before_there_is_a_file_that_is_said_and_none_is_made(tmp_path: Path):
    with pytest.raises(NoFile, match=r"no insight\.db yet"):
        Notes(tmp_path / NAME).read("a")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_none_of_ours_is_said(tmp_path: Path):
    (tmp_path / NAME).write_bytes(b"")
    with pytest.raises(Unwritable):
        Notes(tmp_path / NAME).read("a")
