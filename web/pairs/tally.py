"""How many ids a filter leaves, by state, model and partition: counted to the end, beside everything else.

Pages wait for it but briefly, and only at its beginning; until it is done, they have the numbers of the time before, or
those so far.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NamedTuple

import msgspec

from streams.join.keys import STATES
from streams.table.store import PairsStore
from streams.wire.checked import Natural
from web.pairs.pair_view import PairView, of_key
from web.pairs.query import Query, matches, states_of

CHUNK = 200
FREELY_S = 0.25
"""A count that takes longer leaves the event loop to the join most of the time from then on."""
REST = 4
WAIT_S = 0.3
KEPT_S = 5.0
KEPT_TIMES = 9
"""A count is kept for so many times as long as it took: counting again and again takes a tenth of a CPU at the most."""
MOST_IDS = 2_000_000
MOST_QUESTIONS = 32
FACETS: dict[str, Callable[[PairView], str]] = {
    "model": lambda pair: pair.carried.model or "",
    "partition": lambda pair: str(pair.partition),
}
"""What a value's ids are counted by, besides their state: filters of these names; ids without one are not counted."""
MOST_VALUES = 256


class Tally(msgspec.Struct):
    """How many ids a filter leaves: `counts` by state whatever the one asked for; `facets` of that one, by value.

    `is_whole` tells whether all ids were looked at.
    """

    counts: dict[str, Natural] = {}
    facets: dict[str, dict[str, Natural]] = {}
    n_looked_at: Natural = 0
    is_whole: bool = False


async def count(stores: Mapping[int, PairsStore], query: Query, now: float, into: Tally) -> None:
    """Count the ids of these partitions; `into` has what is counted so far at any time."""
    counts: Counter[str] = Counter()
    facets: dict[str, Counter[str]] = {name: Counter() for name in FACETS}
    into.counts, into.facets = counts, facets  # type: ignore[assignment]
    began = time.monotonic()
    for partition, store in stores.items():
        if query.partition not in (None, partition):
            continue
        for prefix in STATES:
            after = prefix
            while chunk := store.page(after, CHUNK):
                started = time.monotonic()
                after = prefix + chunk[-1][0].encode()
                for behind_prefix, packed in chunk:
                    pair = of_key(store, prefix + behind_prefix.encode(), packed, partition)
                    _add(pair, query, now, counts, facets)
                into.n_looked_at += len(chunk)
                if into.n_looked_at >= MOST_IDS:
                    return
                ended = time.monotonic()
                await asyncio.sleep(REST * (ended - started) if ended - began > FREELY_S else 0)
    into.is_whole = True


def _add(pair: PairView, query: Query, now: float, counts: Counter[str], facets: Mapping[str, Counter[str]]) -> None:
    if not matches(query, pair, now):
        return
    states = states_of(pair)
    counts.update(states)
    if query.state not in states:
        return
    for name, value_of in FACETS.items():
        value, found = value_of(pair), facets[name]
        if value and (value in found or len(found) < MOST_VALUES):
            found[value] += 1


class _Kept(NamedTuple):
    """A count, its task, which returns until when it is kept, the whole one before it, and until when pages wait (monotonic)."""

    tally: Tally
    task: asyncio.Task[float]
    before: Tally | None
    waited_for_until: float


class Tallies:
    """Counts by question, each kept for a while."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    async def of(self, question: str, start: Callable[[Tally], Coroutine[Any, Any, None]]) -> Tally:
        """Return the count of a question, made anew where it is old: the one before or the one so far, if it takes long."""
        found = self._kept.get(question)
        if found is None or _is_over(found.task):
            before = found.tally if found is not None and found.tally.is_whole else None
            tally = Tally()
            task = asyncio.create_task(_timed(start(tally)))
            found = _Kept(tally, task, before, time.monotonic() + WAIT_S)
            self._kept.pop(question, None)
            self._kept[question] = found
            self._forget()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(found.task), found.waited_for_until - time.monotonic())
        return found.before if found.before is not None and not found.task.done() else found.tally

    async def stop(self) -> None:
        """End all counts."""
        tasks = [found.task for found in self._kept.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self) -> None:
        """Forget the counts that were asked for first, where there are too many."""
        done = [question for question, found in self._kept.items() if found.task.done()]
        for question in done[: max(0, len(self._kept) - MOST_QUESTIONS)]:
            del self._kept[question]


def _is_over(task: asyncio.Task[float]) -> bool:
    if not task.done():
        return False
    return task.cancelled() or task.exception() is not None or time.monotonic() > task.result()


async def _timed(counting: Coroutine[Any, Any, None]) -> float:
    """Count; return until when the count is to be kept."""
    began = time.monotonic()
    await counting
    ended = time.monotonic()
    return ended + max(KEPT_S, KEPT_TIMES * (ended - began))
