"""From what is kept of a span to its figures. Pure: cells in, one answer out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from streams.scores.bins import bins as bars_of
from streams.scores.cells import Cells, Worst
from streams.scores.change import last_change
from streams.scores.cohorts import Cohorts
from streams.scores.delay import Clock, DelayBins
from streams.scores.error_bins import ExactHistogram
from streams.scores.figures import (
    EXPECTED_NAMES,
    Axis,
    Bars,
    Changed,
    Coverage,
    Dominated,
    Figures,
    Gap,
    LabelDelay,
    LabelOutage,
    Mark,
    Tails,
    WorstLabel,
)
from streams.scores.histogram import TINIEST, Floats, Histogram
from streams.scores.losses import LOSSES
from streams.scores.maturity import Expected, expected, so_far
from streams.scores.metrics import QUANTILES, SCORES
from streams.scores.outage import outages
from streams.scores.slices import Span, bar_width, slices, triangle

N_SIGNED = 14
"""About so many bars on each side of zero."""
TAIL = 0.05
"""The share of labels whose errors are called the lowest, and the highest."""
_MIN_DOMINATED = 10
"""Of fewer labels, one carries much of a score anyway."""
_MOST_SLICES = 20_000
"""Slices that are looked at for outages, the last ones: one label of 1970 among those of today must not make millions."""
DECIDED = "each label stands at the time when it came: none of these is still on its way"
NO_TRUTH = "no truth has been read yet, so it is not known what time it is by the clock `event`"


class Came(NamedTuple):
    """How many labels came, whatever they are labels of, by the number of the slice of one width that they came in."""

    width_s: float
    n_labels: dict[int, int]


class Kept(NamedTuple):
    """What is kept of a span, of one series or several added up.

    `cells` are in order; `over` and `under` the histograms of their errors, `worst` their largest errors, `came` the
    labels by decision time. Times are UTC epoch seconds; `now` is None while the clock `event` has seen no truth.
    `why` says why nothing can be expected of such cells; empty if it can.
    """

    axis: Axis
    model: str
    segment: str
    models: list[str]
    segments: list[str]
    clock: Clock
    bins: DelayBins
    start: float
    end: float
    now: float | None
    cells: Cells
    over: ExactHistogram
    under: ExactHistogram
    worst: Sequence[Worst]
    came: Came
    gaps: list[Gap]
    marks: list[Mark]
    why: str = ""


def figures(kept: Kept) -> Figures:
    """Return the figures of a span."""
    cells = kept.cells
    span = _span(kept)
    cohorts = Cohorts.of(cells, kept.bins)
    fewer = _closed_together(cohorts, span)
    of_all = _expected(kept, fewer, kept.now)
    scored = int(cells.n.sum())
    n_left_out = int(cells.count_of("n_left_out").sum())
    n_predictions, n_labelled = int(cells.count_of("n_predictions").sum()), scored + n_left_out
    absolute = kept.over.copy()
    absolute.merge(kept.under)
    return Figures(
        axis=kept.axis,
        from_=span.start,
        to=span.end,
        now=kept.now,
        clock=kept.clock,
        model=kept.model,
        segment=kept.segment,
        models=kept.models,
        segments=kept.segments,
        window_s=float(kept.bins.ends[-1]),
        n_predictions=n_predictions,
        n_labelled=n_labelled,
        n_left_out=n_left_out,
        **{name: int(cells.count_of(name).sum()) for name in _COUNTED},
        maturity=_maturity(cohorts, of_all),
        horizon_s=of_all.horizon_s,
        so_far=_so_far(cohorts, absolute),
        expected=_named(of_all),
        why=of_all.why,
        label_delay=label_delay(of_all.curve if len(of_all.curve) else np.cumsum(cells.n.sum(axis=0)), cohorts.ends),
        coverage=_coverage(of_all, cohorts.ends, n_labelled, n_predictions),
        quantiles_exact=not absolute.n or all(absolute.knows(q) for q in QUANTILES.values()),
        slices=slices(cells, cohorts, of_all.curve, span, kept.gaps),
        triangle=triangle(cells, kept.bins, span) if kept.axis == "predicted" else None,
        histogram=absolute_bars(absolute),
        signed=signed_bars(kept.over, kept.under),
        worst=[WorstLabel(*label) for label in kept.worst],
        dominated=_dominated(cells, kept.worst, scored),
        outages=_outages(kept),
        change=_changed(kept, fewer),
        gaps=kept.gaps,
        marks=kept.marks,
        complete=not kept.gaps,
        tails=tails(kept.over, kept.under),
        reference=None,
    )


_COUNTED = ("n_unmatched_pred", "n_unmatched_true", "n_late", "n_refused")


def _span(kept: Kept) -> Span:
    """Return the span that was asked for, out to the cells that are kept; nothing is known of a time to come."""
    cells = kept.cells
    start = min(kept.start, float(cells.start.min(initial=np.inf)))
    last = float((cells.start + cells.width).max(initial=start))
    end = max(kept.end, min(last, kept.now or kept.end))
    if kept.now is not None:
        end = max(start, min(end, max(last, kept.now)))
    return Span(start, end, bar_width(end - start, max(float(cells.width.max(initial=1)), 1.0)), kept.now)


def _closed_together(cohorts: Cohorts, span: Span) -> Cohorts:
    """Return fewer slices that say the same: those that are mature in all bins are as wide as a bar."""
    if span.now is None:
        return cohorts
    bar = span.number(cohorts.start)
    is_closed = cohorts.mature(span.now)[:, -1]
    return cohorts.grouped(np.cumsum(~is_closed | (np.diff(bar, prepend=-1) != 0)))


def _expected(kept: Kept, cohorts: Cohorts, now: float | None) -> Expected:
    if kept.axis == "predicted" and now is not None and not kept.why:
        return expected(cohorts, now)
    why = kept.why or (DECIDED if kept.axis == "decided" else NO_TRUTH)
    return Expected(int(cohorts.n_predictions.sum()), int(cohorts.n.sum()), None, None, np.zeros(0), {}, why)


def _so_far(cohorts: Cohorts, absolute: Histogram) -> dict[str, float | None]:
    quantiles = {name: absolute.quantile(q) if absolute.n else None for name, q in QUANTILES.items()}
    return so_far(cohorts) | quantiles | {"n": int(cohorts.n.sum())}


def _named(of_all: Expected) -> dict[str, float | None] | None:
    """Return the expected scores and the ends of their intervals by name."""
    if not of_all.scores:
        return None
    found = [(None, None, None) if each is None else each for each in (of_all.scores[s.name] for s in SCORES)]
    return dict(zip(EXPECTED_NAMES, (value for estimate in found for value in estimate), strict=True))


def _maturity(cohorts: Cohorts, of_all: Expected) -> float | None:
    if of_all.horizon_s is None or not of_all.n_expected:
        return None
    return min(1.0, int(cohorts.within(of_all.horizon_s).n.sum()) / of_all.n_expected)


def _coverage(of_all: Expected, ends: Floats, n_labelled: int, n_predictions: int) -> Coverage:
    now = min(1.0, n_labelled / n_predictions) if n_predictions else None
    curve = [(age, min(share, 1.0)) for age, share in zip(ends.tolist(), of_all.curve.tolist(), strict=False)]
    if of_all.coverage is None:
        return Coverage(now, None, None, None, curve)
    final, low, high = (None if end is None else min(max(end, 0.0), 1.0) for end in of_all.coverage)
    return Coverage(now, final, low, high, curve)


def label_delay(upto: Floats, ends: Floats) -> LabelDelay | None:
    """Return the delays within which half of all labels come, and so on; `upto` is how many do by the end of each bin."""
    if not len(upto) or not upto[-1] > 0:
        return None
    return LabelDelay(*np.interp(np.array([0.5, 0.9, 0.99]) * upto[-1], upto, ends[: len(upto)]).tolist())


def absolute_bars(absolute: Histogram) -> Bars | None:
    """Return the bars of the errors' sizes."""
    if not absolute.n:
        return None
    found = bars_of(absolute)
    return Bars(found.edges.tolist(), found.counts, found.n_below, found.n_beyond, bool(found.is_log))


