"""The dashboard's charts, from plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from streams.scores.numbers import number, tick
from web.dashboard.data import QUANTILES, Bins, Scores
from web.dashboard.svg import LABEL_PX, LEAST, LINE_PX, Svg, apart, round_up, ticks, time_step
from web.text import clock, count, long_span

_N_HEAT = 16


def histogram(data: Bins | None, scores: Scores, *, log: bool, signed: bool = False) -> Markup | None:
    """Return the error histogram, with the window before as an outline of the same area; quantiles, or the bias, marked.

    It is drawn twice, for wide and for narrow screens; the style sheet shows one of them.
    """
    if data is None:
        return None
    if signed:
        names: tuple[str, ...] = ("bias",)
        words = f"Histogram of the error: bias {number(scores.get('bias'), signed=True)}."
    else:
        p50, p99 = number(scores.get("p50")), number(scores.get("p99"))
        names, words = QUANTILES, f"Histogram of the absolute error: median {p50}, p99 {p99}."
    marks = {name: value for name in names if (value := scores.get(name)) is not None}
    wide = _histogram(data, scores.get("n") or 0.0, marks, log, Svg(788, 306, words, top=40, kind="wide"), n_ticks=8)
    return wide + _histogram(
        data, scores.get("n") or 0.0, marks, log, Svg(376, 266, words, top=40, kind="narrow"), n_ticks=4
    )


def _histogram(data: Bins, n_pairs: float, marks: dict[str, float], log: bool, svg: Svg, *, n_ticks: int) -> Markup:
    edges, counts = data.edges, data.counts
    scale = n_pairs / data.n_previous if data.n_previous else 0.0
    before = [n * scale for n in data.previous]
    most = max([1, *counts, *before])
    up = [10.0**i for i in range(math.ceil(math.log10(max(most, 10))) + 1)] if log else ticks(most)

    def height(n: float) -> float:
        return (math.log10(max(n, 0.5) / 0.5) / math.log10(up[-1] / 0.5) if log else n / up[-1]) if n > 0 else 0.0

    def across(value: float) -> float:
        first, last = edges[0], edges[-1]
        if data.is_log:
            return math.log(max(value, first) / first) / math.log(last / first)
        return float((value - first) / (last - first))

    svg.y_axis([(height(n), count(n)) for n in up if n >= 1 or not log or n == 0])
    svg.text(0, 10, "pairs per bin", anchor="start")
    for left, right, n in zip(edges, edges[1:], counts, strict=False):
        x1, x2 = svg.x(across(left)), svg.x(across(right))
        svg.rect(
            x1 + 0.75,
            svg.y(height(n)),
            x2 - x1 - 1.5,
            svg.y0 - svg.y(height(n)),
            "f-data",
            f"{tick(left)} to {tick(right)}: {n:,} pairs",
        )
    steps = [
        p
        for left, right, n in zip(edges, edges[1:], before, strict=False)
        for p in ((svg.x(across(left)), svg.y(height(n))), (svg.x(across(right)), svg.y(height(n))))
    ]
    svg.path(steps, "s-prev")
    every = max(1, len(edges) // n_ticks)
    signed = edges[0] < 0
    first = len(edges) // 2 % every if signed else 0  # so that zero has its tick
    words = (
        "error y_pred − y_true: above 0, the prediction was too high" if signed else "absolute error |y_pred − y_true|"
    )
    svg.x_axis([(across(e), tick(e)) for e in edges[first::every]], words)
    _mark(svg, marks, across, signed=signed)
    return svg.markup()


def _mark(svg: Svg, marks: dict[str, float], across: Any, *, signed: bool) -> None:
    """Mark each value with a line; a label that would lie on another goes above it."""
    ends: list[float] = []
    for name, value in marks.items():
        share = across(value)
        if 0 <= share <= 1:
            x = svg.x(share)
            at = min(x, svg.x1 - LABEL_PX / 2)
            level = next((i for i, end in enumerate(ends) if at - LABEL_PX / 2 >= end), len(ends))
            ends[level : level + 1] = [at + LABEL_PX / 2]
            svg.line(x, svg.y0, x, svg.y1, "s-mark")
            svg.text(at, svg.y1 - 5 - LINE_PX * level, f"{name} {number(value, signed=signed)}", "strong")


def series(rows: Sequence[Sequence[float]]) -> Markup | None:
    """Return p50, p90 and p99 of the error over time."""
    if len(rows) < 2:
        return None
    svg = Svg(376, 290, "p50, p90 and p99 of the absolute error over time.", right=70)
    up = ticks(max(row[3] for row in rows), 4)
    start, end = rows[0][0], rows[-1][0]
    svg.y_axis([(v / up[-1], tick(v)) for v in up])
    svg.x_axis([(s, clock(start + s * (end - start))) for s in (0.06, 0.5, 0.94)], "time of the verdict, UTC")
    labels = apart([svg.y(rows[-1][i] / up[-1]) for i in (1, 2, 3)], LINE_PX, svg.y0, svg.y1)
    for i, name, kind in ((1, "p50", "s-data"), (2, "p90", "s-ink dash"), (3, "p99", "s-ink")):
        svg.path([(svg.x((row[0] - start) / (end - start)), svg.y(row[i] / up[-1])) for row in rows], kind)
        svg.text(svg.x1 + 5, labels[i - 1] + 4, f"{name} {number(rows[-1][i])}", "strong", "start")
    return svg.markup()


class Cell(NamedTuple):
    """A square of the plane of actual and predicted values, and the pairs in it."""

    actual: tuple[float, float]
    predicted: tuple[float, float]
    n: int


def cells(points: Sequence[Sequence[float]]) -> list[Cell]:
    """Return the squares that hold pairs, on one grid for both values; the outermost half per cent is left out."""
    if len(points) < 2:
        return []
    both = np.array(points, np.float64)
    flat = np.sort(both, axis=None)
    low, high = float(flat[len(flat) // 200]), float(flat[-1 - len(flat) // 200])
    if not high - low > LEAST:
        return []
    width = round_up((high - low) / _N_HEAT)
    inside = both[((both >= low) & (both <= high)).all(axis=1)]
    squares, n_pairs = np.unique(np.floor(inside / width), axis=0, return_counts=True)
    return [
        Cell((i * width, (i + 1) * width), (j * width, (j + 1) * width), n)
        for (i, j), n in zip(squares.tolist(), n_pairs.tolist(), strict=True)
    ]


def heat(squares: Sequence[Cell], n_points: int) -> Markup:
    """Return predicted against actual as a grid of squares, darker where more pairs are, with the key to their shades."""
    svg = Svg(376, 290, "Predicted against actual: the denser, the darker; exact lies on the dashed line.", right=58)
    low = min(min(c.actual[0], c.predicted[0]) for c in squares)
    high = max(max(c.actual[1], c.predicted[1]) for c in squares)
    most = max(c.n for c in squares)

    def share(value: float) -> float:
        return (value - low) / (high - low)

    for c in squares:
        x1, x2 = svg.x(share(c.actual[0])), svg.x(share(c.actual[1]))
        y1, y2 = svg.y(share(c.predicted[1])), svg.y(share(c.predicted[0]))
        svg.rect(x1, y1, x2 - x1 - 1, y2 - y1 - 1, f"h{_shade(c.n, most)}", f"{c.n:,} of {n_points:,} pairs")
    svg.line(svg.x0, svg.y0, svg.x0, svg.y1, "axl")
    svg.line(svg.x0, svg.y0, svg.x1, svg.y0, "axl")
    svg.line(svg.x(0), svg.y(0), svg.x(1), svg.y(1), "s-mark")
    svg.text(svg.x1 - 4, svg.y1 - 6, "exact", "strong", "end")
    step = round_up((high - low) / 5)
    marks = [(share(v), tick(v)) for v in (i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1))]
    svg.x_axis(marks, "actual y_true")
    for at, words in marks:
        svg.text(svg.x0 - 8, svg.y(at) + 4, words, anchor="end")
    svg.text(0, 10, "predicted y_pred", anchor="start")
    _shade_key(svg, most)
    return svg.markup()


def _shade(n: int, most: int) -> int:
    return 1 + min(5, int(5.99 * math.sqrt(n / most)))


def _shade_key(svg: Svg, most: int) -> None:
    """Write beside the squares from how many pairs on each shade is used."""
    least: dict[int, int] = {}
    for shade in range(1, 7):
        n = max(1, math.ceil(most * ((shade - 1) / 5.99) ** 2))
        least[_shade(n, most)] = n
    svg.text(svg.x1 + 12, svg.y1 + 4, "pairs", anchor="start")
    for i, (shade, n) in enumerate(sorted(least.items())):
        y = svg.y1 + 12 + 17 * i
        svg.rect(svg.x1 + 12, y, 12, 12, f"h{shade}")
        svg.text(svg.x1 + 30, y + 10, f"{n:,}" + ("+" if shade == 6 else ""), anchor="start")


def coverage(rows: Sequence[Sequence[float]]) -> Markup | None:
    """Return the share of predictions that had their truth, by age."""
    if not rows:
        return None
    svg = Svg(376, 250, "Share of predictions that had their truth, by age.")
    last = rows[-1][0] or 1.0
    svg.y_axis([(s, f"{100 * s:.0f} %") for s in (0, 0.25, 0.5, 0.75, 1.0)])
    step = time_step(last, 5)
    marks = [i * step for i in range(math.floor(last / step + 1e-9) + 1)]
    svg.x_axis([(age / last, long_span(age)) for age in marks], "age of the prediction")
    svg.path([(svg.x(age / last), svg.y(share)) for age, share in rows], "s-data")
    for at in marks[1:-1:2]:  # two or three ages in between, with a dot and in words
        age, share = min(rows, key=lambda row: abs(row[0] - at))
        if share < rows[-1][1] - 0.08:
            svg.dot(svg.x(age / last), svg.y(share))
            svg.text(
                svg.x(age / last) + 7,
                svg.y(share) + 12,
                f"{100 * share:.0f} % at {long_span(at)}",
                "strong halo",
                "start",
            )
    svg.dot(svg.x1, svg.y(rows[-1][1]))
    svg.text(svg.x1 - 6, svg.y(rows[-1][1]) - 7, f"{100 * rows[-1][1]:.1f} %", "strong halo", "end")
    return svg.markup()
