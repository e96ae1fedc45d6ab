"""The histogram of errors: a bar is a count of labels. From plain numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from markupsafe import Markup

from streams.scores.numbers import tick
from web.dashboard.axes import axis_tick, ticks
from web.dashboard.svg import Leads, Margins, Svg

ABSOLUTE = "|y_pred − y_true|"
SIGNED = "y_pred − y_true: above 0, too high"
_MARGINS = Margins(52, 12, 58, 34)
_N_TICKS = 8


class Bins(NamedTuple):
    """Labels between edges, which increase. `is_log`: the edges stand at equal ratios, above 0."""

    edges: Sequence[float]
    counts: Sequence[int]
    is_log: bool

    def share(self, value: float) -> float:
        """Return where a value lies on the horizontal axis, as a share of its width."""
        first, last = self.edges[0], self.edges[-1]
        if self.is_log:
            low, high = math.log(first), math.log(last)
            return (math.log(max(value, first)) - low) / (high - low)
        return (value - first) / (last - first)


def distribution(
    bins: Bins, marks: Mapping[str, float], *, log: bool, title: str, below: str, to: Leads | None = None
) -> Markup:
    """Return the histogram.

    Args:
        marks: values to mark, by what is written over them.
        log: whether heights are logarithms.
        title: the chart in a sentence, for who cannot see it.
        below: what the horizontal axis measures.
        to: returns the address of the ids between two edges.
    """
    svg = Svg(376, 298, title, _MARGINS)
    up, height = _heights(max([1, *bins.counts]), log=log)
    svg.y_axis([(height(n), axis_tick(n)) for n in up])
    svg.text(0, 10, "labels", anchor="start")
    for left, right, n in zip(bins.edges, bins.edges[1:], bins.counts, strict=False):
        x1, x2, top = svg.x(bins.share(left)), svg.x(bins.share(right)), svg.y(height(n))
        said = f"{tick(left)} to {tick(right)}: {n:,} label{'s' if n != 1 else ''}"
        svg.rect(x1 + 0.5, top, x2 - x1 - 1, svg.y0 - top, "f-data", said, to(left, right) if to and n else "")
    every = max(1, len(bins.edges) // _N_TICKS)
    first = len(bins.edges) // 2 % every if bins.edges[0] < 0 else 0  # so that zero has its tick
    svg.x_axis([(bins.share(edge), axis_tick(edge)) for edge in bins.edges[first::every]], below)
    shares = ((bins.share(value), words) for words, value in marks.items())
    svg.marks([(share, words) for share, words in shares if 0 <= share <= 1])
    return svg.markup()


def _heights(most: int, *, log: bool) -> tuple[list[float], Callable[[float], float]]:
    """Return the ticks of counts, and how high each count stands, as a share."""
    if not log:
        up = ticks(most, is_whole=True)
        return up, lambda n: n / up[-1]
    up = [10.0**i for i in range(math.ceil(math.log10(max(most, 10))) + 1)]
    return up, lambda n: math.log10(n / 0.5) / math.log10(up[-1] / 0.5) if n >= 1 else 0.0
