"""How many connections the pages of a process hold: so few that brokers and disk always have descriptors left."""

from __future__ import annotations

import resource
import time
from typing import Protocol

MOST, SHARE = 256, 4
"""As many at the most, and of all descriptors that the process may have one in so many."""
GIVE_WAY_S = 10.0
"""Where all places are taken, a connection gives way whose request is older: its reader takes very long, or only listens."""


class Connection(Protocol):
    """One connection; `since_mono` is when it was made, or when something came last that it waited for (monotonic)."""

    since_mono: float

    @property
    def is_idle(self) -> bool:
        """Whether it waits for a request."""

    def abort(self) -> None:
        """Close it now, whatever is left to be sent."""


class Connections:
    """Those that are open. A new one takes the place of the one that was idle for longest."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._held: set[Connection] = set()

    def __len__(self) -> int:
        return len(self._held)

    def admit(self, new: Connection) -> bool:
        """Take a new connection in; False if all places are taken by requests that have just come."""
        if len(self) >= self.most and not self._make_room():
            return False
        self._held.add(new)
        return True

    def lost(self, connection: Connection) -> None:
        """Forget one that is closed."""
        self._held.discard(connection)

    def _make_room(self) -> bool:
        now = time.monotonic()
        idle = [each for each in self._held if each.is_idle]
        among = idle or [each for each in self._held if now - each.since_mono > GIVE_WAY_S]
        if not among:
            return False
        longest = min(among, key=lambda each: each.since_mono)
        self.lost(longest)
        longest.abort()
        return True


def most_connections() -> int:
    """Return how many this process can afford."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST if soft == resource.RLIM_INFINITY else min(MOST, soft // SHARE)
