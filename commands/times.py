"""Points in time as people type them on a command line."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

_AGO = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
FORMS = (
    "a time (2026-11-24, 2026-11-24T12:30, UTC where no offset is given), epoch seconds, or how long ago (30m, 2h, 7d)"
)


def parse_time(text: str, *, now: float | None = None) -> float:
    """Return a point in time in UTC epoch seconds.

    Raises:
        ValueError: it cannot be read; the message says which forms can.
    """
    ago = _AGO.fullmatch(text.strip())
    if ago:
        return (time.time() if now is None else now) - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return float(text)
    except ValueError:
        pass
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{text!r} cannot be read as {FORMS}.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
