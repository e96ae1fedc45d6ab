"""Counts of what a filter leaves: of every state, each value of a facet, and whole."""

from __future__ import annotations

import asyncio

import pytest

from streams.join.state import TRUE
from tests.unit.web.tables import NOW
from web.pairs import tally
from web.pairs.query import Query
from web.pairs.tally import Tallies, Tally, count


def counted(table, **asked) -> Tally:
    found = Tally()
    asyncio.run(count(table.stores, Query(**asked), NOW, found))
    return found


def test_every_state_is_counted_whatever_the_one_asked_for(full):
    full.put(0, TRUE, ["m0-00"], NOW, y=9.0)
    of_all = {"all": 60, "waiting": 40, "waiting_for_pred": 30, "waiting_for_true": 10, "matched": 20, "conflict": 1}
    for state in ("all", "matched", "late"):
        found = counted(full, state=state)
        assert (found.counts, found.n_looked_at, found.is_whole) == (of_all, 60, True)


@pytest.mark.parametrize(
    ("asked", "model", "partition"),
    [
        ({}, {"m": 30}, {"0": 30, "1": 30}),
        ({"state": "matched"}, {"m": 20}, {"0": 10, "1": 10}),
        ({"state": "waiting_for_pred"}, {}, {"0": 15, "1": 15}),
        ({"partition": 1}, {"m": 15}, {"1": 30}),
        ({"q": "m1-"}, {"m": 10}, {"1": 10}),
    ],
    ids=str,
)
def test_the_values_of_a_facet_have_as_many_ids_as_their_filter_leaves(full, asked, model, partition):
    found = counted(full, **asked)
    assert found.facets == {"model": model, "partition": partition}
    for name, values in found.facets.items():
        for value, n in values.items():
            chosen = asked | {name: int(value) if name == "partition" else value}
            assert len(full.walk(n=50, **chosen)) == n


def test_what_takes_long_is_told_as_far_as_it_is_and_the_one_before_stays_until_it_is_done(full, monkeypatch):
    monkeypatch.setattr(tally, "WAIT_S", 0.01)
    monkeypatch.setattr(tally, "KEPT_S", -1.0)
    monkeypatch.setattr(tally, "KEPT_TIMES", 0)

    async def ask() -> None:
        tallies, gate, done = Tallies(), asyncio.Event(), asyncio.Event()

        async def slow(into: Tally) -> None:
            into.counts = {"all": 1}
            await gate.wait()
            await count(full.stores, Query(), NOW, into)
            done.set()

        first = await tallies.of("all", slow)
        assert (first.counts, first.is_whole) == ({"all": 1}, False)
        monkeypatch.setattr(tally, "WAIT_S", 1000.0)
        assert not (await tallies.of("all", slow)).is_whole, "a count that is under way is not waited for again"
        gate.set()
        await done.wait()
        assert (await tallies.of("all", slow)).is_whole
        gate.clear()
        monkeypatch.setattr(tally, "WAIT_S", 0.01)
        again = await tallies.of("all", slow)
        assert (again.counts["all"], again.is_whole) == (60, True)
        await tallies.stop()

    asyncio.run(ask())
