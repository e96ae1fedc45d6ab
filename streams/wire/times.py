"""When something happened, as others say it: epoch seconds, milli-, micro- or nanoseconds, or ISO 8601 text."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, NamedTuple

MAX_TS_S = 1e11
"""Epoch seconds past the year 5000: a larger number is in a smaller unit."""
_UNITS = ("", "milliseconds", "microseconds", "nanoseconds")
_NUMBER = re.compile(r"\d{1,20}(\.\d*)?")
FIRST_YEAR, LAST_YEAR = 2000, 2100
_PLAIN_S = [datetime(year, 1, 1, tzinfo=UTC).timestamp() for year in (FIRST_YEAR, LAST_YEAR)]


class Time(NamedTuple):
    """UTC epoch seconds, and how they were read where that is not as they were sent."""

    ts: float
    note: str = ""


def of(value: Any) -> Time | None:
    """Return the time that a field holds; None if it is none."""
    if isinstance(value, str):
        return _of_text(value.strip())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return of_number(value)
    return None


def of_number(number: float) -> Time | None:
    """Return the time of a number in the unit that its size tells; None if it is negative or beyond all of them."""
    for i, unit in enumerate(_UNITS):
        if 0 <= number <= MAX_TS_S * 1000**i:
            return Time(number / 1000**i, f"times in {unit} are read as such") if unit else Time(float(number))
    return None


def is_plain(time: Time) -> bool:
    """Tell whether a number can hardly be anything but a time: it is of this century."""
    return _PLAIN_S[0] <= time.ts < _PLAIN_S[1]


def _of_text(text: str) -> Time | None:
    if _NUMBER.fullmatch(text):
        time = of_number(float(text))
        return time if time and is_plain(time) else None  # 20261128 is a day rather than seconds
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    if not any(sign in text for sign in "T :"):  # a day alone is no time
        return None
    note = "" if when.tzinfo else "times without a zone are read as UTC"
    ts = when.replace(tzinfo=when.tzinfo or UTC).timestamp()
    return Time(ts, note) if ts >= 0 else None
