"""Feeding: whatever is lost on the way, and whenever, the file holds each record once."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import feeding
from agents.feeding import Feeding, frame_of
from agents.insight.counting import Counting
from agents.insight.database import NAME, Busy, InsightError, Unwritable
from agents.insight.matched import Matched
from agents.insight.records import cells_of
from agents.insight.store import Fenced, Store
from agents.metric_log.incoming import Incoming
from streams.kafka.reader import Bounds
from streams.kafka.records import TP
from streams.process.unavailable import Unavailable
from streams.scores.cells import Cells
from streams.scores.figures import Mark
from streams.settings import Settings
from streams.wire.verdicts import Tag, VerdictRecord, record_bytes
from tests.fake_record import FakeRecord
from tests.unit.agents.insight.metric_topic import Join
from tests.unit.agents.insight.worlds import FRAME, assert_same
from tests.unit.streams.table.owners import until

ALWAYS = (0.0, 1e12)
encode = msgspec.json.Encoder().encode


class Stored:
    """A record as Kafka's reader has it."""

    def __init__(self, offset: int, value: bytes):
        self.offset, self.value = offset, value


class Kafka:
    """The topic, as a list; Kafka answers, or not."""

    def __init__(self):
        self.first, self.values, self.is_away = 0, [], False

    @asynccontextmanager
    async def reader(self, _settings, fetch_bytes):
        yield self

    async def bounds(self, partitions):
        if self.is_away:
            raise Unavailable("Kafka is away.")
        return {tp: Bounds(self.first, len(self.values)) for tp in partitions}

    async def read(self, _tp, start, end):
        for at in range(start, end, 3):
            yield [Stored(i, self.values[i]) for i in range(at, min(at + 3, end))]


class World:
    """Two partitions that decide, what Kafka has of it, the metric log's positions, and a worker that feeds."""

    def __init__(self, directory: Path):
        self.settings = Settings(logs_dir=directory, clock="event")  # what is of a year ago is not rolled up
        self.join, self.kafka, self.directory = Join(1), Kafka(), directory
        self.made: list[VerdictRecord] = []
        self.unsent: list[VerdictRecord] = []
        self.written: dict[str, dict[int, int]] = {}
        self.committed = 0
        self.start()

    def start(self):
        """Begin as a worker that knows what is on disk, and nothing else."""
        self.feeding, self.incoming = Feeding(self.settings, "metric", confirms, self.opens), Incoming(confirms)
        self.read_to = self.committed

    def opens(self):
        return Counting.open(self.directory, frame_of(self.settings), Mark(self.join.now, "opened", "It counts."))

    def decide(self, partition, *, is_local):
        """Decide; on the local path, what follows is in the metric log before Kafka has it."""
        record = self.join.decide(partition)
        self.made.append(record)
        self.unsent.append(record)
        if is_local and self.written.get("log", {}).get(partition, -1) == record.previous:
            self.written.setdefault("log", {})[partition] = record.offset
            self.feeding.take([record])

    def send(self):
        for record in self.unsent:
            tag = Tag(record.log, record.partition, record.offset, record.previous)
            self.kafka.values.append(record_bytes(tag, encode(record.rows), encode(record.report)))
        self.unsent = []

    async def write(self, n, *, is_committed):
        """Let the metric log take the next of Kafka's records."""
        end = min(self.read_to + n, len(self.kafka.values))
        records = [FakeRecord(i, self.kafka.values[i]) for i in range(self.read_to, end)]
        batch = feeding._Came(TP("metric", 0), records)
        again: list[Tag] = []
        self.feeding.take(await self.incoming.unwritten([batch], self.written, again))
        self.feeding.read_to(end, again)
        self.read_to = end
        if is_committed:
            self.committed = end

    async def step(self):
        try:
            await self.feeding._step()
        except (InsightError, Unavailable):
            self.feeding._forget()
            await self.feeding.close()


async def confirms(_tag: Tag) -> bool:
    return True


Step = Callable[[World], Awaitable[None]]


def step(act: Callable[[World], object]) -> Step:
    async def run(world: World) -> None:
        act(world)

    return run


async def die(world: World) -> None:
    await world.feeding.close()
    world.start()


async def lose_the_file(world: World) -> None:
    """Somebody removes it."""
    for path in world.directory.glob(f"{NAME}*"):
        path.unlink()


async def fail(world: World) -> None:
    """The disk fails, before or after the commit."""
    add = Store.add

    def failing(store, *args, **kwargs):
        if world.join.now % 2 < 1:
            add(store, *args, **kwargs)
        raise Busy("It is held.")

    with patch.object(Store, "add", failing):
        await world.step()


async def be_away(world: World) -> None:
    world.kafka.is_away = True
    await world.step()
    world.kafka.is_away = False


async def have_too_many(world: World) -> None:
    with patch.object(feeding, "MAX_ROWS", 2):
        for _ in range(4):
            world.decide(0, is_local=True)


