"""The cache of pages: one maker a key, nothing kept too long, what is dear kept longer."""

from __future__ import annotations

import asyncio

import pytest

from web import cache


@pytest.fixture
def clock(monkeypatch):
    """A clock that is set by hand."""

    class Clock:
        now = 100.0

    clock = Clock()
    monkeypatch.setattr(cache.time, "monotonic", lambda: clock.now)
    return clock


class Maker:
    """Makes numbers, each of which takes some time by the clock."""

    def __init__(self, clock, takes_s=0.0):
        self.clock, self.takes_s, self.n = clock, takes_s, 0

    async def __call__(self):
        self.n += 1
        await asyncio.sleep(0)
        self.clock.now += self.takes_s
        return self.n


def test_who_asks_at_once_gets_the_same(clock):
    async def ask():
        kept, make = cache.Cache(), Maker(clock)
        return await asyncio.gather(*(kept.get("page", 1.0, make) for _ in range(5)))

    assert asyncio.run(ask()) == [1] * 5


def test_it_is_made_again_once_it_is_old(clock):
    async def ask():
        kept, make = cache.Cache(), Maker(clock)
        found = []
        for later in (0.0, 0.9, 0.2, 0.0):
            clock.now += later
            found.append(await kept.get("page", 1.0, make))
        return found

    assert asyncio.run(ask()) == [1, 1, 2, 2]


def test_what_is_dear_is_kept_for_longer(clock):
    async def ask():
        kept, make = cache.Cache(), Maker(clock, takes_s=0.5)
        found = []
        for later in (0.0, 4.4, 0.2):
            clock.now += later
            found.append(await kept.get("page", 1.0, make, rest=9))
        return found

    assert asyncio.run(ask()) == [1, 1, 2]


def test_a_failure_is_not_kept(clock):
    async def fail():
        raise ValueError("no page")

    async def ask():
        kept = cache.Cache()
        with pytest.raises(ValueError, match="no page"):
            await kept.get("page", 1.0, fail)
        return await kept.get("page", 1.0, Maker(clock))

    assert asyncio.run(ask()) == 1


def test_more_keys_than_it_keeps_are_made_and_not_kept(clock):
    async def ask():
        kept, make = cache.Cache(), Maker(clock)
        for n in range(cache.MOST_KEYS + 5):
            await kept.get(str(n), 1.0, make)
        return len(kept._kept)

    assert asyncio.run(ask()) == cache.MOST_KEYS
