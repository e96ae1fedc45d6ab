"""Time that only the test moves."""

from __future__ import annotations


class Clock:
    """Stands where a module has `time`."""

    now = 1000.0

    def monotonic(self) -> float:
        """Return the time that the test set."""
        return self.now

    def time(self) -> float:
        """Return the same: that it is no time of day matters to nobody here."""
        return self.now
