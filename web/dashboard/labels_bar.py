"""Of the predictions, how many labels are in, to come and not expected: one bar, and the same by slice of time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from markupsafe import Markup

from web.dashboard.over_time import Frame, Look, add, ground, targets
from web.dashboard.svg import Leads, Margins, Svg, width_of
from web.text import count, percent

_TITLE = "Share of labels that are in and to come, by prediction time."


class Parts(NamedTuple):
    """Predictions in three parts: the label is in, to come, or neither.

    `n_to_come` is None where nobody can tell yet what will come. `is_final`: what is neither is not expected at all;
    else it may still come, later than anybody has seen.
    """

    n_predictions: int
    n_in: int
    n_to_come: float | None
    is_final: bool

    @property
    def shares(self) -> tuple[float, float, float]:
        """The shares of what is in, to come, and neither."""
        if not self.n_predictions:
            return 0.0, 0.0, 1.0
        is_in = min(1.0, self.n_in / self.n_predictions)
        to_come = min(max((self.n_to_come or 0.0) / self.n_predictions, 0.0), 1.0 - is_in)
        return is_in, to_come, 1.0 - is_in - to_come

    @property
    def rest(self) -> str:
        """What is said of the last part."""
        return "not expected" if self.is_final else "not known yet"

    def words(self) -> str:
        """Return the parts in words."""
        is_in, to_come, rest = self.shares
        coming = f", {percent(to_come)} to come" if self.n_to_come is not None else ""
        return f"{percent(is_in)} of labels in{coming}, {percent(rest)} {self.rest}"


def bar(parts: Parts) -> Markup:
    """Return the bar, with the words of each part above it where there is room."""
    svg = Svg(376, 48, parts.words() + ".", Margins(0, 0, 20, 6))
    is_in, to_come, _ = parts.shares
    x1, x2 = svg.x(is_in), svg.x(is_in + to_come)
    if parts.is_final:
        svg.rect(x2, svg.y1, svg.x1 - x2, svg.y0 - svg.y1, "f-never", parts.rest)
    else:
        svg.hatch(x2, svg.x1, parts.rest)
    svg.rect(x1, svg.y1, x2 - x1, svg.y0 - svg.y1, "f-tocome", "to come")
    svg.rect(svg.x0, svg.y1, x1 - svg.x0, svg.y0 - svg.y1, "f-data", "in")
    _words(svg, parts, (x1 + x2) / 2)
    return svg.markup()


def _words(svg: Svg, parts: Parts, middle: float) -> None:
    """Write over each part how large it is: the first from the left, the last from the right, the middle if it fits."""
    is_in, to_come, rest = parts.shares
    first, last = f"{100 * is_in:.0f}% in", f"{100 * rest:.0f}% {parts.rest}"
    svg.text(0, 12, first, "strong", "start")
    svg.text(svg.x1, 12, last, "", "end")
    words = f"{100 * to_come:.0f}% to come"
    half = width_of(words) / 2
    left, right = width_of(first, is_strong=True) + 8 + half, svg.x1 - width_of(last) - 8 - half
    if round(100 * to_come) and left <= right:
        svg.text(min(max(middle, left), right), 12, words)


def strip(parts: Sequence[Parts], frame: Frame, looks: Sequence[Look], to: Leads | None = None) -> Markup | None:
    """Return the same three parts for each slice, as shares of its predictions, in each look; `to` as `over_time` has it."""
    if not any(part.n_predictions for part in parts):
        return None
    words = [f"{part.words()}; {count(part.n_predictions)} predictions" if part.n_predictions else "" for part in parts]
    places, bare = targets(frame, words, to), frame._replace(immature_from=None)
    columns = [(part.shares, part.is_final) for part in parts if part.n_predictions]
    charts = []
    for look in looks:
        svg = Svg(look.width, look.height, _TITLE, look.margins, look.kind)
        svg.y_axis([(0.0, "0%"), (1.0, "100%")])
        svg.text(0, 10, "labels: in, to come, not expected", anchor="start")
        for (shares, is_final), place in zip(columns, places, strict=True):
            _column(svg, shares, svg.x(place.start), svg.x(place.end), is_final=is_final)
        ground(svg, bare, look)
        add(svg, places)
        charts.append(svg.markup())
    return Markup("").join(charts)


def _column(svg: Svg, shares: tuple[float, float, float], x1: float, x2: float, *, is_final: bool) -> None:
    is_in, to_come, _ = shares
    width = max(x2 - x1 - 0.5, 0.5)
    top = is_in + to_come
    if is_final:
        svg.rect(x1, svg.y(1), width, svg.y0 - svg.y(1), "f-never")
    else:
        svg.hatch(x1, x1 + width)
    svg.rect(x1, svg.y(top), width, svg.y0 - svg.y(top), "f-tocome")
    svg.rect(x1, svg.y(is_in), width, svg.y0 - svg.y(is_in), "f-data")
