"""What a program that drains queues tells the benchmark. Standard library only: peers run in an environment of their own."""

from __future__ import annotations

import json
import time
from pathlib import Path

PREFETCH, ACK_EVERY = 2000, 100


class Clock:
    """Times everything after the first tenth of the messages."""

    def __init__(self, n_messages: int) -> None:
        self._warm_at, self._n_messages = n_messages // 10, n_messages
        self._began: tuple[int, float, float] | None = None
        self.is_done = False

    def tick(self, n_done: int) -> bool:
        """Take how many messages are done by now; print the result, and return True, once all are."""
        if self._began is None and n_done >= self._warm_at:
            self._began = (n_done, *_now())
        if self._began is not None and n_done >= self._n_messages and not self.is_done:
            self.is_done = True
            self._print(*self._began, n_done)
        return self.is_done

    def _print(self, n_before: int, began: float, cpu_before: float, n_done: int) -> None:
        ended, cpu_s = _now()
        said = {
            "began": began,
            "ended": ended,
            "n": n_done - n_before,
            "cpu_s": cpu_s - cpu_before,
            "peak_mb": _peak_mb(),
        }
        print(json.dumps(said), flush=True)


def _peak_mb() -> float:
    """Return the largest resident memory of this program; what getrusage says includes its parent's, before exec."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024


def _now() -> tuple[float, float]:
    return time.time(), time.process_time()
