"""A page that many ask for at once is made once: a small cache of a second or so, one maker at a time for each key."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

MOST_KEYS = 64


class Cache:
    """Keeps what `make` returned for a key, for as long as it was asked to."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, asyncio.Future[Any]]] = {}

    async def get(self, key: str, keep_s: float, make: Callable[[], Awaitable[Any]], *, rest: float = 0.0) -> Any:
        """Return what is kept for `key`, or what `make` returns. A failure is not kept.

        Args:
            rest: keep it for this many times as long as it took to make, if that is longer: with 9, making it over and
                over again takes a tenth of the time at the most.
        """
        now = time.monotonic()
        until, future = self._kept.get(key, (0.0, None))
        if future is None or (now > until and future.done()):
            if len(self._kept) >= MOST_KEYS:
                self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            future = asyncio.ensure_future(self._made(key, now, keep_s, make, rest))
            if len(self._kept) < MOST_KEYS:
                self._kept[key] = (now + keep_s, future)
        try:
            return await asyncio.shield(future)
        except Exception:
            self._kept.pop(key, None)
            raise

    async def _made(
        self, key: str, began: float, keep_s: float, make: Callable[[], Awaitable[Any]], rest: float
    ) -> Any:
        made = await make()
        took = time.monotonic() - began
        if key in self._kept and rest * took > keep_s:
            self._kept[key] = (began + took + rest * took, self._kept[key][1])
        return made
