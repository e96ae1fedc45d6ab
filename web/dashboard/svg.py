"""SVG markup in the making: no styles and no scripts in it, so that the strictest policy holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import NamedTuple

from markupsafe import Markup

from web.dashboard.axes import apart_on_lines

CHAR_PX, STRONG_CHAR_PX, LINE_PX = 6.4, 7.1, 13
"""How wide a character of a label is, and how high a line: of the widest of the fonts that `--sans` names."""
Point = tuple[float, float]
Leads = Callable[[float, float], str]
"""Returns the address of the ids between two places on an axis."""


def width_of(words: str, *, is_strong: bool = False) -> float:
    """Return how wide a label is at most, in pixels of the view box."""
    return len(words) * (STRONG_CHAR_PX if is_strong else CHAR_PX)


class Margins(NamedTuple):
    """Pixels around the plot area."""

    left: int = 52
    right: int = 12
    top: int = 26
    bottom: int = 34


MARGINS = Margins()


class Svg:
    """An SVG in the making, in pixels of its view box; the plot area lies inside the margins."""

    def __init__(self, width: int, height: int, label: str, margins: Margins = MARGINS, kind: str = ""):
        self.width, self.height, self.label, self.kind = width, height, label, f"chart {kind}".strip()
        self.x0, self.x1 = margins.left, width - margins.right
        self.y0, self.y1 = height - margins.bottom, margins.top
        self.parts: list[str] = []

    def x(self, share: float) -> float:
        """Return the x of a share of the plot's width, from 0 to 1; what is beyond lies on the edge."""
        return round(self.x0 + _within(share) * (self.x1 - self.x0), 1)

    def y(self, share: float) -> float:
        """Return the y of a share of the plot's height, from the bottom up; what is beyond lies on the edge."""
        return round(self.y0 - _within(share) * (self.y0 - self.y1), 1)

    def line(self, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
        """Add a line."""
        self.parts.append(f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{kind}"/>')

    def rect(self, x: float, y: float, w: float, h: float, kind: str, title: str = "", to: str = "") -> None:
        """Add a rectangle; a title is said when it is pointed at, touched or reached with the arrow keys.

        Args:
            to: an address that a click leads to. What is a picture to a screen reader may hold no link: a table does.
        """
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(w, 0):.1f}" height="{max(h, 0):.1f}" {_says(kind, title, to)}'
        )

    def hatch(self, x1: float, x2: float, title: str = "") -> None:
        """Hatch what lies between two x: what is there cannot be known, or is not known yet."""
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.parts.append(
            f'<rect x="{x1:.1f}" y="{self.y1}" width="{max(x2 - x1, 0):.1f}" height="{self.y0 - self.y1}" '
            f'fill="url(#hatch)">{inside}</rect>'
        )

    def dot(self, x: float, y: float, kind: str = "dot") -> None:
        """Add a dot."""
        self.parts.append(f'<circle cx="{x}" cy="{y}" r="3" class="{kind}"/>')

    def text(self, x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> None:
        """Add words at a point."""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(words)}</text>')

    def path(self, points: Sequence[Point], kind: str) -> None:
        """Add a line through points."""
        if points:
            self.parts.append(f'<path d="M{"L".join(f"{x} {y}" for x, y in points)}" class="{kind}"/>')

    def band(self, upper: Sequence[Point], lower: Sequence[Point], kind: str) -> None:
        """Add the area between two lines that have the same x."""
        if upper:
            self.parts.append(
                f'<path d="M{"L".join(f"{x} {y}" for x, y in (*upper, *reversed(lower)))}Z" class="{kind}"/>'
            )

    def y_axis(self, values: Sequence[tuple[float, str]]) -> None:
        """Add labels, each at a share of the height, and their grid lines."""
        for share, words in values:
            self.line(self.x0, self.y(share), self.x1, self.y(share), "axl" if not share else "gl")
            self.text(self.x0 - 8, self.y(share) + 4, words, anchor="end")

    def x_axis(self, values: Sequence[tuple[float, str]], words: str = "") -> None:
        """Add labels, each at a share of the width, and what they measure; a label that would touch another is left out."""
        end = float("-inf")
        for share, label in values:
            x, half = self.x(share), width_of(label) / 2
            self.line(x, self.y0, x, self.y0 + 4, "axl")
            x = min(max(x, half), self.width - half)
            if x - half >= end + 6:
                self.text(x, self.y0 + 16, label)
                end = x + half
        if words:
            self.text((self.x0 + self.x1) / 2, self.height - 3, words)

    def marks(self, values: Sequence[tuple[float, str]], *, n_lines: int = 3) -> None:
        """Mark shares of the width with a line and a label above, each label beside or above the others.

        Where more labels lie over each other than there are lines, the further ones are left out.
        """
        centres, halves = [], []
        for share, words in values:
            half = width_of(words, is_strong=True) / 2
            centres.append(min(max(self.x(share), half), self.width - half))
            halves.append(half)
        for (share, words), centre, line in zip(values, centres, apart_on_lines(centres, halves), strict=True):
            x = self.x(share)
            self.line(x, self.y0, x, self.y1, "s-mark")
            if line < n_lines:
                self.text(centre, self.y1 - 8 - LINE_PX * line, words, "strong")

    def markup(self) -> Markup:
        """Return what was drawn."""
        return Markup(  # noqa: S704  made of numbers and escaped words only
            f'<svg class="{self.kind}" viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(self.label)}">'
            f"{''.join(self.parts)}</svg>"
        )


def _within(share: float) -> float:
    return share if 0.0 < share < 1.0 else min(max(share, 0.0), 1.0)


@lru_cache(8192)  # drawings for wide and for narrow screens say the same, and most of it again a second later
def _says(kind: str, title: str, to: str) -> str:
    """Return how a rectangle ends: its class, where it leads to, and what it says."""
    leads = f' data-to="{escape(to)}"' if to else ""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return f'class="{kind}"{leads}>{inside}</rect>'


def runs(values: Sequence[float | None], joined: Sequence[bool]) -> list[list[int]]:
    """Return the indices of each run of values that are there and follow each other.

    Args:
        joined: whether each value follows the one before it, without a gap between them; the first one's is not read.
    """
    there = [i for i, value in enumerate(values) if value is not None]
    found: list[list[int]] = [[i] for i in there[:1]]
    for before, i in pairwise(there):
        if i == before + 1 and joined[i]:
            found[-1].append(i)
        else:
            found.append([i])
    return found
