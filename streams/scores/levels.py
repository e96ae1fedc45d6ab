"""How long slices are kept as they are, and what they are rolled up to then: each slice is in one cell at any time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.scores.histogram import Floats

DAY_S = 86_400.0
_FULL_WIDTH_S = 2 * DAY_S
_MOST_SLICES = 5760
"""Slices of the full width that are kept of a whole: as many as two days have in a window of an hour."""
_WHOLE = ((60.0, _FULL_WIDTH_S), (3600.0, 60 * DAY_S), (DAY_S, math.inf))
_SEGMENT = ((3600.0, 14 * DAY_S), (DAY_S, math.inf))


class Level(NamedTuple):
    """Slices of one width, and the age at which they are rolled up to the next level."""

    width_s: float
    keep_s: float


def levels(width_s: float, closed_s: float, *, is_segment: bool) -> tuple[Level, ...]:
    """Return the levels, the finest first.

    Args:
        width_s: of a slice as it is filled.
        closed_s: the age from which on nothing is added to a slice, as a rule: window and lateness.
        is_segment: segments are many, and keep the full width for a day, hours for two weeks.
    """
    wider, keep_s = (_SEGMENT, DAY_S) if is_segment else (_WHOLE, min(_FULL_WIDTH_S, _MOST_SLICES * width_s))
    keep_s = max([closed_s, keep_s, *(keep for width, keep in wider if width <= width_s)])
    found = [Level(width_s, keep_s)]
    for width, keep in wider:
        if width > width_s and keep > found[-1].keep_s:
            found.append(Level(width, keep))
    return tuple(found)


def placed(start: Floats, levels_: Sequence[Level], rolled_until: Sequence[float]) -> tuple[Floats, Floats]:
    """Return where slices of the finest level belong now, as starts and widths.

    Args:
        rolled_until: for each level but the last, the time before which all of its slices have been rolled up.
    """
    width = np.full(len(start), levels_[0].width_s)
    for wider, until in zip(levels_[1:], rolled_until, strict=True):
        width = np.where(start < until, wider.width_s, width)
    return start // width * width, width


def due(levels_: Sequence[Level], now: float) -> list[float]:
    """Return until when each level but the last is to be rolled up: whole slices of the next one, and no later ones."""
    ends = []
    for level, wider in itertools.pairwise(levels_):
        ends.append((now - level.keep_s) // wider.width_s * wider.width_s)
    return ends
