"""What the embedded brokers have in common."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from dev.processes import Child


@dataclass(frozen=True, slots=True)
class Broker:
    """A broker that was started. The server is the first of its processes, its helpers come after it."""

    name: str
    address: str
    processes: tuple[Child, ...]
    answers: Callable[[], bool]

    def dead(self) -> Child | None:
        """Return the first of its processes that has ended."""
        return next((child for child in self.processes if child.has_ended()), None)

    def stop(self, deadline: float) -> None:
        """End its processes, the server before its helpers, by a time of the monotonic clock."""
        for child in self.processes:
            child.stop(max(0.2, deadline - time.monotonic()))
