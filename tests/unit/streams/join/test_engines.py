"""Three defects of well-known engines that this join must not have."""

from __future__ import annotations

import pytest
import rocksdict

from streams.join.deadlines import Rules
from streams.table.store import PairsStore
from tests.oracle import Row
from tests.player import Player

NOW = 1_700_000_000.0
BOTH = {"true", "pred"}


@pytest.fixture
def rules():
    return Rules(window_s=10.0, max_out_of_orderness_s=2.0, horizon_s=1000.0)


def test_an_unmatched_result_is_never_followed_by_the_match_of_the_same_id(rules):
    """Kafka Streams' left join emits (left, null), and then the match: KAFKA-19536."""
    for answer_at in (NOW + 11.9, NOW + 12.0, NOW + 12.25, NOW + 12.5, NOW + 30):
        player = Player(rules)
        player.play([[Row("true", "a", NOW, 1.0)]], NOW)
        for step in range(140):
            player.settle(NOW + step / 4, idle=BOTH)
            if NOW + step / 4 == answer_at:
                player.play([[Row("pred", "a", NOW, 2.0)]], answer_at)
        assert len(player.endings) == 1, answer_at


def test_a_prediction_with_an_older_ts_that_comes_after_its_truth_is_matched(rules):
    """Stream-table joins look a right row up as of the left row's time, and so miss one that comes later."""
    player = Player(rules)
    player.play([[Row("true", "a", NOW, 1.0)]], NOW)
    player.play([[Row("pred", "b", NOW + 3, 1.0)], [Row("true", "c", NOW + 3, 1.0)]], NOW + 3)
    player.play([[Row("pred", "a", NOW - 8, 2.0)]], NOW + 4)

    assert [(ending.id, ending.verdict) for ending in player.endings] == [("a", "matched")]


def test_what_one_partition_ends_leaves_the_same_time_of_another_partition_alone(rules, tmp_path):
    """Faust's windowed tables keep one last closed window for all partitions: the others' callbacks never come."""
    cache = rocksdict.Cache(1 << 20)
    one, other = (Player(rules, PairsStore(tmp_path / name, cache)) for name in ("pairs-0", "pairs-1"))
    for player in (one, other):
        player.play([[Row("true", "a", NOW, 1.0)]], NOW)
    far = NOW + 100
    one.play([[Row("true", "b", far, 1.0)], [Row("pred", "c", far, 1.0)]], far)
    one.settle(far)
    other.settle(far)
    assert [ending.id for ending in one.endings] == ["a"]
    assert other.endings == []

    other.play([[Row("pred", "a", NOW + 9, 2.0)]], far)
    other.play([[Row("true", "b", far, 1.0)], [Row("pred", "c", far, 1.0)]], far)
    other.settle(far)

    assert [(ending.id, ending.verdict) for ending in other.endings] == [("a", "matched")]
