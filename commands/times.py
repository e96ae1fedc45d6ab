"""Points in time as people type them on a command line."""

from __future__ import annotations

import math
import re
import time
from datetime import UTC, datetime

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EARLIEST, _LATEST = -6e10, 2.5e11
"""From the year 68 to 9892: other times cannot be shown, and are typing errors."""
FORMS = (
    "a time (2026-11-24, 2026-11-24T12:30, UTC where no offset is given), epoch seconds, or how long ago (30m, 2h, 7d)"
)


def parse_time(text: str, *, now: float | None = None) -> float:
    """Return a point in time in UTC epoch seconds.

    Raises:
        ValueError: it cannot be read; the message says which forms can.
    """
    at = _at(text.strip(), time.time() if now is None else now)
    if not _EARLIEST < at < _LATEST:
        raise ValueError(f"{text!r} cannot be read as {FORMS}.")
    return at


def _at(text: str, now: float) -> float:
    """Return the time that a text says, NaN if it says none."""
    if ago := _AGO.fullmatch(text):
        return now - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return math.nan
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def utc(at: float) -> str:
    """Return a point in time as people read it: `2026-11-24 12:30:05 UTC`."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
