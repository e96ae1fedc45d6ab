"""Prediction time × label delay: how large the error is, beside that of all labels as slow. From plain numbers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from streams.scores.numbers import number
from web.dashboard.axes import time_ticks
from web.dashboard.over_time import Frame, Look
from web.dashboard.svg import LINE_PX, Margins, Svg, width_of
from web.text import clock, count, long_span, short_span

STEPS = (0.82, 0.91, 1.1, 1.22, 1.35)
"""Where one shade ends and the next begins, as a multiple of what is usual at the same delay."""
KEY = ("under 0.82", "0.82 to 0.91", "0.91 to 1.10", "1.10 to 1.22", "1.22 to 1.35", "1.35 and over")
MIN_LABELS = 20
_KEY_PX = 128
Table = Sequence[Sequence[float | None]]
"""By slice, and in it by span of delay."""


class Cell(NamedTuple):
    """Labels of one slice of prediction time (its index) and one span of delay (its index), and their mean error.

    `ratio` is that error over the one of all labels with this delay; None of too few labels.
    """

    slice: int
    row: int
    n: int
    error: float
    ratio: float | None


def cells(n: Table, mae: Table) -> list[Cell]:
    """Return the cells that hold labels, from their number and mean error by slice and span of delay."""
    labels = [
        [(count or 0, error or 0.0) for count, error in zip(*rows, strict=True)] for rows in zip(n, mae, strict=True)
    ]
    usual = [_mean(column) for column in zip(*labels, strict=True)]
    return [
        Cell(i, k, int(count), error, error / usual[k] if count >= MIN_LABELS and usual[k] > 0 else None)
        for i, row in enumerate(labels)
        for k, (count, error) in enumerate(row)
        if count
    ]


def _mean(column: Sequence[tuple[float, float]]) -> float:
    return sum(count * error for count, error in column) / max(sum(count for count, _ in column), 1)


def triangle(
    found: Sequence[Cell], ends_s: Sequence[float], frame: Frame, look: Look, *, now: float, to: Sequence[str] = ()
) -> Markup | None:
    """Return the grid; above the line `now - prediction time` no label can be there yet.

    Args:
        ends_s: the end of each span of delay, rising, in seconds.
        now: UTC epoch seconds.
        to: the address of each cell's ids; none: they lead nowhere.
    """
    if not found or not ends_s:
        return None
    n_rows = len(ends_s)
    right, bottom = (10, 104) if look.is_narrow else (_KEY_PX, 40)
    title = "Error by prediction time and label delay, as a multiple of what is usual at the same delay."
    svg = Svg(look.width, look.height + (70 if look.is_narrow else 0), title, Margins(58, right, 26, bottom), look.kind)
    svg.text(0, 10, "label delay", anchor="start")
    future = _future(svg, ends_s, frame, now)
    columns = [
        (svg.x(frame.share(start)), svg.x(frame.share(end)), clock(start))
        for start, end in zip(frame.starts, frame.ends, strict=True)
    ]
    ups = [svg.y(k / n_rows) for k in range(n_rows + 1)]
    spans = [f"label after {long_span(low)} to {long_span(end)}" for low, end in pairwise([0.0, *ends_s])]
    for cell, leads in zip(found, to or [""] * len(found), strict=True):
        (x1, x2, from_), row = columns[cell.slice], cell.row
        said = f"{from_}, {spans[row]}: mean error {number(cell.error)}, {count(cell.n)} labels"
        said += f", {cell.ratio:.2f} × usual" if cell.ratio is not None else ", too few to compare"
        top = ups[row + 1]
        svg.rect(x1, top, x2 - x1 - 0.75, ups[row] - top - 0.75, shade(cell.ratio), said, leads)
    if future is not None and svg.x1 - future > width_of("not yet known", is_strong=True) + 8:
        svg.text(svg.x1 - 4, svg.y1 + 14, "not yet known", "strong halo", "end")
    every = -(-n_rows * LINE_PX // (svg.y0 - svg.y1))
    for k in range(0, n_rows + 1, every):
        svg.text(svg.x0 - 8, svg.y(k / n_rows) + 4, short_span(ends_s[k - 1]) if k else "", anchor="end")
    svg.line(svg.x0, svg.y0, svg.x1, svg.y0, "axl")
    svg.x_axis(time_ticks(frame.start, frame.end, look.n_ticks))
    svg.text((svg.x0 + svg.x1) / 2, svg.y0 + 32, "when it was predicted")
    _key(svg, is_below=look.is_narrow)
    return svg.markup()


def shade(ratio: float | None) -> str:
    """Return the class of a multiple: better, as usual or worse, or too few labels to tell."""
    return "d-few" if ratio is None else f"d{sum(ratio >= step for step in STEPS)}"


def _future(svg: Svg, ends_s: Sequence[float], frame: Frame, now: float) -> float | None:
    """Hatch, slice by slice, the delays that no prediction of it has reached yet; return the x from which on there are any."""
    first: float | None = None
    for start, end in zip(frame.starts, frame.ends, strict=True):
        reached = sum(age <= now - start for age in ends_s) / len(ends_s)
        if reached < 1:
            x1, x2 = svg.x(frame.share(start)), svg.x(frame.share(end))
            first = x1 if first is None else first
            svg.parts.append(
                f'<rect x="{x1:.1f}" y="{svg.y1}" width="{x2 - x1:.1f}" '
                f'height="{svg.y(reached) - svg.y1:.1f}" fill="url(#hatch)"/>'
            )
    return first


def _key(svg: Svg, *, is_below: bool) -> None:
    """Write what the shades mean: beside the grid, or below it in two columns."""
    entries = [*(("d" + str(i), words) for i, words in enumerate(KEY)), ("d-few", f"under {MIN_LABELS} labels")]
    if not is_below:
        svg.text(svg.x1 + 14, svg.y1 + 4, "× usual at", anchor="start")
        svg.text(svg.x1 + 14, svg.y1 + 17, "the same delay", anchor="start")
    for i, (kind, words) in enumerate(entries):
        x = svg.x0 + 150 * (i % 2) if is_below else svg.x1 + 14
        y = svg.y0 + 44 + 15 * (i // 2) if is_below else svg.y1 + 26 + 17 * i
        svg.rect(x, y - 2, 12, 12, kind)
        svg.text(x + 18, y + 8, words, anchor="start")
