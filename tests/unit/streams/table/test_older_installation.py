"""A table of version 1: its database and its log are read, and the join goes on as if nothing had been."""

from __future__ import annotations

import itertools

import pytest
import rocksdict

from streams.join import decision, state
from streams.join.deadlines import Rules
from streams.join.decision import Checkpoint, Decision
from streams.join.keys import key_of, other_key
from streams.table.store import PairsStore
from tests.older import EXPECTED, START, TOPICS, unpack_files
from tests.oracle import Row
from tests.pair import pair
from tests.player import Player

RULES = Rules(100.0, 10.0, 1000.0)
CACHE = rocksdict.Cache(1 << 20)
BOTH = ("true", "pred")
HEAD = {"src": "input_offsets", "cuts": "timer_cursors"}
"""Names that fields of the checkpoint had."""


@pytest.fixture
def kept(tmp_path):
    """The database, as the worker left it: some records behind the log."""
    unpack_files(tmp_path)
    store = PairsStore(tmp_path / "pairs-0", CACHE)
    assert (store.problem, store.checkpoint.offset) == ("", EXPECTED["database_at"])
    yield store
    store.close()


@pytest.fixture
def lost(tmp_path):
    """No database at all."""
    store = PairsStore(tmp_path / "pairs-1", CACHE)
    yield store
    store.close()


@pytest.fixture(params=["kept", "lost"])
def player(request):
    """A partition that was read back from its log, with and without its database."""
    store = request.getfixturevalue(request.param)
    player = Player(RULES, store)
    player.log = list(TOPICS["log"])
    player.catch_up()
    return player


def test_every_record_of_the_log_is_read():
    records = [decision.decode(value) for value in TOPICS["log"]]
    assert all(isinstance(record, Decision) for record in records)
    assert [decision.is_valid(record, offset) for offset, record in enumerate(records)].count(False) == 1, (
        "a paused one's"
    )


def test_every_id_and_every_count_is_what_it_was(player):
    pairs = {seen.id: seen for seen in itertools.starmap(pair, player.view.page(b"i", 100))}
    others = {row_id: player.view.states([other_key(key_of(row_id))])[0] for row_id in EXPECTED["others"]}
    assert {row_id: EXPECTED["pairs"][row_id].items() - seen._asdict().items() for row_id, seen in pairs.items()} == {
        row_id: set() for row_id in EXPECTED["pairs"]
    }
    assert {row_id: state.other(packed)._asdict() for row_id, packed in others.items()} == EXPECTED["others"]
    assert player.view.checkpoint == Checkpoint(
        **{HEAD.get(name, name): value for name, value in EXPECTED["head"].items() if name not in ("cuts", "counts")},
        timer_cursors=[bytes.fromhex(cut) for cut in EXPECTED["head"]["cuts"]],
        counts=decision.Counts(*EXPECTED["head"]["counts"]),
    )


def test_ids_that_waited_join_and_the_others_end_at_their_time(player):
    n_before = len(player.endings)
    waiting = {row_id: seen for row_id, seen in EXPECTED["pairs"].items() if seen["decided_at"] is None}
    joined = [row_id for row_id in waiting if row_id.endswith(("0", "1"))]
    rows = {side: [Row(side, i, START, 9.0) for i in joined if waiting[i][f"y_{side}"] is None] for side in BOTH}
    player.play([rows["true"], rows["pred"]], START + 1)
    assert sorted(ending.id for ending in player.endings[n_before:]) == sorted(joined)
    assert {ending.verdict for ending in player.endings[n_before:]} == {"matched"}

    alone = {row_id for row_id in waiting if row_id not in joined}
    player.settle(START + 98, BOTH)
    assert {ending.id for ending in player.endings[n_before:]} == {*joined, "waits for true 2", "waits for pred 2"}
    player.settle(START + 100.25, BOTH)
    assert {ending.id for ending in player.endings[n_before:]} == {*joined, *alone}
    player.settle(START + 1101)
    assert list(player.view.page(b"i", 100)) == []


def test_what_is_written_now_has_its_version_before_it(player):
    player.play([[Row("true", "new", START, 1.0)]], START + 1)
    assert player.log[-1][:4] == b"\xc1hs\x05"
    assert player.view._db.get(b"h")[:4] == b"\xc1hs\x05"
