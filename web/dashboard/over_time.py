"""Curves over time with their intervals; the end that is not mature is hatched. From plain numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from streams.scores.numbers import number
from web.dashboard.axes import apart, tick_words, ticks_between, time_ticks
from web.dashboard.svg import LINE_PX, Leads, Margins, Svg, runs, width_of
from web.text import clock

Values = Sequence[float | None]
ARRIVING = "labels are still arriving: fewer than half are in"
_NAME_PX = 118


class Gap(NamedTuple):
    """Between two times, UTC epoch seconds, nothing can be read off, and why."""

    start: float
    end: float
    why: str


class Frame(NamedTuple):
    """The axis of time that charts share: the slices on it, and what happened. All times are UTC epoch seconds.

    Slice i is from `starts[i]` to `ends[i]`. From `immature_from` on fewer than half of the labels are in; None if
    there is no such end. `marks` are times and what happened then.
    """

    start: float
    end: float
    starts: Sequence[float]
    ends: Sequence[float]
    immature_from: float | None = None
    marks: Sequence[tuple[float, str]] = ()
    gaps: Sequence[Gap] = ()

    def share(self, at: float) -> float:
        """Return where a time lies, as a share of the width."""
        return (at - self.start) / max(self.end - self.start, 1e-9)

    def middle(self, i: int) -> float:
        """Return where the middle of a slice lies, as a share of the width."""
        return self.share((self.starts[i] + self.ends[i]) / 2)

    def joined(self) -> list[bool]:
        """Return whether each slice follows directly upon the one before it."""
        pairs = pairwise(range(len(self.starts)))
        return [False, *(self._follows(i, j) for i, j in pairs)][: len(self.starts)]

    def _follows(self, i: int, j: int) -> bool:
        return self.starts[j] - self.ends[i] < 0.5 * (self.ends[i] - self.starts[i])

    def outside_gaps(self, values: Values) -> list[float | None]:
        """Return a figure of each slice, None where the slice touches a gap."""
        return [
            value if not any(gap.start < end and gap.end > start for gap in self.gaps) else None
            for value, start, end in zip(values, self.starts, self.ends, strict=True)
        ]


class Curve(NamedTuple):
    """A figure by slice, None where there is none, with its interval where that is known. `kind` is its class."""

    name: str
    kind: str
    values: Values
    low: Values = ()
    high: Values = ()
    is_signed: bool = False


class Look(NamedTuple):
    """The size of a chart, and what only one of a column has: the words of the marks above, the times below."""

    width: int
    height: int
    kind: str
    n_ticks: int
    has_marks: bool = True
    has_times: bool = True

    @property
    def is_narrow(self) -> bool:
        """Whether it is drawn for a narrow screen: without names beside the curves."""
        return self.kind == "narrow"

    @property
    def margins(self) -> Margins:
        """The margins; left and right are the same in a column, so that equal times stand under each other."""
        return Margins(
            52, 10 if self.is_narrow else _NAME_PX, 58 if self.has_marks else 20, 24 if self.has_times else 6
        )


class Target(NamedTuple):
    """The place of a slice in a chart: its ends as shares of the width, what it says when pointed at, and where it leads to."""

    start: float
    end: float
    said: str
    to: str


def over_time(
    curves: Sequence[Curve], frame: Frame, looks: Sequence[Look], *, title: str, above: str, to: Leads | None = None
) -> Markup | None:
    """Return curves over time, in each look; None where no slice has a value.

    Args:
        title: the chart in a sentence, for who cannot see it.
        above: what the vertical axis measures.
        to: returns the address of the ids between two times.
    """
    curves = [curve._replace(values=frame.outside_gaps(curve.values)) for curve in curves]
    known = [value for curve in curves for value in curve.values if value is not None]
    if not known:
        return None
    up = ticks_between(min(known), max(known))
    least, most = up[0], up[-1]

    def height(value: float) -> float:
        return (value - least) / (most - least)

    words_up, taken_off = tick_words(up)
    axis = [(height(v), words) for v, words in zip(up, words_up, strict=True)]
    middles, joined = [frame.middle(i) for i in range(len(frame.starts))], frame.joined()
    words = [[f"{c.name} {_said(c, i)}" for c in curves if c.values[i] is not None] for i in range(len(frame.starts))]
    places = targets(frame, [", ".join(said) for said in words], to)
    charts = []
    for look in looks:
        svg = Svg(look.width, look.height, title, look.margins, look.kind)
        svg.y_axis(axis)
        svg.text(0, 10, f"{above}, less {taken_off}" if taken_off else above, anchor="start")
        ground(svg, frame, look)
        xs = [svg.x(middle) for middle in middles]
        for curve in curves:
            _draw(svg, curve, xs, joined, height)
        if not look.is_narrow:
            _names(svg, curves, height)
        add(svg, places)
        charts.append(svg.markup())
    return Markup("").join(charts)


def ground(svg: Svg, frame: Frame, look: Look) -> None:
    """Draw what all charts of a column have: gaps and the immature end hatched, marks, times."""
    for gap in frame.gaps:
        svg.hatch(svg.x(frame.share(gap.start)), svg.x(frame.share(gap.end)), gap.why)
    if frame.immature_from is not None and frame.immature_from < frame.end:
        x = svg.x(frame.share(frame.immature_from))
        svg.hatch(x, svg.x1, ARRIVING)
        if look.has_marks and svg.x1 - x > width_of("still arriving", is_strong=True):
            svg.text((x + svg.x1) / 2, svg.y1 + 14, "still arriving", "strong halo")
    inside = [(frame.share(at), words) for at, words in frame.marks if frame.start <= at <= frame.end]
    svg.marks(inside if look.has_marks else [(share, "") for share, _ in inside])
    if look.has_times:
        svg.x_axis(time_ticks(frame.start, frame.end, look.n_ticks))


def targets(frame: Frame, words: Sequence[str], to: Leads | None = None) -> list[Target]:
    """Return a place for each slice that says its figures; none where there are none."""
    return [
        Target(frame.share(start), frame.share(end), f"{clock(start)}: {said}", to(start, end) if to else "")
        for start, end, said in zip(frame.starts, frame.ends, words, strict=True)
        if said
    ]


def add(svg: Svg, places: Sequence[Target]) -> None:
    """Add the places of slices to a chart, as high as it is."""
    for start, end, said, to in places:
        x1 = svg.x(start)
        svg.rect(x1, svg.y1, svg.x(end) - x1, svg.y0 - svg.y1, "hit", said, to)


def _draw(svg: Svg, curve: Curve, xs: Sequence[float], joined: list[bool], height: Callable[[float], float]) -> None:
    def points(values: Values, run: list[int]) -> list[tuple[float, float]]:
        return [(xs[i], svg.y(height(value))) for i in run if (value := values[i]) is not None]

    if curve.low:
        ends = zip(curve.values, curve.low, curve.high, strict=True)
        both = [high if None not in (value, low) else None for value, low, high in ends]
        for run in runs(both, joined):
            svg.band(points(curve.high, run), points(curve.low, run), "band")
    for run in runs(curve.values, joined):
        line = points(curve.values, run)
        svg.path(line, curve.kind)
        if len(line) == 1:
            svg.dot(*line[0], "dot")


def _names(svg: Svg, curves: Sequence[Curve], height: Callable[[float], float]) -> None:
    """Write the name of each curve beside its end."""
    ends = [(svg.y(height(last)), curve) for curve in curves if (last := _last(curve.values)) is not None]
    ends.sort(key=lambda end: -end[0])
    placed = apart([y for y, _ in ends], LINE_PX, svg.y0, svg.y1)
    for y, (_, curve) in zip(placed, ends, strict=True):
        svg.text(svg.x1 + 8, y + 4, curve.name, "strong" if curve.low else "", "start")


def _last(values: Values) -> float | None:
    return next((value for value in reversed(values) if value is not None), None)


def _said(curve: Curve, i: int) -> str:
    said = number(curve.values[i], signed=curve.is_signed)
    if curve.low and curve.low[i] is not None and curve.high[i] is not None:
        low, high = (number(end[i], signed=curve.is_signed) for end in (curve.low, curve.high))
        said += f" ({low} to {high})"
    return said
