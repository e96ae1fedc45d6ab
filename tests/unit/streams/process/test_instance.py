"""A worker's place on disk: one each, kept over restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.process import instance

Take = Callable[[], instance.WorkerInstance]


@pytest.fixture
def take(tmp_path: Path) -> Iterator[Take]:
    """Take instances of one state directory; the locks are let go of at the end."""
    with ExitStack() as held:

        def _take() -> instance.WorkerInstance:
            taken = instance.take(tmp_path)
            held.enter_context(taken.lock)
            return taken

        yield _take


def test_a_restarted_worker_is_the_same_member(take: Take):
    first = take()
    first.lock.close()  # what the kernel does when a process is killed
    again = take()
    assert again.path == first.path
    assert again.member_id("http://a:6066", "metric") == first.member_id("http://a:6066", "metric")


def test_a_worker_whose_address_or_agents_changed_is_another_member(take: Take):
    taken = take()
    ids = {
        taken.member_id(*what)
        for what in (("http://a:6066", "metric"), ("http://b:6066", "metric"), ("http://a:6066",))
    }
    assert len(ids) == 3


def test_workers_that_share_a_directory_take_a_slot_each(take: Take):
    first, second = take(), take()
    assert first.path != second.path
    assert first.instance_id != second.instance_id


def test_an_instance_file_that_was_cut_off_is_rewritten(take: Take):
    taken = take()
    taken.lock.close()
    (taken.path / "instance").write_text("")
    assert take().instance_id.startswith("hindsight-")


def test_a_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(instance.InstanceError, match=r"Not a directory\. Make it writable, or set HINDSIGHT_STATE_DIR"):
        instance.take(tmp_path / "file" / "state")


def test_no_free_slot_is_one_sentence(take: Take, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(instance, "MAX_INSTANCES", 1)
    take()
    with pytest.raises(instance.InstanceError, match="are taken by running workers"):
        take()


def test_nobody_else_on_the_machine_reads_a_workers_table(take: Take):
    assert take().path.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_others_could_read_is_closed(tmp_path: Path, take: Take):
    (tmp_path / "worker-1").mkdir(mode=0o755)
    assert take().path.stat().st_mode & 0o777 == 0o700
