"""SVG markup in the making: no styles and no scripts in it, so that the strictest policy holds."""

from __future__ import annotations

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

LABEL_PX, LINE_PX = 76, 13
"""How wide a label is, and how high."""
LEAST = 1e-300
"""What is smaller counts as 0: it cannot be divided any more."""


def ticks(top: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers from 0 up to the first at or above `top`."""
    if not top > LEAST:
        return [0.0, 1.0]
    step = round_up(top / n)
    return [i * step for i in range(math.ceil(top / step - 1e-9) + 1)]


def round_up(width: float) -> float:
    """Return the next round number: 1, 2, 2.5 or 5 times a power of ten."""
    width = max(width, LEAST)
    power = 10.0 ** math.floor(math.log10(width))
    return next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= width * (1 - 1e-9))


_STEPS_S = (
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1,
    2,
    5,
    10,
    15,
    30,
    60,
    120,
    300,
    600,
    900,
    1800,
    3600,
    7200,
    21_600,
    43_200,
    86_400,
)


def time_step(seconds: float, n: int) -> float:
    """Return the shortest round length of time that parts `seconds` in `n` at the most."""
    return next((step for step in _STEPS_S if seconds <= n * step), seconds / n)


class Svg:
    """An SVG in the making, in pixels of its view box; the plot area lies inside the margins."""

    def __init__(
        self, width: int, height: int, label: str, left: int = 52, right: int = 12, top: int = 26, kind: str = ""
    ):
        self.width, self.height, self.label, self.kind = width, height, label, f"chart {kind}".strip()
        self.x0, self.x1, self.y0, self.y1 = left, width - right, height - 34, top
        self.parts: list[str] = []

    def x(self, share: float) -> float:
        """Return the x of a share of the plot's width, from 0 to 1."""
        return round(self.x0 + share * (self.x1 - self.x0), 1)

    def y(self, share: float) -> float:
        """Return the y of a share of the plot's height, from the bottom up."""
        return round(self.y0 - share * (self.y0 - self.y1), 1)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Add a line."""
        self.parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>')

    def rect(self, x: float, y: float, w: float, h: float, kind: str, title: str = "") -> None:
        """Add a rectangle, with a title that shows when it is pointed at."""
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" '
            f'class="{kind}">{inside}</rect>'
        )

    def dot(self, x: float, y: float) -> None:
        """Add a dot."""
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="3" class="dot"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Add words at a point."""
        self.parts.append(f'<text x="{x}" y="{y}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def path(self, points: Sequence[tuple[float, float]], kind: str) -> None:
        """Add a line through points."""
        if points:
            self.parts.append(f'<path d="M{"L".join(f"{x} {y}" for x, y in points)}" class="{kind}"/>')

    def y_axis(self, values: Sequence[tuple[float, str]]) -> None:
        """Add labels, each at a share of the height, and their grid lines."""
        for share, words in values:
            self.line(self.x0, self.y(share), self.x1, self.y(share), "axl" if not share else "gl")
            self.text(self.x0 - 8, self.y(share) + 4, words, anchor="end")

    def x_axis(self, values: Sequence[tuple[float, str]], words: str) -> None:
        """Add labels, each at a share of the width, and what they measure."""
        for share, label in values:
            self.line(self.x(share), self.y0, self.x(share), self.y0 + 4, "axl")
            self.text(self.x(share), self.y0 + 16, label)
        self.text((self.x0 + self.x1) / 2, self.height - 3, words)

    def markup(self) -> Markup:
        """Return what was drawn."""
        return Markup(  # noqa: S704  made of numbers and escaped words only
            f'<svg class="{self.kind}" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.label)}">'
            f"{''.join(self.parts)}</svg>"
        )


def apart(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return heights, given from the lowest up (the largest y first), moved so that each is `gap` above the one before.

    They stay between `low` (the larger y) and `high` where that has room for all.
    """
    placed: list[float] = []
    for i, asked in enumerate(wanted):
        y = max(asked, high + gap * (len(wanted) - 1 - i))
        placed.append(min(y, placed[-1] - gap) if placed else min(y, low))
    return placed
