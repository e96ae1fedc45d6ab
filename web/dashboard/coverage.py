"""The share of predictions that have their label by an age, as far as it is known; the deadline is marked."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from web.dashboard.axes import time_step
from web.dashboard.svg import Margins, Svg, width_of
from web.text import long_span, percent, short_span

_HALF = 0.5


def coverage(ages: Sequence[float], shares: Sequence[float], *, deadline_s: float) -> Markup | None:
    """Return the curve of coverage by age; from the oldest age seen up to the deadline it is hatched.

    Args:
        ages: in seconds, rising, up to the oldest age that can be spoken of; without one there is no curve.
        shares: the share of predictions that have their label by each age, rising.
        deadline_s: the age by which a label must come.
    """
    if not ages:
        return None
    last = max(deadline_s, ages[-1], 1e-9)
    svg = Svg(376, 250, _title(ages[-1], shares[-1]), Margins(44, 12, 34, 34))
    svg.y_axis([(s, f"{100 * s:.0f}%") for s in (0, 0.25, 0.5, 0.75, 1.0)])
    step = time_step(last, 5)
    svg.x_axis(
        [(i * step / last, short_span(i * step)) for i in range(int(last / step + 1e-9) + 1)], "age of the prediction"
    )
    horizon = svg.x(ages[-1] / last)
    if ages[-1] < 0.999 * deadline_s:
        svg.hatch(horizon, svg.x1, f"past {long_span(ages[-1])} nothing is known yet")
        if svg.x1 - horizon > width_of("not seen yet", is_strong=True) + 6:
            svg.text((horizon + svg.x1) / 2, svg.y(0.06), "not seen yet", "strong halo")
    svg.marks([(deadline_s / last, "deadline")])
    curve = [(0.0, 0.0), *zip(ages, shares, strict=True)] if ages[0] > 0 else list(zip(ages, shares, strict=True))
    svg.path([(svg.x(age / last), svg.y(share)) for age, share in curve], "s-data")
    _points(svg, ages, shares, last)
    before = svg.x(0)
    for age, share in zip(ages, shares, strict=True):
        x = svg.x(age / last)
        svg.rect(before, svg.y1, x - before, svg.y0 - svg.y1, "hit", f"{percent(share)} within {long_span(age)}")
        before = x
    return svg.markup()


def _title(age: float, share: float) -> str:
    return f"Share of predictions that have their label, by age: {percent(share)} within {long_span(age)}."


def _points(svg: Svg, ages: Sequence[float], shares: Sequence[float], last: float) -> None:
    """Write the last share over the end of the curve, and when half of that is in, where both have room."""
    x, y = svg.x(ages[-1] / last), svg.y(shares[-1])
    svg.dot(x, y)
    words = percent(shares[-1])
    half = width_of(words, is_strong=True) / 2
    svg.text(min(max(x, svg.x0 + half + 4), svg.x1 - half - 4), y - 8, words, "strong halo")
    middle = next(i for i, share in enumerate(shares) if share >= _HALF * shares[-1])
    age, share = ages[middle], shares[middle]
    if shares[-1] - share > 0.15:
        said = f"{percent(share)} within {short_span(age)}"
        svg.dot(svg.x(age / last), svg.y(share))
        if svg.x(age / last) + 8 + width_of(said, is_strong=True) <= svg.x1:
            svg.text(svg.x(age / last) + 8, svg.y(share) + 13, said, "strong halo", "start")
