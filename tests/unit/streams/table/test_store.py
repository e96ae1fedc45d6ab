"""The store of one partition over a real RocksDB: equal to two dicts, after any crash and by any way back."""

from __future__ import annotations

import itertools
import pickle
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import rocksdict
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join import deadlines, decision
from streams.join.deadlines import CHUNK, TIMER_KINDS, Rules
from streams.join.decision import Checkpoint, decode_checkpoint
from streams.table.store import CHECKPOINT, PairsStore, StoreFailed, options
from streams.wire import versions
from tests.oracle import Oracle, Row
from tests.pair import pair
from tests.player import SIDES, Player

NOW = 1_000_000.0
RULES = Rules(window_s=5.0, max_out_of_orderness_s=1.0, horizon_s=8.0)
CACHE = rocksdict.Cache(1 << 20)


@st.composite
def kafka_records(draw):
    side = draw(st.sampled_from(SIDES))
    ages = st.integers(-4, 40).map(lambda n: n / 4)
    rows = st.builds(
        Row, st.just(side), st.sampled_from("abcdef"), ages.map(lambda age: NOW - age), st.just(1.0), st.none()
    )
    return draw(st.lists(rows, min_size=1, max_size=6))


steps = st.lists(
    st.tuples(st.lists(kafka_records(), max_size=3), st.sampled_from([0.0, 0.5, 4.0]), st.sets(st.sampled_from(SIDES))),
    min_size=1,
    max_size=10,
)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Fresh paths for databases; hypothesis asks for many within one test."""
    root = tmp_path_factory.mktemp("stores")
    return (root / f"pairs-{n}" for n in itertools.count())


@pytest.fixture
def store(tmp_path):
    store = PairsStore(tmp_path / "pairs-0", CACHE)
    yield store
    store.close()


def timed(steps):
    """Yield each step with its clock, the rows as old as they were drawn."""
    now = NOW
    for records, pause_s, idle in steps:
        now += pause_s
        yield [[row._replace(ts=row.ts + now - NOW) for row in rows] for rows in records], now, idle


def contents(store):
    """Return everything that a store holds: the states, the index and the checkpoint."""
    raw = dict(store._db.items())
    checkpoint = decode_checkpoint(raw.pop(CHECKPOINT)) if CHECKPOINT in raw else Checkpoint()
    assert checkpoint == store.checkpoint
    index = {key: msgspec.msgpack.decode(raw.pop(key)) for key in list(raw) if key[:1] in TIMER_KINDS}
    return raw, index, checkpoint


def reopen(store):
    """Return the store that comes after this one, on the same files."""
    path = path_of(store)
    store.close()
    return PairsStore(path, CACHE)


def copy_files(store, to):
    """Copy a store's files, while nobody writes; return the store, open again."""
    path = path_of(store)
    store.close()
    shutil.copytree(path, to)
    return PairsStore(path, CACHE)


def path_of(store):
    return Path(store._db.path())


# Equal to two dicts


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_store_holds_what_two_dicts_hold_and_decides_the_same(places, steps):
    on_disk, in_dicts = Player(RULES, PairsStore(next(places), CACHE)), Player(RULES)
    for player in (on_disk, in_dicts):
        for records, now, idle in timed(steps):
            player.play(records, now, idle)
            player.settle(now, idle)

    assert on_disk.log == in_dicts.log
    assert contents(on_disk.view) == (in_dicts.view.packed, in_dicts.view.index, in_dicts.view.checkpoint)
    on_disk.view.close()


# Crash and recover


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(steps, st.data())
def test_a_writer_may_die_at_any_point_and_every_verdict_is_given_once(places, steps, data):
    oracle, player = Oracle(*RULES), Player(RULES, PairsStore(next(places), CACHE))
    for records, now, idle in timed(steps):
        for rows in records:
            oracle.read(rows[0].side, rows, now)
        oracle.tick(now, idle)
        death = data.draw(st.sampled_from(["before the append", "before the apply", "after the apply", "not now"]))
        if death == "before the append":
            player.decide(records, now, idle)
            player.view = reopen(player.view)
        player.append(player.decide(records, now, idle))
        if death == "before the apply":
            player.view = reopen(player.view)
        player.catch_up()
        if death == "after the apply":
            player.view = reopen(player.view)
        player.settle(now, idle)

    assert sorted(player.endings, key=repr) == sorted(oracle.endings, key=repr)
    assert {i: ending.at for i, ending in oracle.ended.items()} == done_at(player.view)
    player.view.close()


