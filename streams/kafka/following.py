"""Partitions of topics that a group assigns, fetched from where the group has come."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Set

from streams.kafka.fetcher import Fetcher
from streams.kafka.offsets import positions
from streams.kafka.records import TP
from streams.process.link import Link
from streams.process.unavailable import Unavailable
from streams.settings import Settings

logger = logging.getLogger("hindsight.fetch")


class Following:
    """Keeps a fetcher at the partitions of `topics` that are ours."""

    def __init__(self, fetcher: Fetcher, topics: Set[str], settings: Settings):
        self._fetcher, self._topics, self._settings = fetcher, topics, settings
        self._link = Link("positions", logger, is_up=True)
        self._mine: set[TP] = set()
        self._fetched: set[TP] = set()
        self._changed = asyncio.Event()

    def assigned(self, tps: Iterable[TP]) -> None:
        """Take note of what is ours now; it is fetched as soon as Kafka tells from where."""
        self._mine = {tp for tp in tps if tp.topic in self._topics}
        self._changed.set()

    async def revoked(self, tps: Iterable[TP]) -> None:
        """Fetch these no more."""
        gone = set(tps) & (self._mine | self._fetched)
        self._mine -= gone
        self._fetched -= gone
        await self._fetcher.drop(gone)

    async def run(self) -> None:
        """Do so, for as long as the worker runs."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self._fetch()
                self._link.up("Kafka says again how far the group has come.")
            except Unavailable as exc:
                self._link.down(f"Nothing new is fetched yet, asking again: {exc}")
                await self._link.pause()
                self._changed.set()

    async def _fetch(self) -> None:
        new = self._mine - self._fetched
        if not new:
            return
        found, done = await positions(self._settings, new), self._fetcher.positions
        starts = {tp: max(at.start, done.get(tp, 0)) for tp, at in found.items() if tp in self._mine}
        self._fetched |= starts.keys()
        await self._fetcher.assign(starts)
