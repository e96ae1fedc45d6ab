"""A partition gets its state back: which database is used, where the log and the inputs go on, and what the pages can tell."""

from __future__ import annotations

import asyncio
import itertools
import logging

import pytest
import rocksdict

from streams.join import decision
from streams.join.deadlines import Rules
from streams.kafka.offsets import Position
from streams.process.void_records import n_void
from streams.table.decision_log import read_record
from streams.table.restore import CannotRestore, Progress, check_inputs, restore, restoring
from streams.table.store import PairsStore
from streams.wire import versions
from tests.oracle import Row
from tests.player import Player

RULES, NOW = Rules(10.0, 1.0, 10.0), 1e9


class Log:
    """A decision log that hands out one record at a time, and notes what `restoring` says as each is asked for.

    Kafka has removed the records before `first`.
    """

    def __init__(self, records, first=0, breaks_at=None):
        self.records, self.first, self.breaks_at = records, first, breaks_at
        self.seen = []

    async def bounds(self, partitions):
        return {partition: (self.first, len(self.records)) for partition in partitions}

    async def read(self, partition, start, end):
        for offset in range(max(start, self.first), end):
            self.seen.append(restoring.get(partition))
            if offset == self.breaks_at:
                raise ConnectionError
            yield [(offset, read_record("log", partition, offset, self.records[offset]))]


def a_log(name, n):
    """Return the records of a log that is known as `name`, each of a row of its own."""
    player = Player(RULES)
    for i in range(n):
        record = player.decide([[Row("true", f"id{i}", NOW, 1.0)]], NOW)
        record.checkpoint.log = name
        player.append(record)
        player.catch_up()
    return player.log


@pytest.fixture
def records():
    return a_log("A", 4)


GARBAGE = [b"garbage", None, b"\x9b" * 20_000, b""]


@pytest.mark.parametrize("at", [0, 2, 4], ids=["first", "between", "last"])
def test_what_is_no_record_is_stepped_over_and_counted_at_every_start(records, store, at):
    before = n_void.labels("log")._value.get()
    asyncio.run(restore(3, store, Log([*records[:at], *GARBAGE]), None))
    assert store.checkpoint.offset == at + len(GARBAGE) - 1
    assert store.checkpoint.counts.rows_true == at
    assert n_void.labels("log")._value.get() == before + len(GARBAGE)

    asyncio.run(restore(3, store, Log([*records[:at], *GARBAGE]), None))
    assert store.checkpoint.counts.rows_true == at, "a restart is the same"


def test_a_record_behind_what_is_none_counts_if_it_was_decided_on_it(records, store):
    player = Player(Rules(10.0, 1.0, 10.0))
    player.view.apply(0, None)
    record = player.decide([[Row("true", "a", 1e9, 1.0)]], 1e9)
    asyncio.run(restore(3, store, Log([b"garbage", decision.encode(record)]), None))
    assert (store.checkpoint.offset, store.checkpoint.counts.rows_true) == (1, 1)


def test_a_log_that_a_newer_program_writes_is_a_sentence_and_nothing_of_it_is_applied(records, store):
    newer = versions.marked(decision.VERSION + 1, b"")
    with pytest.raises(
        CannotRestore, match=r"^log/3@4: the decision log is of version 6, .* Start that version, or a newer one"
    ):
        asyncio.run(restore(3, store, Log([*records, newer]), None))


@pytest.mark.parametrize("behind", [[], [b"garbage"]], ids=["", "with garbage in between"])
def test_a_database_of_another_log_is_known_by_the_next_record_of_ours(records, store, tmp_path, behind):
    asyncio.run(restore(3, store, Log([*records, *behind]), None))
    others = [record if record is None else renamed(record) for record in records]
    reasons = []

    def set_aside(partition, reason):
        reasons.append(reason)
        return PairsStore(tmp_path / "empty", rocksdict.Cache(1 << 20))

    fresh = asyncio.run(restore(3, store, Log([*others, *behind, renamed(records[-1])]), set_aside))
    assert reasons == ["belongs to the log A, not to another"]
    assert fresh.checkpoint.counts.rows_true == len(records)
    fresh.close()


def renamed(value):
    record = decision.decode(value)
    record.checkpoint.log = "another"
    return decision.encode(record)


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


# Which database is used