def done_at(store):
    """Return when each id that is remembered was decided."""
    pairs = itertools.starmap(pair, store.page(b"i", 100))
    return {seen.id: seen.decided_at for seen in pairs if seen.decided_at is not None}


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(steps, st.data())
def test_every_way_back_leads_to_the_same_store(places, steps, data):
    """Record by record or in bulk, from nothing or from an old copy, foreign void records between."""
    player = Player(RULES, PairsStore(next(places), CACHE))
    old_copy = next(places)
    copied_at = data.draw(st.integers(0, len(steps) - 1))
    for n, (records, now, idle) in enumerate(timed(steps)):
        if n == copied_at:
            player.view = copy_files(player.view, old_copy)
        stale = player.decide(records, now, idle)
        player.append(stale)
        if data.draw(st.booleans()):
            player.append(stale)  # a paused owner's record: on the same base, further on
        player.catch_up()
        player.settle(now, idle)

    for path, bulk in itertools.product([next(places), old_copy], [False, True]):
        copy = next(places)
        if path.exists():
            shutil.copytree(path, copy)
        store = PairsStore(copy, CACHE)
        recover(store, player.log, data.draw(st.integers(1, 9)) if bulk else 1)
        assert contents(store) == contents(player.view)
        store.close()
    player.view.close()


def test_a_killed_process_leaves_all_that_it_applied(tmp_path):
    player = Player(RULES)
    for n in range(30):
        player.play([[Row(SIDES[n % 2], f"{n % 7}-{i}", NOW + n, 1.0) for i in range(5)]], NOW + n)
    script = """
import os, pickle, signal, sys
from pathlib import Path
from rocksdict import Cache
from streams.join.decision import decode
from streams.table.store import PairsStore
path, log = pickle.load(sys.stdin.buffer)
store = PairsStore(Path(path), Cache(1 << 20))
for offset, record in enumerate(log):
    store.apply(offset, decode(record))
os.kill(os.getpid(), signal.SIGKILL)
"""
    path = tmp_path / "pairs-0"
    given = pickle.dumps((str(path), player.log))
    dead = subprocess.run([sys.executable, "-c", script], input=given, cwd=Path(__file__).parents[4], check=False)
    assert dead.returncode == -signal.SIGKILL

    store = PairsStore(path, CACHE)

    assert contents(store) == (player.view.packed, player.view.index, player.view.checkpoint)
    store.close()


def recover(store, log, n_at_once):
    """Apply what the log holds past the store's own offset, some records with each write."""
    offsets = range(store.checkpoint.offset + 1, len(log))
    for start in offsets[::n_at_once]:
        batch = rocksdict.WriteBatch(raw_mode=True)
        for offset in offsets[start - offsets.start :][:n_at_once]:
            store.add(batch, offset, decision.decode(log[offset]))
        store.write(batch)


# Records that do not fit


def a_record(store, row_id="a"):
    return Player(RULES, store).decide([[Row("true", row_id, NOW, 1.0)]], NOW)


def test_a_void_record_changes_nothing_but_the_offset(store):
    record = a_record(store)
    store.apply(0, record)
    before, _, checkpoint = contents(store)
    store.apply(1, record)

    assert contents(store)[0] == before
    assert store.checkpoint == msgspec.structs.replace(checkpoint, offset=1)


def test_a_record_past_a_gap_in_the_log_is_refused(store):
    store.apply(0, a_record(store))
    record = a_record(store, "b")
    record.base = 1

    with pytest.raises(ValueError, match="log record 2 does not follow 0"):
        store.apply(2, record)
    assert store.states([b"ib"]) == [None]


def test_a_record_that_was_applied_before_is_refused(store):
    record = a_record(store)
    store.apply(0, record)

    with pytest.raises(ValueError, match="log record 0 does not follow 0"):
        store.apply(0, record)


def test_what_is_no_record_moves_the_offset_only(store):
    store.apply(0, a_record(store))
    before = contents(store)
    store.apply(1, None)
    assert contents(store) == (*before[:2], msgspec.structs.replace(before[2], offset=1))