def signed_bars(over: Histogram, under: Histogram) -> Bars | None:
    """Return the bars of errors with their sign, all of one width about zero; those far beyond p99 are only counted."""
    absolute = over.copy()
    absolute.merge(under)
    if not absolute.n:
        return None
    end = 1.25 * absolute.quantile(0.99)
    end = end if end >= TINIEST else 1.0
    width = 2.0 ** math.ceil(math.log2(end / N_SIGNED))  # as in `bins`: such edges are edges of the bins that are kept
    edges = np.asarray(np.arange(math.ceil(end / width) + 1) * width, np.float64)
    counts = [*under.rebin(edges)[::-1].tolist(), *over.rebin(edges).tolist()]
    return Bars([*(-edges[:0:-1]).tolist(), *edges.tolist()], counts, 0, absolute.n - sum(counts), is_log=False)


def tails(over: Histogram, under: Histogram) -> Tails | None:
    """Return where the twentieths with the lowest and the highest errors end, None of no label."""
    n = over.n + under.n
    if not n:
        return None
    n_tail = max(1, round(TAIL * n))
    return Tails(_ranked(over, under, n_tail), _ranked(over, under, n + 1 - n_tail))


def _ranked(over: Histogram, under: Histogram, rank: int) -> float:
    """Return the error of a rank, 1 for the lowest; `under` has the sizes of those below 0."""
    if rank <= under.n:
        return -under.quantile((under.n + 1 - rank) / under.n)
    return over.quantile((rank - under.n) / over.n)