steps = st.one_of(
    st.builds(lambda p, local: step(lambda w: w.decide(p, is_local=local)), st.integers(0, 1), st.booleans()),
    st.just(step(World.send)),
    st.builds(lambda n, sure: lambda w: w.write(n, is_committed=sure), st.integers(1, 9), st.booleans()),
    st.just(World.step),
    st.sampled_from([die, lose_the_file, fail, be_away, have_too_many]),
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(steps, min_size=5, max_size=40))
def test_whatever_is_lost_on_the_way_each_record_is_counted_once(some):
    directory = Path(tempfile.mkdtemp())
    try:
        world = World(directory)
        with patch.object(feeding, "Reader", world.kafka.reader):
            asyncio.run(play(world, some))
        assert world.feeding._is_behind is False
        check(world)
    finally:
        shutil.rmtree(directory)


async def play(world: World, some: list[Step]) -> None:
    for act in some:
        await act(world)
    world.decide(0, is_local=False)
    world.send()
    for _ in range(4):
        await world.write(1000, is_committed=True)
        await world.step()
    await world.feeding.close()


def check(world: World) -> None:
    frame = frame_of(world.settings)
    store = Store.open(world.directory, frame)
    assert store.reader.gaps(*ALWAYS) == []
    parts = cells_of(world.made, Matched.of(world.made, frame.clock), frame, store.number)
    for series, number in store.reader.series().items():
        expected = [part.take(part.series == number) for part in parts]
        one = Cells.merge([part for part in expected if len(part.start)])
        assert_same(store.reader.cells(series, *ALWAYS, details=True), one)
    store.close()


def test_what_was_forgotten_before_kafka_had_it_is_counted_once_kafka_has_it(tmp_path):
    world = World(tmp_path)

    async def act():
        world.decide(0, is_local=True)
        world.feeding._forget()
        await world.step()
        world.send()
        await world.write(1, is_committed=True)
        await world.step()
        world.decide(0, is_local=True)
        world.send()
        await world.step()
        await world.step()
        await world.feeding.close()

    with patch.object(feeding, "Reader", world.kafka.reader):
        asyncio.run(act())
    check(world)


def test_what_was_decided_long_ago_and_is_not_counted_yet_is_said_until_it_is(tmp_path):
    world = World(tmp_path)

    async def act():
        assert world.feeding.late == "what was decided before is read from Kafka first"
        await world.step()
        assert world.feeding.late == ""
        world.join.now = time.time() - 60
        world.decide(0, is_local=True)
        assert world.feeding.late.startswith("counting is ")
        assert world.feeding.behind.startswith("Counting is ")
        await world.step()
        world.feeding._counted_mono -= 10 * feeding.COUNT_EVERY_S
        assert world.feeding.late == "", "all that came is counted"
        await world.feeding.close()

    with patch.object(feeding, "Reader", world.kafka.reader):
        asyncio.run(act())


def test_while_the_topic_is_anothers_nothing_is_opened_and_while_the_disk_fails_it_is_said(tmp_path, monkeypatch):
    world = World(tmp_path)
    monkeypatch.setattr(feeding, "COUNT_EVERY_S", 0.001)

    async def act():
        with patch.object(world.feeding, "let_go", wraps=world.feeding.let_go) as let_go:
            running = asyncio.create_task(world.feeding.run())
            await until(lambda: let_go.call_count > 2)
        assert world.feeding._counting is None
        with patch.object(Counting, "open", side_effect=Unwritable("The disk is full.")):
            world.feeding.is_mine = True
            await until(lambda: "The disk is full." in world.feeding.problem)
        await until(lambda: not world.feeding.problem)
        world.feeding.is_mine = False
        await until(lambda: world.feeding._counting is None)
        running.cancel()

    with patch.object(feeding, "Reader", world.kafka.reader):
        asyncio.run(act())
    assert (tmp_path / NAME).exists()


def test_what_was_wrong_is_forgotten_once_the_file_is_another_workers(tmp_path, monkeypatch):
    """As it is for a worker that slept while another one took over: it is fenced, and then hears that it owns nothing."""
    world = World(tmp_path)
    monkeypatch.setattr(feeding, "COUNT_EVERY_S", 0.001)
    monkeypatch.setattr(feeding, "FENCED_S", 0.001)

    async def act():
        with patch.object(Counting, "open", side_effect=Fenced("Another worker writes it.")):
            world.feeding.is_mine = True
            running = asyncio.create_task(world.feeding.run())
            await until(lambda: "Another worker writes it." in world.feeding.problem)
            world.feeding.is_mine = False
            await until(lambda: not world.feeding.problem)
        running.cancel()

    with patch.object(feeding, "Reader", world.kafka.reader):
        asyncio.run(act())


def test_time_is_cut_as_the_settings_say():
    assert frame_of(Settings()) == FRAME
    assert frame_of(Settings(slice_s=50.0, clock="event"))[1:] == (60.0, 3660.0, "event")
    assert frame_of(Settings(join_window_s=60.0, max_out_of_orderness_s=5.0)).closed_s == 65.0
