"""What a chart's SVG says: its labels with the room that they take at most, and its numbers."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from typing import NamedTuple
from xml.etree import ElementTree

from web.dashboard.svg import LINE_PX, width_of

_ATTRIBUTES = ("x", "y", "x1", "x2", "y1", "y2", "width", "height", "cx", "cy", "d")


class Label(NamedTuple):
    """A label and its box."""

    words: str
    left: float
    right: float
    baseline: float


class Drawing(NamedTuple):
    """One SVG."""

    root: ElementTree.Element

    @property
    def width(self) -> float:
        """The width of the view box."""
        return float(self.root.get("viewBox", "").split()[2])

    def labels(self) -> list[Label]:
        """Return every label."""
        return [_label(text) for text in self.root.iter("text") if text.text]

    def overlaps(self) -> list[tuple[str, str]]:
        """Return the labels that lie over each other, or stick out at a side."""
        pairs = itertools.combinations(self.labels(), 2)
        found = [(a.words, b.words) for a, b in pairs if _touch(a, b)]
        return found + [(one.words, "an edge") for one in self.labels() if one.left < -1 or one.right > self.width + 1]

    def repeated(self) -> list[str]:
        """Return the labels that stand more than once at the left edge or below an axis: two ticks that say the same."""
        ticks = [text for text in self.root.iter("text") if text.text and not text.get("class")]
        by_place = Counter(
            (text.get("x") if text.get("text-anchor") == "end" else text.get("y"), text.text) for text in ticks
        )
        return [words or "" for (_, words), n in by_place.items() if n > 1]

    def numbers(self) -> list[float]:
        """Return every number of every shape."""
        values = (element.get(name, "") for element in self.root.iter() for name in _ATTRIBUTES)
        return [float(n) for value in values for n in re.findall(r"-?[\d.]+(?:e[+-]?\d+)?|nan|inf", value)]

    def of(self, kind: str) -> list[ElementTree.Element]:
        """Return the shapes of a class."""
        return [element for element in self.root.iter() if kind in element.get("class", "").split()]

    def hatched(self) -> list[tuple[float, float]]:
        """Return from which x to which it is hatched."""
        rects = [rect for rect in self.root.iter("rect") if rect.get("fill") == "url(#hatch)"]
        return [(float(r.get("x", "")), float(r.get("x", "")) + float(r.get("width", ""))) for r in rects]

    def titles(self) -> list[str]:
        """Return what it says of its places."""
        return [title.text or "" for title in self.root.iter("title")]


def drawings(markup: object) -> list[Drawing]:
    """Return the SVGs of some markup; it is well formed, or the test fails here."""
    return [Drawing(root) for root in ElementTree.fromstring(f"<all>{markup}</all>")]  # noqa: S314  our own


def _label(text: ElementTree.Element) -> Label:
    words, x = text.text or "", float(text.get("x", ""))
    width = width_of(words, is_strong="strong" in text.get("class", ""))
    left = x - {"start": 0.0, "middle": width / 2, "end": width}[text.get("text-anchor", "start")]
    return Label(words, left, left + width, float(text.get("y", "")))


def _touch(a: Label, b: Label) -> bool:
    return a.left < b.right and b.left < a.right and abs(a.baseline - b.baseline) < LINE_PX - 3
