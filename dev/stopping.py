"""The wish to stop: SIGINT and SIGTERM set a flag, and the loops look at it."""

from __future__ import annotations

import signal
import time
from types import FrameType


class Stop:
    """Becomes `requested` at the first SIGINT, SIGTERM or SIGHUP; from then on these signals change nothing."""

    def __init__(self) -> None:
        self.requested = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._request)

    def wait(self, seconds: float) -> None:
        """Sleep, a little longer at most than a stop is asked for."""
        deadline = time.monotonic() + seconds
        while not self.requested and (left := deadline - time.monotonic()) > 0:
            time.sleep(min(left, 0.1))

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
