"""Where the ticks and labels of an axis stand: round numbers, round times, none over another. Pure."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

from streams.scores.numbers import tick

LEAST = 1e-300
"""What is smaller counts as 0: it cannot be divided any more."""
DAY_S = 86_400
_MOST_CHARS = 6
_STEPS_S = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200),
    *(days * DAY_S for days in (1, 2, 7, 14, 28, 91, 182, 364)),
)


def round_up(width: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten."""
    width = max(width, LEAST)
    power = 10.0 ** math.floor(math.log10(width))
    return next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= width * (1 - 1e-9))


def ticks(top: float, n: int = 5, *, is_whole: bool = False) -> list[float]:
    """Return about `n` round numbers from 0 up to the first at or above `top`.

    Args:
        is_whole: what is measured is a count, so that no tick lies between two whole numbers.
    """
    if not top > LEAST:
        return [0.0, 1.0]
    step = round_up(top / n)
    if is_whole:
        step = max(1.0, step if step != 2.5 else 5.0)
    slack = 0.0 if is_whole else 1e-12  # what counts are divided by is exact
    return [i * step for i in range(math.ceil(top / step - slack) + 1)]


def ticks_between(low: float, high: float, n: int = 4) -> list[float]:
    """Return about `n` round numbers, the first at or below `low` and the last at or above `high`.

    An axis that would begin near 0 begins there.
    """
    if 0 < low < 0.5 * high:
        low = 0.0
    elif 0.5 * low < high < 0:
        high = 0.0
    size = max(abs(low), abs(high))
    if not high - low > max(LEAST, 1e-9 * size):
        room = 0.5 * size if size > LEAST else 1.0
        low, high = low - room, high + room
    step = round_up((high - low) / n)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [i * step for i in range(first, last + 1)]


def axis_tick(value: float) -> str:
    """Return a round number as an axis has room for it: `2,500`, `2.5e6`."""
    words = tick(value)
    if len(words) <= _MOST_CHARS:
        return words
    mantissa, _, exponent = f"{value:.2e}".partition("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}".replace("-", "−")


def tick_words(values: Sequence[float]) -> tuple[list[str], str]:
    """Return the labels of an axis's ticks, and what is taken off all of them, in words; empty: nothing.

    Where numbers lie so near to each other that their labels would be the same, each says how far it is above the first.
    """
    words = [axis_tick(value) for value in values]
    if len(set(words)) == len(words):
        return words, ""
    return [axis_tick(float(f"{value - values[0]:.6g}")) for value in values], f"{values[0]:,.12g}".replace("-", "−")


def time_step(seconds: float, n: int) -> float:
    """Return the shortest round length of time that parts `seconds` in `n` at the most."""
    return next((step for step in _STEPS_S if seconds <= n * step), seconds / n)


def time_ticks(start: float, end: float, n: int) -> list[tuple[float, str]]:
    """Return about `n` round times of a span, as (share of the span, words), UTC epoch seconds.

    A time of day where midnight lies between stands with its day.
    """
    step = time_step(end - start, n)
    times = [i * step for i in range(math.ceil(start / step), math.floor(end / step) + 1)]
    spans_days = math.floor(start / DAY_S) != math.floor(end / DAY_S)
    return [((at - start) / (end - start), _time(at, step, with_day=spans_days)) for at in times]


def _time(at: float, step: float, *, with_day: bool) -> str:
    then = time.gmtime(at)
    if step >= DAY_S or (with_day and at % DAY_S == 0):
        return f"{then.tm_mday} {time.strftime('%b', then)}" + (f" {then.tm_year}" if step > 180 * DAY_S else "")
    return time.strftime("%H:%M" if step >= 60 else "%H:%M:%S", then)


def apart_on_lines(centres: Sequence[float], halves: Sequence[float]) -> list[int]:
    """Return on which line each label goes, 0 for the lowest, so that no two of a line touch.

    Args:
        centres: the middle of each label.
        halves: half of its width.
    """
    ends: list[float] = []
    lines = [0] * len(centres)
    for i in sorted(range(len(centres)), key=lambda i: centres[i] - halves[i]):
        left = centres[i] - halves[i]
        line = next((line for line, end in enumerate(ends) if left >= end + 6), len(ends))
        ends[line : line + 1] = [centres[i] + halves[i]]
        lines[i] = line
    return lines


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return heights, given from the lowest up (the largest y first), moved so that each is `gap` above the one before.

    They stay between `low` (the larger y) and `high` where that has room for all.
    """
    placed: list[float] = []
    for i, asked in enumerate(wanted):
        y = max(asked, high + gap * (len(wanted) - 1 - i))
        placed.append(min(y, placed[-1] - gap) if placed else min(y, low))
    return placed
