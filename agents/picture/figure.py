"""The picture of the errors: `error_distribution.png`, drawn from the figures of all predictions.

No pyplot and no state of its own. A draw takes a tenth of a second: `agents.picture.renderer` has a process apart for it.
"""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from streams.process import atomic_file
from streams.scores import wording
from streams.scores.figures import Bars, Figures
from streams.scores.metrics import QUANTILES, SCORES
from streams.scores.numbers import number, tick

INK, MUTED, HAIRLINE, RULE, DATA = "#15191d", "#535c65", "#d6dade", "#7f8890", "#3a8196"
LEFT, RIGHT = 0.032, 0.968
"""Margins of the text, as shares of the page's width."""
SHOWN = SCORES[:4]
"""So many scores fit, beside the number of pairs."""
MODEL_CHARS = 32
LINE_CHARS = 125
"""So many characters of the usual size are as wide as the page."""
LABEL: dict[str, Any] = {"color": INK, "fontsize": 9, "fontweight": "bold"}
LINE: dict[str, Any] = {"color": INK, "linewidth": 1, "linestyle": (0, (2.5, 2)), "clip_on": False}
LABEL_ROW = 0.06
"""Height of one row of labels above the bars, as a share of the axes' height."""
WAITING = "Waiting for the first pair:\nan id whose y_true and y_pred have both come."


def draw(figures: Figures, path: Path, *, now: float, verdict: str = "") -> None:
    """Draw the picture and put it at `path`, where readers see the old one or the new one, never half of one.

    Its verdict and scores are in the file's `Description` too, as text.

    Args:
        now: UTC epoch seconds, written into the picture.
        verdict: one sentence on how the model does, empty if nothing is known.

    Raises:
        OSError: the file cannot be written.
    """
    said = " ".join(filter(None, (verdict, ", ".join(f"{name} {value}" for value, name in _scores(figures)))))
    drawn = io.BytesIO()
    figure(figures, now=now, verdict=verdict).savefig(
        drawn, format="png", metadata={"Title": "Error distribution", "Description": said}
    )
    atomic_file.replace(path, drawn.getvalue())


def figure(figures: Figures, *, now: float, verdict: str = "") -> Figure:
    """Return the figure that `draw` writes."""
    page = Figure(figsize=(9.6, 5.4), dpi=125, facecolor="white")
    axes = page.add_axes((0.075, 0.145, 0.893, 0.49))
    _heading(page, figures, now, verdict)
    _plain(axes)
    if figures.histogram is not None:
        _bars(axes, figures.histogram)
        _marks(axes, figures)
        _captions(axes, figures, figures.histogram)
    else:
        axes.set_yticks([])
        axes.set_xticks([])
        axes.spines["bottom"].set_visible(False)
        axes.text(0.5, 0.5, WAITING, transform=axes.transAxes, color=MUTED, fontsize=11, ha="center", linespacing=1.7)
    return page


def _heading(page: Figure, figures: Figures, now: float, verdict: str) -> None:
    page.text(LEFT, 0.945, "Error distribution", color=INK, fontsize=14, fontweight="bold")
    page.text(RIGHT, 0.945, f"{_of_which(figures)}{_time(now)} UTC", color=MUTED, fontsize=9.5, ha="right")
    if verdict:
        _say(page, verdict)
    for i, (value, name) in enumerate(_scores(figures)):
        x = LEFT + i * 0.2
        page.text(x, 0.858, value, color=INK, fontsize=13, fontweight="bold")
        page.text(x, 0.82, name, color=MUTED, fontsize=9)
    if figures.n_predictions:
        said = f"expected of all: {wording.expected(figures, SHOWN)}"
        page.text(LEFT, 0.772, said, color=INK, fontsize=9 * min(1.0, LINE_CHARS / len(said)))
        held = f"; reference: {wording.scores(figures.reference.scores, SHOWN)}" if figures.reference else ""
        said = f"{wording.labelled(figures)}{held}"
        page.text(LEFT, 0.738, said, color=MUTED, fontsize=9 * min(1.0, LINE_CHARS / len(said)))