class Disk:
    """Databases of one partition; `set_aside` notes why the old one cannot be used, and opens an empty one."""

    def __init__(self, directory):
        self._paths = (directory / f"pairs-3-{n}" for n in itertools.count())
        self.opened, self.reasons = [], []

    def store(self, records=()):
        store = PairsStore(next(self._paths), rocksdict.Cache(1 << 20))
        self.opened.append(store)
        for offset, record in enumerate(records):
            store.apply(offset, decision.decode(record))
        return store

    def set_aside(self, partition, reason):
        assert partition == 3
        self.reasons.append(reason)
        return self.store()


@pytest.fixture
def disk(tmp_path):
    disk = Disk(tmp_path)
    yield disk
    for store in disk.opened:
        store.close()


@pytest.mark.parametrize("n_applied", [0, 1, 3, 4])
def test_a_database_of_this_log_goes_on_where_it_is(disk, records, n_applied):
    store = disk.store(records[:n_applied])

    restored = asyncio.run(restore(3, store, Log(records), disk.set_aside))

    assert restored is store
    assert disk.reasons == []
    assert (store.checkpoint.offset, store.checkpoint.counts.waiting) == (3, 4)


def test_a_database_may_end_right_before_the_first_record_that_the_log_keeps(disk, records):
    store = disk.store(records[:2])

    assert asyncio.run(restore(3, store, Log(records, first=2), disk.set_aside)) is store
    assert store.checkpoint.counts.waiting == 4


@pytest.mark.parametrize(
    ("n_applied", "log", "said"),
    [
        (4, Log(a_log("A", 3)), "is at 3, but the log ends before 3"),
        (2, Log(a_log("A", 4), first=3), "is at 1, but the log begins at 3"),
        (2, Log(a_log("B", 4)), "belongs to the log A, not to B"),
    ],
    ids=["ahead of the log", "older than the log", "of another log"],
)
def test_a_database_that_the_log_does_not_continue_is_set_aside(disk, records, n_applied, log, said):
    store = disk.store(records[:n_applied])

    restored = asyncio.run(restore(3, store, log, disk.set_aside))

    assert restored is not store
    (reason,) = disk.reasons
    assert said in reason
    assert restored.checkpoint.offset == len(log.records) - 1
    assert restored.checkpoint.log == decision.decode(log.records[-1]).checkpoint.log


def test_where_kafka_has_removed_all_of_a_log_the_next_decision_is_made_on_its_end(disk, records):
    restored = asyncio.run(restore(3, disk.store(), Log(records, first=4), disk.set_aside))

    assert restored.checkpoint.offset == 3
    assert restored.checkpoint.counts.waiting == 0


# Where the inputs go on


def positions(true, pred):
    """Return where both inputs stand, each given as (first, end, committed)."""
    return tuple(Position(topic, *given) for topic, given in (("y_true", true), ("y_pred", pred)))


def test_the_inputs_of_a_new_partition_begin_where_the_group_committed_or_kafka_begins(disk):
    checkpoint = disk.store().checkpoint

    check_inputs(3, checkpoint, positions((5, 90, None), (5, 90, 40)), "pairs")

    assert checkpoint.input_offsets == [4, 39]


def test_inputs_that_kafka_has_up_to_what_was_joined_are_left_as_they_are(disk, records):
    checkpoint = disk.store(records).checkpoint
    before = list(checkpoint.input_offsets)

    check_inputs(3, checkpoint, positions((4, 4, 4), (0, 0, None)), "pairs")

    assert checkpoint.input_offsets == before == [3, -1]
    assert checkpoint.counts.skipped == 0


def test_an_input_that_ends_before_what_was_joined_of_it_was_deleted_and_the_sentence_says_so(disk, records):
    checkpoint = disk.store(records).checkpoint

    with pytest.raises(CannotRestore, match="'y_true' ends at 3 in partition 3, but 4 of its records were joined"):
        check_inputs(3, checkpoint, positions((0, 3, 3), (0, 0, None)), "pairs")


def test_records_that_kafka_removed_unread_are_counted_and_an_error(disk, records, caplog):
    checkpoint = disk.store(records).checkpoint

    with caplog.at_level(logging.ERROR):
        check_inputs(3, checkpoint, positions((10, 20, 4), (0, 0, None)), "pairs")

    assert checkpoint.input_offsets == [9, -1]
    assert checkpoint.counts.skipped == 6
    assert "Kafka removed 6 records of y_true before they were read" in caplog.text
