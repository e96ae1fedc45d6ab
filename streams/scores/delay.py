"""When a label came: the slice of its prediction's time, the bin of its delay, and what each of two clocks says."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from streams.scores.histogram import Floats

Ints = NDArray[np.int64]
Clock = Literal["arrival", "event"]
SLICES_A_WINDOW = 120
CLEAN_SPANS_S = (1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 10800, 21600)
"""Widths of slices: each divides a minute, an hour or a day, so that slices fill the wider ones they are rolled up to."""
N_DELAY_BINS = 32
_COARSE = 4
_SLICES_OF_SEGMENT = 10
_SHORTEST = 360.0
"""The first bin of delays ends at this share of the window, as 10 s are of an hour."""


def slice_width(window_s: float) -> float:
    """Return how long a slice of prediction time is: about a 120th of the window, from 1 s to 6 h, a clean span."""
    return clean_span(window_s / SLICES_A_WINDOW)


def segment_width(slice_s: float) -> float:
    """Return how long a slice is of segments, which are many and tell fewer delays apart: about ten slices."""
    return clean_span(_SLICES_OF_SEGMENT * slice_s)


def clean_span(span_s: float) -> float:
    """Return the span of CLEAN_SPANS_S that is nearest, by ratio."""
    return float(min(CLEAN_SPANS_S, key=lambda clean: abs(np.log(clean / span_s))))


class DelayBins(NamedTuple):
    """Bins of label delay. Bin 0 holds labels that came first; bin k those after `ends[k-1]`, up to `ends[k]` seconds."""

    ends: Floats

    @classmethod
    @cache
    def of_window(cls, window_s: float) -> Self:
        """Return 32 bins, evenly spaced in the logarithm of the delay up to the window, and bin 0."""
        return cls(np.concatenate(([0.0], np.geomspace(window_s / _SHORTEST, window_s, N_DELAY_BINS))))

    def coarse(self) -> Self:
        """Return bins that hold four of these each, for segments; bin 0 stays as it is."""
        return type(self)(self.ends[::_COARSE])

    def of(self, delays_s: Floats) -> Ints:
        """Return the bin of each delay; the last one holds longer delays too."""
        if len(self.ends) == 1:
            return np.zeros(len(delays_s), np.int64)
        return np.minimum(np.searchsorted(self.ends, delays_s, side="left"), len(self.ends) - 1)


def delays(clock: Clock, *, ts_true: Floats, ts_pred: Floats, at: Floats) -> Floats:
    """Return how long after its prediction's time each label was known, in seconds.

    Args:
        clock: `arrival` counts until the pair was joined, whatever the truth's own time; `event` until the truth's time.
        ts_true: when the truth happened; `ts_pred`: the prediction; `at`: when they were joined. UTC epoch seconds.
    """
    return (at if clock == "arrival" else ts_true) - ts_pred


def decided(clock: Clock, *, ts_true: Floats, ts_pred: Floats, at: Floats) -> Floats:
    """Return when each pair was decided, UTC epoch seconds: by the clock that `delays` reads."""
    return at if clock == "arrival" else np.maximum(ts_true, ts_pred)


def event_now(newest_true: Iterable[float | None]) -> float | None:
    """Return how far the truths have been read, the time that it is by the clock `event`.

    Args:
        newest_true: the largest `ts` of y_true in each partition; None for one that is idle or empty, which holds up nothing.
    """
    return min((ts for ts in newest_true if ts is not None), default=None)
