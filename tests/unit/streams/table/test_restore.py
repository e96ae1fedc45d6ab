"""What the pages can tell while a partition is being restored."""

from __future__ import annotations

import asyncio

import pytest
import rocksdict

from streams.join import decision
from streams.join.deadlines import Rules
from streams.table.restore import Progress, restore, restoring
from streams.table.store import PairsStore
from tests.oracle import Row
from tests.player import Player


class Log:
    """A decision log that hands out one record at a time, and notes what `restoring` says as each is asked for."""

    def __init__(self, records, breaks_at=None):
        self.records, self.breaks_at = records, breaks_at
        self.seen = []

    async def bounds(self, partitions):
        return {partition: (0, len(self.records)) for partition in partitions}

    async def read(self, partition, start, end):
        for offset in range(start, end):
            self.seen.append(restoring.get(partition))
            if offset == self.breaks_at:
                raise ConnectionError
            yield [(offset, decision.decode(self.records[offset]))]


@pytest.fixture
def records():
    player = Player(Rules(10.0, 1.0, 10.0))
    for n in range(4):
        player.play([[Row("true", f"id{n}", 1e9, 1.0)]], 1e9)
    return player.log


@pytest.fixture
def store(tmp_path):
    store = PairsStore(tmp_path / "pairs-3", rocksdict.Cache(1 << 20))
    yield store
    store.close()


def test_progress_is_told_while_records_are_applied_and_then_no_more(records, store):
    log = Log(records)
    asyncio.run(restore(3, store, log, None))
    assert log.seen == [None, Progress(0, 4), Progress(1, 4), Progress(2, 4)]
    assert [seen.share() for seen in log.seen[1:]] == [0.0, 0.25, 0.5]
    assert restoring == {}


def test_progress_is_forgotten_when_kafka_goes_away(records, store):
    with pytest.raises(ConnectionError):
        asyncio.run(restore(3, store, Log(records, breaks_at=2), None))
    assert restoring == {}
