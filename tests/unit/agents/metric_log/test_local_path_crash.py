"""Short way, topic and metric log together, in any order and with crashes: every verdict is written, and once."""

from __future__ import annotations

import asyncio
import csv
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.metric_log.incoming import Incoming
from agents.metric_log.local_path import LocalPath
from agents.metric_log.log import MetricLog
from streams.kafka.fetcher import TP, Batch
from streams.table.outbox import entry
from streams.wire.verdicts import Tag, Verdict, VerdictRecord
from tests.fake_record import FakeRecord

N_PARTITIONS = 2


class World:
    """Two partitions' verdicts, on their way to one metric log over the topic and over the local path."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.entries = [[] for _ in range(N_PARTITIONS)]
        self.n_sent = [0] * N_PARTITIONS
        self.topic = []
        self.n_read = self.n_broken = 0
        self.start()

    def start(self):
        self.way, self.log = LocalPath(), MetricLog.open(self.directory)
        self.way.is_open = True

    def decide(self, partition, is_here):
        """Make a decision; of another worker, or while the way is closed, its verdict is only in the outbox."""
        mine = self.entries[partition]
        previous = mine[-1].tag.offset if mine else -1
        rows = [Verdict(f"{partition}-{len(mine)}", "matched", 1.0, 1.0, 2.0, 1.0, 1.0)]
        offset = previous + 1 + len(mine) % 3
        mine.append(entry(Tag("log", partition, offset, previous), msgspec.json.encode(rows), int))
        if is_here:
            self.way.put(VerdictRecord("log", partition, offset, previous, rows), len(mine[-1].value))

    def send(self, partition, n):
        """Have the topic take entries of the outbox."""
        start = self.n_sent[partition]
        some = self.entries[partition][start : start + n]
        self.topic += [FakeRecord(0, one.value) for one in some]
        self.n_sent[partition] += len(some)

    def write(self, n):
        """Write what has come on the local path, and some records of the topic; as `agents.plot` does."""
        came = self.topic[self.n_read : self.n_read + n]
        written = {log: last.copy() for log, last in self.log.state.positions.items()}
        batch = Batch(TP("metric", 0), self.n_read, self.n_read + len(came), records=came)
        records = asyncio.run(Incoming(self.confirms).unwritten([batch], written)) + self.way.following(written)
        if records:
            self.n_broken += self.log.append(records).n_broken
        self.n_read += len(came)

    async def confirms(self, tag):
        return any(tag == one.tag for one in self.entries[tag.partition])

    def crash(self, n_again):
        """Die: the topic's reader and the outbox go some way back, and the local path is empty."""
        self.n_read = max(0, self.n_read - n_again)
        self.n_sent = [max(0, n - n_again) for n in self.n_sent]
        self.start()

    def finish(self):
        for partition in range(N_PARTITIONS):
            self.send(partition, len(self.entries[partition]))
        self.write(len(self.topic))


partitions, few = st.integers(0, N_PARTITIONS - 1), st.integers(0, 4)
steps = st.one_of(
    st.tuples(st.just("decide"), partitions, st.booleans()),
    st.tuples(st.just("decide"), partitions, st.just(True)),
    st.tuples(st.just("send"), partitions, few),
    st.tuples(st.just("write"), few),
    st.tuples(st.just("crash"), few),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(steps, max_size=25))
@pytest.mark.slow
def test_every_verdict_is_written_once_whatever_comes_first_and_whoever_dies(taken):
    with tempfile.TemporaryDirectory() as directory:
        world = World(directory)
        for name, *arguments in taken:
            getattr(world, name)(*arguments)
        world.finish()
        with (world.directory / "metric_log.csv").open(newline="") as file:
            found = [row["id"] for row in csv.DictReader(file)]
        assert sorted(found) == sorted(f"{p}-{i}" for p, mine in enumerate(world.entries) for i in range(len(mine)))
        assert world.n_broken == 0
