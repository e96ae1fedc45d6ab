"""The difference of two models over time, as all ids up to then have it. From plain numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup

from streams.scores.comparison import Comparison
from streams.scores.comparison import Look as Interval
from web.dashboard.over_time import Curve, Frame, Gap, Look, over_time

LOOKS = (Look(760, 340, "wide", 6, has_marks=False), Look(340, 260, "narrow", 3, has_marks=False))
YOUNG = "not mature yet: labels of these predictions may still come"
WIDEST = 4.0
"""The first intervals, wider than so many times the last one, would leave no room for the others."""


def drawn(found: Comparison) -> list[Markup]:
    """Return the chart for wide and for narrow screens; none while nothing can be drawn."""
    looks = _drawable(found.looks)
    if len(looks) < 2 or found.now is None or found.mature_to is None:
        return []
    starts = [looks[0].at - (looks[1].at - looks[0].at), *(look.at for look in looks[:-1])]
    end = max(found.now, looks[-1].at)
    gap = Gap(max(found.mature_to, looks[-1].at), end, YOUNG)
    frame = Frame(starts[0], end, starts, [look.at for look in looks], gaps=[gap])
    low, high = [look.low for look in looks], [look.high for look in looks]
    curves = [
        Curve("difference", "s-data", [look.difference for look in looks], low, high, is_signed=True),
        Curve("at most", "s-sofar", high, is_signed=True),
        Curve("at least", "s-sofar", low, is_signed=True),
        Curve("no difference", "s-mark", [0.0] * len(looks)),
    ]
    title = f"Difference of the absolute error over time: {found.sentence}"
    above = "difference of |error| an id; above 0 the second errs less"
    charts = [over_time(curves, frame, [look], title=title, above=above) for look in LOOKS]
    return [chart for chart in charts if chart is not None]


def _drawable(looks: Sequence[Interval]) -> Sequence[Interval]:
    """Return the looks from where on no interval is much wider than the last one; all of them if that is open."""
    widths = [math.inf if None in (look.low, look.high) else look.high - look.low for look in looks]  # type: ignore[operator]
    last = widths[-1] if widths and math.isfinite(widths[-1]) else math.inf
    first = max((i + 1 for i, width in enumerate(widths) if width > WIDEST * last), default=0)
    return looks[first:]
