"""States moved from log to log, for any histories: nothing is lost or doubled whatever dies, and the join goes on as it was."""

from __future__ import annotations

import asyncio
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join import decision, moving
from streams.join.deadlines import Rules
from streams.join.decision import NOWHERE_TS, Checkpoint, Counts
from streams.join.keys import OTHERS, id_of, model_of
from streams.join.lanes import base_of
from streams.process.unavailable import Unavailable
from streams.table.moving import Moving, Overtaken
from streams.wire.partition import partition_of
from tests.dict_view import DictView
from tests.oracle import Row
from tests.player import Player

NOW = 1_000_000.0
RULES = Rules(window_s=100.0, max_out_of_orderness_s=10.0, horizon_s=1000.0)
IDS = "abcdefghij"
BOTH = frozenset({"true", "pred"})
LISTINGS = [[(), ()], [("a", "b"), ("a", "b")], [(), ("a", "b")], [("a", "b"), ("b", "a")]]
"""Which models are listed at first, and later."""
numbers = st.sampled_from([(1, 2), (1, 3), (2, 3), (2, 4), (2, 6), (3, 4), (4, 6)])


class Log:
    """The logs of all partitions; dies before, or right after, the append of a number."""

    topic = "log"

    def __init__(self, players, dies_at=None, *, after=False):
        self.players, self.dies_at, self.after, self.n = players, dies_at, after, 0

    async def append(self, partition, value):
        self.n += 1
        if self.n == self.dies_at and not self.after:
            raise Unavailable("died")
        self.players[partition].log.append(value)
        if self.n == self.dies_at:
            raise Unavailable("died")
        return len(self.players[partition].log) - 1


def rows_of(names):
    side = st.sampled_from(["true", "pred"])
    model = st.sampled_from(names) if names else st.none()
    ts = st.integers(-8, 8).map(lambda n: NOW + n / 4)
    row = st.builds(Row, side, st.sampled_from(IDS), ts, st.sampled_from([-1.5, 0.0, 7.25]), model)
    return st.lists(row.map(lambda row: row._replace(model=None) if row.side == "true" else row), max_size=25)


@st.composite
def histories(draw):
    """Rows of three times, with the models that are listed then: the last of them is after the growth."""
    first, later = draw(st.sampled_from(LISTINGS))
    return [(listed, draw(rows_of(listed))) for listed in (first, later, later)]


def play(players, listed, rows, now):
    for row in rows:
        player = players[partition_of(row.id, len(players))]
        player.models = listed
        player.play([[row]], now)


def restarted(players):
    """Let each have what its log says, and nothing else."""
    for player in players:
        player.view = DictView()
        player.catch_up()


async def grow(players, n_before, listed, log):
    mover = Moving([player.view for player in players], log, RULES, listed, writer="test")
    for p in range(n_before):
        if not players[p].view.checkpoint.partitions:
            await mover.place(p, n_before)
    for p in range(len(players)):
        await mover.move(p, n_before)
        await mover.place(p, len(players))
    return mover.n_moved


def started(players):
    """As an owner begins: the first decision gives a log its identity."""
    for player in players:
        if player.log:
            player.view.checkpoint.log = player.view.checkpoint.log or "a1"


def states_of(players, listed):
    """Return all states by id and model, and the rows beside them."""
    return Counter(
        (key[:1] in OTHERS, key_id(key), name(player, key, listed), packed)
        for player in players
        for key, packed in player.view.packed.items()
    )


def key_id(key):
    return id_of({b"o": b"i", b"k": b"j"}.get(key[:1], key[:1]) + key[1:])


def name(player, key, listed):
    as_state = {b"o": b"i", b"k": b"j"}.get(key[:1], key[:1]) + key[1:]
    return model_of(as_state) or base_of(player.view.checkpoint, listed)


def total(players):
    return Counts.together(player.view.checkpoint.counts for player in players)


def totals_of_models(players):
    names = {name for player in players for name in player.view.checkpoint.by_model}
    return {
        name: Counts.together(player.view.checkpoint.by_model.get(name, Counts()) for player in players)
        for name in names
    }


