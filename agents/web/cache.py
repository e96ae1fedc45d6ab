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

    async def get(self, key: str, keep_s: float, make: Callable[[], Awaitable[Any]]) -> Any:
        """Return what is kept for `key`, or what `make` returns. A failure is not kept."""
        now = time.monotonic()
        until, future = self._kept.get(key, (0.0, None))
        if future is None or now > until:
            if len(self._kept) >= MOST_KEYS:
                self._kept = {k: v for k, v in self._kept.items() if v[0] > now}
            future = asyncio.ensure_future(make())
            if len(self._kept) < MOST_KEYS:
                self._kept[key] = (now + keep_s, future)
        try:
            return await asyncio.shield(future)
        except Exception:
            self._kept.pop(key, None)
            raise
