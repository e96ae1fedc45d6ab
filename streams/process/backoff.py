"""How long to wait between attempts: ever longer, up to a bound, and never all at the same moment."""

from __future__ import annotations

import asyncio
import random

FIRST_S, LONGEST_S = 0.25, 5.0
MOST_DOUBLINGS = 16


class Backoff:
    """Waits that double, up to `LONGEST_S`, with jitter; `reset` once it works."""

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self._n_failures = 0

    def next_s(self) -> float:
        """Return how long to wait before the next attempt, in seconds."""
        wait_s = min(LONGEST_S, FIRST_S * 2.0**self._n_failures)
        self._n_failures = min(self._n_failures + 1, MOST_DOUBLINGS)
        return wait_s * self._rng.uniform(0.5, 1.0)

    async def pause(self) -> None:
        """Wait before the next attempt."""
        await asyncio.sleep(self.next_s())

    def reset(self) -> None:
        """Begin with short waits again."""
        self._n_failures = 0
