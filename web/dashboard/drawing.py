"""All charts of the dashboard, from its figures: each twice where narrow screens need a drawing of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from streams.scores.figures import MARKS, Figures, Slice
from streams.scores.metrics import QUANTILES
from streams.scores.numbers import number
from streams.scores.wording import quantile
from web.dashboard import triangle
from web.dashboard.coverage import coverage
from web.dashboard.distribution import ABSOLUTE, SIGNED, Bins, distribution
from web.dashboard.ids import Ids
from web.dashboard.labels_bar import Parts, bar, strip
from web.dashboard.over_time import Curve, Frame, Gap, Look, Values, over_time
from web.dashboard.said import parts, parts_of
from web.dashboard.tables import CellLine, SliceLine, cell_lines, slice_lines
from web.text import count

HALF = 0.5
WIDE, NARROW = (800, "wide", 8), (376, "narrow", 4)
"""Width, class and times on the axis of both drawings."""


class Leading(NamedTuple):
    """The addresses of the ids of what is drawn; empty where the list knows no such ids, or there are none.

    `bars` of the histogram, `slices` of time by their start, `cells` of the triangle.
    """

    bars: list[str]
    slices: dict[float, str]
    cells: list[str]


class Drawn(NamedTuple):
    """The charts as SVG; None where there is nothing to draw. `cells` are what the triangle shows; the lines are of tables."""

    labels: Markup
    error: Markup | None
    strip: Markup | None
    bias: Markup | None
    means: Markup | None
    histogram: Markup | None
    coverage: Markup | None
    triangle: Markup | None
    cells: list[triangle.Cell]
    to: Leading
    slice_lines: list[SliceLine]
    cell_lines: list[CellLine]


def drawn(figures: Figures, *, error: str, log: bool) -> Drawn:
    """Return all charts.

    Args:
        error: `absolute` or `signed`, of the histogram.
        log: whether its heights are logarithms.
    """
    frame, ids = frame_of(figures), Ids.of(figures)
    grid = figures.triangle
    cells = triangle.cells(grid.n, grid.mae) if grid else []
    to = _leading(figures, cells, ids, is_signed=error == "signed")
    return Drawn(
        labels=bar(parts(figures)),
        error=_error(figures, frame, ids),
        strip=_strip(figures, frame, ids),
        bias=_bias(figures, frame, ids),
        means=_means(figures, frame, ids),
        histogram=_histogram(figures, ids, is_signed=error == "signed", log=log),
        coverage=_coverage(figures),
        triangle=_triangle(figures, frame, cells, to.cells),
        cells=cells,
        to=to,
        slice_lines=slice_lines(figures, to.slices),
        cell_lines=cell_lines(figures, cells, to.cells),
    )


def _leading(figures: Figures, cells: Sequence[triangle.Cell], ids: Ids | None, *, is_signed: bool) -> Leading:
    bars = figures.signed if is_signed else figures.histogram
    edges = list(pairwise(bars.edges)) if bars else []
    if ids is None:
        return Leading([""] * len(edges), {}, [""] * len(cells))
    return Leading(
        [(ids.signed if is_signed else ids.sized)(low, high) for low, high in edges],
        {part.start: ids.at(part.start, part.start + part.width_s) for part in figures.slices if part.n_labelled},
        [_of_cell(figures, cell, ids) for cell in cells],
    )


def _of_cell(figures: Figures, cell: triangle.Cell, ids: Ids) -> str:
    grid = figures.triangle
    assert grid is not None, "it has cells"
    start = grid.starts[cell.slice]
    after = grid.ends[cell.row - 1] if cell.row else -math.inf
    upto = grid.ends[cell.row] if cell.row < len(grid.ends) - 1 else math.inf
    return ids.delayed(start, start + grid.width_s, after, upto)


def frame_of(figures: Figures) -> Frame:
    """Return the axis of time: from the first slice that holds anything, with what lies over it named."""
    slices = figures.slices
    held = [part for part in slices if part.n_predictions or part.n_labelled]
    start = held[0].start if held else figures.from_
    end = max(figures.to, start + 1e-3)
    gaps = [Gap(gap.start, gap.end, gap.why) for gap in figures.gaps]
    partial = [Gap(part.start, part.start + part.width_s, part.why) for part in held if not part.complete and part.why]
    gaps += [one for one in partial if not any(one.start < gap.end and gap.start < one.end for gap in gaps)]
    gaps += [
        Gap(out.start, out.end, f"no label came; about {count(out.n_missing)} are missing") for out in figures.outages
    ]
    marks = [(mark.at, MARKS.get(mark.kind, mark.text)) for mark in figures.marks]
    if figures.change is not None:
        marks.append((figures.change.at, "change"))
    return Frame(
        start,
        end,
        [part.start for part in slices],
        [min(part.start + part.width_s, end) for part in slices],
        _immature_from(figures),
        marks,
        gaps,
    )


def _immature_from(figures: Figures) -> float | None:
    """Return from when on fewer than half of the labels that will come are in; None if there is no such end."""
    final, start = figures.coverage.final, None
    for part in reversed(figures.slices):
        is_in = part.n_labelled >= HALF * (final or 0.0) * part.n_predictions
        if part.is_mature or (final is not None and is_in and part.n_predictions):
            break
        start = part.start
    return start


def _whole(figures: Figures, name: str) -> Values:
    """Return a figure of each slice; None of a slice that is not whole: no part is drawn as if it were all."""
    return [getattr(part, name) if part.complete else None for part in figures.slices]


class _Place(NamedTuple):
    """How high a chart of the column is, what it says above its axis, and whether it has the words of the marks."""

    height: int
    above: str
    has_marks: bool = False


def _both(curves: Sequence[Curve], frame: Frame, place: _Place, title: str, ids: Ids | None) -> Markup | None:
    to = ids.at if ids else None
    looks = [Look(width, place.height, kind, n, place.has_marks) for width, kind, n in (WIDE, NARROW)]
    return over_time(curves, frame, looks, title=title, above=place.above, to=to)


def _error(figures: Figures, frame: Frame, ids: Ids | None) -> Markup | None:
    so_far = Curve("so far", "s-sofar", _whole(figures, "mae_so_far"))
    low, high = _whole(figures, "mae_low"), _whole(figures, "mae_high")
    expected = Curve("expected of all", "s-data", _whole(figures, "mae_expected"), low, high)
    has_expected = any(value is not None for value in expected.values)
    curves = [expected, so_far] if has_expected else [so_far._replace(kind="s-data")]
    if figures.reference is not None:
        mae = figures.reference.scores["mae"]
        curves.append(Curve("reference", "s-ref", [mae if figures.slices else None] * len(figures.slices)))
    title = f"Mean absolute error by time {figures.axis}: {number(figures.so_far['mae'])} so far over all."
    return _both(curves, frame, _Place(280, "mean |error|", has_marks=True), title, ids)


def _bias(figures: Figures, frame: Frame, ids: Ids | None) -> Markup | None:
    curve = Curve("so far", "s-data", _whole(figures, "bias"), is_signed=True)
    title = "Mean signed error over time: above 0, predictions are too high."
    return _both([curve], frame, _Place(150, "mean signed error: above 0, too high"), title, ids)


def _means(figures: Figures, frame: Frame, ids: Ids | None) -> Markup | None:
    curves = [
        Curve("predicted", "s-data", _whole(figures, "mean_pred")),
        Curve("actual", "s-ink dash", _whole(figures, "mean_true")),
    ]
    title = "Mean of y_pred and of y_true over time."
    return _both(curves, frame, _Place(150, "mean y_pred and y_true"), title, ids)


def _strip(figures: Figures, frame: Frame, ids: Ids | None) -> Markup | None:
    if figures.axis != "predicted":
        return None
    of_slices = [_parts(figures, part) for part in figures.slices]
    looks = [Look(width, 70, kind, n, has_marks=False, has_times=False) for width, kind, n in (WIDE, NARROW)]
    return strip(of_slices, frame, looks, ids.predicted if ids else None)


def _parts(figures: Figures, part: Slice) -> Parts:
    """Return how many labels of a slice are in and to come."""
    if part.is_mature:
        return Parts(part.n_predictions, part.n_labelled, 0.0, is_final=True)
    return parts_of(part, figures)


def _histogram(figures: Figures, ids: Ids | None, *, is_signed: bool, log: bool) -> Markup | None:
    bars = figures.signed if is_signed else figures.histogram
    if bars is None:
        return None
    bins = Bins(bars.edges, bars.counts, bars.is_log)
    if is_signed:
        bias = figures.so_far["bias"]
        words = f"bias {number(bias, signed=True)}"
        marks = {} if bias is None else {words: bias}
        title = f"Histogram of the error: {words}."
        return distribution(bins, marks, log=log, title=title, below=SIGNED, to=ids.signed if ids else None)
    said = {name: quantile(figures, name) for name in QUANTILES}
    marks = {f"{name} {words}": at for name, words in said.items() if (at := figures.so_far[name]) is not None}
    title = f"Histogram of the absolute error: {', '.join(f'{name} {words}' for name, words in said.items())}."
    return distribution(bins, marks, log=log, title=title, below=ABSOLUTE, to=ids.sized if ids else None)


def _coverage(figures: Figures) -> Markup | None:
    curve = figures.coverage.curve
    return coverage([age for age, _ in curve], [share for _, share in curve], deadline_s=figures.window_s)


def _triangle(figures: Figures, frame: Frame, cells: Sequence[triangle.Cell], to: Sequence[str]) -> Markup | None:
    grid, now = figures.triangle, figures.now
    if grid is None or now is None or not cells:
        return None
    starts = grid.starts
    ends = [min(start + grid.width_s, frame.end) for start in starts]
    own = frame._replace(starts=starts, ends=ends)
    looks = [Look(width, 320, kind, n) for width, kind, n in (WIDE, NARROW)]
    drawings = [triangle.triangle(cells, grid.ends, own, look, now=now, to=to) for look in looks]
    return Markup("").join(drawing for drawing in drawings if drawing is not None) or None