@settings(deadline=None, max_examples=200)
@given(numbers, histories(), st.lists(st.tuples(st.integers(1, 12), st.booleans()), max_size=3))
def test_the_new_partitions_have_what_the_old_ones_had_whatever_dies(grown, history, deaths):
    n_before, n_after = grown
    players = [Player(RULES) for _ in range(n_before)]
    for at, (listed, rows) in enumerate(history[:2]):
        play(players, listed, rows, NOW + at)
    started(players)
    listed = history[1][0]
    had, counted = states_of(players, listed), total(players)

    players += [Player(RULES) for _ in range(n_after - n_before)]
    for dies_at, after in deaths:
        try:
            asyncio.run(grow(players, n_before, listed, Log(players, dies_at, after=after)))
        except Unavailable:
            restarted(players)
            started(players)
    asyncio.run(grow(players, n_before, listed, Log(players)))
    restarted(players)

    assert states_of(players, listed) == had
    for p, player in enumerate(players):
        assert {partition_of(key_id(key), n_after) for key in player.view.packed} <= {p}
        assert player.view.checkpoint.differences() == {}
        assert player.view.checkpoint.partitions == (n_after if player.log else 0)
    assert total(players) == msgspec.structs.replace(counted, fanned_out=total(players).fanned_out)
    assert all(one.moved == 0 and one.difference() == 0 for one in totals_of_models(players).values())
    assert asyncio.run(grow(players, n_before, listed, Log(players, 1))) == 0, "nothing is left to do"


@settings(deadline=None, max_examples=200)
@given(numbers, histories())
def test_the_join_goes_on_as_if_nothing_had_moved(grown, history):
    n_before, n_after = grown
    still, moved = ([Player(RULES) for _ in range(n_before)] for _ in range(2))
    for at, (listed, rows) in enumerate(history[:2]):
        for players in (still, moved):
            play(players, listed, rows, NOW + at)
    started(moved)
    listed, rows = history[2]
    moved += [Player(RULES) for _ in range(n_after - n_before)]
    asyncio.run(grow(moved, n_before, listed, Log(moved)))

    for players in (still, moved):
        play(players, listed, rows, NOW + 5)
        for player in players:
            player.models = listed
            player.settle(NOW + 200, BOTH)
            player.settle(NOW + 1300, BOTH)

    endings = [Counter(ending for player in players for ending in player.endings) for players in (still, moved)]
    assert endings[0] == endings[1]
    assert states_of(moved, listed) == Counter()
    before, after = total(still), total(moved)
    assert msgspec.structs.astuple(after)[:9] == msgspec.structs.astuple(before)[:9]


def test_who_else_writes_the_log_ends_it():
    players = [Player(RULES), Player(RULES)]
    play(players[:1], (), [Row("true", row_id, NOW, 1.0) for row_id in IDS], NOW)
    started(players)

    class Shared(Log):
        async def append(self, partition, value):
            self.players[partition].log.append(b"somebody else's")
            return await super().append(partition, value)

    with pytest.raises(Overtaken, match="Somebody else writes to partition 0 of the topic 'log'"):
        asyncio.run(grow(players, 1, (), Shared(players)))


def test_a_state_whose_id_has_another_one_there_stays():
    players = [Player(RULES), Player(RULES)]
    (row_id,) = [one for one in IDS if partition_of(one, 2) == 1][:1]
    for player, y in zip(players, (1.0, 2.0), strict=True):
        player.play([[Row("true", row_id, NOW, y)]], NOW)
    started(players)
    assert asyncio.run(grow(players, 1, (), Log(players))) == 0
    assert [player.see(row_id).y_true for player in players] == [1.0, 2.0]
    assert all(player.view.checkpoint.counts.waiting == 1 for player in players)


def test_many_states_go_in_records_that_kafka_takes():
    players = [Player(RULES), Player(RULES)]
    ids = [f"{n:06}" + "x" * 100 for n in range(9_000)]
    players[0].play([[Row("true", row_id, NOW, 1.0) for row_id in ids]], NOW)
    started(players)
    n_before = len(players[0].log)
    assert asyncio.run(grow(players, 1, (), Log(players))) == players[1].view.checkpoint.counts.waiting > 4_000
    records = players[0].log[n_before:] + players[1].log
    assert max(map(len, records)) < 900_000
    assert len(records) > 4
    assert all(decision.is_valid(decision.decode(value), n) for n, value in enumerate(players[1].log))


def test_a_new_partition_knows_the_time_of_those_that_its_ids_come_from():
    assert [moving.sources(q, 4, 16) for q in (4, 7, 15)] == [[0], [3], [3]]
    assert moving.sources(4, 4, 6) == [0, 2]
    assert moving.sources(4, 4, 5) == [0, 1, 2, 3]
    seen = [Checkpoint(ts=[5.0, NOWHERE_TS]), Checkpoint(ts=[3.0, 9.0]), Checkpoint()]
    assert moving.newest_ts(seen) == [3.0, 9.0]
    assert moving.newest_ts([]) == [NOWHERE_TS, NOWHERE_TS]


def test_a_state_of_a_model_is_found_where_another_one_is_the_base():
    assert moving.key_there(b"iorder", "a", "a") == b"iorder"
    assert moving.key_there(b"iorder", "a", "b") == b"jorder\0a"
    assert moving.key_there(b"jorder\0b", "a", "b") == b"iorder"
    assert moving.key_there(b"jorder\0c", "a", "b") == b"jorder\0c"
    assert moving.key_there(b"iorder", "", "b") == b"iorder"