def _say(page: Figure, verdict: str) -> None:
    """Set the verdict in a line, or in two of about the same length: in one, a long sentence would be too small to read."""
    cut = verdict.find(" ", len(verdict) // 2) if len(verdict) > LINE_CHARS else -1
    lines = [verdict] if cut < 0 else [verdict[:cut], verdict[cut + 1 :]]
    usual, heights = (9.0, (0.905,)) if cut < 0 else (7.5, (0.917, 0.895))
    size = min(usual, 9 * LINE_CHARS / max(map(len, lines)))
    for y, line in zip(heights, lines, strict=True):
        page.text(LEFT, y, line, color=INK, fontsize=size)


def _of_which(figures: Figures) -> str:
    """Return the model, if there is one that has a name, and since when it is."""
    if not figures.n_predictions and not figures.n_labelled:
        return ""
    model = f"{figures.models[0][:MODEL_CHARS]}, " if len(figures.models) == 1 else ""
    return f"{model}{_time(figures.from_)} to "


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _scores(figures: Figures) -> list[tuple[str, str]]:
    values = figures.so_far
    found = [(number(values[s.name], signed=s.better == "nearer 0"), s.title) for s in SHOWN]
    return [*found, (f"{values['n'] or 0:,.0f}", "pairs")]


def _plain(axes: Axes) -> None:
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(RULE)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=HAIRLINE, linewidth=0.7)
    axes.tick_params(length=0, labelsize=9, labelcolor=MUTED)


def _bars(axes: Axes, drawn: Bars) -> None:
    left, width = drawn.edges[:-1], np.diff(drawn.edges)
    axes.bar(left, drawn.counts, width, align="edge", color=DATA, edgecolor="white", linewidth=0.6)
    if drawn.is_log:
        axes.set_xscale("log")
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.xaxis.set_major_locator(MaxNLocator(9, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
    axes.tick_params(axis="x", length=4, color=RULE)
    axes.set_xlim(drawn.edges[0], drawn.edges[-1])
    axes.set_ylim(0, max(drawn.counts) * 1.04)
    axes.yaxis.set_major_locator(MaxNLocator(6, integer=True, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))


def _marks(axes: Axes, figures: Figures) -> None:
    """Mark the quantiles, each label to the right of its line, and higher than those it would run into.

    Those that are shown as the same number share a label.
    """
    names: dict[str, list[str]] = {}
    places: dict[str, list[float]] = {}
    for name in QUANTILES:
        text, value = wording.quantile(figures, name), figures.so_far[name] or 0.0
        names.setdefault(text, []).append("median" if name == "p50" else name)
        places.setdefault(text, []).append(value)
    placed: list[tuple[float, int]] = []
    for text, values in sorted(places.items(), key=lambda item: item[1], reverse=True):
        label = axes.text(
            values[-1], 1, f" {', '.join(names[text])} {text}", transform=axes.get_xaxis_transform(), **LABEL
        )
        box = label.get_window_extent()
        row = 1 + max((row for x, row in placed if x < box.x1 + 4), default=-1)
        placed.append((box.x0, row))
        label.set_y(1.025 + row * LABEL_ROW)
        top = 1.065 + row * LABEL_ROW
        for value in values:
            axes.plot([value, value], [0, top], transform=axes.get_xaxis_transform(), **LINE)


def _captions(axes: Axes, figures: Figures, drawn: Bars) -> None:
    caption: dict[str, Any] = {"transform": axes.transAxes, "color": MUTED, "fontsize": 9, "va": "bottom"}
    axes.text(-0.008, 1.04, "pairs", ha="right", **caption)
    width = "" if drawn.is_log else f", bars {tick(drawn.edges[1])} wide"
    axes.text(0, -0.21, f"absolute error |y_pred − y_true|, in units of y{width}", **caption)
    beyond = []
    if figures.n_left_out:
        beyond.append(f"{figures.n_left_out:,} too large to score")
    if drawn.n_below:
        beyond.append(f"◂ {drawn.n_below:,} below {tick(drawn.edges[0])}")
    if drawn.n_beyond:
        beyond.append(
            f"{drawn.n_beyond:,} beyond {tick(drawn.edges[-1])}, up to {number(figures.worst[0].absolute_error)} ▸"
        )
    axes.text(1, -0.21, "   ".join(beyond), ha="right", **caption | {"color": INK, "fontweight": "bold"})