def _dominated(cells: Cells, worst: Sequence[Worst], n: int) -> list[Dominated]:
    """Return which scores are mostly one label's."""
    if n < _MIN_DOMINATED or not worst:
        return []
    one = worst[0]
    losses = {loss.name: float(loss.of(np.array(one.y_true), np.array(one.y_pred))) for loss in LOSSES}
    found = []
    for score in SCORES:
        whole = float(cells.sum_of(score.column).sum()) if score.column in losses else 0.0
        if whole > 0 and (share := min(losses[score.column] / whole, 1.0)) > 0.5:
            found.append(Dominated(score.name, one.id, share))
    return found


def _outages(kept: Kept) -> list[LabelOutage]:
    """Return the label outages of the slices that are over."""
    width_s, n_labels = kept.came
    number = (kept.cells.start // width_s).astype(np.int64)
    if not n_labels or not len(number):
        return []
    until = max(*n_labels, int(number.max())) + 1
    until = until if kept.now is None else min(until, int(kept.now // width_s))
    first = max(min(n_labels), until - _MOST_SLICES)
    n = until - first
    labels = np.array([n_labels.get(first + i, 0) for i in range(n)], np.int64)
    inside = (number >= first) & (number < first + n)
    counts = kept.cells.count_of("n_predictions")[inside]
    predictions = np.bincount(number[inside] - first, counts, minlength=max(n, 0)).astype(np.int64)
    found = (
        outages(np.asarray((first + np.arange(n)) * width_s, np.float64), width_s, predictions, labels) if n > 0 else []
    )
    return [LabelOutage(one.start, one.end, one.n_predictions, one.n_missing) for one in found]


def _changed(kept: Kept, cohorts: Cohorts) -> Changed | None:
    if kept.axis == "decided" or kept.now is None or not len(cohorts.start):
        return None
    change = last_change(cohorts, kept.now)
    if change is None:
        return None
    return Changed(change.at, *((None, None, None) if change.ratio is None else change.ratio.estimate))
