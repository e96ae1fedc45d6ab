"""A span cut into bars of time for a chart: what each is known to hold, and what it will hold once its labels are there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from streams.scores.cells import Cells, means
from streams.scores.cohorts import Cohorts
from streams.scores.delay import CLEAN_SPANS_S, DelayBins, Ints
from streams.scores.estimate import Z
from streams.scores.figures import Gap, Slice, Triangle
from streams.scores.histogram import Floats
from streams.scores.levels import DAY_S
from streams.scores.numbering import is_first

T = TypeVar("T", np.int64, np.float64)
MAX_SLICES = 120
_MAX_ROWS = 40
_WIDTHS_S = (*map(float, CLEAN_SPANS_S), DAY_S / 2, *(days * DAY_S for days in (1, 2, 7, 14, 28, 56, 112, 364)))


class Span(NamedTuple):
    """What is shown: from `start` to `end`, in bars of `width_s`, at `now` by the clock of the delays; None: unknown."""

    start: float
    end: float
    width_s: float
    now: float | None

    def number(self, times: Floats) -> Ints:
        """Return which bar each time lies in, the first being 0."""
        first = math.floor(self.start / self.width_s)
        numbers: Ints = (times // self.width_s).astype(np.int64) - first
        return numbers

    @property
    def starts(self) -> Floats:
        """When each bar begins, those without anything in them included."""
        n = math.ceil(self.end / self.width_s) - math.floor(self.start / self.width_s)
        return np.asarray((math.floor(self.start / self.width_s) + np.arange(max(n, 0))) * self.width_s, np.float64)


def bar_width(span_s: float, widest_s: float, most: int = MAX_SLICES) -> float:
    """Return the width of bars so that a span has about `most`, one more at the most; no cell is in two of them."""
    return next((w for w in _WIDTHS_S if w >= widest_s and w * (most + 1) >= span_s), _WIDTHS_S[-1])


def slices(cells: Cells, cohorts: Cohorts, curve: Floats, span: Span, gaps: Sequence[Gap]) -> list[Slice]:
    """Return a slice for each bar.

    Args:
        cells: of one series, in order.
        cohorts: the same.
        curve: the share of predictions that have a label by the end of each bin, up to the horizon.
    """
    starts, number = span.starts, span.number(cells.start)
    n_bars, window_s = len(starts), float(cohorts.ends[-1])

    def added(column: NDArray[T]) -> NDArray[T]:
        return _added(column, number, n_bars)

    n = added(cells.n.sum(axis=1))
    sums = {name: added(cells.sum_of(name).sum(axis=1)) for name in ("absolute", "error", "truth")}
    n_predictions = added(cells.count_of("n_predictions"))
    n_labelled = n + added(cells.count_of("n_left_out"))
    expected = _expected(cohorts, curve, span, number)
    found = []
    for i, start in enumerate(starts.tolist()):
        end = start + span.width_s
        why = _why(start, end, span, gaps)
        mae, bias, true = (float(sums[name][i] / n[i]) if n[i] else None for name in ("absolute", "error", "truth"))
        low_to_high = [value if math.isfinite(value) else None for value in expected[:, i].tolist()]
        found.append(
            Slice(
                start=start,
                width_s=span.width_s,
                n_predictions=int(n_predictions[i]),
                n_labelled=int(n_labelled[i]),
                mae_so_far=mae,
                mae_expected=low_to_high[0],
                mae_low=low_to_high[1],
                mae_high=low_to_high[2],
                bias=bias,
                mean_true=true,
                mean_pred=None if true is None or bias is None else true + bias,
                is_mature=span.now is not None and span.now - end >= window_s,
                complete=not why,
                why=why,
            )
        )
    return found


def _why(start: float, end: float, span: Span, gaps: Sequence[Gap]) -> str:
    """Return why a bar does not hold all of its time, empty if it does."""
    missing = [gap.why for gap in gaps if gap.start < end and gap.end > start]
    if missing:
        return missing[0]
    if start < span.start:
        return "it begins before the span"
    if span.now is None or end > span.now:
        return "it is not over yet"
    return "it ends after the span" if end > span.end else ""


def _expected(cohorts: Cohorts, curve: Floats, span: Span, number: Ints) -> Floats:
    """Return the mean loss expected of all predictions of each bar and the ends of its interval; (3, bars), NaN: unknown.

    What a slice is old enough for is taken from it. For later delays it counts by the span's shares of labels, with the
    span's means there times what the slice has at earlier delays by what the span has at the same.
    """
    n_bars, n_bins = len(span.starts), len(curve)
    if span.now is None or not n_bins:
        return np.full((3, n_bars), np.nan)
    matured, is_old = cohorts.matured(span.now), cohorts.mature(span.now)[:, :n_bins]
    n, losses = matured.n[:, :n_bins], matured.columns["absolute"][:, :n_bins]
    squares = matured.columns["absolute_squares"][:, :n_bins].sum(axis=0)
    usual = means(losses.sum(axis=0), n.sum(axis=0))
    variance = np.maximum(means(squares, n.sum(axis=0)) - np.square(usual), 0)
    to_come = cohorts.n_predictions[:, None] * np.where(is_old, 0, np.diff(curve, prepend=0.0))

    def added(column: NDArray[T]) -> NDArray[T]:
        return _added(column, number, n_bars)

    there, loss, level = added(n.sum(axis=1)), added(losses.sum(axis=1)), added(n @ usual)
    more, more_loss = added(to_come.sum(axis=1)), added(to_come @ usual)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = loss / level
        value = (loss + ratio * more_loss) / (there + more)
        half = Z * ratio * np.sqrt(added(n @ variance)) / level * (level + more_loss) / (there + more)
    half = np.where(there > 1, half, np.nan)
    return np.stack((value, np.maximum(value - half, 0), value + half))


def triangle(cells: Cells, bins: DelayBins, span: Span) -> Triangle | None:
    """Return labels by prediction time and delay; None if it is not known how old anything is.

    Args:
        bins: of the cells, which are 32 and bin 0, or a quarter as many.
    """
    if span.now is None or not len(cells.start):
        return None
    coarse = bins.coarse() if len(bins.ends) > 16 else bins
    to_coarse = coarse.of(bins.ends)
    width_s = bar_width(span.end - span.start, span.width_s, _MAX_ROWS)
    rows = span._replace(width_s=width_s)
    starts, number, shape = rows.starts, rows.number(cells.start), (len(coarse.ends), len(bins.ends))
    to = np.zeros(shape)
    to[to_coarse, np.arange(shape[1])] = 1
    n = np.rint(_added(cells.n.astype(float), number, len(starts)) @ to.T)
    mae = means(_added(cells.sum_of("absolute"), number, len(starts)) @ to.T, n)
    begins = np.concatenate(([-np.inf], coarse.ends[:-1]))
    is_known = (span.now - starts[:, None] > begins) | (n > 0)
    return Triangle(
        starts.tolist(),
        width_s,
        coarse.ends.tolist(),
        [[int(x) if k else None for x, k in zip(*row, strict=True)] for row in zip(n.tolist(), is_known, strict=True)],
        [[x if k else None for x, k in zip(*row, strict=True)] for row in zip(mae.tolist(), n > 0, strict=True)],
    )


def _added(values: NDArray[T], number: Ints, n_bars: int) -> NDArray[T]:
    """Return the sums of each bar, over rows whose numbers never fall."""
    added = np.zeros((n_bars, *values.shape[1:]), values.dtype)
    first = np.flatnonzero(is_first(number))
    if len(first):
        added[number[first]] = np.add.reduceat(values, first)
    return added
