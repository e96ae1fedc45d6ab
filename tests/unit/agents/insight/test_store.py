"""The store: exact after any crash, one owner, and damage set aside."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from agents.insight.database import NAME, Damaged, InsightError, Unwritable, WrittenByNewer, WrittenByOlder
from agents.insight.reader import Reader
from agents.insight.schema import VERSION
from agents.insight.series import Series
from agents.insight.store import KEPT_MARKS, OTHER_CLOCK, Fenced, Store
from streams.scores.cells import Cells
from streams.scores.figures import Gap, Mark
from tests.unit.agents.insight.worlds import FRAME, MODEL, NOON, assert_same, cells_of, labels, opened

ALWAYS = (0.0, 1e12)


def kept(store: Store) -> Cells:
    return store.reader.cells(MODEL, *ALWAYS, details=True)


def stream() -> Iterator[Cells]:
    rng = np.random.default_rng(1)
    while True:
        yield cells_of(labels(rng, 50, NOON, 600))


def batches(n: int) -> list[Cells]:
    return list(islice(stream(), n))


def test_batches_that_were_added_are_one_sum(tmp_path: Path):
    store = opened(tmp_path)
    for batch in batches(10):
        store.add([batch])
    assert_same(kept(store), Cells.merge(batches(10)))


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(3), {"log": {0: 7, 1: 5}}, {"alarm": b"{}"})
    store.add([], {"log": {1: 9}, "other log": {0: 1}})
    store.close()
    again = opened(tmp_path)
    assert_same(kept(again), Cells.merge(batches(3)))
    assert again.reader.positions() == {"log": {0: 7, 1: 9}, "other log": {0: 1}}
    assert (again.reader.state("alarm"), again.reader.state("nothing")) == (b"{}", None)


def test_each_series_has_its_own_cells(tmp_path: Path):
    store = opened(tmp_path)
    segment = Series("ridge", "country:DE")
    number = store.number(segment)
    assert number == store.number(segment) != store.number(Series("ridge", "country:DE", "decided"))
    coarse = cells_of(labels(np.random.default_rng(2), 40, NOON, 600), number, bins=FRAME.bins.coarse(), width_s=300.0)
    store.add([*batches(1), coarse])
    assert_same(store.reader.cells(segment, *ALWAYS, details=True), coarse)
    assert_same(kept(store), batches(1)[0])
    assert opened(tmp_path).reader.series() == {MODEL: 1, segment: 2, Series("ridge", "country:DE", "decided"): 3}


def test_of_a_span_the_cells_that_hold_anything_of_it_are_read(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(1))
    found = store.reader.cells(MODEL, NOON + 45, NOON + 120)
    assert found.start.tolist() == [NOON + 30, NOON + 60, NOON + 90]
    assert found.worst == [[], [], []]


def test_of_what_there_is_nothing_of_no_cells_are_read(tmp_path: Path):
    found = opened(tmp_path).reader.cells(Series("unknown", "country:DE"), *ALWAYS)
    assert (len(found.start), found.n.shape) == (0, (0, 9))


def test_an_exception_leaves_all_as_it_was(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(1), {"log": {0: 1}})
    of_other_bins = cells_of(labels(np.random.default_rng(1), 50, NOON, 600), bins=FRAME.bins.coarse())
    with pytest.raises(ValueError, match="broadcast"):
        store.add([*batches(1), of_other_bins], {"log": {0: 2}})
    assert_same(kept(store), batches(1)[0])
    assert store.reader.positions() == {"log": {0: 1}}
    store.add(batches(2)[1:], {"log": {0: 2}})
    assert_same(kept(store), Cells.merge(batches(2)))


def write_for_ever(directory: Path) -> None:
    store = opened(directory)
    for i, batch in enumerate(stream()):
        store.add([batch], {"log": {0: i}})


@pytest.mark.slow
def test_after_kill_9_at_any_moment_the_sums_are_those_up_to_the_positions(tmp_path: Path):
    rng = np.random.default_rng(3)
    most = 0
    for i in range(20):
        child = multiprocessing.get_context("fork").Process(target=write_for_ever, args=(tmp_path / str(i),))
        child.start()
        child.join(rng.uniform(0.02, 0.4))
        child.kill()
        child.join()
        store = opened(tmp_path / str(i))
        n_counted = store.reader.positions().get("log", {}).get(0, -1) + 1
        if n_counted:
            assert_same(kept(store), Cells.merge(batches(n_counted)))
        else:
            assert not len(kept(store).start)
        most = max(most, n_counted)
        store.close()
    assert most > 1


def test_who_opens_it_fences_the_last_owner(tmp_path: Path):
    first = opened(tmp_path)
    first.add(batches(1))
    second = opened(tmp_path)
    with pytest.raises(Fenced, match="Another worker has opened"):
        first.add(batches(1))
    with pytest.raises(Fenced):
        first.number(Series("new"))
    second.add(batches(2)[1:])
    assert_same(kept(second), Cells.merge(batches(2)))


def test_it_is_read_beside_its_owner(tmp_path: Path):
    store = opened(tmp_path)
    reader = Reader.open(tmp_path / NAME, FRAME.bins)
    assert len(reader.cells(MODEL, *ALWAYS).start) == 0
    store.add(batches(1))
    assert_same(reader.cells(MODEL, *ALWAYS, details=True), batches(1)[0])
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader._connection.execute("DELETE FROM cells")


def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    store = opened(tmp_path)
    store.add(batches(20))
    store.close()
    raw = bytearray((tmp_path / NAME).read_bytes())
    raw[16384:49152] = b"\xff" * 32768
    (tmp_path / NAME).write_bytes(raw)
    again = opened(tmp_path)
    assert len(kept(again).start) == 0
    assert again.reader.positions() == {}
    (aside,) = tmp_path.glob(f"{NAME}.damaged-*")
    assert aside.read_bytes() == raw
    assert "cannot be used" in caplog.text
    assert aside.name in caplog.text


@pytest.mark.parametrize(
    "content", [b"no database at all" * 500, b"SQLite format 3\0" + b"\0" * 200], ids=["text", "half"]
)
def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path, content: bytes):
    (tmp_path / NAME).write_bytes(content)
    opened(tmp_path).add(batches(1))
    assert next(tmp_path.glob(f"{NAME}.damaged-*")).read_bytes() == content


def test_a_database_of_another_program_is_set_aside(tmp_path: Path):
    other = sqlite3.connect(tmp_path / NAME)
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    opened(tmp_path)
    assert next(tmp_path.glob(f"{NAME}.damaged-*")).exists()


@pytest.mark.parametrize("lacks", ["TABLE marks", "INDEX cell_counts", "VIEW scores"])
def test_what_an_older_file_lacks_is_made_and_what_it_has_is_kept(tmp_path: Path, lacks: str):
    store = opened(tmp_path)
    store.add([cells_of(labels(np.random.default_rng(1), 100, NOON, 300))], {"log": {0: 7}})
    store.close()
    with sqlite3.connect(tmp_path / NAME) as connection:
        connection.execute(f"DROP {lacks}")
    connection.close()

    again = opened(tmp_path)
    again.mark(Mark(NOON, "opened", "here"))
    assert again.reader.positions() == {"log": {0: 7}}
    assert again.reader.cells(MODEL, 0, 1e12).n.sum() == 100
    assert not list(tmp_path.glob("*damaged*"))
    names = again._connection.execute("SELECT type || ' ' || name FROM sqlite_schema").fetchall()
    assert lacks.split()[1] in " ".join(name for (name,) in names).split()


def test_cells_whose_delays_are_by_another_clock_are_said_to_be(tmp_path: Path):
    store = opened(tmp_path)
    store.add([cells_of(labels(np.random.default_rng(1), 100, NOON, 300))])
    end = float(store.reader.cells(MODEL, 0, 1e12).start.max()) + FRAME.slice_s
    for _ in range(2):
        store.close()
        store = opened(tmp_path, FRAME._replace(clock="event"))
        assert store.reader.gaps(0, 1e12) == [Gap(0.0, end, OTHER_CLOCK.format("arrival"))]


def test_text_that_is_no_utf_8_is_an_error_of_ours(tmp_path: Path):
    store = opened(tmp_path)
    store._connection.execute("UPDATE series SET model = CAST(x'ff' AS TEXT)")
    with pytest.raises(InsightError):
        store.reader.series()


def test_what_a_newer_program_wrote_is_left_alone(tmp_path: Path):
    opened(tmp_path).close()
    newer = sqlite3.connect(tmp_path / NAME)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(WrittenByNewer, match=f"version {VERSION + 1}"):
        opened(tmp_path)
    assert not list(tmp_path.glob("*.damaged-*"))


@pytest.mark.parametrize(("by", "error"), [(-1, WrittenByOlder), (1, WrittenByNewer)], ids=["older", "newer"])
def test_a_file_of_another_version_is_not_read(tmp_path: Path, by: int, error: type[InsightError]):
    opened(tmp_path).close()
    other = sqlite3.connect(tmp_path / NAME)
    other.execute(f"PRAGMA user_version = {VERSION + by}")
    other.close()
    with pytest.raises(error, match=f"version {VERSION + by}"):
        Reader.of_file(tmp_path / NAME)


def test_a_file_that_is_removed_while_it_is_open_is_noticed_and_recreated(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(1), {"log": {0: 1}})
    (tmp_path / NAME).unlink()
    with pytest.raises(Damaged, match="removed or replaced"):
        store.add(batches(1))
    again = opened(tmp_path)
    assert again.reader.positions() == {}
    again.add(batches(1))
    assert_same(kept(again), batches(1)[0])


def test_a_file_that_is_damaged_while_it_is_open_is_noticed(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(20))
    store._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    with (tmp_path / NAME).open("r+b") as file:
        file.write(b"\xff" * (1 << 20))
    store._connection.execute("PRAGMA shrink_memory")  # or it would go on with the pages that it remembers
    with pytest.raises(Damaged, match="is damaged"):
        store.add(batches(1))
    again = opened(tmp_path)
    again.add(batches(1))
    assert_same(kept(again), batches(1)[0])


def test_a_directory_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / NAME).mkdir()
    with pytest.raises(Unwritable, match=NAME):
        opened(tmp_path)


def test_the_errors_and_the_worst_labels_of_a_span_are_read_by_themselves(tmp_path: Path):
    store = opened(tmp_path)
    rng = np.random.default_rng(5)
    some = [labels(rng, 300, NOON, 3600) for _ in range(3)]
    store.add([cells_of(part) for part in some])
    error = np.concatenate([part.y_pred - part.y_true for part in some])
    over, under = store.reader.errors(MODEL, *ALWAYS)
    assert (over.n, under.n) == (np.count_nonzero(error >= 0), np.count_nonzero(error < 0))
    assert (over.largest, under.largest) == (error.max(), -error.min())
    assert over.quantile(0.5) == pytest.approx(np.quantile(error[error >= 0], 0.5), rel=1 / 32)
    worst = store.reader.worst(MODEL, *ALWAYS)
    assert [label.absolute_error for label in worst] == sorted(np.abs(error).tolist(), reverse=True)[:10]
    assert store.reader.errors(MODEL, 0, 1)[0].n == 0
    assert store.reader.worst(MODEL, 0, 1) == []


def test_what_is_read_in_a_snapshot_is_of_one_moment(tmp_path: Path):
    store = opened(tmp_path)
    store.add(batches(1))
    reader = Reader.open(tmp_path / NAME, FRAME.bins)
    with reader.snapshot():
        before = reader.cells(MODEL, *ALWAYS).n.sum()
        store.add(batches(2)[1:])
        assert reader.cells(MODEL, *ALWAYS).n.sum() == before == reader.errors(MODEL, *ALWAYS)[0].n + _under(reader)
    assert reader.cells(MODEL, *ALWAYS).n.sum() == 2 * before


def _under(reader: Reader) -> int:
    return reader.errors(MODEL, *ALWAYS)[1].n


def test_gaps_are_told_with_the_spans_that_they_touch(tmp_path: Path):
    store = opened(tmp_path)
    store.add([], gaps=[Gap(NOON, NOON + 60, "Kafka no longer holds them")])
    assert store.reader.gaps(NOON + 59, NOON + 500) == [Gap(NOON, NOON + 60, "Kafka no longer holds them")]
    assert store.reader.gaps(NOON + 60, NOON + 500) == []


def test_of_very_many_marks_the_newest_are_kept(tmp_path: Path):
    store = opened(tmp_path)
    store.add((), marks=[Mark(float(i), "opened", "It counts.") for i in range(KEPT_MARKS + 10)])
    store.roll_up(1e6)
    with sqlite3.connect(tmp_path / NAME) as connection:
        n, first = connection.execute("SELECT count(*), min(at) FROM marks").fetchone()
    assert (n, first) == (KEPT_MARKS, 10.0)
    store.mark(Mark(1e5, "opened", "It counts."))
    assert store.reader.marks(1e5, 1e6) == [Mark(1e5, "opened", "It counts.")]
