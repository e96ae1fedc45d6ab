"""A cap on the ids that wait: those with the nearest deadlines end early, each once, and the invariant holds."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.join import decision
from streams.join.deadlines import Rules
from streams.join.decide import decide
from streams.wire import versions
from tests.oracle import Row
from tests.player import Player, as_inputs, ids_of

NOW = 1_000_000.0
RULES = Rules(window_s=10.0, max_out_of_orderness_s=2.0, horizon_s=1e6)


class Capped(Player):
    """A player whose decisions know a cap."""

    cap = 3

    def decide(self, records, now, idle=()):
        given = as_inputs(records, self.view.checkpoint.input_offsets)
        quiet = ("true" in idle, "pred" in idle)
        options = {"now": now, "idle": quiet, "max_waiting": self.cap}
        decided = decide(self.view.checkpoint, given, self.view, self.rules, **options)
        return decided and decided.record


def truth(row_id: str, age: float = 0.0) -> Row:
    return Row("true", row_id, NOW - age, 1.0)


def test_the_ids_with_the_nearest_deadlines_end_first() -> None:
    player = Capped(RULES)
    player.play([[truth("c", 1.0), truth("a", 3.0), truth("d", 0.0), truth("b", 2.0)]], NOW)
    player.settle(NOW)

    assert [(e.id, e.verdict) for e in player.endings] == [("a", "unmatched_true")]
    assert (player.counts["waiting"], player.counts["evicted"]) == (3, 1)


def test_below_the_cap_nothing_ends_early() -> None:
    player = Capped(RULES)
    player.play([[truth("a", 3.0), truth("b", 2.0), truth("c")]], NOW)
    player.settle(NOW)

    assert player.endings == []


def test_the_other_side_of_an_evicted_id_is_late_and_opens_nothing() -> None:
    player = Capped(RULES)
    player.play([[truth(name, 9.0 - n) for n, name in enumerate("abcd")]], NOW)
    player.settle(NOW)
    player.play([[Row("pred", "a", NOW, 2.0)]], NOW)
    player.settle(NOW + 100, idle={"true", "pred"})

    assert Counter(e.id for e in player.endings) == Counter("abcd")
    assert player.counts["late"] == 1


def test_a_decision_that_ends_ids_past_their_deadline_and_others_before_it_is_done_with_each_index_entry_once() -> None:
    player = Capped(RULES)
    player.play([[truth("old-1", 30.0), truth("old-2", 20.0)]], NOW)
    record = player.decide([[truth(f"new-{n}", n / 4) for n in range(6)], [Row("pred", "other", NOW, 2.0)]], NOW)
    assert record is not None
    player.append(record)
    player.catch_up()
    player.settle(NOW)

    assert [row_id for row_id, _ in Counter(e.id for e in player.endings).most_common()][:2] == ["old-1", "old-2"]
    assert player.counts["waiting"] == Capped.cap
    for one in map(decision.decode, player.log):
        assert len(set(one.unindexed)) == len(one.unindexed)


def test_a_record_from_before_there_was_a_cap_can_be_read() -> None:
    player = Player(RULES)
    player.play([[truth("a")]], NOW)
    record = decision.decode(player.log[0])
    without = msgspec.msgpack.decode(versions.parted(player.log[0])[1])
    without[4][5].pop()

    assert decision.decode(msgspec.msgpack.encode(without)) == record


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.lists(
            st.builds(
                Row,
                st.just("true"),
                st.sampled_from("abcdefghijkl"),
                st.integers(-4, 40).map(lambda n: NOW - n / 4),
                st.sampled_from([1.0, 2.0]),
            ),
            min_size=1,
            max_size=6,
        ).map(lambda rows: (rows, [row._replace(side="pred") for row in rows[::2]])),
        max_size=8,
    )
)
@pytest.mark.slow
def test_every_id_has_one_verdict_and_the_cap_holds_once_all_is_decided(batches) -> None:
    player = Capped(RULES)
    for n, (true, pred) in enumerate(batches):
        player.play([true] if n % 2 else [true, pred], NOW + n)
        player.settle(NOW + n)
        assert len(ids_of(player.view, waiting=True)) == player.counts.get("waiting", 0) <= Capped.cap
        assert player.view.checkpoint.counts.difference() == 0
    player.settle(NOW + 1000, idle={"true", "pred"})

    assert sorted(e.id for e in player.endings) == sorted({row.id for true, _ in batches for row in true})
