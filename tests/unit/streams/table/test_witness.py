"""Whether the decision log bears out a tag of the topic `metric`."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from streams.join import decision
from streams.join.deadlines import Rules
from streams.table.witness import Witness
from streams.wire.verdicts import Tag
from tests.oracle import Row
from tests.player import Player


class Log:
    """A decision log of two partitions with the same records, of which the first may be removed."""

    def __init__(self, values, first=0):
        self.values, self.first = values, first

    async def bounds(self, partitions):
        return {partition: (self.first, len(self.values)) for partition in partitions}

    async def read(self, partition, start, end):
        assert start >= self.first, "a consumer would get OffsetOutOfRange"
        for offset in range(start, end):
            yield [(offset, decision.decode(self.values[offset]))]


@pytest.fixture
def values():
    """Two waits, a pair (offset 2), a void record, a wait, a pair (offset 5), and a record of somebody else."""
    player = Player(Rules(10.0, 1.0, 10.0))
    rows = [("true", "a"), ("true", "b"), ("pred", "a"), None, ("true", "c"), ("pred", "b")]
    for row in rows:
        if row is None:
            player.append(decision.decode(player.log[0]))
            player.catch_up()
        else:
            record = player.decide([[Row(row[0], row[1], 1e9, 1.0)]], 1e9)
            record.checkpoint.log = "log"
            player.append(record)
            player.catch_up()
    return [*player.log, b"garbage"]


def confirms(values, log="log", partition=1, offset=5, previous=2, first=0):
    return asyncio.run(Witness(Log(values, first), 2).confirms(Tag(log, partition, offset, previous)))


def test_a_decision_with_verdicts_is_known_by_its_offset_and_the_one_before(values):
    assert confirms(values)
    assert confirms(values, offset=2, previous=-1)


@pytest.mark.parametrize(
    "tag",
    [
        {"offset": 1 << 62},
        {"offset": 7},
        {"offset": 6},
        {"offset": 4},
        {"offset": 3, "previous": -1},
        {"previous": -1},
        {"partition": 2},
    ],
    ids=str,
)
def test_what_the_log_does_not_have_is_not_confirmed(values, tag):
    assert not confirms(values, **tag)


def test_what_nothing_can_tell_any_more_is_confirmed(values):
    assert confirms(values, offset=1, previous=-1, first=2), "Kafka has removed it"
    assert confirms(values, log="another", offset=900), "another log took the place of its own"
    assert confirms([], offset=900)
    assert confirms([b"garbage"], offset=900)


def test_the_identity_of_a_log_is_that_of_its_last_record_of_ours(values):
    renamed = decision.decode(values[5])
    renamed.checkpoint.log = "new"
    values[5] = decision.encode(renamed)
    assert confirms(values, log="new")
    assert msgspec.structs.asdict(decision.decode(values[5]).checkpoint)["log"] == "new"
