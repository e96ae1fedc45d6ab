"""How large errors are in each hour of the day, as multiples of what they are over all: rush hours that come every day."""

from __future__ import annotations

from typing import Self

import msgspec
import numpy as np

from streams.scores.cells import Cells
from streams.scores.delay import Ints
from streams.scores.histogram import Floats, opening

HOUR_S = 3600.0
N_HOURS = 24
MIN_DAYS = 3
"""Days that an hour must have labels on: how it differs from day to day must be known as well."""
MIN_IN_HOUR = 200
"""Labels that an hour must have, over all days."""


class Hours(msgspec.Struct, frozen=True):
    """By hour of the day (UTC), how many times as large errors are as those of the same delays over all hours.

    `level` is over all days, 0 for an hour of which too little is known. `off` is the standard error, as a share of the
    level, with which it tells that of one more day: how days differ beyond chance, and what too few labels leave open.
    """

    level: list[float]
    off: list[float]

    @classmethod
    def of(cls, cells: Cells, cap: float, mean: Floats, variance: Floats) -> Self | None:
        """Return what cells of one series say, each within one hour; None if enough is known of no hour.

        Args:
            cap: the largest error that counts; `mean`, `variance`: of the errors so capped, by bin of delay, over all.
        """
        cells = Cells.merge([cells._replace(start=cells.start // HOUR_S * HOUR_S)])
        n, losses = cells.n.sum(axis=1), cells.sum_of("absolute").sum(axis=1) - _beyond(cells, cap)
        usual, chance = cells.n @ mean, cells.n @ variance
        of = hours_of(cells.start)
        level, off = np.zeros(N_HOURS), np.zeros(N_HOURS)
        for hour in range(N_HOURS):
            days = (of == hour) & (n > 0)
            if days.sum() >= MIN_DAYS and n[days].sum() >= MIN_IN_HOUR and losses[days].sum() > 0:
                level[hour], off[hour] = _level(losses[days], usual[days], chance[days])
        return cls(level.tolist(), off.tolist()) if level.any() else None

    def usual(self, ts_pred: Floats) -> Floats:
        """Return by what a yardstick over all hours is multiplied for predictions of these times; 0: not known."""
        usual: Floats = (np.array(self.level) * (1 + np.array(self.off)))[hours_of(ts_pred)]
        return usual


def hours_of(ts: Floats) -> Ints:
    """Return the hour of the day, UTC, of each time in UTC epoch seconds."""
    hours: Ints = np.asarray(ts // HOUR_S % N_HOURS, np.int64)
    return hours


def _level(losses: Floats, usual: Floats, chance: Floats) -> tuple[float, float]:
    """Return the level of an hour over its days, and how far that of one more day may be off, as a share of it.

    How days differ is what their levels vary by more than their labels would by chance (a moment estimate).
    """
    level, squares, whole = losses.sum() / usual.sum(), np.square(usual).sum(), np.square(usual.sum())
    apart = np.square(losses / level - usual).sum() * len(losses) / (len(losses) - 1) - chance.sum()
    variance = max(apart, 0.0) * (1 / squares + 1 / whole) + chance.sum() / whole
    return float(level), float(np.sqrt(variance))


def _beyond(cells: Cells, cap: float) -> Floats:
    """Return by how much the errors of each cell are larger than the cap, added up, as exact as bins are; shape (C,)."""
    owner, code, n, value = cells.errors
    key = np.where(code < 0, -1 - code, code)
    size = np.where(np.isnan(value), (opening(key) + opening(key + 1)) / 2, np.abs(value))
    beyond = n * np.maximum(size - cap, 0.0)
    return np.bincount(owner, beyond, minlength=len(cells.start)).astype(np.float64)
