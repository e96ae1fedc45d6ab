"""Recoveries of the table that overtake each other: a partition has one owner in a process."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import faust
import pytest
import rocksdict
from faust.types import TP

from streams.table.pairs_table import PairsTable, StandbyStore
from streams.table.store import CHECKPOINT, options
from streams.wire import versions

MINE = {TP("log", 0)}


class Owner:
    """An owner that runs until it is stopped."""

    running = 0

    def __init__(self):
        self._stopped = asyncio.Event()

    async def run(self):
        Owner.running += 1
        await self._stopped.wait()
        Owner.running -= 1

    def stop(self):
        self._stopped.set()


class Table(PairsTable):
    """The table without an app; a restore takes as long as `kafka_answers` says."""

    should_stop = False
    changelog_topic_name = "log"
    store = SimpleNamespace(partition=lambda partition: None, forget=lambda keep: None)
    app = SimpleNamespace(assignor=SimpleNamespace(assigned_standbys=set, assigned_actives=lambda: MINE))

    def __init__(self):
        self.owners, self._loops, self.standby_partitions = {}, {}, []
        self._round, self._restoring = 0, asyncio.Lock()
        self.kafka_answers = asyncio.Event()
        self.source = self
        self.fetched = set()

    async def owner(self, partition):
        await self.kafka_answers.wait()
        return Owner()

    async def fetch(self, owners):
        self.fetched |= set(owners)

    async def stop_fetching(self, owners):
        self.fetched -= set(owners)


@pytest.fixture(autouse=True)
def no_faust(monkeypatch):
    async def nothing(self, active_tps, standby_tps):
        pass

    monkeypatch.setattr(faust.Table, "on_recovery_completed", nothing)


@pytest.mark.parametrize("is_rebalance", [False, True], ids=["a second recovery", "a rebalance and its recovery"])
def test_a_recovery_that_is_overtaken_starts_no_owner(is_rebalance):
    async def play():
        table = Table()
        first = asyncio.create_task(table.on_recovery_completed(MINE, set()))
        await asyncio.sleep(0)
        if is_rebalance:
            await table.on_rebalance(MINE, set(), set())
        second = asyncio.create_task(table.on_recovery_completed(MINE, set()))
        await asyncio.sleep(0)
        table.kafka_answers.set()
        await asyncio.gather(first, second)
        await asyncio.sleep(0)
        assert Owner.running == len(table.owners) == len(table.fetched) == 1
        await table.stop_owners()
        assert Owner.running == len(table.fetched) == 0

    asyncio.run(play())


def test_a_second_recovery_stops_the_owners_of_the_first():
    async def play():
        table = Table()
        table.kafka_answers.set()
        for _ in range(2):
            await table.on_recovery_completed(MINE, set())
            await asyncio.sleep(0)
        assert Owner.running == len(table.owners) == len(table.fetched) == 1
        await table.stop_owners()
        assert Owner.running == len(table.fetched) == 0

    asyncio.run(play())


def test_a_database_that_cannot_be_used_is_kept_aside_and_an_empty_one_takes_its_place(tmp_path, caplog):
    store = StandbyStore("memory://", SimpleNamespace(), SimpleNamespace(name="pairs"))
    store.directory = tmp_path
    db = rocksdict.Rdict(str(tmp_path / "pairs-3"), options=options(rocksdict.Cache(1 << 20)))
    db.put(CHECKPOINT, versions.marked(9, b""))
    db.close()

    found = store.partition(3)

    assert (found.problem, found.checkpoint.offset, store.partition(3)) == ("", -1, found)
    assert len(list(tmp_path.glob("pairs-3.set-aside-*"))) == 1
    assert "partition 3: the local database is of version 9, and this program knows versions up to 5" in caplog.text
    store.forget(keep=())


def fed(store, *offsets, partition=0):
    """Feed a standby partition records at these offsets, as Faust does; none of them is of ours."""
    messages = [SimpleNamespace(topic="log", partition=partition, offset=offset, value=b"x") for offset in offsets]
    store.apply_changelog_batch([SimpleNamespace(message=message) for message in messages], None, None)


def test_a_standby_passes_over_offsets_that_hold_nothing_while_it_follows(tmp_path):
    store = StandbyStore("memory://", SimpleNamespace(), SimpleNamespace(name="pairs"))
    store.directory = tmp_path
    fed(store, 3, 4, 4, 7)
    assert store.persisted_offset(TP("log", 0)) == 7
    store.forget(keep=())


def test_a_standby_that_may_have_missed_records_is_left_to_be_restored(tmp_path):
    store = StandbyStore("memory://", SimpleNamespace(), SimpleNamespace(name="pairs"))
    store.directory = tmp_path
    fed(store, 3, 4)
    store.forget(keep=())  # the worker was away, and retention may have removed records meanwhile
    fed(store, 9, 10)
    assert store.persisted_offset(TP("log", 0)) == 4
    for offset in range(5, 11):
        store.partition(0).apply(offset, None)  # it was ours for a while
    fed(store, 11, 13)
    assert store.persisted_offset(TP("log", 0)) == 13
    store.forget(keep=())
    fed(store, 14, 15)
    assert store.persisted_offset(TP("log", 0)) == 15
    store.forget(keep=())
