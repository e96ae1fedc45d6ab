"""Charts as SVG markup from plain numbers: no styles and no scripts in it, so that the strictest policy holds."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from markupsafe import Markup, escape

from agents.figures import number, tick
from agents.web.text import clock, count, long_span

_N_HEAT = 16


def ticks(top: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers from 0 up to the first at or above `top`."""
    if not top > 0:
        return [0.0, 1.0]
    step = _round(top / n)
    return [i * step for i in range(math.ceil(top / step - 1e-9) + 1)]


def _round(width: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= width * (1 - 1e-9))


class _Svg:
    """An SVG in the making, in pixels of its view box; the plot area lies inside the margins."""

    def __init__(
        self, width: int, height: int, label: str, left: int = 52, right: int = 12, top: int = 26, kind: str = ""
    ):
        self.width, self.height, self.label, self.kind = width, height, label, f"chart {kind}".strip()
        self.x0, self.x1, self.y0, self.y1 = left, width - right, height - 34, top
        self.parts: list[str] = []

    def x(self, share: float) -> float:
        return round(self.x0 + share * (self.x1 - self.x0), 1)

    def y(self, share: float) -> float:
        return round(self.y0 - share * (self.y0 - self.y1), 1)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        self.parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>')

    def rect(self, x: float, y: float, w: float, h: float, kind: str, title: str = "") -> None:
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" '
                          f'class="{kind}">{inside}</rect>')  # fmt: skip

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def path(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        if points:
            self.parts.append(f'<path d="M{"L".join(f"{x} {y}" for x, y in points)}" class="{kind}"/>')

    def y_axis(self, values: Sequence[tuple[float, str]]) -> None:
        for share, words in values:
            self.line(self.x0, self.y(share), self.x1, self.y(share), "axl" if not share else "gl")
            self.text(self.x0 - 8, self.y(share) + 4, words, anchor="end")

    def x_axis(self, values: Sequence[tuple[float, str]], words: str) -> None:
        for share, label in values:
            self.line(self.x(share), self.y0, self.x(share), self.y0 + 4, "axl")
            self.text(self.x(share), self.y0 + 16, label)
        self.text((self.x0 + self.x1) / 2, self.height - 3, words)

    def markup(self) -> Markup:
        return Markup(  # noqa: S704  made of numbers and escaped words only
            f'<svg class="{self.kind}" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.label)}">'
            f"{''.join(self.parts)}</svg>"
        )


def histogram(data: dict[str, Any] | None, scores: dict[str, Any], *, log: bool) -> Markup | None:
    """Return the error histogram, with the window before as an outline of the same area, and quantiles marked.

    It is drawn twice, for wide and for narrow screens; the style sheet shows one of them.
    """
    if data is None:
        return None
    wide = _histogram(data, scores, log, _Svg(788, 310, _words(scores), top=44, kind="wide"), n_ticks=8)
    return wide + _histogram(data, scores, log, _Svg(376, 270, _words(scores), top=44, kind="narrow"), n_ticks=4)


def _words(scores: dict[str, Any]) -> str:
    return f"Histogram of the absolute error: median {number(scores['p50'])}, p99 {number(scores['p99'])}."


def _histogram(data: dict[str, Any], scores: dict[str, Any], log: bool, svg: _Svg, *, n_ticks: int) -> Markup:
    edges, counts = data["edges"], data["counts"]
    scale = scores["n"] / data["n_previous"] if data["n_previous"] else 0.0
    before = [n * scale for n in data["previous"]]
    most = max([1, *counts, *before])
    up = [10.0**i for i in range(math.ceil(math.log10(max(most, 10))) + 1)] if log else ticks(most)

    def height(n: float) -> float:
        return (math.log10(max(n, 0.5) / 0.5) / math.log10(up[-1] / 0.5) if log else n / up[-1]) if n > 0 else 0.0

    def across(value: float) -> float:
        first, last = edges[0], edges[-1]
        if data["is_log"]:
            return math.log(max(value, first) / first) / math.log(last / first)
        return float((value - first) / (last - first))

    svg.y_axis([(height(n), count(n)) for n in up if n >= 1 or not log or n == 0])
    svg.text(svg.x0 - 8, svg.y1 - 14, "pairs per bin", anchor="start")
    for left, right, n in zip(edges, edges[1:], counts, strict=False):
        x1, x2 = svg.x(across(left)), svg.x(across(right))
        svg.rect(x1 + 0.75, svg.y(height(n)), x2 - x1 - 1.5, svg.y0 - svg.y(height(n)), "f-data",
                 f"{tick(left)} to {tick(right)}: {n:,} pairs")  # fmt: skip
    steps = [p for left, right, n in zip(edges, edges[1:], before, strict=False)
             for p in ((svg.x(across(left)), svg.y(height(n))), (svg.x(across(right)), svg.y(height(n))))]  # fmt: skip
    svg.path(steps, "s-prev")
    every = max(1, len(edges) // n_ticks)
    svg.x_axis([(across(e), tick(e)) for e in edges[::every]], "absolute error |y_pred − y_true|")
    _mark_quantiles(svg, scores, across)
    return svg.markup()


def _mark_quantiles(svg: _Svg, scores: dict[str, Any], across: Any) -> None:
    taken = -1e9
    for name in ("p50", "p90", "p99"):
        share = across(scores[name])
        if 0 <= share <= 1:
            x = svg.x(share)
            svg.line(x, svg.y0, x, svg.y1, "s-mark")
            svg.text(
                min(x, svg.x1 - 30), svg.y1 - (18 if x - taken < 76 else 5), f"{name} {number(scores[name])}", "strong"
            )
            taken = x


def series(rows: Sequence[Sequence[float]]) -> Markup | None:
    """Return p50, p90 and p99 of the error over time."""
    if len(rows) < 2:
        return None
    svg = _Svg(376, 290, "p50, p90 and p99 of the absolute error over time.", right=70)
    up = ticks(max(row[3] for row in rows), 4)
    start, end = rows[0][0], rows[-1][0]
    svg.y_axis([(v / up[-1], tick(v)) for v in up])
    svg.x_axis([(s, clock(start + s * (end - start))) for s in (0.06, 0.5, 0.94)], "time of the verdict, UTC")
    for i, name, kind in ((1, "p50", "s-data"), (2, "p90", "s-ink dash"), (3, "p99", "s-ink")):
        points = [(svg.x((row[0] - start) / (end - start)), svg.y(row[i] / up[-1])) for row in rows]
        svg.path(points, kind)
        svg.text(svg.x1 + 5, points[-1][1] + 4, f"{name} {number(rows[-1][i])}", "strong", "start")
    return svg.markup()


class Cell(NamedTuple):
    """A square of the plane of actual and predicted values, and the pairs in it."""

    actual: tuple[float, float]
    predicted: tuple[float, float]
    n: int


def cells(points: Sequence[Sequence[float]]) -> list[Cell]:
    """Return the squares that hold pairs, on one grid for both values; the outermost half per cent is left out."""
    flat = sorted(v for point in points for v in point)
    if len(points) < 2 or not flat[-1 - len(flat) // 200] > flat[len(flat) // 200]:
        return []
    low, high = flat[len(flat) // 200], flat[-1 - len(flat) // 200]
    width = _round((high - low) / _N_HEAT)
    found = Counter(
        (math.floor(actual / width), math.floor(predicted / width))
        for actual, predicted in points
        if low <= actual <= high and low <= predicted <= high
    )
    return [Cell((i * width, (i + 1) * width), (j * width, (j + 1) * width), n) for (i, j), n in sorted(found.items())]


def heat(squares: Sequence[Cell], n_points: int) -> Markup:
    """Return predicted against actual as a grid of squares, darker where more pairs are."""
    svg = _Svg(376, 290, "Predicted against actual: the denser, the darker; exact lies on the dashed line.", left=58)
    low = min(min(c.actual[0], c.predicted[0]) for c in squares)
    high = max(max(c.actual[1], c.predicted[1]) for c in squares)
    most = max(c.n for c in squares)

    def share(value: float) -> float:
        return (value - low) / (high - low)

    for c in squares:
        shade = 1 + min(5, int(5.99 * math.sqrt(c.n / most)))
        x1, x2 = svg.x(share(c.actual[0])), svg.x(share(c.actual[1]))
        y1, y2 = svg.y(share(c.predicted[1])), svg.y(share(c.predicted[0]))
        svg.rect(x1, y1, x2 - x1 - 1, y2 - y1 - 1, f"h{shade}", f"{c.n:,} of {n_points:,} pairs")
    svg.line(svg.x(0), svg.y(0), svg.x(1), svg.y(1), "s-mark")
    step = _round((high - low) / 5)
    marks = [(share(v), tick(v)) for v in (i * step for i in range(math.ceil(low / step), math.floor(high / step) + 1))]
    svg.x_axis(marks, "actual y_true")
    for at, words in marks:
        svg.text(svg.x0 - 8, svg.y(at) + 4, words, anchor="end")
    svg.text(svg.x0 - 8, svg.y1 - 12, "predicted y_pred", anchor="start")
    return svg.markup()


def coverage(rows: Sequence[Sequence[float]]) -> Markup | None:
    """Return the share of predictions that had their truth, by age."""
    if not rows:
        return None
    svg = _Svg(376, 250, "Share of predictions that had their truth, by age.")
    last = rows[-1][0] or 1.0
    svg.y_axis([(s, f"{100 * s:.0f} %") for s in (0, 0.25, 0.5, 0.75, 1.0)])
    step = _round(last / 5)
    marks = [i * step for i in range(math.floor(last / step + 1e-9) + 1)]
    svg.x_axis([(age / last, long_span(age)) for age in marks], "age of the prediction")
    svg.path([(svg.x(age / last), svg.y(share)) for age, share in rows], "s-data")
    svg.text(svg.x1 - 2, svg.y(rows[-1][1]) - 7, f"{100 * rows[-1][1]:.1f} %", "strong", "end")
    return svg.markup()
