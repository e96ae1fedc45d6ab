"""A table as a picture: a row of bars for each line, or histograms."""

from __future__ import annotations

import textwrap
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bench.results import Curve, Section
from bench.show import number

INK, MUTED, BAR = "#1d2733", "#6b7785", "#3b7ea1"
LINE_INCHES, MARGIN_INCHES, HISTOGRAM_INCHES = 0.32, 0.6, 2.4
MOST_PANELS = 3
TITLE_CHARACTERS = 24


def draw(section: Section, path: Path) -> None:
    """Draw one section: its histograms or curves if it has some, else its first columns."""
    height = HISTOGRAM_INCHES if section.histograms or section.curves else LINE_INCHES * len(section.lines)
    figure = Figure(figsize=(11, MARGIN_INCHES + height), layout="constrained")
    panels = list(section.histograms) or list(section.curves) or section.columns[:MOST_PANELS]
    for i, (axes, panel) in enumerate(zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True)):
        if section.histograms:
            _histogram(axes, panel, *section.histograms[panel])
        elif section.curves:
            _curve(axes, panel, section.curves[panel])
        else:
            _bars(axes, section, panel, named=i == 0)
    figure.savefig(path, dpi=110)


def _bars(axes: Axes, section: Section, column: str, *, named: bool) -> None:
    values = [line.figures.get(column, 0.0) for line in section.lines]
    places = range(len(values))
    axes.barh(places, values, color=BAR, height=0.6)
    for place, line in zip(places, section.lines, strict=True):
        axes.text(values[place], place, f" {number(line.figures.get(column))}", va="center", color=INK, fontsize=8)
    axes.set_yticks(places, [line.what for line in section.lines] if named else [""] * len(values), fontsize=8)
    axes.set_title(column, fontsize=9, color=MUTED, loc="left")
    axes.set_xlim(0, 1.25 * max([*values, 1e-9]))
    axes.set_xticks([])
    axes.invert_yaxis()
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _curve(axes: Axes, name: str, curve: Curve) -> None:
    across, up = name.split(", ")
    axes.plot(curve.x, curve.y, color=BAR)
    axes.set_title(up, fontsize=9, color=MUTED, loc="left")
    axes.set_xlabel(across, fontsize=8, color=MUTED)
    axes.set_ylim(0, 1.15 * max(curve.y))
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _histogram(axes: Axes, name: str, edges: list[float], counts: list[int]) -> None:
    axes.stairs(counts, edges, fill=True, color=BAR)
    axes.set_title(textwrap.fill(name, TITLE_CHARACTERS), fontsize=9, color=MUTED, loc="left")
    axes.set_xlabel("ms", fontsize=8, color=MUTED)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
