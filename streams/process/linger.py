"""The linger: when batches leave. Rows that come faster wait longer, so that more of them share the cost of a batch."""

from __future__ import annotations

import math
import time

STEADY_ROWS_S = 2000.0
"""Up to so many rows per second the linger is at its shortest. Each doubling beyond doubles it: batches of four times as many."""
LOOK_S = 0.25
"""How often the rate is looked at."""


class Linger:
    """Ends every `period_s`, at multiples of the monotonic clock: whoever shares the linger leaves together."""

    def __init__(self, shortest_s: float, longest_s: float) -> None:
        self.period_s = shortest_s
        self._shortest_s, self._longest_s = shortest_s, max(shortest_s, longest_s)
        self._n_rows, self._since = 0, time.monotonic()

    def count(self, n_rows: int) -> None:
        """Note rows that came: the linger follows their rate."""
        self._n_rows += n_rows

    def rest_s(self, last_at: float) -> float:
        """Return how long it is to the next end; nothing if the last batch, at `last_at` (monotonic), is that long ago."""
        now = time.monotonic()
        if now - self._since >= LOOK_S:
            self._follow(self._n_rows / (now - self._since))
            self._n_rows, self._since = 0, now
        return self.period_s - now % self.period_s if now - last_at < self.period_s else 0.0

    def _follow(self, rows_s: float) -> None:
        doublings = math.floor(math.log2(max(rows_s / STEADY_ROWS_S, 1.0)))
        self.period_s = min(self._shortest_s * 2**doublings, self._longest_s)