@pytest.mark.parametrize(
    ("head", "problem"),
    [
        (versions.marked(6, b"anything"), "is of version 6, and this program knows versions up to 5"),
        (b"\x98", "is damaged: its checkpoint cannot be read"),
    ],
    ids=["newer", "damaged"],
)
def test_a_database_whose_checkpoint_cannot_be_read_says_why_and_is_as_an_empty_one(tmp_path, head, problem):
    path = tmp_path / "pairs-0"
    db = rocksdict.Rdict(str(path), options=options(CACHE))
    db.put(CHECKPOINT, head)
    db.close()

    store = PairsStore(path, CACHE)
    assert (store.problem, store.checkpoint) == (problem, Checkpoint())
    store.close()


def test_an_empty_store_may_begin_where_the_log_does(store):
    record = a_record(store)
    record.base = 41
    store.apply(42, record)

    assert store.checkpoint.offset == 42
    assert store.states([b"ia"]) != [None]


def test_a_write_that_fails_moves_no_checkpoint(store, monkeypatch):
    store.apply(0, a_record(store))
    record = a_record(store, "b")
    monkeypatch.setattr(store, "_db", FullDisk(store._db))
    with pytest.raises(StoreFailed, match=r"cannot be used: .*no space.*Free space on its disk"):
        store.apply(1, record)

    monkeypatch.undo()
    assert store.checkpoint.offset == 0
    store.apply(1, record)
    assert store.checkpoint.counts.waiting == 2


class FullDisk:
    """A database that can be read, and not written."""

    def __init__(self, db):
        self.get = db.get

    def write(self, batch):
        raise OSError(f"no space for {batch.len()} entries")


# Reading


def test_an_index_entry_holds_a_bounded_number_of_ids(store):
    player = Player(RULES, store)
    player.play([[Row("true", f"id-{n}", NOW, 1.0) for n in range(2 * CHUNK + 1)]], NOW)

    entries = store.due(store.checkpoint.timer_cursors[0], deadlines.bucket_of(NOW + 5), 10_000)

    assert [len(keys) for _, keys in entries] == [CHUNK, CHUNK, 1]


def test_due_stops_after_the_entry_that_reaches_the_bound(store):
    player = Player(RULES, store)
    for n in range(4):
        player.play([[Row("true", f"{n}{i}", NOW, 1.0) for i in "abc"]], NOW)
    start, bucket = store.checkpoint.timer_cursors[0], deadlines.bucket_of(NOW + 5)

    assert [len(store.due(start, bucket, n)) for n in (1, 3, 4, 6, 7, 100)] == [1, 1, 2, 2, 3, 4]
    assert store.due(start, bucket - 1, 100) == []


def test_a_timer_kind_ends_where_the_next_begins(store):
    player = Player(RULES, store)
    player.play([[Row(side, side, NOW, 1.0)] for side in SIDES], NOW)
    last = 2**62

    entries = [store.due(cursor, last, 100) for cursor in store.checkpoint.timer_cursors]

    assert [[key for _, keys in found for key in keys] for found in entries] == [
        [b"itrue", b"ipred"],
        [b"itrue"],
        [b"ipred"],
        [],
    ]


def test_pages_go_through_all_ids_in_order_and_through_nothing_else(store):
    player = Player(RULES, store)
    ids = ["a", "b", "ß", "🌍", "\x00", "aa", "h", "zz"]
    player.play([[Row("true", row_id, NOW, 1.0) for row_id in ids]], NOW)
    player.play([[Row("pred", row_id, NOW, 1.0) for row_id in ids[:3]]], NOW)

    pages, after = [], b"i"
    while page := list(store.page(after, 3)):
        pages.append([row_id for row_id, _ in page])
        after = b"i" + page[-1][0].encode()

    assert [len(page) for page in pages] == [3, 3, 2]
    assert [row_id for page in pages for row_id in page] == sorted(ids, key=str.encode)


def test_two_stores_cannot_have_one_database_at_a_time(store):
    with pytest.raises(StoreFailed, match=r"(?i)lock"):
        PairsStore(path_of(store), CACHE)


def test_memory_is_bounded_and_known(store):
    player = Player(RULES, store)
    for n in range(20):
        player.play([[Row("true", f"{n}-{i}" + "x" * 100, NOW, 1.0) for i in range(500)]], NOW)

    assert 0 < store._db.property_int_value("rocksdb.cur-size-all-mem-tables") < 64 << 20
